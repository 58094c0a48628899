/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A host for the tests of the use cases: the store in memory, a clock that stands still, accounts
 * as the test wants them, and an audit and logins whose ends are only written down.
 *
 * Enrolled: alice (uid 1000, admin) and bob (1001), each with the password below. Not enrolled:
 * carol (1002), root. World's audit fails the test when a secret or an unknown name gets into it.
 */

#include <glib.h>

#include "common/secret.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/login.h"
#include "daemon/core/test-fake-clock.h"
#include "daemon/core/test-lying-provider.h"

#define ALICE 1000
#define BOB 1001
#define CAROL 1002

#define ALICE_PASSWORD "canary: horse of alice"
#define BOB_PASSWORD "canary: staple of bob"
#define WRONG_PASSWORD "canary: wrong answer"
#define UNKNOWN_NAME "canary-typed-as-name"

/* [throttle] burst, by default. */
#define BURST 10

#define HOST "host.example"
#define BOOT "11111111-2222-3333-4444-555555555555"

typedef struct World World;

struct World {
        Core *core;
        Store *store;   /* core's */
        FakeClock clock;

        struct {
                IdentitySource source;
                GHashTable *uids; /* name → uid */
                GHashTable *gids; /* name → gid of the one group; whose is not there is in 60000 */
                int error;        /* what every look-up returns, unless 0 */
        } identities;

        struct {
                AuditSink sink;
                GMutex lock;
                GPtrArray *lines; /* "event reason user session", and " by name" where that is neither the user nor root */
                char *place;      /* "service rhost" of the last one */
        } audit;

        struct {
                EndLogin end;
                GMutex lock;
                GPtrArray *lines; /* "session ID", "user UID" */
        } logins;

        LyingProvider provider; /* of which there is none, before world_use_provider() */

        struct StoreBackend *broken; /* the store's functions, some of which fail or are watched */
        const struct StoreBackend *sound;
        void (*before_open)(struct World *world);
        void (*before_add)(struct World *world);
        void (*after_user_read)(struct World *world);
        char *keys;
        bool is_beside; /* the store is another's */
};

World *world_new(void);

/* The host called @host that has @first's store, and goes before it; NULL: the first, with one that can be shared. */
World *world_new_sharing(World *first, const char *host);
World *world_free(World *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

/* Accounts */
void world_set_account(World *world, const char *name, uid_t uid); /* UID_UNSET: there is none */
void world_set_group(World *world, const char *name, gid_t gid);

/* Replaces the policy; @sudo is the rest of [service:sudo]. */
void world_set_policy(World *world, const char *admins, const char *sudo);
void world_use_policy(World *world, const char *text); /* the whole of it */
void world_set_settings(World *world, int64_t idle, int64_t lifetime, unsigned max_per_user);

/* From now on there is the provider corp, of WORLD_ISSUER; @more of its file, and the whole policy. */
#define WORLD_ISSUER "https://login.corp.example"
void world_use_provider(World *world, const char *more, const char *policy);

/* All of the settings: a copy of those of now, and others from now on (taken over). */
Settings *world_settings(World *world);
void world_use_settings(World *world, Settings *settings);

/* From now on look-ups of users, of assignments alone, or commits, fail. */
void world_break_reads(World *world);
void world_break_assignments(World *world);
void world_break_writes(World *world);
/* From now on sessions cannot be listed. */
void world_break_lists(World *world);
/* From now on who somebody is at a provider cannot be looked up. */
void world_break_identities(World *world);

/* Runs @hook once, right before the store opens the next session, or adds a device, or right after it has read a user. */
typedef void (*WorldHook)(World *world);
void world_before_open(World *world, WorldHook hook);
void world_before_add(World *world, WorldHook hook);
void world_after_user_read(World *world, WorldHook hook);

/* Callers: root, outside every login; root's PAM processes and people's programs in the login @audit_id, with logind session "c<audit_id>". */
extern const Caller world_root;
Caller world_pam(uint32_t audit_id);
Caller world_pam_child(uint32_t audit_id); /* the child that authenticates for it */
Caller world_person(uid_t uid, uint32_t audit_id);

/* Asking; a message is printed away, other results than 0 fail the test. */
LoginAnswer world_authenticate(World *world, const Caller *caller, const LoginRequest *request, const char *secret);
typedef int (*Question)(Core *core, const Caller *caller, const LoginRequest *request, LoginAnswer *ret);
LoginAnswer world_ask(World *world, Question question, const Caller *caller, const LoginRequest *request);

/* Logs in by password over ssh from 192.0.2.1 and opens the session; its id. */
char *world_log_in(World *world, const char *user, const char *password, uint32_t audit_id);
/* A token of that login. */
char *world_token(World *world, uid_t uid, uint32_t audit_id);

Secret *world_secret(const char *text);
SessionState world_state(World *world, const char *id);
Session *world_session(World *world, const char *id);

/* The audit's lines since the last call, joined by "; ". */
char *world_audit(World *world);
/* The logins that ended since the last call, joined by "; ". */
char *world_ended(World *world);
/* Only the reason of the one line that came since the last call; two lines or none fail the test. */
char *world_reason(World *world);
/* A row of a truth table: the one answer, and that reason in the audit. */
void world_expect(World *world, const char *sentence, LoginAnswer answer, LoginVerdict verdict, const char *reason,
                  const char *why);

#define assert_audit(world, expected)                                                                \
        G_STMT_START {                                                                               \
                g_autofree char *_lines = world_audit(world);                                        \
                g_assert_cmpstr(_lines, ==, expected);                                               \
        }                                                                                            \
        G_STMT_END
#define assert_ended(world, expected)                                                                \
        G_STMT_START {                                                                               \
                g_autofree char *_lines = world_ended(world);                                        \
                g_assert_cmpstr(_lines, ==, expected);                                               \
        }                                                                                            \
        G_STMT_END
