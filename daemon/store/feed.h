/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#pragma once

/*
 * What happened in a store that hosts share, for each host to hear of at once: sessions that ended, devices that
 * were revoked, users who were added, disabled, removed or given a new password.
 *
 * The scripts that do it add an entry to one stream, in the same step, each with a number one above the last. A
 * feed reads on from the last entry that it was told of, also one from before the daemon was restarted, on a
 * connection of its own; where that breaks it tries again, ever less often. What was revoked it remembers
 * (tombstones.h) before it tells. An entry may be told twice after a crash.
 *
 * Numbers that are missing, or go back, say that entries were not seen: the stream keeps some thousands, and Redis may
 * have lost some, or come back with an older copy. Then the handler is told of a gap, which means: what you know
 * may be wrong, read all again. So it is at the very first start, when nothing is known yet.
 *
 * Both are called in the feed's thread, one at a time, never inside a call of the store; they may call the store,
 * and not store_feed_free().
 */

#include "daemon/store/store.h"

typedef struct StoreFeed StoreFeed;

typedef enum StoreFeedWhat {
        STORE_FEED_SESSION,  /* ended; @session */
        STORE_FEED_DEVICE,   /* was revoked; @device, and whose it is */
        STORE_FEED_ADDED,    /* @user, who is none that a store can lose unseen from now on */
        STORE_FEED_DISABLED, /* @user, and all that user's sessions and devices by entries of their own */
        STORE_FEED_REMOVED,
        STORE_FEED_PASSWORD,
        STORE_FEED_REVOKED,  /* all that @user has but, with @spares, one's own; the sessions by entries of their own */
        STORE_FEED_EVERYBODY, /* all that anybody has, likewise; of no user */
        _STORE_FEED_MAX,
} StoreFeedWhat;

typedef struct StoreFeedEntry {
        StoreFeedWhat what;
        bool own; /* done by this daemon, which knows */
        const char *user;
        uid_t uid;
        const char *device;     /* its id */
        bool keep_login;        /* such a session's login lives on, or that user's, or everybody's */
        bool everybody;         /* everybody's sessions were revoked, this one among them */
        bool spares;
        /* id, user, uid, host, state, ends, ended, end_reason, and its login: audit, boot and logind id */
        const Session *session;
} StoreFeedEntry;

typedef struct StoreFeedHandler {
        void (*entry)(const StoreFeedEntry *entry, void *data);
        bool (*gap)(void *data); /* false: that could not be read; the gap is told again */
        void *data;
} StoreFeedHandler;

/* @store is to outlive it. -EOPNOTSUPP: it is one host's alone. */
int store_feed_new(Store *store, const StoreFeedHandler *handler, StoreFeed **ret);

/* Returns when no call is under way any more. Accepts NULL, returns NULL. */
StoreFeed *store_feed_free(StoreFeed *feed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreFeed, store_feed_free)
