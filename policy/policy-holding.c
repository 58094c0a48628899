/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* How a user holds a role, or why not; see policy-explain.h. */

#include <string.h>

#include "policy/policy-explain.h"
#include "policy/policy-private.h"

struct Holding {
        const Policy *policy;
        const PolicyUser *user;
        GPtrArray *steps;
        GHashTable *asked; /* Role → Answer, owned: no group is looked up twice */
        GHashTable *told;  /* Role: how it is held, or what is amiss with its groups; each once */
};

/* Is a role held without includes, and how? */
typedef struct Answer {
        Held held;
        How how;
} Answer;

Holding *policy_holding_new(const Policy *policy, const PolicyUser *user, GPtrArray *steps) {
        Holding *holding = g_new(Holding, 1);

        *holding = (Holding) {
                .policy = policy,
                .user = user,
                .steps = steps,
                .asked = g_hash_table_new_full(NULL, NULL, NULL, g_free),
                .told = g_hash_table_new(NULL, NULL),
        };
        return holding;
}

Holding *policy_holding_free(Holding *holding) {
        if (!holding)
                return NULL;
        g_hash_table_unref(holding->asked);
        g_hash_table_unref(holding->told);
        g_free(holding);
        return NULL;
}

/* Who holds a role without includes */

static char *describe_grant(const PolicyGrant *grant) {
        g_autoptr(GDateTime) until = grant->until > 0 ? g_date_time_new_from_unix_utc(grant->until) : NULL;
        g_autofree char *time = until ? g_date_time_format(until, "%Y-%m-%d %H:%M UTC") : NULL;

        if (grant->provider)
                return g_strdup_printf("in the group \"%s\" at the provider \"%s\", as this login was signed into",
                                       grant->group, grant->provider);
        return g_strdup_printf("assigned by %s until %s%s%s", grant->by ? grant->by : "an administrator",
                               time ? time : "it is taken away", grant->reason ? ", because: " : "",
                               grant->reason ? grant->reason : "");
}

static char *describe_way(const Holding *h, const Role *role, const How *how) {
        switch (how->way) {
        case WAY_EVERYBODY:
                return g_strdup("everybody does");
        case WAY_NAME:
                return g_strdup_printf("\"%s\" is one of its users", h->user->name);
        case WAY_GRANT:
                return describe_grant(&h->user->grants[how->index]);
        case WAY_GROUP:
                return g_strdup_printf("in the group \"%s\" (gid %u)", role->groups.names[how->index],
                                       (unsigned) how->gid);
        case WAY_NONE:
        default:
                return g_strdup("?");
        }
}

/* The key that says so, and its file; an assignment stands in none. */
static unsigned line_of_way(const Holding *h, const Role *role, const How *how, const char **ret_file) {
        *ret_file = role->file;
        switch (how->way) {
        case WAY_EVERYBODY:
        case WAY_NAME:
                return role->users.line;
        case WAY_GROUP:
                return role->groups.line;
        case WAY_GRANT:
                *ret_file = h->user->grants[how->index].file;
                return h->user->grants[how->index].line;
        case WAY_NONE:
        default:
                *ret_file = NULL;
                return 0;
        }
}

static const Answer *ask(Holding *h, Role *role) {
        Answer *answer = g_hash_table_lookup(h->asked, role);

        if (answer)
                return answer;
        answer = g_new0(Answer, 1);
        answer->held = policy_held_directly(h->policy, role, h->user, &answer->how);
        g_hash_table_insert(h->asked, role, answer);
        return answer;
}

/* Whatever the cap, and by includes too. */
static Held ask_givers(Holding *h, const Role *role) {
        Held best = HELD_NO;

        for (guint i = 0; i < role->givers->len && best != HELD_YES; i++)
                best = MAX(best, ask(h, role->givers->pdata[i])->held);
        return best;
}

/* Ways down the includes */

/* One on the way up from a wanted role: its holders hold what it was reached from. */
typedef struct Rung {
        Role *role;
        guint below; /* index of that; the wanted role's is its own */
} Rung;

/* Puts @role on the ladder, once: the nearest way to it is the one that is told. */
static void put_rung(GArray *ladder, GHashTable *seen, Role *role, guint below) {
        const Rung rung = { .role = role, .below = below };

        if (g_hash_table_add(seen, role))
                g_array_append_val(ladder, rung);
}

/*
 * From @wanted, which is held, upwards, nearest first, until it comes to a role that the user holds
 * without includes: that is the last one.
 */
static GArray *climb(Holding *h, Role *wanted) {
        g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
        GArray *ladder = g_array_new(FALSE, FALSE, sizeof(Rung));

        put_rung(ladder, seen, wanted, /* below= */ 0);
        for (guint i = 0; i < ladder->len; i++) {
                Role *role = g_array_index(ladder, Rung, i).role;

                if (ask(h, role)->held == HELD_YES) {
                        g_array_set_size(ladder, i + 1);
                        break;
                }
                for (guint j = 0; j < role->includers->len; j++)
                        put_rung(ladder, seen, role->includers->pdata[j], i);
        }
        return ladder;
}

static bool is_capped(const Holding *h, const Role *role) {
        return h->user->cap && !g_strv_contains(h->user->cap, role->name);
}

static const char *holds(const Holding *h, const Role *role) {
        return is_capped(h, role) ? "would hold" : "holds";
}

/* Without includes. */
static void tell_giver(Holding *h, Role *role) {
        const How *how = &ask(h, role)->how;
        g_autofree char *way = describe_way(h, role, how);
        const char *file;
        unsigned line = line_of_way(h, role, how, &file);

        if (g_hash_table_add(h->told, role))
                policy_step_add(h->steps, file, line, "%s \"%s\": %s", holds(h, role),
                                role->name, way);
}

static void tell_way(Holding *h, Role *role) {
        g_autoptr(GArray) ladder = climb(h, role);
        const Rung *rung = &g_array_index(ladder, Rung, ladder->len - 1);

        tell_giver(h, rung->role);
        while (rung->role != role) {
                const Role *above = rung->role;

                rung = &g_array_index(ladder, Rung, rung->below);
                if (!g_hash_table_add(h->told, rung->role))
                        continue;
                policy_step_add(h->steps, above->file, above->includes.line, "%s \"%s\": \"%s\" includes it",
                                holds(h, rung->role), rung->role->name, above->name);
        }
}

static void tell_cap(Holding *h, const Role *role) {
        g_autofree char *cap = policy_quote_names(h->user->cap, " and ");

        policy_step_add(h->steps, NULL, 0, "does not hold \"%s\": this login came by a ticket, with %s%s", role->name,
                        cap[0] ? "at most " : "no roles", cap);
}

/* What is not there at all, or cannot be asked, is the likeliest to be missed. */
static void tell_missing_groups(Holding *h, Role *role) {
        if (!g_hash_table_add(h->told, role))
                return;
        for (size_t i = 0; role->groups.names[i]; i++) {
                gid_t gid;
                int r;

                if (role->gids[i] != GID_UNSET)
                        continue;
                r = h->policy->look_up(role->groups.names[i], &gid);
                if (r < 0)
                        policy_step_add(h->steps, role->file, role->groups.line,
                                        "the group \"%s\" of [role:%s] cannot be looked up: %s",
                                        role->groups.names[i], role->name, g_strerror(-r));
                else if (r == GROUP_E_NOT_FOUND)
                        policy_step_add(h->steps, role->file, role->groups.line,
                                        "the group \"%s\" of [role:%s] does not exist", role->groups.names[i],
                                        role->name);
        }
}

static void tell_not_held(Holding *h, const Role *role, Held held) {
        g_autoptr(GPtrArray) above = g_ptr_array_new();
        g_autofree char *names = NULL, *groups = policy_quote_names((const char *const *) role->groups.names, " or ");

        for (guint i = 0; i < role->givers->len; i++) {
                Role *giver = role->givers->pdata[i];

                tell_missing_groups(h, giver);
                if (giver != role)
                        g_ptr_array_add(above, giver->name);
        }
        g_ptr_array_add(above, NULL);
        names = policy_quote_names((const char *const *) above->pdata, " or ");
        policy_step_add(h->steps, role->file, role->line,
                        "does not hold \"%s\"%s: not one of its users%s%s, not assigned%s%s", role->name,
                        held == HELD_UNKNOWN ? ", as far as can be told" : "", groups[0] ? ", not in the group " : "",
                        groups, names[0] ? ", nor holds what includes it: " : "", names);
}

void policy_holding_tell(Holding *h, Role *role) {
        Held held;

        if (!policy_user_is_somebody(h->user)) {
                policy_step_add(h->steps, NULL, 0, "does not hold \"%s\": who has no Unix account holds no role",
                                role->name);
                return;
        }
        held = ask_givers(h, role);
        if (held != HELD_YES) {
                tell_not_held(h, role, held);
                return;
        }
        tell_way(h, role);
        if (is_capped(h, role))
                tell_cap(h, role);
}

char *policy_describe_holding(const Policy *policy, Role *role, const PolicyUser *user) {
        g_autoptr(Holding) h = policy_holding_new(policy, user, /* steps= */ NULL);
        g_autoptr(GArray) ladder = NULL;

        if (!policy_user_is_somebody(user) || ask_givers(h, role) != HELD_YES)
                return NULL;
        ladder = climb(h, role);
        if (ladder->len > 1)
                return g_strdup_printf("by \"%s\", which includes it",
                                       g_array_index(ladder, Rung, ladder->len - 1).role->name);
        return describe_way(h, role, &ask(h, role)->how);
}
