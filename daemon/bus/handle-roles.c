/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/core/role-admin.h"
#include "policy/providers.h"

/* Looking */

static GVariant *pack_assignment(const Assignment *assignment) {
        GVariantBuilder dict;

        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_text(&dict, "user", assignment->user);
        pack_time(&dict, "until", assignment->until);
        pack_text(&dict, "reason", assignment->reason);
        pack_text(&dict, "by", assignment->by);
        pack_time(&dict, "created", assignment->created);
        return g_variant_builder_end(&dict);
}

/* Those of this role, in their order. */
static GVariant *pack_assignments(const GPtrArray *assignments, const char *role) {
        GVariantBuilder list;

        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (guint i = 0; i < assignments->len; i++) {
                const Assignment *assignment = assignments->pdata[i];

                if (g_str_equal(assignment->role, role))
                        g_variant_builder_add_value(&list, pack_assignment(assignment));
        }
        return g_variant_builder_end(&list);
}

/* Whose groups bring it. */
static GVariant *pack_granting(const GPtrArray *providers, const char *role) {
        GVariantBuilder list;

        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (guint i = 0; i < providers->len; i++) {
                const Provider *provider = providers->pdata[i];

                for (size_t j = 0; j < provider->n_group_roles; j++) {
                        const ProviderGroupRole *pair = &provider->group_roles[j];
                        GVariantBuilder dict;

                        if (!g_str_equal(pair->role, role))
                                continue;
                        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
                        pack_text(&dict, "provider", provider->name);
                        pack_text(&dict, "group", pair->group);
                        g_variant_builder_add_value(&list, g_variant_builder_end(&dict));
                }
        }
        return g_variant_builder_end(&list);
}

static GVariant *pack_role(Core *core, Policy *policy, const PolicyRole *role, const GPtrArray *assignments) {
        g_autoptr(GPtrArray) providers = core_providers(core);
        g_auto(GStrv) services = policy_services_of(policy, role->name);
        GVariantBuilder dict;

        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_text(&dict, "role", role->name);
        pack_words(&dict, "users", role->users);
        pack_words(&dict, "groups", role->groups);
        pack_words(&dict, "includes", role->includes);
        pack_words(&dict, "services", (const char *const *) services);
        pack_text(&dict, "file", role->file);
        pack_uint(&dict, "line", role->line);
        g_variant_builder_add(&dict, "{sv}", "assignments", pack_assignments(assignments, role->name));
        g_variant_builder_add(&dict, "{sv}", "granted", pack_granting(providers, role->name));
        return g_variant_builder_end(&dict);
}

/* A role that is assigned and that no file has any more: it gives nothing, and somebody may want to take it away. */
static PolicyRole lost_role(const char *name) {
        static const char *const none[] = { NULL };

        return (PolicyRole) { .name = name, .users = none, .groups = none, .includes = none };
}

/* The names of such roles, each once; borrowed from @assignments. */
static GPtrArray *find_lost(Policy *policy, const GPtrArray *assignments) {
        GPtrArray *names = g_ptr_array_new();

        for (guint i = 0; i < assignments->len; i++) {
                char *name = ((const Assignment *) assignments->pdata[i])->role;

                if (!policy_role_find(policy, name) &&
                    !g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
                        g_ptr_array_add(names, name);
        }
        return names;
}

int handle_roles_list(Request *request) {
        g_autoptr(Policy) policy = core_policy(request->core);
        g_autoptr(GPtrArray) assignments = NULL, lost = NULL;
        const PolicyRole *role;
        GVariantBuilder list;
        int r;

        r = role_assignments(request->core, &request->caller, &assignments);
        if (r != 0)
                return r;
        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; (role = policy_role_at(policy, i)); i++)
                g_variant_builder_add_value(&list, pack_role(request->core, policy, role, assignments));
        lost = find_lost(policy, assignments);
        for (guint i = 0; i < lost->len; i++) {
                const PolicyRole gone = lost_role(lost->pdata[i]);

                g_variant_builder_add_value(&list, pack_role(request->core, policy, &gone, assignments));
        }
        request->reply = g_variant_ref_sink(g_variant_new("(aa{sv})", &list));
        return 0;
}

int handle_roles_show(Request *request) {
        g_autoptr(Policy) policy = core_policy(request->core);
        g_autoptr(GPtrArray) assignments = NULL, lost = NULL;
        const PolicyRole *role;
        PolicyRole gone;
        const char *name;
        int r;

        r = unpack_text(request, 0, "role", WIRE_NAME_MAX, &name);
        if (r == 0)
                r = role_assignments(request->core, &request->caller, &assignments);
        if (r != 0)
                return r;
        role = policy_role_find(policy, name);
        lost = find_lost(policy, assignments);
        if (!role && g_ptr_array_find_with_equal_func(lost, name, g_str_equal, NULL)) {
                gone = lost_role(name);
                role = &gone;
        }
        if (!role)
                return request_refuse(request, CORE_E_NOT_FOUND, "there is no role \"%s\" in policy.conf", name);
        request->reply = g_variant_ref_sink(g_variant_new("(@a{sv})", pack_role(request->core, policy, role, assignments)));
        return 0;
}

/* Changing */

/* Says what about it was not so; takes @culprit over. */
static int explain(Request *request, int r, char *culprit) {
        g_autofree char *named = culprit;

        switch (r) {
        case CORE_E_NOT_FOUND:
                return named ? request_refuse(request, r, "%s", named) : r;
        case CORE_E_INVALID:
                return request_refuse(request, r, "a role is assigned for %d s to %d days, with a reason of at most %d "
                                      "bytes", ROLE_FOR_MIN, ROLE_FOR_MAX / (24 * 3600), ROLE_REASON_MAX);
        case CORE_E_BUSY:
                return request_refuse(request, r, "nothing was assigned: the user has %d roles by assignment already, "
                                      "or was removed meanwhile; revoke some, or try again", ROLE_ASSIGNMENTS_MAX);
        default:
                return r;
        }
}

static int unpack_names(Request *request, const char **ret_role, const char **ret_user) {
        int r;

        r = unpack_text(request, 0, "role", WIRE_NAME_MAX, ret_role);
        return r == 0 ? unpack_text(request, 1, "user", WIRE_NAME_MAX, ret_user) : r;
}

static void reply_changed(Request *request, bool changed) {
        request->reply = g_variant_ref_sink(g_variant_new("(b)", (gboolean) changed));
}

typedef struct GrantOptions {
        int64_t seconds;
        const char *reason;
} GrantOptions;

static const UnpackKey grant_keys[] = {
        { "for",    UNPACK_INT64, 0,               offsetof(GrantOptions, seconds) },
        { "reason", UNPACK_TEXT,  ROLE_REASON_MAX, offsetof(GrantOptions, reason)  },
        { NULL },
};

int handle_roles_grant(Request *request) {
        GrantOptions options = { .seconds = 0 };
        const char *role, *user;
        char *culprit = NULL;
        bool changed = false;
        int r;

        r = unpack_names(request, &role, &user);
        if (r == 0)
                r = unpack_dict(request, 2, grant_keys, &options);
        if (r != 0)
                return r;
        r = role_grant(request->core, &request->caller, role, user, options.seconds, options.reason, &changed,
                       &culprit);
        if (r != 0)
                return explain(request, r, culprit);
        reply_changed(request, changed);
        return 0;
}

int handle_roles_revoke(Request *request) {
        const char *role, *user;
        char *culprit = NULL;
        bool changed = false;
        int r;

        r = unpack_names(request, &role, &user);
        if (r != 0)
                return r;
        r = role_revoke(request->core, &request->caller, role, user, &changed, &culprit);
        if (r != 0)
                return explain(request, r, culprit);
        reply_changed(request, changed);
        return 0;
}
