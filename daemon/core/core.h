/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What every use case shares. The use cases themselves: login.h (what PAM asks), session-admin.h,
 * user-admin.h, role-admin.h, device-admin.h, key-admin.h, token-use.h.
 *
 * All functions are synchronous, may block (NSS, Argon2, a commit) and may be called from any
 * number of threads: the edge runs each request on a worker. Locks are held for the tables in
 * memory only, never across a hash, a look-up or a commit.
 */

#include <glib.h>

#include "daemon/core/audit.h"
#include "daemon/core/caller.h"
#include "daemon/core/clock.h"
#include "daemon/core/identity.h"
#include "daemon/core/key.h"
#include "daemon/core/password.h"
#include "daemon/core/pending.h"
#include "daemon/core/provider-source.h"
#include "daemon/core/throttle.h"
#include "daemon/core/trust.h"
#include "daemon/store/store.h"
#include "policy/policy.h"
#include "policy/providers.h"
#include "policy/settings.h"

typedef struct EndLogin EndLogin;

/* Asks the root helper to end live logins; the real one leaves files in /run/tessera/end. */
struct EndLogin {
        void (*session)(const EndLogin *end, const char *logind_id);
        void (*user)(const EndLogin *end, uid_t uid);
};

typedef struct CoreParts {
        const Clock *clock;
        const IdentitySource *identities;
        const AuditSink *audit;
        const EndLogin *end_login;
        Store *store;   /* taken over */
        KeyRing *keys;  /* taken over */
        char *host;     /* this host's name: iss, aud; taken over */
        char *boot_id;  /* taken over */
        Settings *settings; /* taken over */
        Policy *policy;     /* taken over */
        Trust *trust;       /* taken over; NULL: no host is trusted */
        GPtrArray *providers;                  /* Provider *; taken over; NULL: there are none */
        const ProviderSource *provider_source; /* NULL: nobody can ask them */
} CoreParts;

typedef struct Core Core;

/* 0 or a negative errno (then @parts are freed all the same). */
int core_new(CoreParts *parts, Core **ret);
Core *core_free(Core *core);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Core, core_free)

/*
 * A reload: swaps all at once; requests under way keep what they began with. Takes them over. @providers
 * NULL: as they were.
 */
void core_reload(Core *core, Settings *settings, Policy *policy, Trust *trust, GPtrArray *providers);

/* This host's name, now; g_free. */
char *core_host(Core *core);

/* The name of its fleet, now, as far as it counts (a shared store); NULL: none. g_free. */
char *core_fleet(Core *core);

/* Is it to be of a fleet that does not count, because the store is its own? */
bool core_fleet_is_alone(Core *core);

/*
 * What a caller may not do is refused each time, and written down so often that nobody can drown the
 * audit in it (refusals.h). @event's message is completed by how many were not written.
 */
void core_audit_refusal(Core *core, uid_t uid, const AuditEvent *event);

/* The policy and the trusted hosts of now, with a reference of the caller's own. */
Policy *core_policy(Core *core);
Trust *core_trust(Core *core);

/* The identity providers of now (Provider *), with a reference of the caller's own. */
GPtrArray *core_providers(Core *core);

/* Ends the sign-ins at providers whose time is over or whose process is gone; called every few seconds by main. */
void core_sweep_sign_ins(Core *core, bool (*alive)(const Process *process, void *data), void *data);

/* Housekeeping, called every minute by main: sweeps the store, drops what is due. 0 or a negative errno. */
int core_sweep(Core *core);

/* Results of use cases beyond 0 and a negative errno; the edge maps each to one D-Bus error. */
enum {
        _CORE_E_SUCCESS = 0,
        CORE_E_INVALID,       /* an argument is not what it must be */
        CORE_E_DENIED,        /* not this caller's to do */
        CORE_E_STALE,         /* the caller's, but the login must be signed into more freshly, or by another method */
        CORE_E_NOT_FOUND,
        CORE_E_AMBIGUOUS,
        CORE_E_EXISTS,
        CORE_E_NOT_SIGNED_IN, /* the caller's login has no live session */
        CORE_E_CREDENTIAL,    /* wrong, throttled, disabled: one word outside */
        CORE_E_PASSWORD,      /* a new password is too short or malformed */
        CORE_E_THROTTLED,     /* this uid has called too often; see api-limit.h */
        CORE_E_BUSY,
        CORE_E_NOT_PREPARED,  /* no next key; make one first, and let trusted hosts know it */
        CORE_E_ACCOUNT,       /* no such Unix account, or one that may not be enrolled (uid 0, below 1000) */
        _CORE_E_MAX,
};
