/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Who may administer: each condition of admin.h a row with a sentence. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/core/admin.h"
#include "daemon/core/device-admin.h"
#include "daemon/core/key-admin.h"
#include "daemon/core/role-admin.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-world.h"
#include "daemon/core/user-admin.h"

#define KEEPERS "[role:keeper]\nusers=alice carol\n"
#define SECTION "[service:tessera]\nroles=keeper\n"

/* Logins of alice's, who is a keeper, by the way that they came. */
enum {
        BY_PASSWORD = 5,
        BY_TOKEN,
        BY_KEY,
        CAPPED,      /* at most the role everyone */
        CAPPED_WIDE, /* at most everyone and keeper */
        BY_PROVIDER, /* a provider's flow that was finished just now */
        BOBS,        /* bob's, who is none, by password */
        BOBS_KEY,
};

static void log_in_by_key(World *world, const char *user, uint32_t audit_id) {
        Caller pam = world_pam(audit_id);

        g_assert_cmpint(world_ask(world, login_open, &pam, &(LoginRequest) { .user = user, .service = "sshd" }).verdict,
                        ==, LOGIN_ALLOW);
}

/* A login of alice's as by password, but with this cap (NULL: none) and proven by this method. */
static void log_in_otherwise(World *world, uint32_t audit_id, const char *const *cap, const char *method) {
        g_autofree char *origin = world_log_in(world, "alice", ALICE_PASSWORD, audit_id + 100);
        g_autoptr(Session) session = world_session(world, origin);
        g_autoptr(GPtrArray) evicted = NULL;
        bool bound;

        memset(session->id, '0' + (int) (audit_id % 10), SESSION_ID_SIZE - 1);
        session->audit_id = audit_id;
        session->role_cap = g_strdupv((char **) cap);
        g_strfreev(session->methods);
        session->methods = g_strdupv((char **) (const char *const[]) { method, NULL });
        g_free(session->auth_method);
        session->auth_method = g_strdup(method);
        g_assert_cmpint(store_session_open(world->store, session, 100, &bound, &evicted), ==, 0);
        assert(bound);
}

static World *scene_new(void) {
        static const char *const narrow[] = { "everyone", NULL }, *const wide[] = { "everyone", "keeper", NULL };
        World *world = world_new();
        g_autofree char *first = NULL, *token = NULL, *second = NULL, *bobs = NULL;

        world_set_policy(world, "nobody", KEEPERS SECTION);
        first = world_log_in(world, "alice", ALICE_PASSWORD, BY_PASSWORD);
        token = world_token(world, ALICE, BY_PASSWORD);
        second = world_log_in(world, "alice", token, BY_TOKEN);
        log_in_by_key(world, "alice", BY_KEY);
        log_in_otherwise(world, CAPPED, narrow, "pwd");
        log_in_otherwise(world, CAPPED_WIDE, wide, "pwd");
        log_in_otherwise(world, BY_PROVIDER, NULL, "oidc:corp");
        bobs = world_log_in(world, "bob", BOB_PASSWORD, BOBS);
        log_in_by_key(world, "bob", BOBS_KEY);
        g_free(world_audit(world));
        return world;
}

/* What happens before somebody asks. */

static void step_up(World *world, uint32_t audit_id) {
        Caller alice = world_person(ALICE, audit_id);

        g_assert_cmpint(world_authenticate(world, &alice, &(LoginRequest) { .user = "alice", .service = "tessera" },
                                           ALICE_PASSWORD).verdict, ==, LOGIN_ALLOW);
}

static void step_up_key_login(World *world) {
        step_up(world, BY_KEY);
}

static void step_up_capped_login(World *world) {
        step_up(world, CAPPED);
}

static void wait_max_age(World *world) {
        fake_clock_forward(&world->clock, 900);
}

static void wait_longer(World *world) {
        fake_clock_forward(&world->clock, 901);
}

static void wait_and_step_up(World *world) {
        wait_longer(world);
        step_up(world, BY_PASSWORD);
}

static void set_clock_back(World *world) {
        world->clock.wall -= 1;
}

static void log_out(World *world) {
        Caller alice = world_person(ALICE, BY_PASSWORD);
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_logout(world->core, &alice, /* others= */ false, &ended), ==, 0);
}

static void log_out_capped(World *world) {
        Caller alice = world_person(ALICE, CAPPED);
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_logout(world->core, &alice, /* others= */ false, &ended), ==, 0);
}

static void log_out_and_step_up(World *world) {
        log_out(world);
        step_up(world, BY_PASSWORD);
}

static void revoke_all(World *world) {
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(world->core, &world_root, &(SessionRevoke) { .user = "alice" }, &ended, NULL), ==,
                        0);
}

static void disable(World *world) {
        bool changed;

        g_assert_cmpint(user_set_enabled(world->core, &world_root, "alice", false, &changed), ==, 0);
}

static void let_idle(World *world) {
        world_set_settings(world, /* idle= */ 100, 7 * 24 * 3600, 32);
        world_set_policy(world, "nobody", KEEPERS SECTION);
        fake_clock_forward(&world->clock, 101);
}

static void take_role_away(World *world) {
        world_set_policy(world, "nobody", "[role:keeper]\nusers=carol\n" SECTION);
}

static void take_section_away(World *world) {
        world_set_policy(world, "nobody", KEEPERS);
}

static void ask_for_a_password(World *world) {
        world_set_policy(world, "nobody", KEEPERS SECTION "methods=pwd");
}

static void ask_for_a_minute(World *world) {
        world_set_policy(world, "nobody", KEEPERS SECTION "max-age=1min");
        fake_clock_forward(&world->clock, 61);
}

static void allow_an_hour(World *world) {
        world_set_policy(world, "nobody", KEEPERS SECTION "max-age=1h");
        fake_clock_forward(&world->clock, 3600);
}

static void let_an_included_role(World *world) {
        world_set_policy(world, "nobody", KEEPERS "[role:helper]\n[role:chief]\nusers=alice\nincludes=helper\n"
                                                  "[service:tessera]\nroles=helper");
}

static void assign_role(World *world) {
        g_autofree char *culprit = NULL;
        bool changed;

        g_assert_cmpint(role_grant(world->core, &world_root, "keeper", "bob", 60, NULL, &changed, &culprit), ==, 0);
}

static void assign_role_and_wait(World *world) {
        assign_role(world);
        fake_clock_forward(&world->clock, 60);
}

static void move_account(World *world) {
        world_set_account(world, "alice", 1700);
        world_set_account(world, "mallory", ALICE);
}

static void remove_account(World *world) {
        world_set_account(world, "alice", UID_UNSET);
}

static void break_accounts(World *world) {
        world->identities.error = -EIO;
}

static const struct {
        const char *sentence;
        uid_t uid;
        uint32_t audit_id;
        void (*before)(World *world);
        int check, still;
} rows[] = {
        { "root may, from outside every login", 0, AUDIT_ID_UNSET, NULL, 0, 0 },
        { "root may without a section", 0, BOBS, take_section_away, 0, 0 },
        { "an unset uid may not", UID_UNSET, BY_PASSWORD, NULL, CORE_E_DENIED, CORE_E_DENIED },
        { "a keeper may after a password", ALICE, BY_PASSWORD, NULL, 0, 0 },
        { "a keeper by an included role may", ALICE, BY_PASSWORD, let_an_included_role, 0, 0 },
        { "at max-age it is fresh", ALICE, BY_PASSWORD, wait_max_age, 0, 0 },
        { "a second later it is stale", ALICE, BY_PASSWORD, wait_longer, CORE_E_STALE, 0 },
        { "and fresh again once signed in again", ALICE, BY_PASSWORD, wait_and_step_up, 0, 0 },
        { "the section may ask for less", ALICE, BY_PASSWORD, ask_for_a_minute, CORE_E_STALE, 0 },
        { "the section may allow more", ALICE, BY_PASSWORD, allow_an_hour, 0, 0 },
        { "a sign-in ahead of now is stale", ALICE, BY_PASSWORD, set_clock_back, CORE_E_STALE, 0 },
        { "a login by token is stale, however fresh its origin", ALICE, BY_TOKEN, NULL, CORE_E_STALE, 0 },
        { "a login by key is stale", ALICE, BY_KEY, NULL, CORE_E_STALE, 0 },
        { "until a password was given in it", ALICE, BY_KEY, step_up_key_login, 0, 0 },
        { "any method will do where the section names none", ALICE, BY_PROVIDER, NULL, 0, 0 },
        { "another method than the section's is stale", ALICE, BY_PROVIDER, ask_for_a_password, CORE_E_STALE, 0 },
        { "the section's is not", ALICE, BY_PASSWORD, ask_for_a_password, 0, 0 },
        { "what a cap withholds is not held", ALICE, CAPPED, NULL, CORE_E_DENIED, CORE_E_DENIED },
        { "nor once a password was given", ALICE, CAPPED, step_up_capped_login, CORE_E_DENIED, CORE_E_DENIED },
        { "nor once that login has logged out", ALICE, CAPPED, log_out_capped, CORE_E_DENIED, CORE_E_DENIED },
        { "what a cap leaves is held", ALICE, CAPPED_WIDE, NULL, 0, 0 },
        { "without a login there is no right", ALICE, AUDIT_ID_UNSET, NULL, CORE_E_DENIED, CORE_E_DENIED },
        { "somebody else's login is not one's own", ALICE, BOBS, NULL, CORE_E_STALE, CORE_E_DENIED },
        { "who logged out has to sign in", ALICE, BY_PASSWORD, log_out, CORE_E_STALE, CORE_E_DENIED },
        { "and may then", ALICE, BY_PASSWORD, log_out_and_step_up, 0, 0 },
        { "an idle login has ended", ALICE, BY_PASSWORD, let_idle, CORE_E_STALE, CORE_E_DENIED },
        { "a revoked login stays dead", ALICE, BY_PASSWORD, revoke_all, CORE_E_DENIED, CORE_E_DENIED },
        { "a disabled user may not", ALICE, BY_PASSWORD, disable, CORE_E_DENIED, CORE_E_DENIED },
        { "a role taken away is gone at the next call", ALICE, BY_PASSWORD, take_role_away, CORE_E_DENIED, CORE_E_DENIED },
        { "without a section nobody may", ALICE, BY_PASSWORD, take_section_away, CORE_E_DENIED, CORE_E_DENIED },
        { "without the role nobody may", BOB, BOBS, NULL, CORE_E_DENIED, CORE_E_DENIED },
        { "unless it was assigned to him", BOB, BOBS, assign_role, 0, 0 },
        { "and only as long as it counts", BOB, BOBS, assign_role_and_wait, CORE_E_DENIED, CORE_E_DENIED },
        { "denied comes before stale", BOB, BOBS_KEY, NULL, CORE_E_DENIED, CORE_E_DENIED },
        { "who is not enrolled may not, whatever the policy says", CAROL, BY_PASSWORD, NULL, CORE_E_DENIED, CORE_E_DENIED },
        { "the account of that uid is another's now", ALICE, BY_PASSWORD, move_account, CORE_E_DENIED, CORE_E_DENIED },
        { "the account is gone", ALICE, BY_PASSWORD, remove_account, CORE_E_DENIED, CORE_E_DENIED },
        { "accounts that cannot be looked up are an outage", ALICE, BY_PASSWORD, break_accounts, -EIO, -EIO },
        { "a store that cannot be read is an outage", ALICE, BY_PASSWORD, world_break_reads, -EIO, -EIO },
};

static void test_who_may_administer(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(World) world = scene_new();
                Caller caller = world_person(rows[i].uid, rows[i].audit_id);
                int check, still;

                if (rows[i].before)
                        rows[i].before(world);
                check = admin_check(world->core, &caller);
                still = admin_check_still(world->core, &caller);
                if (check != rows[i].check || still != rows[i].still)
                        g_error("%s: %d and %d, not %d and %d", rows[i].sentence, check, still, rows[i].check,
                                rows[i].still);
        }
}

/* What the person reads. */
static void test_a_refusal_says_what_is_missing(void) {
        static const struct {
                uid_t uid;
                uint32_t audit_id;
                void (*before)(World *world);
                const char *line;
        } lines[] = {
                { BOB, BOBS, NULL, "that needs the role \"keeper\"; you have \"everyone\". An admin can add you: "
                                   "tessera role grant keeper bob" },
                { ALICE, BY_PASSWORD, take_section_away, "that is for root: policy.conf has no [service:tessera]" },
                { CAROL, BOBS, NULL, "that is for root, and for users of tessera's with a role of [service:tessera]" },
                { ALICE, CAPPED, NULL, "that needs the role \"keeper\"; you have \"everyone\". This login came by ticket "
                                       "and has no more: log in anew" },
                { ALICE, AUDIT_ID_UNSET, NULL, "this process belongs to no login; log in, then try again" },
                { ALICE, BY_PASSWORD, revoke_all, "this login was revoked; log in anew" },
                { ALICE, BY_PASSWORD, wait_longer, "the last sign-in of this login is too long ago; sign in again "
                                                   "(tessera login), then try again" },
                { ALICE, BY_PASSWORD, break_accounts, NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                g_autoptr(World) world = scene_new();
                Caller caller = world_person(lines[i].uid, lines[i].audit_id);
                g_autofree char *line = NULL;

                if (lines[i].before)
                        lines[i].before(world);
                line = admin_refusal(world->core, &caller, admin_check(world->core, &caller));
                g_assert_cmpstr(line, ==, lines[i].line);
        }
}

/* Who is no administrator cannot tell by the answer whether there is something of somebody else's. */
static void test_B5_what_is_not_ones_own_stays_hidden(void) {
        g_autoptr(World) world = scene_new();
        g_autofree char *hers = world_log_in(world, "alice", ALICE_PASSWORD, 77), *his = NULL;
        Caller bob = world_person(BOB, BOBS), old = world_person(ALICE, BY_KEY), alice = world_person(ALICE, BY_PASSWORD);
        static const char *const names[] = { "alice", "carol", "no-such-user" };
        g_autoptr(GPtrArray) events = NULL, ended = NULL;
        g_autoptr(Session) session = NULL;

        his = world_log_in(world, "bob", BOB_PASSWORD, 78);
        g_assert_cmpint(session_show(world->core, &bob, hers, &session, &events), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(session_show(world->core, &bob, "ffffffff", &session, &events), ==, CORE_E_NOT_FOUND);
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                g_assert_cmpint(session_revoke(world->core, &bob, &(SessionRevoke) { .user = names[i] }, &ended, NULL),
                                ==, CORE_E_DENIED);
        g_assert_cmpint(session_revoke(world->core, &bob, &(SessionRevoke) { .all = true }, &ended, NULL), ==,
                        CORE_E_DENIED);
        /* Who might be one is told so before anything is looked for; one's own needs no freshness. */
        g_assert_cmpint(session_show(world->core, &old, his, &session, &events), ==, CORE_E_STALE);
        g_assert_cmpint(session_show(world->core, &old, "ffffffff", &session, &events), ==, CORE_E_STALE);
        g_assert_cmpint(session_revoke(world->core, &old, &(SessionRevoke) { .user = "bob" }, &ended, NULL), ==,
                        CORE_E_STALE);
        g_assert_cmpint(session_revoke(world->core, &old, &(SessionRevoke) { .user = "no-such-user" }, &ended, NULL), ==,
                        CORE_E_STALE);
        g_assert_cmpint(session_show(world->core, &old, hers, &session, &events), ==, 0);
        g_assert_cmpint(world_state(world, his), ==, SESSION_ACTIVE);
        /* And who is one acts as root does. */
        g_assert_cmpint(session_revoke(world->core, &alice, &(SessionRevoke) { .user = "no-such-user" }, &ended, NULL),
                        ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(session_revoke(world->core, &alice, &(SessionRevoke) { .ids = (const char *const[]) { his, NULL } },
                                       &ended, NULL), ==, 0);
        g_assert_cmpint(world_state(world, his), ==, SESSION_REVOKED);
}

/* Every change says in the audit who did it. */
static void test_an_administrators_acts_bear_his_name(void) {
        g_autoptr(World) world = scene_new();
        Caller alice = world_person(ALICE, BY_PASSWORD);
        _cleanup_secret_ Secret *password = world_secret(WRONG_PASSWORD);
        const DeviceAdd robot = { .id = "00112233445566778899aabbccddeeff", .name = "robot", .user = "bob",
                                  .public_key = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg" };
        g_autofree char *warning = NULL, *why = NULL, *session = NULL, *expected = NULL;
        g_autoptr(DeviceView) device = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        g_assert_cmpint(user_add(world->core, &alice, "carol", password, /* role= */ NULL, /* provider= */ NULL, &warning), ==, 0);
        assert_audit(world, "user-added - carol - by alice");
        g_assert_cmpint(user_change_password(world->core, &alice, "carol", NULL, password, NULL), ==, 0);
        assert_audit(world, "password-changed by-admin carol - by alice");
        g_assert_cmpint(user_set_enabled(world->core, &alice, "carol", false, &changed), ==, 0);
        assert_audit(world, "user-disabled - carol - by alice");
        g_assert_cmpint(user_set_enabled(world->core, &alice, "carol", true, &changed), ==, 0);
        assert_audit(world, "user-enabled - carol - by alice");
        g_assert_cmpint(role_grant(world->core, &alice, "keeper", "bob", 0, NULL, &changed, &why), ==, 0);
        assert_audit(world, "role-granted keeper bob - by alice");
        g_assert_cmpint(role_revoke(world->core, &alice, "keeper", "bob", &changed, &why), ==, 0);
        assert_audit(world, "role-revoked keeper bob - by alice");
        g_assert_cmpint(user_remove(world->core, &alice, "carol", &changed), ==, 0);
        assert_audit(world, "user-removed - carol - by alice");
        g_assert_cmpint(device_add(world->core, &alice, &robot, &device, &why), ==, 0);
        g_assert_cmpint(device->device->auth_time, ==, 0); /* nobody of bob's has proven anything */
        assert_audit(world, "device-added - bob - by alice");
        g_assert_cmpint(device_revoke(world->core, &alice, robot.id, NULL, NULL, &changed, &ended), ==, 0);
        assert_audit(world, "device-revoked - bob - by alice");
        g_assert_cmpint(key_admin_prepare(world->core, &alice, &changed), ==, 0);
        assert_audit(world, "keys-prepared - - - by alice");
        g_assert_cmpint(key_admin_rotate(world->core, &alice), ==, 0);
        assert_audit(world, "keys-rotated - - - by alice");
        g_assert_cmpint(key_admin_rename(world->core, &alice, "web9.example", &changed), ==, 0);
        assert_audit(world, "host-renamed - - - by alice");
        session = world_log_in(world, "bob", BOB_PASSWORD, 79);
        g_ptr_array_unref(g_steal_pointer(&ended));
        g_assert_cmpint(session_revoke(world->core, &alice, &(SessionRevoke) { .ids = (const char *const[]) { session, NULL } },
                                       &ended, NULL), ==, 0);
        expected = g_strdup_printf("revoked revoked bob %s by alice", session);
        assert_audit(world, expected);
}

/* bob is none: each of these is refused before anything is done. */
static void test_B3_who_is_no_administrator_does_none_of_it(void) {
        g_autoptr(World) world = scene_new();
        Caller callers[] = { world_person(BOB, BOBS), world_person(ALICE, BY_KEY), world_person(UID_UNSET, BY_PASSWORD) };
        static const int results[] = { CORE_E_DENIED, CORE_E_STALE, CORE_E_DENIED };
        _cleanup_secret_ Secret *password = world_secret(WRONG_PASSWORD);

        for (size_t i = 0; i < G_N_ELEMENTS(callers); i++) {
                const Caller *caller = &callers[i];
                g_autoptr(GPtrArray) list = NULL;
                g_autofree char *warning = NULL;
                UserView *view;
                bool changed;

                g_assert_cmpint(user_list(world->core, caller, &list), ==, results[i]);
                g_assert_cmpint(user_show(world->core, caller, "bob", &view), ==, results[i]);
                g_assert_cmpint(user_add(world->core, caller, "carol", password, /* role= */ NULL, /* provider= */ NULL, &warning), ==,
                                results[i]);
                g_assert_cmpint(user_set_enabled(world->core, caller, "bob", false, &changed), ==, results[i]);
                g_assert_cmpint(user_remove(world->core, caller, "bob", &changed), ==, results[i]);
                g_assert_cmpint(user_change_password(world->core, caller, "carol", password, password, NULL), ==, results[i]);
                g_assert_cmpint(session_list(world->core, caller, &(SessionFilter) { .uid = UID_UNSET }, &list), ==, results[i]);
                g_assert_cmpint(session_list(world->core, caller, &(SessionFilter) { .uid = CAROL }, &list), ==, results[i]);
                g_assert_cmpint(device_list(world->core, caller, UID_UNSET, &list), ==, results[i]);
                g_assert_cmpint(device_list(world->core, caller, CAROL, &list), ==, results[i]);
                g_assert_cmpint(role_grant(world->core, caller, "keeper", "bob", 0, NULL, &changed, &warning), ==,
                                results[i]);
                g_assert_cmpint(role_revoke(world->core, caller, "keeper", "bob", &changed, &warning), ==, results[i]);
                g_assert_cmpint(key_admin_prepare(world->core, caller, &changed), ==, results[i]);
                g_assert_cmpint(key_admin_rotate(world->core, caller), ==, results[i]);
                g_assert_cmpint(key_admin_rename(world->core, caller, "web9.example", &changed), ==, results[i]);
        }
        assert_audit(world, "");
}

/* The password of now is the freshest sign-in there is: also a key login changes its own. */
static void test_ones_own_password_is_a_sign_in(void) {
        g_autoptr(World) world = scene_new();
        Caller bob = world_person(BOB, BOBS_KEY);
        _cleanup_secret_ Secret *current = world_secret(BOB_PASSWORD), *next = world_secret(WRONG_PASSWORD);

        world_set_policy(world, "nobody", KEEPERS SECTION "max-age=1s\nmethods=pwd");
        g_assert_cmpint(user_change_password(world->core, &bob, "bob", next, next, NULL), ==, CORE_E_CREDENTIAL);
        g_assert_cmpint(user_change_password(world->core, &bob, "bob", current, next, NULL), ==, 0);
}

int main(void) {
        test_who_may_administer();
        test_a_refusal_says_what_is_missing();
        test_B5_what_is_not_ones_own_stays_hidden();
        test_an_administrators_acts_bear_his_name();
        test_B3_who_is_no_administrator_does_none_of_it();
        test_ones_own_password_is_a_sign_in();
        return 0;
}
