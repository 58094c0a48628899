/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* One audience for the hosts of a fleet, which share a store: web1 and web2 are of it, db1 has the store and another name. */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/device-admin.h"
#include "daemon/core/key-admin.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-devices.h"
#include "daemon/core/ticket.h"
#include "daemon/core/token-use.h"

#define WEB1 "web1.example"
#define WEB2 "web2.example"
#define DB1 "db1.example"
#define FLEET "web.example"
#define OTHER_FLEET "db.example"

/* alice is logged in at web1, by her password, in login 5; her laptop is a device since. */
typedef struct Scene {
        World *web1, *web2, *db1;
        char *login;
        TestDevice laptop;
} Scene;

static void use_fleet(World *world, const char *fleet) {
        Settings *settings = world_settings(world);

        g_free(settings->fleet);
        settings->fleet = g_strdup(fleet);
        world_use_settings(world, settings);
}

static Scene scene_new(void) {
        Scene scene = { .web1 = world_new_sharing(NULL, WEB1) };

        scene.web2 = world_new_sharing(scene.web1, WEB2);
        scene.db1 = world_new_sharing(scene.web1, DB1);
        use_fleet(scene.web1, FLEET);
        use_fleet(scene.web2, FLEET);
        use_fleet(scene.db1, OTHER_FLEET);
        scene.login = world_log_in(scene.web1, "alice", ALICE_PASSWORD, 5);
        scene.laptop = test_device_add(scene.web1, ALICE, 5, "laptop");
        scene.laptop.audience = FLEET;
        return scene;
}

static void scene_deinit(Scene *scene) {
        world_free(scene->db1);
        world_free(scene->web2);
        world_free(scene->web1);
        g_free(scene->login);
}

#define _scene_ __attribute__((__cleanup__(scene_deinit)))

/* Devices */

static void test_a_device_of_the_fleet_is_good_at_each_host(void) {
        _scene_ Scene scene = scene_new();
        g_autoptr(Device) device = test_device_get(scene.web2, &scene.laptop);

        g_assert_cmpstr(device->audience, ==, FLEET);
        test_device_expect(scene.web2, &scene.laptop, 1, NULL);
        test_device_expect(scene.web1, &scene.laptop, 2, NULL);
        test_device_expect(scene.web2, &scene.laptop, 3, NULL);
}

static void test_A9_a_device_of_another_audience_does_not_pass(void) {
        _scene_ Scene scene = scene_new();
        TestDevice own;

        use_fleet(scene.web1, NULL);
        own = test_device_add(scene.web1, ALICE, 5, "own");
        own.audience = WEB1;
        use_fleet(scene.web1, FLEET);
        test_device_expect(scene.web1, &own, 1, NULL);
        for (uint32_t counter = 2; counter < 2 + 3 * BURST; counter++) { /* it is no guess, and no limit closes */
                test_device_expect(scene.web2, &own, counter, "token-wrong-audience");
                test_device_expect(scene.db1, &scene.laptop, counter, "token-wrong-audience");
        }
        /* Nor was it spent there, which would make a thief of its owner. */
        test_device_expect(scene.web1, &own, 2, NULL);
        test_device_expect(scene.web2, &scene.laptop, 2, NULL);
        g_assert_cmpstr(test_device_state(scene.web1, &own), ==, "active");
}

static void test_A9_a_token_says_for_whom_the_device_is(void) {
        _scene_ Scene scene = scene_new();
        static const char *const audiences[] = { WEB1, WEB2, OTHER_FLEET };

        for (size_t i = 0; i < G_N_ELEMENTS(audiences); i++) {
                scene.laptop.audience = audiences[i];
                test_device_expect(scene.web1, &scene.laptop, 1, "token-invalid");
                test_device_expect(scene.web2, &scene.laptop, 1, "token-invalid");
        }
}

static void test_who_leaves_the_fleet_takes_its_devices_no_more(void) {
        _scene_ Scene scene = scene_new();

        use_fleet(scene.web2, NULL);
        test_device_expect(scene.web2, &scene.laptop, 1, "token-wrong-audience");
        test_device_expect(scene.web1, &scene.laptop, 1, NULL);
        use_fleet(scene.web2, FLEET); /* a reload, no restart */
        test_device_expect(scene.web2, &scene.laptop, 2, NULL);
}

static int refresh(World *world, const TestDevice *device, uint32_t counter, char **ret, TokenClaims **ret_claims) {
        g_autofree char *token = test_device_token(device, counter);
        _cleanup_secret_ Secret *secret = world_secret(token);
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET);

        return device_refresh(world->core, &alice, secret, /* min_ttl= */ 0, ret, ret_claims);
}

static void test_A9_what_a_device_gets_without_a_login_is_one_hosts_own(void) {
        _scene_ Scene scene = scene_new();
        g_autoptr(TokenClaims) claims = NULL, none = NULL;
        g_autofree char *token = NULL, *refused = NULL;

        g_assert_cmpint(refresh(scene.db1, &scene.laptop, 1, &refused, &none), ==, CORE_E_CREDENTIAL);
        g_assert_cmpint(refresh(scene.web2, &scene.laptop, 1, &token, &claims), ==, 0);
        g_assert_cmpstr(claims->audience, ==, WEB2);
}

static void test_R2_a_copy_that_is_used_elsewhere_ends_the_device_everywhere(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *first = NULL, *second = NULL, *why = NULL;

        first = test_device_log_in(scene.web1, &scene.laptop, 1, 6, &why);
        second = test_device_log_in(scene.web2, &scene.laptop, 2, 7, &why);
        test_device_expect(scene.web2, &scene.laptop, 1, "reuse");
        g_assert_cmpstr(test_device_state(scene.web1, &scene.laptop), ==, "revoked");
        g_assert_cmpint(world_state(scene.web1, first), ==, SESSION_REVOKED);
        g_assert_cmpint(world_state(scene.web2, second), ==, SESSION_REVOKED);
        test_device_expect(scene.web1, &scene.laptop, 3, "device-revoked");
}

typedef struct Race {
        World *world;
        const TestDevice *device;
        uint32_t audit_id;
        bool won;
} Race;

static gpointer race(gpointer data) {
        Race *race = data;

        race->won = test_device_answer(race->world, race->device, "alice", 1, race->audit_id).verdict == LOGIN_ALLOW;
        return NULL;
}

static void test_R1_one_token_at_two_hosts_at_once_counts_once(void) {
        _scene_ Scene scene = scene_new();
        Race races[16];
        GThread *threads[G_N_ELEMENTS(races)];
        unsigned winners = 0;

        for (unsigned i = 0; i < G_N_ELEMENTS(races); i++) {
                races[i] = (Race) { i % 2 ? scene.web1 : scene.web2, &scene.laptop, 100 + i };
                threads[i] = g_thread_new("race", race, &races[i]);
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(races); i++) {
                (void) g_thread_join(threads[i]);
                winners += races[i].won;
        }
        g_assert_cmpint(winners, ==, 1);
}

/* Tickets */

static void free_file(void *file) {
        trust_file_free(file);
}

/* From now on @world trusts @hosts, for all users and roles. */
static void trust_all(World *world, World *const *hosts, size_t n) {
        GPtrArray *files = g_ptr_array_new_with_free_func(free_file);
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        const char *const all[] = { "*", NULL };

        for (size_t i = 0; i < n; i++) {
                g_autoptr(KeyRing) ring = key_admin_ring(hosts[i]->core);
                g_autofree char *name = core_host(hosts[i]->core), *jwks = key_ring_export(ring);
                g_autofree char *text = trust_file_format(name, all, all, jwks);

                g_ptr_array_extend_and_steal(files, trust_files_read_text(name, text, strlen(text), mistakes));
        }
        core_reload(world->core, world_settings(world), core_policy(world->core), trust_new(files, mistakes),
                    /* providers= */ NULL);
        g_assert_cmpint(mistakes->len, ==, 0);
}

/* What trust.d of every host of a fleet may say: each of them trusts all, itself too. */
static void trust_each_other(Scene *scene) {
        World *const hosts[] = { scene->web1, scene->web2, scene->db1 };

        for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++)
                trust_all(hosts[i], hosts, G_N_ELEMENTS(hosts));
}

static char *print(World *world, const char *audience, TokenClaims **ret_claims) {
        Caller alice = world_person(ALICE, 5);
        char *token;

        g_assert_cmpint(token_print(world->core, &alice, audience, /* min_ttl= */ 0, &token, ret_claims), ==, 0);
        g_free(world_audit(world));
        return token;
}

static char *ticket_for(World *world, const char *audience) {
        g_autoptr(TokenClaims) claims = NULL;

        return print(world, audience, &claims);
}

/* Is it refused at @world for this reason (NULL: it lets in)? */
static void expect(World *world, const char *text, const char *why) {
        const LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.5", .tty = "ssh" };
        Caller child = world_pam_child(6);
        LoginAnswer answer = world_authenticate(world, &child, &request, text);
        g_autofree char *said = world_reason(world);

        if (g_strcmp0(said, why ? why : "tok") != 0)
                g_error("%s instead of %s", said, why ? why : "a login");
        g_assert_cmpint(answer.verdict, ==, why ? LOGIN_DENY : LOGIN_ALLOW);
}

static TokenReason check(World *world, const char *text, const char *audience) {
        g_autoptr(TokenClaims) claims = NULL;
        g_auto(GStrv) roles = NULL;
        TokenReason reason;

        g_assert_cmpint(token_check(world->core, text, strlen(text), audience, /* role= */ NULL, &reason, &claims,
                                    &roles), ==, 0);
        return reason;
}

static void test_A9_a_ticket_for_the_fleet_is_good_once_at_any_of_its_hosts(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *ticket = NULL, *at_home = NULL;

        trust_each_other(&scene);
        ticket = ticket_for(scene.web1, FLEET);
        expect(scene.db1, ticket, "token-wrong-audience");
        expect(scene.web2, ticket, NULL);
        expect(scene.web2, ticket, "token-replayed");
        expect(scene.web1, ticket, "token-replayed");
        at_home = ticket_for(scene.web1, FLEET);
        expect(scene.web1, at_home, NULL);
        expect(scene.web2, at_home, "token-replayed");
}

static void test_A9_a_ticket_for_one_host_of_the_fleet_is_no_others(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *ticket = NULL;

        trust_each_other(&scene);
        ticket = ticket_for(scene.web1, WEB2);
        expect(scene.db1, ticket, "token-wrong-audience");
        expect(scene.web1, ticket, "token-wrong-audience");
        expect(scene.web2, ticket, NULL);
}

static void test_A9_a_host_prints_its_own_fleet_tickets_and_no_access_tokens(void) {
        _scene_ Scene scene = scene_new();
        g_autoptr(TokenClaims) claims = NULL, own_claims = NULL;
        g_autofree char *ticket = print(scene.web1, FLEET, &claims), *own = print(scene.web1, NULL, &own_claims);

        g_assert_cmpstr(claims->audience, ==, FLEET);
        g_assert_cmpint(claims->expires - claims->issued_at, <=, TICKET_LIFETIME_MAX);
        g_assert_cmpint(check(scene.web1, ticket, NULL), ==, TOKEN_INVALID); /* which nobody trusts yet, itself neither */
        g_assert_cmpint(check(scene.web1, ticket, FLEET), ==, TOKEN_INVALID);
        trust_each_other(&scene);
        g_assert_cmpint(check(scene.web1, ticket, NULL), ==, TOKEN_VALID);
        g_assert_cmpint(check(scene.web2, ticket, NULL), ==, TOKEN_VALID);
        g_assert_cmpint(check(scene.web2, ticket, FLEET), ==, TOKEN_VALID);
        g_assert_cmpint(check(scene.web2, ticket, WEB2), ==, TOKEN_WRONG_AUDIENCE);
        g_assert_cmpint(check(scene.db1, ticket, NULL), ==, TOKEN_WRONG_AUDIENCE);

        g_assert_cmpstr(own_claims->audience, ==, WEB1);
        g_assert_cmpint(check(scene.web1, own, NULL), ==, TOKEN_VALID);
        g_assert_cmpint(check(scene.web1, own, FLEET), ==, TOKEN_WRONG_AUDIENCE);
        g_assert_cmpint(check(scene.web2, own, NULL), ==, TOKEN_INVALID);
        expect(scene.web2, own, "token-foreign");
}

static char *log_in(World *world, const char *ticket, uint32_t audit_id) {
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.5", .tty = "ssh" };
        Caller child = world_pam_child(audit_id), pam = world_pam(audit_id);
        LoginAnswer answer = world_authenticate(world, &child, &request, ticket);

        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        request.session = answer.session;
        answer = world_ask(world, login_open, &pam, &request);
        g_free(world_audit(world));
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        return g_strdup(answer.session);
}

static void revoke_session(World *world, const char *session) {
        const char *const ids[] = { session, NULL };
        g_autoptr(GPtrArray) ended = NULL;
        const SessionRevoke what = { .ids = ids };
        g_autofree char *culprit = NULL;

        g_assert_cmpint(session_revoke(world->core, &world_root, &what, &ended, &culprit), ==, 0);
        g_free(world_audit(world));
}

static void test_revoked_at_one_host_is_over_at_the_others(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *unused = NULL, *ticket = NULL, *opened = NULL, *for_host = NULL;
        g_autoptr(Session) session = NULL;

        trust_each_other(&scene);
        unused = ticket_for(scene.web1, FLEET);
        for_host = ticket_for(scene.web1, WEB2);
        ticket = ticket_for(scene.web1, FLEET);
        opened = log_in(scene.web2, ticket, 7);
        session = world_session(scene.web2, opened);
        g_assert_cmpstr(session->parent, ==, scene.login);
        g_assert_cmpint(check(scene.web2, unused, NULL), ==, TOKEN_VALID);
        revoke_session(scene.web2, scene.login);
        g_assert_cmpint(world_state(scene.web2, opened), ==, SESSION_REVOKED);
        g_assert_cmpint(check(scene.web2, unused, NULL), ==, TOKEN_REVOKED);
        expect(scene.web2, unused, "token-revoked");
        expect(scene.web2, for_host, "token-revoked");
}

/* They share the store all the same, and what is known there. */
static void test_revoked_is_over_at_hosts_without_a_name_in_common(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *unused = NULL, *ticket = NULL, *opened = NULL;

        use_fleet(scene.web1, NULL);
        use_fleet(scene.web2, NULL);
        trust_each_other(&scene);
        unused = ticket_for(scene.web1, WEB2);
        ticket = ticket_for(scene.web1, WEB2);
        opened = log_in(scene.web2, ticket, 7);
        revoke_session(scene.web1, scene.login);
        g_assert_cmpint(world_state(scene.web2, opened), ==, SESSION_REVOKED);
        expect(scene.web2, unused, "token-revoked");
}

static void test_R2_what_a_device_went_on_to_ends_with_it(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *by_device = NULL, *ticket = NULL, *opened = NULL, *why = NULL;
        Caller alice = world_person(ALICE, 8);
        g_autoptr(TokenClaims) claims = NULL;
        g_autoptr(GPtrArray) closed = NULL;
        g_autoptr(Session) session = NULL;

        trust_each_other(&scene);
        by_device = test_device_log_in(scene.web1, &scene.laptop, 1, 8, &why);
        g_assert_cmpint(token_print(scene.web1->core, &alice, WEB2, /* min_ttl= */ 0, &ticket, &claims), ==, 0);
        opened = log_in(scene.web2, ticket, 9);
        session = world_session(scene.web2, opened);
        g_assert_cmpstr(session->device, ==, scene.laptop.text);
        g_assert_cmpint(session_logout(scene.web1->core, &alice, /* others= */ false, &closed), ==, 0);
        g_free(world_audit(scene.web1));
        g_assert_cmpint(world_state(scene.web2, opened), ==, SESSION_ACTIVE);
        test_device_expect(scene.web1, &scene.laptop, 1, "reuse");
        g_assert_cmpint(world_state(scene.web2, opened), ==, SESSION_REVOKED);
}

/*
 * A host outside the fleet has sessions that nobody here can see. Where it calls one by the id of one that is
 * here (as it does without more randomness), that is not where its ticket came from.
 */
static void expect_stranger(gint randomness, bool same_id) {
        _scene_ Scene scene = scene_new();
        g_autoptr(World) outside = world_new();
        g_autofree char *login = NULL, *ticket = NULL, *opened = NULL;
        g_autoptr(Session) session = NULL;

        outside->clock.counter += randomness;
        login = world_log_in(outside, "alice", ALICE_PASSWORD, 5);
        g_assert_cmpint(g_str_equal(login, scene.login), ==, same_id);
        trust_all(scene.web2, &outside, 1);
        ticket = ticket_for(outside, FLEET);
        opened = log_in(scene.web2, ticket, 7);
        session = world_session(scene.web2, opened);
        g_assert_cmpstr(session->parent, ==, "");
        revoke_session(scene.web2, scene.login);
        g_assert_cmpint(world_state(scene.web2, opened), ==, SESSION_ACTIVE);
}

static void test_a_stranger_to_the_store_is_believed_as_trust_d_says(void) {
        expect_stranger(/* randomness= */ 0, /* same_id= */ true);
        expect_stranger(/* randomness= */ 1000, /* same_id= */ false);
}

/* What does not count */

static void test_a_fleet_without_a_shared_store_is_none(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *fleet = NULL;
        g_autoptr(Device) device = NULL;
        TestDevice laptop;

        assert(!core_fleet_is_alone(world->core));
        use_fleet(world, FLEET);
        assert(core_fleet_is_alone(world->core));
        fleet = core_fleet(world->core);
        assert(!fleet);
        laptop = test_device_add(world, ALICE, 5, "laptop");
        device = test_device_get(world, &laptop);
        g_assert_cmpstr(device->audience, ==, HOST);
        test_device_expect(world, &laptop, 1, NULL);
}

static void test_no_host_takes_the_name_of_its_fleet(void) {
        _scene_ Scene scene = scene_new();
        bool changed = false;

        g_assert_cmpint(key_admin_rename(scene.web1->core, &world_root, FLEET, &changed), ==, CORE_E_EXISTS);
        assert(!changed);
}

int main(void) {
        test_a_device_of_the_fleet_is_good_at_each_host();
        test_A9_a_device_of_another_audience_does_not_pass();
        test_A9_a_token_says_for_whom_the_device_is();
        test_who_leaves_the_fleet_takes_its_devices_no_more();
        test_A9_what_a_device_gets_without_a_login_is_one_hosts_own();
        test_R2_a_copy_that_is_used_elsewhere_ends_the_device_everywhere();
        test_R1_one_token_at_two_hosts_at_once_counts_once();
        test_A9_a_ticket_for_the_fleet_is_good_once_at_any_of_its_hosts();
        test_A9_a_ticket_for_one_host_of_the_fleet_is_no_others();
        test_A9_a_host_prints_its_own_fleet_tickets_and_no_access_tokens();
        test_revoked_at_one_host_is_over_at_the_others();
        test_revoked_is_over_at_hosts_without_a_name_in_common();
        test_R2_what_a_device_went_on_to_ends_with_it();
        test_a_stranger_to_the_store_is_believed_as_trust_d_says();
        test_a_fleet_without_a_shared_store_is_none();
        test_no_host_takes_the_name_of_its_fleet();
        return 0;
}
