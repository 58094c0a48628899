/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The truth table: how somebody holds the role × the login that they have × the service. truth.txt
 * (argv[1]) says what comes of each in a sentence, written by people; here each row is acted out, as
 * PAM would, and has to come to its sentence. tests/host/test_truth.py does the same with real programs.
 */

#undef NDEBUG
#include <assert.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "common/service.h"
#include "daemon/core/role-admin.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-world.h"

#define AUDIT_ID 5
#define GROUP "daemon" /* one that every machine has */

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

/* How somebody holds the role "admin" */

static void by_name(World *world) {
}

static void by_group(World *world) {
        const struct group *group = getgrnam(GROUP);

        assert(group);
        world_set_group(world, "alice", group->gr_gid);
}

static void assign(World *world, int64_t seconds) {
        g_autofree char *culprit = NULL;
        bool changed;

        g_assert_cmpint(role_grant(world->core, &root, "admin", "alice", seconds, NULL, &changed, &culprit), ==, 0);
        assert(changed);
}

static void by_assignment(World *world) {
        assign(world, 0);
}

static void by_timed_assignment(World *world) {
        assign(world, 3600);
}

static void by_ended_assignment(World *world) {
        assign(world, 60);
        fake_clock_forward(&world->clock, 61);
}

/* Each with what the policy's [role:…] sections say. */
static const struct {
        const char *words, *sections;
        void (*give)(World *world);
} roles[] = {
        { "With the role by name", "[role:admin]\nusers=alice\n", by_name },
        { "With the role by group", "[role:admin]\ngroups=" GROUP "\n", by_group },
        { "With the role by an include", "[role:admin]\nusers=x\n[role:chief]\nusers=alice\nincludes=admin\n", by_name },
        { "With the role by assignment", "[role:admin]\nusers=x\n", by_assignment },
        { "With the role by a timed assignment", "[role:admin]\nusers=x\n", by_timed_assignment },
        { "With the role by an assignment that has ended", "[role:admin]\nusers=x\n", by_ended_assignment },
        { "Without the role", "[role:admin]\nusers=x\n", by_name },
};

/* The login that they have */

static void fresh(World *world) {
        g_free(world_log_in(world, "alice", ALICE_PASSWORD, AUDIT_ID));
}

static void stale(World *world) {
        fresh(world);
        fake_clock_forward(&world->clock, 15 * 60 + 1);
}

static void by_another_method(World *world) {
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, AUDIT_ID);

        g_assert_cmpint(store_session_authenticated(world->store, id, world->clock.wall, "oidc:corp", NULL), ==, 0);
}

static void revoked(World *world) {
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, AUDIT_ID);
        const char *const ids[] = { id, NULL };
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(world->core, &root, &(SessionRevoke) { .ids = ids, .keep_login = true }, &ended,
                                       NULL), ==, 0);
}

static void by_key(World *world) {
        const LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1",
                                       .auth_info = "publickey ssh-ed25519 AAAA" };
        Caller sshd = world_pam(AUDIT_ID);

        g_assert_cmpint(world_ask(world, login_open, &sshd, &request).verdict, ==, LOGIN_ALLOW);
}

static void no_session(World *world) {
}

#define BY_KEY "and a login by key"

static const struct {
        const char *words;
        void (*log_in)(World *world);
} logins[] = {
        { "and a fresh login", fresh },       { "and a stale login", stale },
        { "and a login by another method", by_another_method },
        { "and a revoked login", revoked },   { BY_KEY, by_key },
        { "and no session", no_session },
};

/* The service; in each of them the role is wanted. No section names ftp. */

static const char *const services[] = { "sshd", "login", "sudo", "sudo-i", "su", "su-l", "ftp" };

static const char sections[] = "[role:everyone]\nusers=*\n"
                               "[service:sshd]\nroles=admin\n"
                               "[service:login]\nroles=admin\n"
                               "[service:sudo]\nroles=admin\nmax-age=15min\nmethods=pwd\n"
                               "[service:su]\nroles=admin\nmax-age=15min\nmethods=pwd\n";

/* What comes of it */

static const char *outcome(bool asked, LoginVerdict verdict) {
        if (verdict == LOGIN_ALLOW)
                return asked ? "asks for the password and lets in" : "lets in unasked";
        return asked ? "asks for the password and refuses" : "refuses unasked";
}

/* sudo, su: ask; at "step-up" prompt; then account, which has a say of its own. */
static const char *invoke(World *world, const Caller *caller, const LoginRequest *request) {
        LoginVerdict verdict = world_ask(world, login_check, caller, request).verdict;
        bool asked = verdict == LOGIN_STEP_UP;

        if (asked)
                verdict = world_authenticate(world, caller, request, ALICE_PASSWORD).verdict;
        if (verdict == LOGIN_ALLOW)
                verdict = world_ask(world, login_authorize, caller, request).verdict;
        else /* nobody is let past account who is refused here: with NOPASSWD it is all that is asked */
                g_assert_cmpint(world_ask(world, login_authorize, caller, request).verdict, ==, LOGIN_DENY);
        return outcome(asked, verdict);
}

/* sshd, login: prompt (not with a key), then account, then the session. Another login, whatever there is already. */
static const char *log_in_at(World *world, LoginRequest *request, bool key) {
        Caller child = world_pam_child(AUDIT_ID + 1), caller = world_pam(AUDIT_ID + 1);
        LoginAnswer answer = { .verdict = LOGIN_ALLOW };

        request->rhost = "192.0.2.1";
        if (!key)
                answer = world_authenticate(world, &child, request, ALICE_PASSWORD);
        request->session = answer.session;
        if (answer.verdict == LOGIN_ALLOW)
                answer.verdict = world_ask(world, login_authorize, &child, request).verdict;
        if (answer.verdict == LOGIN_ALLOW)
                answer.verdict = world_ask(world, login_open, &caller, request).verdict;
        return outcome(!key, answer.verdict);
}

static char *act_out(size_t role, size_t login, const char *service) {
        g_autofree char *policy = g_strconcat(roles[role].sections, sections, NULL);
        LoginRequest request = { .user = "alice", .service = service, .tty = "pts/1" };
        bool key = g_str_equal(logins[login].words, BY_KEY);
        g_autoptr(World) world = world_new();
        Caller caller = world_pam(AUDIT_ID);
        const char *found;

        logins[login].log_in(world); /* under a policy by which everybody may */
        world_use_policy(world, policy);
        roles[role].give(world);
        found = service_is_invoker(service) ? invoke(world, &caller, &request) : log_in_at(world, &request, key);
        return g_strdup_printf("%s %s, %s %s.", roles[role].words, logins[login].words, service, found);
}

/* The sentences, without comments and blank lines. */
static GHashTable *read_sentences(const char *path) {
        GHashTable *sentences = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_auto(GStrv) lines = NULL;
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++)
                if (**line && **line != '#' && !g_hash_table_add(sentences, g_strdup(*line)))
                        g_error("twice in %s: %s", path, *line);
        return sentences;
}

static void test_truth(const char *path) {
        g_autoptr(GHashTable) sentences = read_sentences(path);
        unsigned wrong = 0;

        for (size_t role = 0; role < G_N_ELEMENTS(roles); role++)
                for (size_t login = 0; login < G_N_ELEMENTS(logins); login++)
                        for (size_t service = 0; service < G_N_ELEMENTS(services); service++) {
                                g_autofree char *sentence = act_out(role, login, services[service]);
                                if (g_hash_table_remove(sentences, sentence))
                                        continue;
                                fprintf(stderr, "is so, and %s does not say it: %s\n", path, sentence);
                                wrong++;
                        }
        /* Each row came to another sentence, so what is left are the ones that are wrong. */
        g_assert_cmpuint(wrong, ==, 0);
        g_assert_cmpuint(g_hash_table_size(sentences), ==, 0);
}

int main(int argc, char **argv) {
        g_assert_cmpint(argc, ==, 2);
        test_truth(argv[1]);
        return 0;
}
