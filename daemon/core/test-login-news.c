/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The line that a person reads after a login. */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/test-devices.h"

#define DAY (24 * 3600)

/* alice logs in from @rhost (NULL: the console), and what she reads; g_free. */
static char *log_in(World *world, const char *secret, const char *rhost, const char *service) {
        LoginRequest request = { .user = "alice", .service = service, .rhost = rhost };
        Caller child = world_pam_child(6), pam = world_pam(AUDIT_ID_UNSET);
        LoginAnswer answer;

        pam.process = child.parent;
        answer = world_authenticate(world, &child, &request, secret);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        request.session = answer.session;
        g_assert_cmpint(login_open(world->core, &pam, &request, &answer), ==, 0);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_free(world_audit(world));
        return answer.message;
}

static void fail(World *world, const char *user, const char *rhost) {
        const LoginRequest request = { .user = user, .service = "sshd", .rhost = rhost };
        Caller child = world_pam_child(7);

        g_assert_cmpint(world_authenticate(world, &child, &request, WRONG_PASSWORD).verdict, !=, LOGIN_ALLOW);
        g_free(world_audit(world));
}

static void expect(World *world, const char *rhost, const char *wanted) {
        g_autofree char *line = log_in(world, ALICE_PASSWORD, rhost, "sshd");

        g_assert_cmpstr(line, ==, wanted);
}

static void test_the_first_login_has_nothing_to_tell(void) {
        g_autoptr(World) world = world_new();

        expect(world, "192.0.2.7", NULL);
}

static void test_the_last_login_and_what_failed_since(void) {
        g_autoptr(World) world = world_new();

        expect(world, "192.0.2.7", NULL);
        fake_clock_forward(&world->clock, 3600);
        for (unsigned i = 0; i < 3; i++)
                fail(world, "alice", "198.51.100.9");
        fake_clock_forward(&world->clock, 300);
        fail(world, "bob", "203.0.113.1"); /* another's */
        fake_clock_forward(&world->clock, 3600);
        expect(world, "192.0.2.8", "Last login: 2 h ago from 192.0.2.7. "
                                   "3 failed attempts since, the last 1 h ago from 198.51.100.9.");
        fake_clock_forward(&world->clock, 30);
        expect(world, NULL, "Last login: just now from 192.0.2.8.");
        fake_clock_forward(&world->clock, 3 * DAY);
        fail(world, "alice", NULL);
        expect(world, "192.0.2.8", "Last login: 3 d ago on this host. 1 failed attempt since, just now on this host.");
}

static void test_failures_before_the_first_login(void) {
        g_autoptr(World) world = world_new();

        fail(world, "alice", "198.51.100.9");
        fake_clock_forward(&world->clock, 120);
        fail(world, "alice", "198.51.100.9");
        fake_clock_forward(&world->clock, 60);
        expect(world, "192.0.2.7", "2 failed attempts so far, the last 1 min ago from 198.51.100.9.");
}

/* Only what was looked at and wrong: a throttled answer, an empty one, and a right one for another are none. */
static void test_what_counts_as_a_failure(void) {
        g_autoptr(World) world = world_new();
        const LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "198.51.100.9" };
        Caller child = world_pam_child(7);

        for (unsigned i = 0; i < BURST + 5; i++)
                fail(world, "alice", "198.51.100.9");
        (void) world_authenticate(world, &child, &request, "");
        g_free(world_audit(world));
        fake_clock_forward(&world->clock, 3600);
        expect(world, "192.0.2.7", "10 failed attempts so far, the last 1 h ago from 198.51.100.9.");
}

static void test_forged_tokens_are_failures(void) {
        g_autoptr(World) world = world_new();
        TestDevice unknown = test_device_new();

        test_device_expect(world, &unknown, 1, "token-invalid");
        fake_clock_forward(&world->clock, 60);
        expect(world, "192.0.2.7", "1 failed attempt so far, 1 min ago from 192.0.2.9.");
}

static void test_R2_a_copied_device_is_told_for_a_week(void) {
        static const char told[] = "Your device \"laptop\" was revoked %s because one of its tokens came twice: "
                                   "somebody may have copied it. Look with: tessera device list";
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *line = NULL, *later = NULL;
        TestDevice laptop = test_device_add(world, ALICE, 5, "laptop");
        g_autofree char *wanted = NULL;

        test_device_expect(world, &laptop, 1, NULL);
        test_device_expect(world, &laptop, 1, "reuse");
        fake_clock_forward(&world->clock, 180);
        line = log_in(world, ALICE_PASSWORD, "192.0.2.7", "sshd");
        wanted = g_strdup_printf(told, "3 min ago");
        assert(g_str_has_prefix(line, "Last login: 3 min ago from 192.0.2.9. "));
        g_assert_cmpstr(line + strlen("Last login: 3 min ago from 192.0.2.9. "), ==, wanted);
        fake_clock_forward(&world->clock, 7 * DAY);
        later = log_in(world, ALICE_PASSWORD, "192.0.2.7", "sshd");
        g_assert_cmpstr(later, ==, "Last login: 7 d ago from 192.0.2.7.");
}

/* What the network chose is one clean line. */
static void test_S8_the_line_is_clean(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *line = NULL;

        expect(world, "evil\n\x1b[2Jhost", NULL);
        line = log_in(world, ALICE_PASSWORD, "192.0.2.7", "sshd");
        g_assert_cmpstr(line, ==, "Last login: just now from evil??[2Jhost.");
}

int main(void) {
        test_the_first_login_has_nothing_to_tell();
        test_the_last_login_and_what_failed_since();
        test_failures_before_the_first_login();
        test_what_counts_as_a_failure();
        test_forged_tokens_are_failures();
        test_R2_a_copied_device_is_told_for_a_week();
        test_S8_the_line_is_clean();
        return 0;
}
