/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The limits on failed attempts: who owes what, and which of it an attempt has to answer for.
 *
 *     client        (user, CLIENT): a device, a key that sshd accepted, a signed-in login
 *     known-host    (user, network) where that user logged in lately
 *     local         (user), from no host at all: the console is never closed from the network
 *     other-hosts   (user), from everywhere else together; closed after `stranger-limit` failures
 *     host          a remote network, whoever is tried from there; only beside other-hosts, or alone
 *                   where nobody's account was named
 *
 * So a stranger, who is always in other-hosts, cannot make a user wait at a host, a device or a
 * console that is his.
 *
 * An attempt is charged before its secret is looked at, and settled once: it failed, it succeeded,
 * or it was never judged. Where only attempts that are still being judged stand in the way, the next
 * one waits for them: a hundred guesses at once get no more than the burst, and a hundred right
 * answers all pass. Whoever vanishes meanwhile has been charged.
 *
 * What users owe is kept in the store (at most a second of it is lost in a crash) and is never
 * forgotten for want of room; what hosts owe is kept in memory (host-table.h). In a fleet what users owe is
 * the fleet's (ThrottleShare), and what hosts owe is each daemon's own.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "daemon/core/clock.h"
#include "daemon/core/debt.h"
#include "daemon/core/network.h"
#include "daemon/core/types.h"
#include "policy/settings.h"

typedef struct Throttle Throttle;

typedef enum ThrottleLimit {
        THROTTLE_CLIENT,
        THROTTLE_KNOWN_HOST,
        THROTTLE_LOCAL,
        THROTTLE_OTHER_HOSTS,
        _THROTTLE_USERS_MAX, /* those before are a user's */
        THROTTLE_HOST = _THROTTLE_USERS_MAX,
        _THROTTLE_LIMIT_MAX,
        _THROTTLE_LIMIT_INVALID = -1,
} ThrottleLimit;

/* "known-client", "known-host", "local", "other-hosts", "host" */
const char *throttle_limit_to_string(ThrottleLimit limit);
ThrottleLimit throttle_limit_from_string(const char *text);

/*
 * Called for each change of what a user owes, in the words of the store, which are borrowed. The
 * ledger is locked meanwhile: two changes of one debt come in the order in which they were made, and
 * the last that was told is what is owed. So it must not wait, and not call the ledger.
 */
typedef void (*ThrottleKeep)(const UserDebt *debt, void *data);

/*
 * What users owe, kept where others see and change it, too: the shared debts of store.h, with its results. These
 * may wait, as long as one call of the store may; the ledger is locked meanwhile, as it must not be called.
 */
typedef struct ThrottleShare {
        int (*get)(void *data, uid_t uid, const char *limit, const char *key, int64_t now, SharedDebt *ret);
        /* 1: somebody else has changed it */
        int (*swap)(void *data, SharedDebt *debt, int64_t now);
        int (*list)(void *data, uid_t uid, int64_t now, GPtrArray **ret); /* SharedDebt * */
        void *data;
} ThrottleShare;

Throttle *throttle_new(const Clock *clock, ThrottleKeep keep, void *data);
/* @share is borrowed for the ledger's life. Then nothing is to be loaded, and nothing is swept. */
Throttle *throttle_new_shared(const Clock *clock, const ThrottleShare *share);
Throttle *throttle_free(Throttle *throttle); /* accepts NULL, returns NULL */

/* What the store has kept (UserDebt *), before anything is charged. No debt is longer than one can become. */
void throttle_load(Throttle *throttle, const ThrottleSettings *settings, const GPtrArray *debts);
/*
 * The same debt, as it is shared: for a host that joins a fleet. @wall: Unix seconds. @ret borrows the texts. false:
 * nobody would go by it any more.
 */
bool throttle_share_kept(const ThrottleSettings *settings, const UserDebt *debt, int64_t wall, SharedDebt *ret);

typedef struct ThrottleAttempt {
        uid_t uid;          /* UID_UNSET: nobody's account, its host alone is charged */
        const char *client; /* "device ID", "session ID", "key", "login"; NULL: none that is known */
        const char *rhost;  /* NULL: local */
        bool known_host;    /* this user logged in from there lately */
} ThrottleAttempt;

typedef struct ThrottleCharge {
        uint64_t number; /* 0: nothing was charged, and there is nothing to settle */
} ThrottleCharge;

typedef struct ThrottleRefusal {
        ThrottleLimit limit;
        int64_t wait; /* s, from 1; INT64_MAX: until an administrator resets it, or the user logs in elsewhere */
} ThrottleRefusal;

enum {
        _THROTTLE_E_SUCCESS = 0,
        THROTTLE_E_LIMITED, /* not to be looked at; @ret_refusal says why */
};

/*
 * 0: charged, and to be settled by exactly one of the three below. THROTTLE_E_LIMITED, or a negative errno: what is
 * owed cannot be read or written (only where it is shared). Nothing was charged then.
 */
int throttle_charge(Throttle *throttle, const ThrottleSettings *settings, const ThrottleAttempt *attempt,
                    ThrottleCharge *ret, ThrottleRefusal *ret_refusal);

/* Where a share is not there at the moment, the next four leave what is owed as it was. */

void throttle_failed(Throttle *throttle, const ThrottleCharge *charge);
/* It was right: forgets what this key of the user's owes (never what the host does). */
void throttle_succeeded(Throttle *throttle, const ThrottleCharge *charge);
/* It was never judged (an outage, a daemon that is busy). */
void throttle_refund(Throttle *throttle, const ThrottleCharge *charge);

/* One that a network has to judge, before it is settled: whoever finds no room beside it is refused, and does not wait. */
void throttle_takes_long(Throttle *throttle, const ThrottleCharge *charge);

/*
 * An attempt of that kind, which was settled as failed because nobody could say so soon, was right after
 * all: as throttle_succeeded(), but whoever failed there meanwhile is forgotten, too.
 */
void throttle_forgive(Throttle *throttle, const ThrottleSettings *settings, const ThrottleAttempt *attempt);

/* The user logged in, from a place that is not a stranger's: other-hosts is not closed any more. */
void throttle_reopen(Throttle *throttle, const ThrottleSettings *settings, uid_t uid);

/*
 * Forgets clients and known hosts that have owed nothing for THROTTLE_KEEP: there are ever new ones
 * of them. What strangers did stays until it is answered, and so does the console's.
 */
#define THROTTLE_KEEP (30 * 24 * 3600)
void throttle_sweep(Throttle *throttle);

/* That client of the user's is gone and comes back no more: neither does what it owes. */
void throttle_drop_client(Throttle *throttle, uid_t uid, const char *client);

/*
 * An administrator's: forgets all that is owed. @ret_changed is false where nothing was. For a user also what the last
 * host owes from where others than his own failed: it is his new one more often than a stranger's, and
 * would keep him out.
 */
int throttle_reset_user(Throttle *throttle, uid_t uid, bool *ret_changed);
/* And what the network owes that holds @network. False where that is nothing. */
bool throttle_reset_host(Throttle *throttle, const Network *network);

/* One that owes something. */
typedef struct ThrottleView {
        ThrottleLimit limit;
        uid_t uid;         /* UID_UNSET for a host */
        char *key;         /* the client or network; NULL without */
        unsigned failures; /* for a host: how many it still has to pay back */
        int64_t retry_at;  /* Unix seconds; 0: at once; INT64_MAX: closed */
} ThrottleView;

void throttle_view_free(ThrottleView *view);

/* An array of ThrottleView *: users' first, by uid and limit, then hosts, at most @max of them. */
int throttle_list(Throttle *throttle, const ThrottleSettings *settings, unsigned max, GPtrArray **ret);
