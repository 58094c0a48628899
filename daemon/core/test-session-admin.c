/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-world.h"
#include "daemon/core/token-use.h"

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

/* alice in logins 5 and 6, the second by a token of the first; alice in login 7; bob in login 8. */
typedef struct Scene {
        World *world;
        char *parent, *child, *third, *bob, *token;
} Scene;

static Scene scene_new(void) {
        Scene scene = { .world = world_new() };

        scene.parent = world_log_in(scene.world, "alice", ALICE_PASSWORD, 5);
        scene.token = world_token(scene.world, ALICE, 5);
        scene.child = world_log_in(scene.world, "alice", scene.token, 6);
        scene.third = world_log_in(scene.world, "alice", ALICE_PASSWORD, 7);
        scene.bob = world_log_in(scene.world, "bob", BOB_PASSWORD, 8);
        return scene;
}

static void scene_clear(Scene *scene) {
        world_free(scene->world);
        g_free(scene->parent);
        g_free(scene->child);
        g_free(scene->third);
        g_free(scene->bob);
        token_free(scene->token);
}

#define _scene_ __attribute__((__cleanup__(scene_clear))) Scene

/* The states of parent, child, third and bob, one letter each. */
static void expect_states(const Scene *scene, const char *sentence, const char *states) {
        const char *const ids[] = { scene->parent, scene->child, scene->third, scene->bob };
        char found[5] = "";

        for (size_t i = 0; i < 4; i++)
                found[i] = session_state_to_string(world_state(scene->world, ids[i]))[0];
        if (strcmp(found, states) != 0)
                g_error("%s: %s instead of %s", sentence, found, states);
}

static guint revoked(const Scene *scene, const Caller *caller, SessionRevoke what) {
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(scene->world->core, caller, &what, &ended, NULL), ==, 0);
        return ended->len;
}

static void test_current_is_the_callers_login(void) {
        _scene_ scene = scene_new();
        Caller alice = world_person(ALICE, 5), elsewhere = world_person(ALICE, 99), bob = world_person(BOB, 5);
        g_autoptr(Session) current = NULL, none = NULL;

        fake_clock_forward(&scene.world->clock, 10);
        g_assert_cmpint(session_current(scene.world->core, &alice, &current), ==, 0);
        g_assert_cmpstr(current->id, ==, scene.parent);
        g_assert_cmpint(current->seen, ==, scene.world->clock.wall);
        g_assert_cmpint(session_current(scene.world->core, &elsewhere, &none), ==, CORE_E_NOT_SIGNED_IN);
        /* B5: bob in alice's terminal has the audit id, and not the uid. */
        g_assert_cmpint(session_current(scene.world->core, &bob, &none), ==, CORE_E_NOT_SIGNED_IN);
        g_assert_cmpint(session_current(scene.world->core, &root, &none), ==, CORE_E_NOT_SIGNED_IN);
        alice.uid = UID_UNSET;
        g_assert_cmpint(session_current(scene.world->core, &alice, &none), ==, CORE_E_DENIED);
}

static void test_B3_who_may_list_what(void) {
        static const struct {
                const char *sentence;
                uid_t caller, asked;
                int result;
                guint n;
        } rows[] = {
                { "root, everybody's", 0, UID_UNSET, 0, 4 },
                { "root, alice's", 0, ALICE, 0, 3 },
                { "root's own, of which there are none", 0, 0, 0, 0 },
                { "alice, her own", ALICE, ALICE, 0, 3 },
                { "bob, his own", BOB, BOB, 0, 1 },
                { "bob, alice's", BOB, ALICE, CORE_E_DENIED, 0 },
                { "bob, everybody's", BOB, UID_UNSET, CORE_E_DENIED, 0 },
                { "a caller of whom nobody knows who it is", UID_UNSET, UID_UNSET, CORE_E_DENIED, 0 },
        };
        _scene_ scene = scene_new();

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GPtrArray) sessions = NULL;
                Caller caller = world_person(rows[i].caller, 99);
                int r = session_list(scene.world->core, &caller, &(SessionFilter) { .uid = rows[i].asked }, &sessions);

                if (r != rows[i].result || (r == 0 && sessions->len != rows[i].n))
                        g_error("%s: %d, %u sessions", rows[i].sentence, r, sessions ? sessions->len : 0);
        }
}

static void test_what_is_over_is_listed_as_over_before_any_sweep(void) {
        const SessionFilter everybody = { .uid = UID_UNSET, .ended = true };
        _scene_ scene = scene_new();
        g_autoptr(GPtrArray) active = NULL, all = NULL;

        world_set_settings(scene.world, /* idle= */ 60, 7 * 24 * 3600, 32);
        fake_clock_forward(&scene.world->clock, 61);
        g_assert_cmpint(session_list(scene.world->core, &root, &(SessionFilter) { .uid = UID_UNSET }, &active), ==, 0);
        g_assert_cmpint(active->len, ==, 0);
        g_assert_cmpint(session_list(scene.world->core, &root, &everybody, &all), ==, 0);
        g_assert_cmpint(all->len, ==, 4);
        g_assert_cmpint(((Session *) all->pdata[0])->state, ==, SESSION_EXPIRED);
        g_assert_cmpstr(((Session *) all->pdata[0])->end_reason, ==, "idle");
}

static void test_show_with_its_events(void) {
        _scene_ scene = scene_new();
        g_autoptr(GPtrArray) events = NULL;
        g_autoptr(Session) session = NULL;
        Caller alice = world_person(ALICE, 5), sudo = world_pam(5);

        (void) world_ask(scene.world, login_check, &sudo, &(LoginRequest) { .user = "alice", .service = "sudo" });
        scene.parent[8] = '\0';
        g_assert_cmpint(session_show(scene.world->core, &alice, scene.parent, &session, &events), ==, 0);
        g_assert_cmpint(events->len, ==, 3);
        g_assert_cmpstr(((Event *) events->pdata[0])->event, ==, "opened");
        g_assert_cmpstr(((Event *) events->pdata[1])->event, ==, "token-made");
        g_assert_cmpstr(((Event *) events->pdata[2])->event, ==, "used");
        g_assert_cmpstr(((Event *) events->pdata[2])->service, ==, "sudo");
}

/* B3, B5: somebody else's id is answered like one that does not exist. */
static void test_B5_others_sessions_are_not_there(void) {
        _scene_ scene = scene_new();
        const char *const ids[] = { scene.parent, NULL };
        g_autoptr(GPtrArray) events = NULL, ended = NULL;
        g_autofree char *culprit = NULL;
        g_autoptr(Session) session = NULL;
        Caller bob = world_person(BOB, 8);

        g_assert_cmpint(session_show(scene.world->core, &bob, scene.parent, &session, &events), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(session_revoke(scene.world->core, &bob, &(SessionRevoke) { .ids = ids }, &ended, &culprit),
                        ==, CORE_E_NOT_FOUND);
        g_assert_cmpstr(culprit, ==, scene.parent);
        g_assert_cmpint(session_revoke(scene.world->core, &bob, &(SessionRevoke) { .user = "alice" }, &ended, NULL),
                        ==, CORE_E_DENIED);
        g_assert_cmpint(session_revoke(scene.world->core, &bob, &(SessionRevoke) { .user = "nobody-here" }, &ended,
                                       NULL), ==, CORE_E_DENIED);
        g_assert_cmpint(session_revoke(scene.world->core, &bob, &(SessionRevoke) { .all = true }, &ended, NULL), ==,
                        CORE_E_DENIED);
        bob.uid = UID_UNSET;
        g_assert_cmpint(session_revoke(scene.world->core, &bob, &(SessionRevoke) { .all = true }, &ended, NULL), ==,
                        CORE_E_DENIED);
        expect_states(&scene, "nothing happened", "aaaa");
        assert_ended(scene.world, "");
}

static void test_prefixes_that_are_none(void) {
        static const char *const prefixes[] = { "", "xyz", "0123456789abcdef0123456789abcdef0", "%", "ABC", "../" };
        _scene_ scene = scene_new();
        g_autoptr(GPtrArray) events = NULL;
        g_autoptr(Session) session = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
                g_assert_cmpint(session_show(scene.world->core, &root, prefixes[i], &session, &events), ==,
                                CORE_E_NOT_FOUND);
}

static void test_revoking_one_ends_its_children_tokens_and_logins(void) {
        _scene_ scene = scene_new();
        const char *const ids[] = { scene.parent, NULL };
        Caller alice = world_person(ALICE, 7);
        g_autoptr(TokenClaims) claims = NULL;
        g_auto(GStrv) roles = NULL;
        TokenReason reason;

        g_assert_cmpint(revoked(&scene, &alice, (SessionRevoke) { .ids = ids, .reason = "lost laptop" }), ==, 2);
        expect_states(&scene, "the child too", "rraa");
        assert_ended(scene.world, "session c5; session c6");
        g_assert_cmpint(token_check(scene.world->core, scene.token, strlen(scene.token), NULL, NULL, &reason, &claims,
                                    &roles), ==, 0);
        g_assert_cmpint(reason, ==, TOKEN_REVOKED);
        {
                g_autoptr(Session) session = world_session(scene.world, scene.parent);
                g_assert_cmpstr(session->end_reason, ==, "lost laptop");
        }
        g_assert_cmpint(revoked(&scene, &alice, (SessionRevoke) { .ids = ids }), ==, 0); /* again */
        assert_ended(scene.world, "");
}

static void test_keep_login_spares_the_shell_and_nothing_else(void) {
        _scene_ scene = scene_new();
        const char *const ids[] = { scene.parent, NULL };
        Caller sudo = world_pam(5);

        g_assert_cmpint(revoked(&scene, &root, (SessionRevoke) { .ids = ids, .keep_login = true }), ==, 2);
        assert_ended(scene.world, "");
        g_assert_cmpstr(world_ask(scene.world, login_check, &sudo,
                                  &(LoginRequest) { .user = "alice", .service = "sudo" }).reason, ==,
                        WIRE_REASON_REVOKED);
        g_assert_cmpint(revoked(&scene, &root, (SessionRevoke) { .user = "alice", .keep_login = true }), ==, 1);
        assert_ended(scene.world, "");
}

static void test_all_ids_are_found_before_any_is_revoked(void) {
        _scene_ scene = scene_new();
        const char *const unknown[] = { scene.parent, "ffffffffffffffffffffffffffffffff", NULL };
        g_autoptr(GPtrArray) ended = NULL;
        g_autofree char *culprit = NULL;

        g_assert_cmpint(session_revoke(scene.world->core, &root, &(SessionRevoke) { .ids = unknown }, &ended,
                                       &culprit), ==, CORE_E_NOT_FOUND);
        g_assert_cmpstr(culprit, ==, "ffffffffffffffffffffffffffffffff");
        expect_states(&scene, "none", "aaaa");
}

static void add_session(World *world, const char *id) {
        g_autoptr(Session) session = session_new();
        g_autoptr(GPtrArray) ended = NULL;
        bool bound;

        (void) g_strlcpy(session->id, id, sizeof(session->id));
        session->user = g_strdup("bob");
        session->uid = BOB;
        session->host = g_strdup(HOST);
        session->boot_id = g_strdup(BOOT);
        session->service = g_strdup("sshd");
        session->state = SESSION_ACTIVE;
        session->methods = g_new0(char *, 1);
        session->roles = g_new0(char *, 1);
        session->opened = session->seen = world->clock.wall;
        session->ends = world->clock.wall + 1000;
        g_assert_cmpint(store_session_open(world->store, session, 32, &bound, &ended), ==, 0);
}

static void test_ambiguous_prefixes_revoke_nothing(void) {
        _scene_ scene = scene_new();
        const char *const ids[] = { scene.parent, "abcdef0", NULL };
        g_autoptr(GPtrArray) ended = NULL;
        g_autofree char *culprit = NULL;

        add_session(scene.world, "abcdef00000000000000000000000001");
        add_session(scene.world, "abcdef00000000000000000000000002");
        g_assert_cmpint(session_revoke(scene.world->core, &root, &(SessionRevoke) { .ids = ids }, &ended, &culprit),
                        ==, CORE_E_AMBIGUOUS);
        g_assert_cmpstr(culprit, ==, "abcdef0");
        expect_states(&scene, "none", "aaaa");
}

static void test_revoking_a_user_ends_the_user_manager_too(void) {
        _scene_ scene = scene_new();
        g_autofree char *lines = NULL;
        Caller bob = world_person(BOB, 8);

        g_assert_cmpint(revoked(&scene, &root, (SessionRevoke) { .user = "alice" }), ==, 3);
        expect_states(&scene, "all of hers", "rrra");
        lines = world_ended(scene.world);
        assert(strstr(lines, "session c5") && strstr(lines, "session c6") && strstr(lines, "session c7"));
        assert(strstr(lines, "user 1000") && !strstr(lines, "c8"));
        g_assert_cmpint(revoked(&scene, &bob, (SessionRevoke) { .user = "bob" }), ==, 1);
        assert_ended(scene.world, "session c8; user 1001");
        g_assert_cmpint(session_revoke(scene.world->core, &root, &(SessionRevoke) { .user = "carol" },
                                       &(GPtrArray *) { NULL }, NULL), ==, CORE_E_NOT_FOUND);
}

static void test_revoking_everybody(void) {
        _scene_ scene = scene_new();
        g_autofree char *lines = NULL;

        g_assert_cmpint(revoked(&scene, &root, (SessionRevoke) { .all = true }), ==, 4);
        expect_states(&scene, "all", "rrrr");
        lines = world_ended(scene.world);
        assert(strstr(lines, "user 1000") && strstr(lines, "user 1001") && strstr(lines, "session c8"));
}

/* "others" spares the caller's login, its session and whom that came from. */
static void test_others_spares_this_login_and_its_ancestors(void) {
        _scene_ scene = scene_new();
        Caller child = world_person(ALICE, 6);

        g_assert_cmpint(revoked(&scene, &child, (SessionRevoke) { .others = true }), ==, 1);
        expect_states(&scene, "but the third", "aara");
        assert_ended(scene.world, "session c7");
}

static void test_others_without_a_session_are_all_but_the_login_is_spared(void) {
        _scene_ scene = scene_new();
        Caller alice = world_person(ALICE, 99);

        (void) g_strlcpy(alice.logind_id, "c7", sizeof(alice.logind_id));
        g_assert_cmpint(revoked(&scene, &alice, (SessionRevoke) { .others = true }), ==, 3);
        expect_states(&scene, "all of hers", "rrra");
        assert_ended(scene.world, "session c5; session c6");
}

static void test_logout_closes_and_leaves_shell_and_children(void) {
        _scene_ scene = scene_new();
        Caller alice = world_person(ALICE, 5);
        g_autoptr(GPtrArray) ended = NULL, again = NULL;

        g_assert_cmpint(session_logout(scene.world->core, &alice, /* others= */ false, &ended), ==, 0);
        g_assert_cmpint(ended->len, ==, 1);
        expect_states(&scene, "closed", "caaa");
        assert_ended(scene.world, "");
        g_assert_cmpint(session_logout(scene.world->core, &alice, /* others= */ false, &again), ==,
                        CORE_E_NOT_SIGNED_IN);
}

static void test_exactly_one_thing_is_revoked_at_a_time(void) {
        _scene_ scene = scene_new();
        const char *const ids[] = { scene.parent, NULL };
        g_autofree char *long_reason = g_strnfill(201, 'x');
        const SessionRevoke rows[] = {
                { .ids = NULL },
                { .ids = ids, .user = "alice" },
                { .others = true, .all = true },
                { .user = "alice", .reason = long_reason },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GPtrArray) ended = NULL;
                g_assert_cmpint(session_revoke(scene.world->core, &root, &rows[i], &ended, NULL), ==, CORE_E_INVALID);
        }
        expect_states(&scene, "nothing happened", "aaaa");
}

/* S8: an admin's own words are kept, as one line. */
static void test_S8_reasons_are_one_line(void) {
        _scene_ scene = scene_new();
        g_autoptr(Session) session = NULL;

        (void) revoked(&scene, &root, (SessionRevoke) { .user = "bob", .reason = "left\nrefused: root\x1b[2J" });
        session = world_session(scene.world, scene.bob);
        g_assert_cmpstr(session->end_reason, ==, "left?refused: root?[2J");
}

/* Logins of the system's own accounts, of other hosts and of earlier boots are not this host's to end. */
static void test_whose_logins_are_never_ended(void) {
        _scene_ scene = scene_new();
        g_autoptr(Session) session = world_session(scene.world, scene.bob);
        GPtrArray *one = g_ptr_array_new();

        g_ptr_array_add(one, session);
        core_end_logins(scene.world->core, one, "c8");
        assert_ended(scene.world, "");
        session->uid = 999;
        core_end_logins(scene.world->core, one, NULL);
        session->uid = 0;
        core_end_logins(scene.world->core, one, NULL);
        session->uid = BOB;
        g_free(session->boot_id);
        session->boot_id = g_strdup("another");
        core_end_logins(scene.world->core, one, NULL);
        g_free(session->boot_id);
        session->boot_id = g_strdup(BOOT);
        g_free(session->host);
        session->host = g_strdup("another.example");
        core_end_logins(scene.world->core, one, NULL);
        core_end_user(scene.world->core, 0);
        core_end_user(scene.world->core, 999);
        core_end_user(scene.world->core, UID_UNSET);
        assert_ended(scene.world, "");
        g_ptr_array_unref(one);
}

static void test_a_commit_that_failed_revokes_nothing(void) {
        _scene_ scene = scene_new();
        g_autoptr(GPtrArray) ended = NULL;
        uint64_t mark;

        world_break_writes(scene.world);
        g_assert_cmpint(session_revoke(scene.world->core, &root, &(SessionRevoke) { .user = "alice" }, &ended, NULL),
                        ==, -EIO);
        assert(!ended);
        assert_ended(scene.world, "");
        assert_audit(scene.world, "");
        /* The bar is gone with the failed call: logins work. */
        mark = pending_mark(scene.world->core->pending, ALICE);
        assert(pending_mark_holds(scene.world->core->pending, ALICE, mark));
}

int main(void) {
        test_current_is_the_callers_login();
        test_B3_who_may_list_what();
        test_what_is_over_is_listed_as_over_before_any_sweep();
        test_show_with_its_events();
        test_B5_others_sessions_are_not_there();
        test_prefixes_that_are_none();
        test_revoking_one_ends_its_children_tokens_and_logins();
        test_keep_login_spares_the_shell_and_nothing_else();
        test_all_ids_are_found_before_any_is_revoked();
        test_ambiguous_prefixes_revoke_nothing();
        test_revoking_a_user_ends_the_user_manager_too();
        test_revoking_everybody();
        test_others_spares_this_login_and_its_ancestors();
        test_others_without_a_session_are_all_but_the_login_is_spared();
        test_logout_closes_and_leaves_shell_and_children();
        test_exactly_one_thing_is_revoked_at_a_time();
        test_S8_reasons_are_one_line();
        test_whose_logins_are_never_ended();
        test_a_commit_that_failed_revokes_nothing();
        return 0;
}
