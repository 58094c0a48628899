/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Keys and the host's name, changed while others work. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "daemon/core/device-admin.h"
#include "daemon/core/key-admin.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-devices.h"
#include "daemon/core/token-use.h"

#define RENAMED "renamed.example"

static TokenReason check(World *world, const char *token) {
        g_autoptr(TokenClaims) claims = NULL;
        g_auto(GStrv) roles = NULL;
        TokenReason reason;

        g_assert_cmpint(token_check(world->core, token, strlen(token), NULL, NULL, &reason, &claims, &roles), ==, 0);
        return reason;
}

static void rotate(World *world) {
        bool changed;

        g_assert_cmpint(key_admin_prepare(world->core, &world_root, &changed), ==, 0);
        g_assert_cmpint(key_admin_rotate(world->core, &world_root), ==, 0);
        g_free(world_audit(world));
}

static void test_nothing_rotates_unprepared(void) {
        g_autoptr(World) world = world_new();
        bool changed;

        g_assert_cmpint(key_admin_rotate(world->core, &world_root), ==, CORE_E_NOT_PREPARED);
        g_assert_cmpint(key_admin_prepare(world->core, &world_root, &changed), ==, 0);
        assert(changed);
        g_assert_cmpint(key_admin_prepare(world->core, &world_root, &changed), ==, 0);
        assert(!changed);
        assert_audit(world, "keys-prepared - - -");
        g_assert_cmpint(key_admin_rotate(world->core, &world_root), ==, 0);
        assert_audit(world, "keys-rotated - - -");
        g_assert_cmpint(key_admin_rotate(world->core, &world_root), ==, CORE_E_NOT_PREPARED);
}

static void test_J20_a_token_of_the_old_key_is_good_until_it_expires(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *old = world_token(world, ALICE, 5), *new = NULL;

        rotate(world);
        new = world_token(world, ALICE, 5);
        assert(strncmp(old, new, strcspn(old, ".")) != 0);
        fake_clock_forward(&world->clock, 899);
        g_assert_cmpint(core_sweep(world->core), ==, 0);
        g_assert_cmpint(check(world, old), ==, TOKEN_VALID);
        g_assert_cmpint(check(world, new), ==, TOKEN_VALID);
        fake_clock_forward(&world->clock, 1);
        g_assert_cmpint(check(world, old), ==, TOKEN_EXPIRED);
}

/* The sweep drops what no token can be under any more; the file goes, too. */
static void test_J20_the_old_key_goes_when_its_time_is_over(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *old = world_token(world, ALICE, 5), *file = NULL;
        g_autoptr(KeyRing) before = key_admin_ring(world->core), after = NULL;
        unsigned n = 0;

        file = g_build_filename(world->keys, key_ring_signing(before, KEY_TOKEN)->kid, NULL);
        rotate(world);
        fake_clock_forward(&world->clock, 959);
        g_assert_cmpint(core_sweep(world->core), ==, 0);
        assert(g_file_test(file, G_FILE_TEST_EXISTS));
        fake_clock_forward(&world->clock, 2);
        g_assert_cmpint(core_sweep(world->core), ==, 0);
        assert(!g_file_test(file, G_FILE_TEST_EXISTS));
        after = key_admin_ring(world->core);
        while (key_ring_at(after, n))
                n++;
        g_assert_cmpint(n, ==, 2); /* one of each use */
        g_assert_cmpint(check(world, old), ==, TOKEN_INVALID);
}

typedef struct Load {
        World *world;
        gint stop;
        gint made;
} Load;

static gpointer make_and_check(gpointer data) {
        Load *load = data;

        while (!g_atomic_int_get(&load->stop)) {
                g_autofree char *token = world_token(load->world, ALICE, 5);
                g_assert_cmpint(check(load->world, token), ==, TOKEN_VALID);
                g_atomic_int_inc(&load->made);
        }
        return NULL;
}

static void test_J20_nothing_fails_while_keys_rotate(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        Load load = { .world = world };
        GThread *threads[4];

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("load", make_and_check, &load);
        for (unsigned i = 0; i < 10; i++) {
                int made = g_atomic_int_get(&load.made);

                rotate(world);
                while (g_atomic_int_get(&load.made) < made + 20)
                        g_usleep(200);
        }
        g_atomic_int_set(&load.stop, 1);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                (void) g_thread_join(threads[i]);
}

static gpointer prepare(gpointer data) {
        bool changed = false;

        g_assert_cmpint(key_admin_prepare(((World *) data)->core, &world_root, &changed), ==, 0);
        return GINT_TO_POINTER(changed);
}

static void test_J20_changes_come_one_at_a_time(void) {
        g_autoptr(World) world = world_new();
        GThread *threads[8];
        int changed = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("prepare", prepare, world);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                changed += GPOINTER_TO_INT(g_thread_join(threads[i]));
        g_assert_cmpint(changed, ==, 1);
}

/* A folder that cannot be written changes nothing, and the audit says where. */
static void test_R10_a_change_that_cannot_be_kept_is_none(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *moved = NULL, *said = NULL;
        bool changed = false;
        int r;

        moved = g_strconcat(world->keys, ".away", NULL);
        g_assert_cmpint(g_rename(world->keys, moved), ==, 0);
        r = key_admin_prepare(world->core, &world_root, &changed);
        g_assert_cmpint(g_rename(moved, world->keys), ==, 0);
        g_assert_cmpint(r, <, 0);
        assert(!changed);
        said = world_audit(world);
        g_assert_cmpstr(said, ==, "keys-failed - - -");
        g_assert_cmpint(key_admin_rotate(world->core, &world_root), ==, CORE_E_NOT_PREPARED);
}

static void test_renaming(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        TestDevice laptop = test_device_add(world, ALICE, 5, "laptop");
        g_autofree char *old = world_token(world, ALICE, 5), *new = NULL, *name = NULL, *kept = NULL;
        g_autoptr(Session) session = NULL;
        bool changed;

        g_assert_cmpint(key_admin_rename(world->core, &world_root, RENAMED, &changed), ==, 0);
        assert(changed);
        assert_audit(world, "host-renamed - - -");
        name = core_host(world->core);
        g_assert_cmpstr(name, ==, RENAMED);
        g_assert_cmpint(store_meta_get(world->store, "name", &kept), ==, 0);
        g_assert_cmpstr(kept, ==, RENAMED);
        session = world_session(world, login);
        g_assert_cmpstr(session->host, ==, RENAMED);
        g_assert_cmpint(session->state, ==, SESSION_ACTIVE);
        g_assert_cmpint(check(world, old), ==, TOKEN_INVALID); /* it says another issuer */
        new = world_token(world, ALICE, 5);
        g_assert_cmpint(check(world, new), ==, TOKEN_VALID);
        test_device_expect(world, &laptop, 1, NULL); /* devices go on, under the name they know */
        g_assert_cmpint(key_admin_rename(world->core, &world_root, RENAMED, &changed), ==, 0);
        assert(!changed);
}

static void test_a_login_that_was_under_way_is_of_the_new_name(void) {
        g_autoptr(World) world = world_new();
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
        Caller child = world_pam_child(6), pam = world_pam(6);
        LoginAnswer answer = world_authenticate(world, &child, &request, ALICE_PASSWORD);
        g_autoptr(Session) session = NULL;
        bool changed;

        g_assert_cmpint(key_admin_rename(world->core, &world_root, RENAMED, &changed), ==, 0);
        request.session = answer.session;
        answer = world_ask(world, login_open, &pam, &request);
        session = world_session(world, answer.session);
        g_assert_cmpstr(session->host, ==, RENAMED);
}

static void rename_host(World *world) {
        bool changed;

        g_assert_cmpint(key_admin_rename(world->core, &world_root, RENAMED, &changed), ==, 0);
}

/* One of a name that this host no longer has would be closed by no reboot, and its login ended by no revocation. */
static void expect_no_session_of_the_old_name(World *world) {
        const SessionFilter filter = { .uid = ALICE };
        g_autoptr(GPtrArray) sessions = NULL;

        g_assert_cmpint(store_session_list(world->store, &filter, &sessions), ==, 0);
        for (guint i = 0; i < sessions->len; i++)
                g_assert_cmpstr(((Session *) sessions->pdata[i])->host, ==, RENAMED);
}

static void test_no_login_slips_in_behind_a_rename(void) {
        g_autoptr(World) world = world_new();
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
        Caller child = world_pam_child(6), pam = world_pam(6);
        LoginAnswer answer = world_authenticate(world, &child, &request, ALICE_PASSWORD);

        request.session = answer.session;
        world_before_open(world, rename_host);
        g_assert_cmpint(world_ask(world, login_open, &pam, &request).verdict, ==, LOGIN_DENY);
        expect_no_session_of_the_old_name(world);
}

static void test_nor_a_device_by_refreshing(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *first = NULL, *second = NULL;
        TestDevice robot = test_device_add(world, ALICE, 5, "robot");
        _cleanup_secret_ Secret *refresh = NULL, *again = NULL;
        const Caller alice = world_person(ALICE, AUDIT_ID_UNSET);
        g_autoptr(TokenClaims) claims = NULL;
        char *token = NULL;

        first = test_device_token(&robot, 1);
        refresh = world_secret(first);
        world_before_open(world, rename_host);
        g_assert_cmpint(device_refresh(world->core, &alice, refresh, 0, &token, &claims), ==, CORE_E_CREDENTIAL);
        expect_no_session_of_the_old_name(world);
        second = test_device_token(&robot, 2);
        again = world_secret(second);
        g_assert_cmpint(device_refresh(world->core, &alice, again, 0, &token, &claims), ==, 0);
        token = token_free(token);
}

static void test_names_that_cannot_be(void) {
        static const char *const names[] = { "", "Web1", "web_1", "-web", "web1.", "a b", "web1\n" };
        g_autoptr(World) world = world_new();
        bool changed;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                g_assert_cmpint(key_admin_rename(world->core, &world_root, names[i], &changed), ==, CORE_E_INVALID);
}

static void test_a_name_of_the_configuration_is_not_changed_here(void) {
        g_autoptr(World) world = world_new();
        Settings *settings = world_settings(world);
        bool changed = true;

        settings->name = g_strdup(HOST);
        world_use_settings(world, settings);
        g_assert_cmpint(key_admin_rename(world->core, &world_root, RENAMED, &changed), ==, CORE_E_DENIED);
        g_assert_cmpint(key_admin_rename(world->core, &world_root, HOST, &changed), ==, 0);
        assert(!changed);
}

int main(void) {
        test_nothing_rotates_unprepared();
        test_J20_a_token_of_the_old_key_is_good_until_it_expires();
        test_J20_the_old_key_goes_when_its_time_is_over();
        test_J20_nothing_fails_while_keys_rotate();
        test_J20_changes_come_one_at_a_time();
        test_R10_a_change_that_cannot_be_kept_is_none();
        test_renaming();
        test_a_login_that_was_under_way_is_of_the_new_name();
        test_no_login_slips_in_behind_a_rename();
        test_nor_a_device_by_refreshing();
        test_names_that_cannot_be();
        test_a_name_of_the_configuration_is_not_changed_here();
        return 0;
}
