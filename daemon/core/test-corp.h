/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A host with the provider corp, for tests of sign-ins there: a login that begins, is approved, and asks. */

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/test-world.h"
#include "daemon/core/user-admin.h"

#define DAVE 1003
#define POLICY(tessera)                                                                                     \
        "[role:admin]\nusers=alice\n[role:everyone]\nusers=*\n[service:login]\nroles=everyone\n"              \
        "[service:sshd]\nroles=everyone\nmethods=pwd;oidc:corp\n"                                            \
        "[service:sudo]\nroles=admin\nmethods=oidc:corp\n[service:tessera]\nroles=" tessera "\n"

/* A host with the provider corp, where the subject "1" is alice; dave awaits it. */
static inline World *world_with(const char *more, const char *policy) {
        World *world = world_new();
        _cleanup_secret_ Secret *nothing = world_secret("");
        g_autofree char *warning = NULL;
        bool changed;

        world_use_provider(world, more, policy);
        world_set_account(world, "dave", DAVE);
        g_assert_cmpint(user_add(world->core, &world_root, "dave", nothing, /* role= */ NULL, "corp", &warning), ==, 0);
        g_assert_cmpint(user_link(world->core, &world_root, "alice", "corp", "1", &changed), ==, 0);
        assert(changed);
        g_free(world_audit(world));
        return world;
}

static inline World *corp(void) {
        return world_with("", POLICY("admin"));
}

static inline void approve(World *world, const char *subject, const char *user) {
        world->provider.state = PROVIDER_STATE_APPROVED;
        world->provider.issuer = WORLD_ISSUER;
        world->provider.subject = subject;
        world->provider.user = user;
}

/* Enter alone at sshd's prompt, in what becomes login 5. */
static inline LoginAnswer enter_as(World *world, const char *user, const char *service, const char *secret) {
        Caller child = world_pam_child(5);

        return world_authenticate(world, &child, &(LoginRequest) { .user = user, .service = service, .rhost = "192.0.2.1" },
                                  secret);
}

static inline char *begin(World *world, const char *user) {
        LoginAnswer answer = enter_as(world, user, "sshd", "");

        g_assert_cmpint(answer.verdict, ==, LOGIN_PENDING);
        g_assert_cmpint(strlen(answer.flow), ==, 32);
        g_free(world_audit(world));
        return g_strdup(answer.flow);
}

static inline LoginAnswer ask_as(World *world, const Caller *caller, const char *user, const char *service, const char *flow) {
        return world_authenticate(world, caller, &(LoginRequest) { .user = user, .service = service,
                                                                   .rhost = "192.0.2.1", .flow = flow }, "");
}

static inline LoginAnswer ask(World *world, const char *user, const char *flow) {
        Caller child = world_pam_child(5);

        return ask_as(world, &child, user, "sshd", flow);
}

static inline void expect_no(World *world, const char *sentence, LoginAnswer answer, const char *why) {
        g_autofree char *said = world_reason(world);

        if (answer.verdict != LOGIN_DENY || g_strcmp0(answer.reason, WIRE_REASON_CREDENTIAL) != 0 || answer.session[0] ||
            g_strcmp0(said, why) != 0)
                g_error("%s: %s, %s, %s instead of a no because of %s", sentence,
                        login_verdict_to_string(answer.verdict), answer.reason, said, why);
}

/* Begins, is approved, and is refused. */
static inline void expect_refused(World *world, const char *sentence, const char *user, const char *why) {
        g_autofree char *flow = begin(world, user);

        expect_no(world, sentence, ask(world, user, flow), why);
}

static inline char *linked_to(World *world, const char *user) {
        UserView *view;
        char *list;

        if (user_show(world->core, &world_root, user, &view) != 0)
                return g_strdup("not enrolled");
        list = g_strjoinv(",", view->identities);
        if (view->user->awaits) {
                char *longer = g_strdup_printf("%s awaits %s", list, view->user->awaits);
                g_free(list);
                list = longer;
        }
        (void) user_view_free(view);
        return list;
}

#define assert_linked(world, user, expected)                                                         \
        G_STMT_START {                                                                               \
                g_autofree char *_list = linked_to(world, user);                                     \
                g_assert_cmpstr(_list, ==, expected);                                                \
        }                                                                                            \
        G_STMT_END
