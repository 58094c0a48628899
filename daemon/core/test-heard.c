/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What web1 does when it is told what web2 did: to logins that are its own, and to what is under way. */

#undef NDEBUG
#include <assert.h>

#include "daemon/core/heard.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-devices.h"

#define WEB1 "web1.example"
#define WEB2 "web2.example"

/* alice is logged in at web1 in the login 5, and by her laptop in 6; at web2 in 7; bob at web1 in 8. */
typedef struct Scene {
        World *web1, *web2;
        StoreFeedHandler handler; /* web1's */
        TestDevice laptop;
        char *own, *by_device, *at_web2, *bobs;
} Scene;

static Scene scene_new(void) {
        Scene scene = { .web1 = world_new_sharing(NULL, WEB1) };
        g_autofree char *why = NULL;

        scene.web2 = world_new_sharing(scene.web1, WEB2);
        scene.handler = heard_handler(scene.web1->core);
        scene.own = world_log_in(scene.web1, "alice", ALICE_PASSWORD, 5);
        scene.laptop = test_device_add(scene.web1, ALICE, 5, "laptop");
        scene.laptop.audience = WEB1;
        scene.by_device = test_device_log_in(scene.web1, &scene.laptop, 1, 6, &why);
        scene.at_web2 = world_log_in(scene.web2, "alice", ALICE_PASSWORD, 7);
        scene.bobs = world_log_in(scene.web1, "bob", BOB_PASSWORD, 8);
        g_free(world_audit(scene.web1));
        return scene;
}

static void scene_deinit(Scene *scene) {
        world_free(scene->web2);
        world_free(scene->web1);
        g_free(scene->own);
        g_free(scene->by_device);
        g_free(scene->at_web2);
        g_free(scene->bobs);
}

#define _scene_ __attribute__((__cleanup__(scene_deinit)))

static void hear(Scene *scene, StoreFeedEntry entry) {
        scene->handler.entry(&entry, scene->handler.data);
}

/* Ends it in the store, as another host does; web1 is not told. */
static Session *end(Scene *scene, const char *id, SessionEvent event) {
        const SessionSelector selector = { .id = id, .uid = UID_UNSET };
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(store_session_end(scene->web2->store, &selector, event, "elsewhere", scene->web2->clock.wall,
                                          &ended), ==, 0);
        return world_session(scene->web2, id);
}

static void hear_session(Scene *scene, const char *id, SessionEvent event, StoreFeedEntry entry) {
        g_autoptr(Session) session = end(scene, id, event);

        entry.what = STORE_FEED_SESSION;
        entry.user = session->user;
        entry.uid = session->uid;
        entry.session = session;
        hear(scene, entry);
}

static StoreFeedEntry of_alice(StoreFeedWhat what) {
        return (StoreFeedEntry) { .what = what, .user = "alice", .uid = ALICE };
}

static void use_end_login_expired(World *world) {
        Settings *settings = world_settings(world);

        settings->end_login_expired = true;
        world_use_settings(world, settings);
}

/* Sessions */

static void test_a_revoked_session_ends_its_login_and_is_told(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *told = g_strdup_printf("revoked elsewhere alice %s by another host of the fleet", scene.own);

        hear_session(&scene, scene.own, SESSION_EVENT_REVOKE, (StoreFeedEntry) {});
        assert_ended(scene.web1, "session c5");
        assert_audit(scene.web1, told);
        assert_ended(scene.web2, "");
}

static void test_what_is_told_twice_is_done_twice(void) {
        _scene_ Scene scene = scene_new();

        hear_session(&scene, scene.own, SESSION_EVENT_REVOKE, (StoreFeedEntry) {});
        hear_session(&scene, scene.own, SESSION_EVENT_REVOKE, (StoreFeedEntry) {});
        assert_ended(scene.web1, "session c5; session c5");
}

static void test_logins_that_live_on(void) {
        static const struct {
                const char *sentence;
                SessionEvent event;
                StoreFeedEntry entry;
        } rows[] = {
                { "whoever revoked it said so", SESSION_EVENT_REVOKE, { .keep_login = true } },
                { "it was closed", SESSION_EVENT_CLOSE, {} },
                { "it has expired, and that ends no login here", SESSION_EVENT_EXPIRE, {} },
                { "this daemon did it, and has done what there is to do", SESSION_EVENT_REVOKE, { .own = true } },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                _scene_ Scene scene = scene_new();
                g_autofree char *ended = NULL;

                hear_session(&scene, scene.own, rows[i].event, rows[i].entry);
                ended = world_ended(scene.web1);
                if (*ended)
                        g_error("%s: %s", rows[i].sentence, ended);
        }
}

static void test_an_expired_one_where_that_ends_logins(void) {
        _scene_ Scene scene = scene_new();

        use_end_login_expired(scene.web1);
        hear_session(&scene, scene.own, SESSION_EVENT_EXPIRE, (StoreFeedEntry) {});
        assert_ended(scene.web1, "session c5");
}

static void test_another_hosts_session_is_that_hosts(void) {
        _scene_ Scene scene = scene_new();

        hear_session(&scene, scene.at_web2, SESSION_EVENT_REVOKE, (StoreFeedEntry) { .everybody = true });
        assert_ended(scene.web1, "");
        assert_audit(scene.web1, "");
}

static void test_a_login_of_another_boot_is_over(void) {
        _scene_ Scene scene = scene_new();
        g_autoptr(Session) session = end(&scene, scene.own, SESSION_EVENT_REVOKE);
        StoreFeedEntry entry = of_alice(STORE_FEED_SESSION);

        g_free(session->boot_id);
        session->boot_id = g_strdup("22222222-2222-3333-4444-555555555555");
        entry.session = session;
        hear(&scene, entry);
        assert_ended(scene.web1, "");
}

static void test_everybodys_end_with_all_that_they_have(void) {
        _scene_ Scene scene = scene_new();

        hear_session(&scene, scene.own, SESSION_EVENT_REVOKE, (StoreFeedEntry) { .everybody = true });
        assert_ended(scene.web1, "user 1000");
}

/* Users and devices */

/* In 6 alice has logged out, and her shell runs on. */
static Scene scene_left(void) {
        Scene scene = scene_new();

        (void) session_free(end(&scene, scene.by_device, SESSION_EVENT_CLOSE));
        return scene;
}

static void test_all_that_a_user_has(void) {
        static const struct {
                const char *sentence, *ended;
                StoreFeedEntry entry;
        } rows[] = {
                { "disabled", "user 1000", { .what = STORE_FEED_DISABLED } },
                { "removed", "user 1000", { .what = STORE_FEED_REMOVED } },
                { "revoked", "user 1000", { .what = STORE_FEED_REVOKED } },
                { "all others: one's own may be here", "session c6", { .what = STORE_FEED_REVOKED, .spares = true } },
                { "another password: the same", "session c6", { .what = STORE_FEED_PASSWORD } },
                { "the device of that login", "session c6", { .what = STORE_FEED_DEVICE } },
                { "another device", "", { .what = STORE_FEED_DEVICE, .device = "00000000000000000000000000000000" } },
                { "the logins are to live", "", { .what = STORE_FEED_REVOKED, .keep_login = true } },
                { "all others' are", "", { .what = STORE_FEED_REVOKED, .spares = true, .keep_login = true } },
                { "everybody: told session by session", "", { .what = STORE_FEED_EVERYBODY } },
                { "done here", "", { .what = STORE_FEED_DISABLED, .own = true } },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                _scene_ Scene scene = scene_left();
                StoreFeedEntry entry = rows[i].entry;
                g_autofree char *ended = NULL;

                entry.user = "alice";
                entry.uid = ALICE;
                if (!entry.device)
                        entry.device = scene.laptop.text;
                hear(&scene, entry);
                ended = world_ended(scene.web1);
                if (!g_str_equal(ended, rows[i].ended))
                        g_error("%s: \"%s\" instead of \"%s\"", rows[i].sentence, ended, rows[i].ended);
                assert_ended(scene.web2, "");
        }
}

/* Whoever has that uid here by now is not who was disabled. */
static void test_a_uid_that_is_anothers_here(void) {
        _scene_ Scene scene = scene_new();

        world_set_account(scene.web1, "alice", UID_UNSET);
        world_set_account(scene.web1, "carol", ALICE);
        hear(&scene, of_alice(STORE_FEED_DISABLED));
        assert_ended(scene.web1, "");
}

/* Other hosts' sessions are no reason to look no further (LEFT_LOGINS_MAX). */
static void test_left_logins_are_found_behind_other_hosts(void) {
        _scene_ Scene scene = scene_left();

        for (unsigned i = 0; i < 4100; i++) {
                g_autoptr(Session) session = world_session(scene.web2, scene.at_web2);
                g_autoptr(GPtrArray) closed = NULL;
                bool bound;

                (void) g_snprintf(session->id, SESSION_ID_SIZE, "%032x", i);
                session->audit_id = 100 + i;
                g_assert_cmpint(store_session_open(scene.web2->store, session, 32, &bound, &closed), ==, 0);
                (void) session_free(end(&scene, session->id, SESSION_EVENT_CLOSE));
        }
        hear(&scene, of_alice(STORE_FEED_PASSWORD));
        assert_ended(scene.web1, "session c6");
}

/* What is under way */

static const LoginRequest by_ssh = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1", .tty = "ssh" };

/* Does the session open that was authenticated, by @proof, before @entry (NULL: a gap) was told? */
static LoginVerdict open_behind(Scene *scene, const char *proof, const StoreFeedEntry *entry) {
        Caller child = world_pam_child(9), pam = world_pam(9);
        LoginRequest request = by_ssh;
        LoginAnswer answer = world_authenticate(scene->web1, &child, &request, proof);

        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        request.session = answer.session;
        if (entry)
                hear(scene, *entry);
        else
                scene->handler.gap(scene->handler.data);
        return world_ask(scene->web1, login_open, &pam, &request).verdict;
}

static void test_nobody_comes_in_behind_it(void) {
        static const struct {
                StoreFeedEntry entry;
                LoginVerdict verdict;
        } rows[] = {
                { { .what = STORE_FEED_DISABLED, .user = "alice", .uid = ALICE }, LOGIN_DENY },
                { { .what = STORE_FEED_REMOVED, .user = "alice", .uid = ALICE }, LOGIN_DENY },
                { { .what = STORE_FEED_PASSWORD, .user = "alice", .uid = ALICE }, LOGIN_DENY },
                { { .what = STORE_FEED_REVOKED, .user = "alice", .uid = ALICE }, LOGIN_DENY },
                { { .what = STORE_FEED_REVOKED, .user = "alice", .uid = ALICE, .keep_login = true }, LOGIN_DENY },
                { { .what = STORE_FEED_REVOKED, .user = "bob", .uid = BOB }, LOGIN_ALLOW },
                { { .what = STORE_FEED_EVERYBODY, .uid = UID_UNSET }, LOGIN_DENY },
                { { .what = STORE_FEED_EVERYBODY, .uid = UID_UNSET, .keep_login = true }, LOGIN_DENY },
                { { .what = STORE_FEED_EVERYBODY, .uid = UID_UNSET, .own = true }, LOGIN_ALLOW },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows) + 1; i++) {
                _scene_ Scene scene = scene_new();
                bool gap = i == G_N_ELEMENTS(rows);

                g_assert_cmpint(open_behind(&scene, ALICE_PASSWORD, gap ? NULL : &rows[i].entry), ==,
                                gap ? LOGIN_DENY : rows[i].verdict);
        }
}

/* Nor by a token of what has ended, whatever the store says of that by now. */
static void test_nobody_comes_in_out_of_it(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *token = world_token(scene.web1, ALICE, 5);
        g_autoptr(Session) own = world_session(scene.web1, scene.own), bobs = world_session(scene.web1, scene.bobs);
        const StoreFeedEntry entry = { .what = STORE_FEED_SESSION, .user = "alice", .uid = ALICE, .session = own };
        const StoreFeedEntry other = { .what = STORE_FEED_SESSION, .user = "bob", .uid = BOB, .session = bobs };

        own->state = bobs->state = SESSION_REVOKED;
        g_assert_cmpint(open_behind(&scene, token, &other), ==, LOGIN_ALLOW);
        g_assert_cmpint(open_behind(&scene, token, &entry), ==, LOGIN_DENY);
}

/* Gaps */

static void test_R12_a_gap_is_looked_into(void) {
        _scene_ Scene scene = scene_new();

        (void) session_free(end(&scene, scene.own, SESSION_EVENT_REVOKE));
        (void) session_free(end(&scene, scene.by_device, SESSION_EVENT_CLOSE));
        (void) session_free(end(&scene, scene.at_web2, SESSION_EVENT_REVOKE));
        assert(scene.handler.gap(scene.handler.data));
        assert_ended(scene.web1, "session c5");
        assert_ended(scene.web2, "");
}

static void test_R12_a_gap_that_cannot_be_looked_into_stays_one(void) {
        _scene_ Scene scene = scene_new();

        (void) session_free(end(&scene, scene.own, SESSION_EVENT_REVOKE));
        world_break_lists(scene.web1);
        assert(!scene.handler.gap(scene.handler.data));
        assert_ended(scene.web1, "");
}

int main(void) {
        test_a_revoked_session_ends_its_login_and_is_told();
        test_what_is_told_twice_is_done_twice();
        test_logins_that_live_on();
        test_an_expired_one_where_that_ends_logins();
        test_another_hosts_session_is_that_hosts();
        test_a_login_of_another_boot_is_over();
        test_everybodys_end_with_all_that_they_have();
        test_all_that_a_user_has();
        test_a_uid_that_is_anothers_here();
        test_left_logins_are_found_behind_other_hosts();
        test_nobody_comes_in_behind_it();
        test_nobody_comes_in_out_of_it();
        test_R12_a_gap_is_looked_into();
        test_R12_a_gap_that_cannot_be_looked_into_stays_one();
        return 0;
}
