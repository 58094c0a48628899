/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Logging out leaves the shell alone. Whoever logs out in time must not escape what ends the login. */

#undef NDEBUG
#include <assert.h>

#include "daemon/core/device-admin.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-devices.h"
#include "daemon/core/user-admin.h"

static void log_out(World *world, uint32_t audit_id) {
        Caller alice = world_person(ALICE, audit_id);
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_logout(world->core, &alice, /* others= */ false, &ended), ==, 0);
        g_assert_cmpint(ended->len, ==, 1);
        g_free(world_audit(world));
        assert_ended(world, "");
}

/* alice's own login is 5; a thief has a copy of her laptop in 6, and her password in 7. */
typedef struct Scene {
        World *world;
        char *own;
        TestDevice laptop;
} Scene;

static Scene scene_new(void) {
        Scene scene = { .world = world_new() };
        g_autofree char *copied = NULL, *stolen = NULL, *why = NULL;

        scene.own = world_log_in(scene.world, "alice", ALICE_PASSWORD, 5);
        scene.laptop = test_device_add(scene.world, ALICE, 5, "laptop");
        copied = test_device_log_in(scene.world, &scene.laptop, 1, 6, &why);
        stolen = world_log_in(scene.world, "alice", ALICE_PASSWORD, 7);
        return scene;
}

static void scene_deinit(Scene *scene) {
        world_free(scene->world);
        g_free(scene->own);
}

#define _scene_ __attribute__((__cleanup__(scene_deinit)))

static void test_R2_reuse_ends_a_login_that_was_logged_out(void) {
        _scene_ Scene scene = scene_new();

        log_out(scene.world, 6);
        log_out(scene.world, 7);
        test_device_expect(scene.world, &scene.laptop, 1, "reuse");
        assert_ended(scene.world, "session c6");
        g_assert_cmpint(world_state(scene.world, scene.own), ==, SESSION_ACTIVE);
}

static void test_revoking_the_device_does_too(void) {
        _scene_ Scene scene = scene_new();
        Caller alice = world_person(ALICE, 5);
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        log_out(scene.world, 6);
        g_assert_cmpint(device_revoke(scene.world->core, &alice, "laptop", NULL, NULL, &changed, &ended), ==, 0);
        g_assert_cmpint(ended->len, ==, 0);
        assert_ended(scene.world, "session c6");
}

static void test_another_password_and_revoking_all_others_do_too(void) {
        for (unsigned keep = 0; keep < 3; keep++) {
                _scene_ Scene scene = scene_new();
                _cleanup_secret_ Secret *old = world_secret(ALICE_PASSWORD), *new = world_secret("another password");
                Caller alice = world_person(ALICE, 5);
                g_autoptr(GPtrArray) ended = NULL;

                log_out(scene.world, 6);
                log_out(scene.world, 7);
                if (keep == 2)
                        g_assert_cmpint(user_change_password(scene.world->core, &alice, "alice", old, new, NULL), ==, 0);
                else
                        g_assert_cmpint(session_revoke(scene.world->core, &alice,
                                                       &(SessionRevoke) { .others = true, .keep_login = keep == 1 },
                                                       &ended, NULL), ==, 0);
                assert_ended(scene.world, keep == 1 ? "" : "session c6; session c7");
        }
}

/* What has ended already is not asked to end. */
static void test_a_login_that_is_over_is_left_alone(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *why = NULL, *id = test_device_log_in(scene.world, &scene.laptop, 2, 8, &why);
        const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

        g_assert_cmpint(login_close(scene.world->core, &root, id), ==, 0);
        test_device_expect(scene.world, &scene.laptop, 2, "reuse");
        assert_ended(scene.world, "session c6");
}

int main(void) {
        test_R2_reuse_ends_a_login_that_was_logged_out();
        test_revoking_the_device_does_too();
        test_another_password_and_revoking_all_others_do_too();
        test_a_login_that_is_over_is_left_alone();
        return 0;
}
