/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy-private.h"

#define NOW INT64_C(1800000000)

/* Groups of a made-up NSS. */
enum {
        GID_STAFF = 50,
        GID_SUDO = 27,
        GID_OPS = 1005,
};

/* How that NSS is doing, for what looks it up. */
static struct {
        int later;        /* of the group "later": GROUP_E_NOT_FOUND, 0 or a negative errno */
        unsigned n_calls;
} nss;

static int look_up(const char *name, gid_t *ret_gid) {
        static const struct {
                const char *name;
                gid_t gid;
        } groups[] = { { "sudo", GID_SUDO }, { "staff", GID_STAFF }, { "root", 0 } };

        nss.n_calls++;
        for (size_t i = 0; i < G_N_ELEMENTS(groups); i++)
                if (strcmp(groups[i].name, name) == 0) {
                        *ret_gid = groups[i].gid;
                        return 0;
                }
        if (strcmp(name, "later") == 0 && nss.later == 0)
                *ret_gid = GID_OPS;
        return strcmp(name, "later") == 0 ? nss.later : GROUP_E_NOT_FOUND;
}

/* The policy of @text; or NULL and in @ret_said each mistake on a line of its own. */
static Policy *read_policy(const char *text, char **ret_said) {
        g_autoptr(Policy) policy = policy_new(look_up);
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        GString *all = g_string_new(NULL);
        bool good;

        good = policy_add_text(policy, "p", text, strlen(text), mistakes);
        good = policy_link(policy, mistakes) && good;
        assert(good == (mistakes->len == 0));
        for (unsigned i = 0; i < mistakes->len; i++) {
                g_autofree char *line = conf_mistake_to_string(mistakes->pdata[i]);
                g_string_append_printf(all, "%s%s", i > 0 ? "\n" : "", line);
        }
        if (ret_said)
                *ret_said = g_string_free(all, FALSE);
        else {
                if (!good)
                        fprintf(stderr, "%s\n", all->str);
                assert(good);
                g_string_free(all, TRUE);
        }
        return good ? g_steal_pointer(&policy) : NULL;
}

static const char policy_text[] = "[role:admin]\n"
                                  "groups=sudo\n"
                                  "users=carol\n"
                                  "includes=operator\n"
                                  "[role:operator]\n"
                                  "groups=staff;later\n"
                                  "[role:everyone]\n"
                                  "users=*\n"
                                  "[service:sshd]\n"
                                  "roles=everyone\n"
                                  "[service:login]\n"
                                  "roles=everyone\n"
                                  "[service:sudo]\n"
                                  "roles=admin\n"
                                  "max-age=10min\n"
                                  "methods=pwd\n"
                                  "[service:su]\n"
                                  "roles=operator\n"
                                  "[service:cups]\n"
                                  "roles=admin operator\n";

/* People: one for each way to a role. */

static const gid_t gid_sudo[] = { 1001, GID_SUDO };
static const gid_t gid_staff[] = { GID_STAFF, 1002 };
static const gid_t gid_later[] = { GID_OPS };
static const gid_t gid_other[] = { 1003, 4, 24 };
static const gid_t gid_unset[] = { GID_UNSET, GID_SUDO + 1 };

static const PolicyUser alice = { "alice", 1001, gid_sudo, 2 };   /* admin by group */
static const PolicyUser carol = { "carol", 1002, gid_other, 3 };  /* admin by name */
static const PolicyUser oscar = { "oscar", 1003, gid_staff, 2 };  /* operator by group */
static const PolicyUser lena = { "lena", 1004, gid_later, 1 };    /* operator by a group that comes later */
static const PolicyUser bob = { "bob", 1005, gid_other, 3 };      /* everyone, no more */
static const PolicyUser una = { "una", 1006, gid_unset, 2 };      /* in a group with the unset gid */
static const PolicyUser nobody = { "carol", (uid_t) -1, gid_sudo, 2 }; /* admin by all signs, but without a uid */
static const PolicyUser nameless = { "", 1007, gid_sudo, 2 };
static const PolicyUser null_name = { NULL, 1008, gid_sudo, 2 };
static const PolicyUser bare = { "bare", 1009, NULL, 0 };

/* Logins: one for each way to be too old. */

static const PolicyLogin fresh = { NOW - 60, "pwd" };
static const PolicyLogin at_limit = { NOW - 600, "pwd" };
static const PolicyLogin stale = { NOW - 601, "pwd" };
static const PolicyLogin old = { NOW - 86400, "pwd" };
static const PolicyLogin future = { NOW + 1, "pwd" };
static const PolicyLogin never = { 0, NULL };
static const PolicyLogin negative = { INT64_MIN, "pwd" };
static const PolicyLogin by_provider = { NOW - 60, "oidc:corp" };
static const PolicyLogin no_method = { NOW - 60, NULL };

typedef struct Row {
        const char *sentence;
        const PolicyUser *user;
        const char *service;
        const PolicyLogin *login;
        PolicyVerdict verdict;
        PolicyReason reason;
} Row;

#define ALLOW POLICY_ALLOW, POLICY_REASON_OK
#define NO_ROLE POLICY_DENY, POLICY_REASON_ROLE_MISSING
#define UNKNOWN POLICY_DENY, POLICY_REASON_UNKNOWN_SERVICE
#define STALE POLICY_STEP_UP, POLICY_REASON_STALE
#define NO_SESSION POLICY_STEP_UP, POLICY_REASON_NO_SESSION
#define METHOD POLICY_STEP_UP, POLICY_REASON_METHOD

static const Row rows[] = {
        { "an admin by group, signed in a minute ago, may", &alice, "sudo", &fresh, ALLOW },
        { "an admin by name may", &carol, "sudo", &fresh, ALLOW },
        { "an operator holds no admin: includes go downwards", &oscar, "sudo", &fresh, NO_ROLE },
        { "everybody is not an admin", &bob, "sudo", &fresh, NO_ROLE },
        { "somebody without groups is not an admin", &bare, "sudo", &fresh, NO_ROLE },

        { "max-age itself is still fresh", &alice, "sudo", &at_limit, ALLOW },
        { "a second more is not", &alice, "sudo", &stale, STALE },
        { "an auth_time ahead of now is never fresh", &alice, "sudo", &future, STALE },
        { "a login that proved nothing (a key) is never fresh", &alice, "sudo", &never, STALE },
        { "nor is a time before all time", &alice, "sudo", &negative, STALE },
        { "without a session one must sign in", &alice, "sudo", NULL, NO_SESSION },
        { "another method than the service wants steps up", &alice, "sudo", &by_provider, METHOD },
        { "no method is not the one the service wants", &alice, "sudo", &no_method, METHOD },

        { "who lacks the role is refused, stale or not", &bob, "sudo", &stale, NO_ROLE },
        { "and is not asked to sign in for it", &bob, "sudo", NULL, NO_ROLE },
        { "whatever the method", &bob, "sudo", &by_provider, NO_ROLE },

        { "sudo -i follows sudo: role", &bob, "sudo-i", &fresh, NO_ROLE },
        { "sudo -i follows sudo: yes", &alice, "sudo-i", &at_limit, ALLOW },
        { "sudo -i follows sudo: age", &alice, "sudo-i", &stale, STALE },
        { "sudo -i follows sudo: method", &alice, "sudo-i", &by_provider, METHOD },

        { "an operator by group may su", &oscar, "su", &fresh, ALLOW },
        { "an admin may, too: admin includes operator", &alice, "su", &fresh, ALLOW },
        { "and by name", &carol, "su", &fresh, ALLOW },
        { "su names no methods: any will do", &alice, "su", &by_provider, ALLOW },
        { "su names no age: 15 minutes", &oscar, "su", &stale, ALLOW },
        { "su names no age: not a day", &oscar, "su", &old, STALE },
        { "su without the role", &bob, "su", &fresh, NO_ROLE },
        { "su -l follows su: yes", &oscar, "su-l", &fresh, ALLOW },
        { "su -l follows su: role", &bob, "su-l", &fresh, NO_ROLE },
        { "su -l follows su: age", &oscar, "su-l", &old, STALE },

        { "everybody may log in by ssh", &bob, "sshd", &fresh, ALLOW },
        { "ssh knows no age", &bob, "sshd", &old, ALLOW },
        { "not even of a login by key", &bob, "sshd", &never, ALLOW },
        { "but there must be one", &bob, "sshd", NULL, NO_SESSION },
        { "the same at the console", &bob, "login", &old, ALLOW },
        { "an admin is one of everyone", &alice, "login", &fresh, ALLOW },

        { "one of several roles is enough: the first", &alice, "cups", &fresh, ALLOW },
        { "the second", &oscar, "cups", &fresh, ALLOW },
        { "none", &bob, "cups", &fresh, NO_ROLE },

        { "a service without a section lets nobody in", &alice, "ftpd", &fresh, UNKNOWN },
        { "nor one that only begins like another", &alice, "sudo-ii", &fresh, UNKNOWN },
        { "nor one in other letters", &alice, "SUDO", &fresh, UNKNOWN },
        { "nor one without a name", &alice, "", &fresh, UNKNOWN },
        { "nor none at all", &alice, NULL, &fresh, UNKNOWN },

        { "the unset gid is no group", &una, "sudo", &fresh, NO_ROLE },
        { "nor is it a group that does not exist yet", &una, "su", &fresh, NO_ROLE },
        { "somebody without a name is nobody", &nameless, "sshd", &fresh, NO_ROLE },
        { "nor with none at all", &null_name, "sshd", &fresh, NO_ROLE },
        { "nobody at all is nobody", NULL, "sshd", &fresh, NO_ROLE },
};

static void expect_decision(const Row *row, const char *of, PolicyDecision got, PolicyVerdict verdict,
                            PolicyReason reason) {
        if (got.verdict != verdict || got.reason != reason)
                fprintf(stderr, "%s: \"%s\": got %s (%s), wanted %s (%s)\n", of, row->sentence,
                        policy_verdict_to_string(got.verdict), policy_reason_to_string(got.reason),
                        policy_verdict_to_string(verdict), policy_reason_to_string(reason));
        assert(got.verdict == verdict && got.reason == reason);
}

static void test_P5_P6_P18_who_may_use_what(void) {
        g_autoptr(Policy) policy = NULL;

        nss.later = GROUP_E_NOT_FOUND;
        policy = read_policy(policy_text, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                const Row *row = &rows[i];
                bool deny = row->verdict == POLICY_DENY;

                expect_decision(row, "auth", policy_decide(policy, row->user, row->login, row->service, NOW),
                                row->verdict, row->reason);
                /* Account knows of no login: the role alone decides, and decides alike. */
                expect_decision(row, "account", policy_decide_role(policy, row->user, row->service),
                                deny ? POLICY_DENY : POLICY_ALLOW, deny ? row->reason : POLICY_REASON_OK);
        }
}

static void test_A7_uid_minus_one_holds_no_role(void) {
        g_autoptr(Policy) policy = read_policy(policy_text, NULL);
        g_auto(GStrv) roles = policy_roles_of(policy, &nobody);

        assert(!roles[0]);
        assert(!policy_holds(policy, &nobody, "everyone") && !policy_holds(policy, &nobody, "admin"));
        assert(policy_decide_role(policy, &nobody, "sudo").verdict == POLICY_DENY);
        assert(policy_decide(policy, &nobody, &fresh, "sshd", NOW).verdict == POLICY_DENY);
}

/* What was assigned adds to what the files say: the sentence is the promise. */
static void test_a_grant_is_held_like_any_other(void) {
        static const char *const cap[] = { "everyone", NULL };
        static const PolicyGrant admin[] = { { "admin", 0, "root", NULL } };
        static const PolicyGrant unknown[] = { { "wizard", 0, "root", NULL }, { "Admin", 0, "root", NULL } };
        static const struct {
                const char *sentence;
                const char *const *cap;
                const PolicyGrant *grants;
                size_t n_grants;
                const char *roles;
                PolicyVerdict verdict; /* for sudo */
        } granted[] = {
                { "who is granted a role holds what it includes", NULL, admin, 1, "admin everyone operator", POLICY_ALLOW },
                { "a role that the policy does not have gives nothing", NULL, unknown, 2, "everyone", POLICY_DENY },
                { "a grant is under the cap like any role", cap, admin, 1, "everyone", POLICY_DENY },
                { "no grant, no role", NULL, admin, 0, "everyone", POLICY_DENY },
        };
        g_autoptr(Policy) policy = read_policy(policy_text, NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(granted); i++) {
                PolicyUser user = bob;
                g_auto(GStrv) roles = NULL;
                g_autofree char *joined = NULL;

                user.cap = granted[i].cap;
                user.grants = granted[i].grants;
                user.n_grants = granted[i].n_grants;
                roles = policy_roles_of(policy, &user);
                joined = g_strjoinv(" ", roles);
                if (strcmp(joined, granted[i].roles) != 0)
                        fprintf(stderr, "%s: %s\n", granted[i].sentence, joined);
                assert(strcmp(joined, granted[i].roles) == 0);
                assert(policy_decide_role(policy, &user, "sudo").verdict == granted[i].verdict);
        }
}

/* Who may be capped at what, and what is left: the sentence is the promise. */
static void test_A9_a_cap_takes_roles_away_and_never_gives_one(void) {
        static const char *const none[] = { NULL }, *const operator[] = { "operator", NULL };
        static const char *const admin[] = { "admin", NULL }, *const made_up[] = { "made-up", "everyone", NULL };
        static const struct {
                const char *sentence;
                const PolicyUser *user;
                const char *const *cap;
                const char *service;
                const char *roles; /* joined by spaces */
                PolicyVerdict verdict;
        } caps[] = {
                { "without a cap an admin is one", &alice, NULL, "sudo", "admin everyone operator", POLICY_ALLOW },
                { "an empty cap leaves nothing", &alice, none, "sudo", "", POLICY_DENY },
                { "not even what everybody has", &alice, none, "sshd", "", POLICY_DENY },
                { "capped at operator an admin is an operator", &alice, operator, "su", "operator", POLICY_ALLOW },
                { "and no admin", &alice, operator, "sudo", "operator", POLICY_DENY },
                { "a cap gives bob nothing", &bob, admin, "sudo", "", POLICY_DENY },
                { "what a capped role includes is capped as well", &alice, admin, "su", "admin", POLICY_DENY },
                { "a role that is none stays none", &bob, made_up, "sshd", "everyone", POLICY_ALLOW },
        };
        g_autoptr(Policy) policy = read_policy(policy_text, NULL);

        nss.later = GROUP_E_NOT_FOUND;
        for (size_t i = 0; i < G_N_ELEMENTS(caps); i++) {
                PolicyUser user = *caps[i].user;
                g_autofree char *joined = NULL;
                g_auto(GStrv) roles = NULL;

                user.cap = caps[i].cap;
                roles = policy_roles_of(policy, &user);
                joined = g_strjoinv(" ", roles);
                if (strcmp(joined, caps[i].roles) != 0)
                        fprintf(stderr, "%s: %s\n", caps[i].sentence, joined);
                assert(strcmp(joined, caps[i].roles) == 0);
                assert(policy_decide_role(policy, &user, caps[i].service).verdict == caps[i].verdict);
                assert(policy_decide(policy, &user, &fresh, caps[i].service, NOW).verdict == caps[i].verdict);
                assert(policy_holds(policy, &user, "admin") == (strstr(joined, "admin") != NULL));
        }
}

static void test_own_sections_count_as_a_whole(void) {
        static const char text[] = "[role:all]\nusers=*\n[role:few]\nusers=carol\n"
                                   "[service:sudo]\nroles=all\nmax-age=5min\nmethods=pwd\n"
                                   "[service:sudo-i]\nroles=few\n"
                                   "[service:sshd]\nroles=all\nmax-age=1h\n";
        g_autoptr(Policy) policy = read_policy(text, NULL);

        assert(policy_max_age(policy, "sudo") == 300);
        assert(policy_max_age(policy, "sudo-i") == POLICY_MAX_AGE_DEFAULT);
        assert(policy_max_age(policy, "sshd") == 3600);
        assert(policy_max_age(policy, "login") == 0);
        assert(policy_max_age(policy, "su") == POLICY_MAX_AGE_DEFAULT);
        assert(policy_max_age(policy, NULL) == POLICY_MAX_AGE_DEFAULT);
        assert(policy_decide(policy, &bob, &fresh, "sudo", NOW).verdict == POLICY_ALLOW);
        assert(policy_decide(policy, &bob, &fresh, "sudo-i", NOW).reason == POLICY_REASON_ROLE_MISSING);
        assert(policy_decide(policy, &carol, &by_provider, "sudo-i", NOW).verdict == POLICY_ALLOW);
        assert(policy_decide(policy, &carol, &by_provider, "sudo", NOW).reason == POLICY_REASON_METHOD);
        assert(policy_decide(policy, &carol, &never, "sshd", NOW).reason == POLICY_REASON_STALE);
        assert(policy_decide(policy, &carol, &fresh, "sudo", NOW).max_age == 300);
}

static void test_an_empty_policy_lets_nobody_in(void) {
        g_autoptr(Policy) policy = read_policy("", NULL);

        assert(policy_decide(policy, &alice, &fresh, "sshd", NOW).reason == POLICY_REASON_UNKNOWN_SERVICE);
        assert(!policy_holds(policy, &alice, "admin") && !policy_holds(policy, &alice, NULL));
        assert(!policy_role_at(policy, 0) && !policy_role_find(policy, "admin") && !policy_role_find(policy, NULL));
}

static void test_a_zeroed_decision_is_a_no(void) {
        PolicyDecision decision = {};

        assert(strcmp(policy_verdict_to_string(decision.verdict), "deny") == 0);
        assert(strcmp(policy_verdict_to_string(POLICY_STEP_UP), "step-up") == 0);
        assert(strcmp(policy_verdict_to_string(POLICY_ALLOW), "allow") == 0);
        assert(strcmp(policy_verdict_to_string(_POLICY_VERDICT_MAX), "deny") == 0);
        for (PolicyReason reason = 0; reason < _POLICY_REASON_MAX; reason++)
                assert(policy_reason_to_string(reason));
}

/* Groups */

static void test_a_group_that_comes_later_counts_at_once(void) {
        g_autoptr(Policy) policy = NULL;
        const ConfMistake *warning;

        nss.later = GROUP_E_NOT_FOUND;
        policy = read_policy(policy_text, NULL);
        assert(policy_warnings(policy)->len == 1);
        warning = policy_warnings(policy)->pdata[0];
        assert(warning->line == 6 && warning->column == 14);
        assert(strcmp(warning->message, "group \"later\" of [role:operator] does not exist") == 0);

        assert(!policy_holds(policy, &lena, "operator"));
        assert(policy_decide_role(policy, &lena, "su").reason == POLICY_REASON_ROLE_MISSING);
        nss.later = 0; /* groupadd later */
        assert(policy_holds(policy, &lena, "operator") && !policy_holds(policy, &bob, "operator"));
        assert(policy_decide(policy, &lena, &fresh, "su", NOW).verdict == POLICY_ALLOW);
        nss.later = GROUP_E_NOT_FOUND; /* groupdel later */
        assert(!policy_holds(policy, &lena, "operator"));
}

static void test_known_gids_are_not_looked_up_again(void) {
        g_autoptr(Policy) policy = NULL;

        nss.later = 0;
        policy = read_policy(policy_text, NULL);
        assert(policy_warnings(policy)->len == 0);
        nss.n_calls = 0;
        nss.later = -EIO;
        assert(policy_holds(policy, &lena, "operator") && !policy_holds(policy, &bob, "operator"));
        assert(policy_decide(policy, &lena, &fresh, "su", NOW).verdict == POLICY_ALLOW);
        assert(nss.n_calls == 0);
}

/* P29: an error is a no, says that it is one, and takes from nobody what is known without it. */
static void test_P29_a_group_lookup_error_is_a_deny(void) {
        static const int errors[] = { -EIO, -EMFILE, -ENFILE, -EACCES, -ENOENT, -ENOMEM, -EAGAIN, -ERANGE,
                                      -ECONNREFUSED };

        for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
                g_autoptr(Policy) policy = NULL;
                g_auto(GStrv) roles = NULL;
                g_autofree char *refusal = NULL;
                PolicyDecision decision;

                nss.later = errors[i];
                policy = read_policy(policy_text, NULL);
                assert(policy_warnings(policy)->len == 1);
                decision = policy_decide(policy, &lena, &fresh, "su", NOW);
                assert(decision.verdict == POLICY_DENY && decision.reason == POLICY_REASON_LOOKUP);
                decision = policy_decide_role(policy, &lena, "su");
                assert(decision.verdict == POLICY_DENY && decision.reason == POLICY_REASON_LOOKUP);
                assert(policy_holds_reason(policy, &lena, "operator") == POLICY_REASON_LOOKUP);
                assert(policy_holds_reason(policy, &lena, "everyone") == POLICY_REASON_OK);
                assert(policy_holds_reason(policy, &lena, "no-such-role") == POLICY_REASON_ROLE_MISSING);
                roles = policy_roles_of(policy, &lena);
                assert(g_strv_length(roles) == 1 && strcmp(roles[0], "everyone") == 0);
                refusal = policy_refusal(policy, &lena, "su");
                assert(strcmp(refusal, "su needs the role \"operator\"; you have \"everyone\". "
                                       "A group cannot be looked up: try again later") == 0);

                assert(policy_decide(policy, &oscar, &fresh, "su", NOW).verdict == POLICY_ALLOW);
                assert(policy_decide(policy, &alice, &fresh, "su", NOW).verdict == POLICY_ALLOW);
                assert(policy_decide(policy, &bob, &fresh, "sudo", NOW).reason == POLICY_REASON_ROLE_MISSING);
        }
}

/* A group whose gid is 0 is one only for those who are in it; nothing unset is ever 0. */
static void test_gid_zero_is_a_group_like_any(void) {
        static const gid_t zero[] = { 0 };
        static const PolicyUser rooty = { "rooty", 1010, zero, 1 };
        g_autoptr(Policy) policy = NULL;

        nss.later = GROUP_E_NOT_FOUND;
        policy = read_policy("[role:a]\ngroups=root\n[role:b]\ngroups=later\n", NULL);
        assert(policy_holds(policy, &rooty, "a") && !policy_holds(policy, &rooty, "b"));
        assert(!policy_holds(policy, &bob, "a") && !policy_holds(policy, &bare, "a"));
}

static void test_groups_of_this_machine(void) {
        gid_t gid = 4711;

        assert(group_look_up_nss("root", &gid) == 0 && gid == 0);
        gid = 4711;
        assert(group_look_up_nss("no-such-group-here", &gid) == GROUP_E_NOT_FOUND && gid == 4711);
}

/* Reading */

static const struct {
        const char *text, *mistakes;
} wrong[] = {
        { "[service:x]\nroles=admn\n[role:admin]\nusers=a\n",
          "p:2:7: there is no role \"admn\"; did you mean \"admin\"?" },
        { "[role:a]\nusers=a\n[service:x]\nroles=a;other\n",
          "p:4:9: there is no role \"other\"; add a section [role:other]" },
        { "[role:a]\nincludes=b\n", "p:2:10: there is no role \"b\"; add a section [role:b]" },
        { "[role:a]\nincludes=a\n", "p:2:10: circle of includes: a -> a; remove one of these includes" },
        { "[role:d]\nincludes=a\n[role:a]\nincludes=b\n[role:b]\nincludes=c\n[role:c]\nincludes=a\n",
          "p:8:10: circle of includes: a -> b -> c -> a; remove one of these includes" },
        { "[service:x]\nmax-age=5min\n",
          "p:1:1: [service:x] names no roles; add roles=, or remove the section: it lets nobody in" },
        { "[role:a]\nusers=*\n[service:x]\nroles=a\nmethods=pwd;tok\n",
          "p:5:13: \"tok\" is not a method that proves something afresh; there is \"pwd\", and \"oidc:NAME\"" },
        { "[role:a]\nusers=*\n[service:x]\nroles=a\nmethods=oidc:a/b\n",
          "p:5:9: \"oidc:a/b\" is not a method that proves something afresh; there is \"pwd\", and \"oidc:NAME\"" },
        { "[role:a]\nusers=*\n[service:x]\nroles=a\nmethods=oidc:\n",
          "p:5:9: \"oidc:\" is not a method that proves something afresh; there is \"pwd\", and \"oidc:NAME\"" },
        { "[role:a]\nusers=*\n[service:x]\nroles=a\nmax-age=15\n",
          "p:5:9: max-age \"15\" has no unit; write 15d, 15h, 15min or 15s" },
        { "[role:a]\nusers=*\n[service:x]\nroles=a\nmax-age=0s\n",
          "p:5:9: max-age of 0s is too small; write 1s to 365d" },
        { "[role:a]\nusers=*\n[service:x]\nroles=a\nmax-agee=5s\n",
          "p:5:1: unknown key \"max-agee\" in [service:x]; did you mean \"max-age\"?" },
        { "[role:a]\nusers=*;carol\n", "p:2:7: \"*\" beside other users; write \"*\" alone, or remove it" },
        { "[role:a]\nusers=carol;1000\n",
          "p:2:13: \"1000\" is not a user's name; write names of Unix accounts, or \"*\" for everyone" },
        { "[role:a]\nusers=-rf\n",
          "p:2:7: \"-rf\" is not a user's name; write names of Unix accounts, or \"*\" for everyone" },
        { "[role:a]\nusers=a*\n",
          "p:2:7: \"a*\" is not a user's name; write names of Unix accounts, or \"*\" for everyone" },
        { "[role:a]\ngroups=27;ops;*\n", "p:2:8: \"27\" is not a group's name; write names of Unix groups\n"
                                         "p:2:15: \"*\" is not a group's name; write names of Unix groups" },
        { "[role:a]\nusers=a\n[role:a]\nusers=b\n",
          "p:3:1: section [role:a] stands twice, first in line 1; put its keys under the first one" },
        { "[rol:admin]\nusers=a\n", "p:1:2: unknown section [rol:admin]; did you mean \"role\"?" },
        { "[role:a]\nusers=*\n[service:x]\nroles=b\n[service:a]\nroles=c\n",
          "p:4:7: there is no role \"b\"; add a section [role:b]\n"
          "p:6:7: there is no role \"c\"; add a section [role:c]" },
};

static void test_each_mistake_is_named(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autofree char *said = NULL;
                Policy *policy = read_policy(wrong[i].text, &said);

                if (policy || strcmp(said, wrong[i].mistakes) != 0)
                        fprintf(stderr, "%s\n  said:   %s\n  wanted: %s\n", wrong[i].text, said, wrong[i].mistakes);
                assert(!policy && strcmp(said, wrong[i].mistakes) == 0);
        }
}

static void test_roles_are_bounded_and_diamonds_are_cheap(void) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(Policy) policy = NULL;
        g_autofree char *said = NULL;
        char role[16];

        /* Each role includes the next two: as many paths as Fibonacci has numbers, and 512 roles. */
        for (unsigned i = 0; i < POLICY_ROLES_MAX; i++) {
                g_string_append_printf(text, "[role:r%u]\nusers=u%u\n", i, i);
                if (i + 2 < POLICY_ROLES_MAX)
                        g_string_append_printf(text, "includes=r%u r%u\n", i + 1, i + 2);
        }
        policy = read_policy(text->str, NULL);
        snprintf(role, sizeof(role), "r%u", POLICY_ROLES_MAX - 1);
        assert(policy_holds(policy, &(PolicyUser) { "u0", 1000 }, role));
        assert(!policy_holds(policy, &(PolicyUser) { "u1", 1000 }, "r0"));

        g_string_append(text, "[role:one]\nusers=a\n");
        assert(!read_policy(text->str, &said));
        assert(g_str_has_suffix(said, ":1: more than 512 roles; put roles together"));
}

/* Directories have longer names for groups than passwd(5) has for users. */
static void test_groups_may_have_long_names(void) {
        g_autoptr(Policy) policy = read_policy("[role:a]\ngroups=grp-linux-administrators-production-eu\n", NULL);

        assert(policy_warnings(policy)->len == 1);
}

static void test_what_nobody_has_is_worth_a_look(void) {
        static const char text[] = "[role:boss]\nusers=a\nincludes=helper\n[role:helper]\n[role:lost]\n";
        g_autoptr(Policy) policy = read_policy(text, NULL);
        const ConfMistake *warning;

        assert(policy_warnings(policy)->len == 1);
        warning = policy_warnings(policy)->pdata[0];
        assert(warning->line == 5 && strcmp(warning->message, "nobody has the role \"lost\"") == 0);
        assert(strstr(warning->remedy, "tessera role grant"));
}

static void write_file(const char *folder, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        assert(g_file_set_contents(path, text, -1, NULL) && chmod(path, 0644) == 0);
}

/* All mistakes, each on a line; "" when there was none. */
static char *read_folder(const char *file, const char *folder) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        GString *all = g_string_new(NULL);
        Policy *policy = policy_read(file, folder, mistakes);

        assert(!policy == (mistakes->len > 0));
        (void) policy_unref(policy);
        for (unsigned i = 0; i < mistakes->len; i++) {
                g_autofree char *line = conf_mistake_to_string(mistakes->pdata[i]);
                g_string_append_printf(all, "%s%s", i > 0 ? "\n" : "", line);
        }
        return g_string_free(all, FALSE);
}

/* Looks for @wanted, in which every '@' stands for @folder. */
static void expect_folder(const char *file, const char *folder, const char *wanted) {
        g_auto(GStrv) parts = g_strsplit(wanted, "@", -1);
        g_autofree char *full = g_strjoinv(folder, parts), *said = read_folder(file, folder);

        if (strcmp(said, full) != 0)
                fprintf(stderr, "said:   %s\nwanted: %s\n", said, full);
        assert(strcmp(said, full) == 0);
}

/* policy.conf, then policy.d in the order of names: one policy, in which nothing stands twice. */
static void test_files_make_one_policy(const char *folder) {
        g_autofree char *file = g_build_filename(folder, "20-b.conf", NULL);
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Policy) policy = NULL;

        write_file(folder, "30-c.conf", "");
        write_file(folder, "10-a.conf", "[service:sudo]\nroles=admin\n");
        write_file(folder, "20-b.conf", "[role:admin]\nusers=carol\n");
        write_file(folder, "a.conf.dpkg-new", "nonsense");
        write_file(folder, ".hidden.conf", "nonsense");
        write_file(folder, "README", "nonsense");
        policy = policy_read(NULL, folder, mistakes);
        assert(policy && policy_decide_role(policy, &carol, "sudo").verdict == POLICY_ALLOW);
        assert(strcmp(policy_role_find(policy, "admin")->file, file) == 0);
        expect_folder("/nonexistent/policy.conf", "/nonexistent/policy.d", "");

        write_file(folder, "30-c.conf", "[service:sudo]\nroles=admin\n");
        expect_folder(file, folder,
                      "@/20-b.conf:1:1: role \"admin\" is defined already in @/20-b.conf:1; put both together "
                      "in one section\n"
                      "@/30-c.conf:1:1: service \"sudo\" is defined already in @/10-a.conf:1; "
                      "put both together in one section");
        write_file(folder, "10-a.conf", "a\n");
        write_file(folder, "20-b.conf", "b\n");
        write_file(folder, "30-c.conf", "[c]\n");
        expect_folder(NULL, folder,
                      "@/10-a.conf:1:1: neither a key with a value nor a section; "
                      "write key=value, [section], or a comment beginning with \"#\"\n"
                      "@/20-b.conf:1:1: neither a key with a value nor a section; "
                      "write key=value, [section], or a comment beginning with \"#\"\n"
                      "@/30-c.conf:1:2: unknown section [c]; there are [role:NAME], [service:NAME]");
}

static void test_S6_a_folder_that_others_can_write_is_not_believed(const char *folder) {
        static const char wanted[] = "@: folder does not belong to root or others can write it; "
                                     "chown root:root @; chmod 0755 @";

        assert(chmod(folder, 0775) == 0);
        expect_folder(NULL, folder, wanted);
        assert(chmod(folder, 0757) == 0);
        expect_folder(NULL, folder, wanted);
        assert(chmod(folder, 0755) == 0 && chown(folder, 65534, 0) == 0);
        expect_folder(NULL, folder, wanted);
        assert(chown(folder, 0, 0) == 0);
}

static void test_folders(void) {
        static const char *const names[] = { "10-a.conf", "20-b.conf", "30-c.conf", "a.conf.dpkg-new", ".hidden.conf",
                                             "README" };
        char folder[] = "/tmp/test-policy-XXXXXX";

        if (geteuid() != 0) /* what is not root's is refused, which test-conf shows */
                return;
        assert(mkdtemp(folder) && chmod(folder, 0755) == 0);
        test_files_make_one_policy(folder);
        test_S6_a_folder_that_others_can_write_is_not_believed(folder);
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = g_build_filename(folder, names[i], NULL);
                assert(unlink(path) == 0);
        }
        assert(rmdir(folder) == 0);
}

/* Looking */

static void test_roles_and_services_as_people_see_them(void) {
        g_autoptr(Policy) policy = read_policy(policy_text, NULL);
        g_autofree char *of_alice = NULL, *of_bob = NULL, *admin = NULL, *operator = NULL, *none = NULL;
        const PolicyRole *role = policy_role_find(policy, "admin");
        struct {
                char **names;
                char **ret;
        } lists[] = {
                { policy_roles_of(policy, &alice), &of_alice },
                { policy_roles_of(policy, &bob), &of_bob },
                { policy_services_of(policy, "admin"), &admin },
                { policy_services_of(policy, "operator"), &operator },
                { policy_services_of(policy, "stranger"), &none },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
                *lists[i].ret = g_strjoinv(" ", lists[i].names);
                g_strfreev(lists[i].names);
        }
        assert(strcmp(of_alice, "admin everyone operator") == 0);
        assert(strcmp(of_bob, "everyone") == 0);
        assert(strcmp(admin, "cups su sudo") == 0);
        assert(strcmp(operator, "cups su") == 0);
        assert(strcmp(none, "") == 0);

        assert(role == policy_role_at(policy, 0) && !policy_role_at(policy, 3));
        assert(strcmp(policy_role_at(policy, 1)->name, "everyone") == 0 && !policy_role_at(policy, 1)->groups[0]);
        assert(strcmp(role->users[0], "carol") == 0 && strcmp(role->groups[0], "sudo") == 0);
        assert(strcmp(role->includes[0], "operator") == 0 && strcmp(role->file, "p") == 0 && role->line == 1);
}

static void expect_refusal(Policy *policy, const PolicyUser *user, const char *service, const char *wanted) {
        g_autofree char *line = policy_refusal(policy, user, service);

        if (strcmp(line, wanted) != 0)
                fprintf(stderr, "got:    %s\nwanted: %s\n", line, wanted);
        assert(strcmp(line, wanted) == 0);
}

static void test_the_refusal_names_role_and_remedy(void) {
        static const char text[] = "[role:admin]\ngroups=missing;sudo\n[role:clerk]\nusers=carol\n"
                                   "[role:everyone]\nusers=*\n"
                                   "[service:sudo]\nroles=admin\n[service:su]\nroles=clerk\n"
                                   "[service:cups]\nroles=clerk;admin\n";
        static const char *const everyone[] = { "everyone", NULL };
        PolicyUser capped = alice;
        g_autoptr(Policy) policy = NULL;

        capped.cap = everyone;
        nss.later = GROUP_E_NOT_FOUND;
        policy = read_policy(text, NULL);
        expect_refusal(policy, &capped, "cups",
                       "cups needs the role \"clerk\" or \"admin\"; you have \"everyone\". "
                       "This login came by ticket and has no more: log in anew");
        expect_refusal(policy, &bob, "sudo", "sudo needs the role \"admin\"; you have \"everyone\". "
                                             "An admin can add you: usermod -aG sudo bob");
        expect_refusal(policy, &bob, "sudo-i", "sudo-i needs the role \"admin\"; you have \"everyone\". "
                                               "An admin can add you: usermod -aG sudo bob");
        expect_refusal(policy, &bob, "su", "su needs the role \"clerk\"; you have \"everyone\". "
                                           "An admin can add you: tessera role grant clerk bob");
        expect_refusal(policy, &alice, "cups", "cups needs the role \"clerk\" or \"admin\"; you have \"admin\" and "
                                               "\"everyone\". An admin can add you: usermod -aG sudo alice");
        expect_refusal(policy, &nobody, "sudo", "sudo needs the role \"admin\"; you have no role. "
                                                "An admin can add you: usermod -aG sudo carol");
        expect_refusal(policy, &(PolicyUser) { "x;reboot", 1000 }, "sudo",
                       "sudo needs the role \"admin\"; you have \"everyone\"");
        expect_refusal(policy, &bob, "ftpd", "ftpd is open to nobody here. "
                                             "An admin can add [service:ftpd] to /etc/tessera/policy.conf");
}

static void test_P22_the_refusal_is_one_clean_short_line(void) {
        g_autofree char *long_name = g_strnfill(64, 'x'), *endless = g_strnfill(100000, 'y');
        g_autoptr(GString) text = g_string_new("[role:all]\nusers=*\n");
        g_autoptr(Policy) policy = NULL;
        const char *const services[] = { "sudo", "su", "\x1b[2J\nroot:", endless, NULL };
        const PolicyUser users[] = { bob, { "x;reboot\n", 1000 }, { endless, 1000 }, nobody, null_name };

        for (unsigned i = 0; i < 20; i++)
                g_string_append_printf(text, "[role:%c%.63s]\nusers=root\n", 'a' + (char) i, long_name);
        g_string_append_printf(text, "[service:sudo]\nroles=a%.63s b%.63s c%.63s\n", long_name, long_name, long_name);
        g_string_append_printf(text, "[service:su]\nroles=t%.63s\n", long_name);
        policy = read_policy(text->str, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(services); i++)
                for (size_t j = 0; j < G_N_ELEMENTS(users); j++) {
                        g_autofree char *line = policy_refusal(policy, &users[j], services[i]);

                        assert(strlen(line) < 200 && strlen(line) > 20);
                        for (const char *c = line; *c; c++)
                                assert((unsigned char) *c >= 0x20 && *c != 0x7f);
                        assert(!strstr(line, "reboot"));
                }
}

static void test_references(void) {
        Policy *policy = read_policy(policy_text, NULL);

        assert(policy_ref(policy) == policy);
        assert(!policy_unref(policy));
        assert(policy_holds(policy, &carol, "admin"));
        assert(!policy_unref(policy) && !policy_unref(NULL));
}

/* What a fresh installation decides. */
static void test_the_shipped_policy(const char *path) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Policy) policy = policy_new(look_up);
        g_autofree char *text = NULL;
        size_t size;

        assert(g_file_get_contents(path, &text, &size, NULL));
        assert(policy_add_text(policy, path, text, size, mistakes) && policy_link(policy, mistakes));
        assert(policy_warnings(policy)->len == 0);
        assert(policy_decide_role(policy, &bob, "sshd").verdict == POLICY_ALLOW);
        assert(policy_decide_role(policy, &bob, "login").verdict == POLICY_ALLOW);
        assert(policy_decide_role(policy, &bob, "sudo").verdict == POLICY_DENY);
        assert(policy_decide_role(policy, &alice, "sudo").verdict == POLICY_ALLOW);
        assert(policy_decide_role(policy, &bob, "su-l").verdict == POLICY_DENY);
        assert(policy_decide_role(policy, &alice, "su-l").verdict == POLICY_ALLOW);
        assert(policy_decide_role(policy, &alice, "cups").reason == POLICY_REASON_UNKNOWN_SERVICE);
        assert(policy_max_age(policy, "sudo") == 900);
}

/* The manual page explains each key, and its example is a policy that uses them all. */
static void test_the_manual_and_its_example(const char *path) {
        static const char *const keys[] = { "users", "groups", "includes", "roles", "max-age", "methods" };
        g_autoptr(Policy) policy = NULL;
        g_autofree char *text = NULL, *example = NULL;
        const char *begin;

        assert(g_file_get_contents(path, &text, NULL, NULL));
        begin = strstr(strstr(text, "\n# EXAMPLES\n"), "```\n") + strlen("```\n");
        example = g_strndup(begin, (size_t) (strstr(begin, "```\n") - begin));
        policy = read_policy(example, NULL);
        assert(policy_decide_role(policy, &alice, "su").verdict == POLICY_ALLOW);
        assert(policy_decide_role(policy, &bob, "sshd").verdict == POLICY_ALLOW);
        assert(policy_decide_role(policy, &bob, "sudo").verdict == POLICY_DENY);
        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
                g_autofree char *entry = g_strdup_printf("\n*%s=*\n\t", keys[i]);
                g_autofree char *line = g_strdup_printf("\n%s=", keys[i]);

                assert(strstr(text, entry) && strstr(example, line));
        }
}

int main(int argc, char **argv) {
        assert(argc == 3);
        test_P5_P6_P18_who_may_use_what();
        test_A7_uid_minus_one_holds_no_role();
        test_A9_a_cap_takes_roles_away_and_never_gives_one();
        test_a_grant_is_held_like_any_other();
        test_own_sections_count_as_a_whole();
        test_an_empty_policy_lets_nobody_in();
        test_a_zeroed_decision_is_a_no();
        test_a_group_that_comes_later_counts_at_once();
        test_known_gids_are_not_looked_up_again();
        test_P29_a_group_lookup_error_is_a_deny();
        test_gid_zero_is_a_group_like_any();
        test_groups_of_this_machine();
        test_each_mistake_is_named();
        test_roles_are_bounded_and_diamonds_are_cheap();
        test_groups_may_have_long_names();
        test_what_nobody_has_is_worth_a_look();
        test_folders();
        test_roles_and_services_as_people_see_them();
        test_the_refusal_names_role_and_remedy();
        test_P22_the_refusal_is_one_clean_short_line();
        test_references();
        test_the_shipped_policy(argv[1]);
        test_the_manual_and_its_example(argv[2]);
        return 0;
}
