/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Two tables, users and hosts, from a 64-bit key to the times of the last failures. An attempt
 * that is being checked counts like a failure (`checking`), so parallel guesses share one budget.
 * Where only such undecided attempts stand in the way, the next one waits for their outcome
 * instead of being refused: it cannot know yet whether it is the eleventh failure or the eleventh
 * right answer.
 *
 * A host's key is a keyed hash of its address: nobody can aim at somebody else's entry.
 */

#include <glib.h>
#include <sodium.h>
#include <string.h>

#include "daemon/core/limit.h"
#include "daemon/core/network.h"
#include "daemon/core/types.h"

#define HOSTS_MAX 8192

typedef struct Entry {
        uint64_t key;
        int64_t failures[LIMIT_FAILURES]; /* when, oldest first, in milliseconds of clock_running() */
        unsigned n_failures;
        unsigned checking;
        unsigned waiting; /* so many hold a pointer to this entry while they wait */
} Entry;

struct Limit {
        const Clock *clock;
        GMutex lock;
        GCond settled;
        GHashTable *users, *hosts; /* uint64_t key in Entry → Entry */
        unsigned char hash_key[crypto_shorthash_KEYBYTES];
};

Limit *limit_new(const Clock *clock) {
        Limit *limit = g_new0(Limit, 1);

        limit->clock = clock;
        g_mutex_init(&limit->lock);
        g_cond_init(&limit->settled);
        limit->users = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
        limit->hosts = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
        clock->random(clock, limit->hash_key, sizeof(limit->hash_key));
        return limit;
}

Limit *limit_free(Limit *limit) {
        if (!limit)
                return NULL;
        g_hash_table_unref(limit->users);
        g_hash_table_unref(limit->hosts);
        g_mutex_clear(&limit->lock);
        g_cond_clear(&limit->settled);
        g_free(limit);
        return NULL;
}

static uint64_t host_key(const Limit *limit, const char *rhost) {
        Network network = network_of(rhost);
        unsigned char named[1 + sizeof(network.prefix)], hash[crypto_shorthash_BYTES];
        uint64_t key;

        G_STATIC_ASSERT(sizeof(hash) == sizeof(key));
        if (network.kind == NETWORK_NONE)
                return 0;
        named[0] = (unsigned char) network.kind;
        memcpy(named + 1, network.prefix, sizeof(network.prefix));
        (void) crypto_shorthash(hash, named, sizeof(named), limit->hash_key);
        memcpy(&key, hash, sizeof(key));
        return key ? key : 1;
}

static uint64_t user_key(uid_t uid, const char *rhost) {
        if (uid == UID_UNSET)
                return 0;
        return (((uint64_t) uid << 1) | (rhost ? 1 : 0)) + 1;
}

static bool entry_idle(const Entry *entry) {
        return entry->n_failures == 0 && entry->checking == 0 && entry->waiting == 0;
}

/* Forgets failures that have left the window. */
static void entry_age(Entry *entry, int64_t now) {
        unsigned old = 0;

        while (old < entry->n_failures && now - entry->failures[old] >= LIMIT_WINDOW_MS)
                old++;
        entry->n_failures -= old;
        memmove(entry->failures, entry->failures + old, entry->n_failures * sizeof(entry->failures[0]));
}

static int64_t entry_latest(const Entry *entry) {
        return entry->n_failures > 0 ? entry->failures[entry->n_failures - 1] : 0;
}

/* Makes room for one host: those without failures go, or the one whose last failure is the oldest. */
static void hosts_make_room(Limit *limit, int64_t now) {
        Entry *oldest = NULL;
        GHashTableIter iter;
        gpointer value;

        if (g_hash_table_size(limit->hosts) < HOSTS_MAX)
                return;
        g_hash_table_iter_init(&iter, limit->hosts);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Entry *entry = value;

                entry_age(entry, now);
                if (entry_idle(entry))
                        g_hash_table_iter_remove(&iter);
                else if (entry->checking == 0 && entry->waiting == 0 &&
                         (!oldest || entry_latest(entry) < entry_latest(oldest)))
                        oldest = entry;
        }
        if (g_hash_table_size(limit->hosts) >= HOSTS_MAX && oldest)
                (void) g_hash_table_remove(limit->hosts, &oldest->key);
}

/* NULL for key 0, which limits nothing. */
static Entry *entry_get(Limit *limit, GHashTable *table, uint64_t key, int64_t now) {
        Entry *entry;

        if (key == 0)
                return NULL;
        entry = g_hash_table_lookup(table, &key);
        if (!entry) {
                if (table == limit->hosts)
                        hosts_make_room(limit, now);
                entry = g_new0(Entry, 1);
                entry->key = key;
                (void) g_hash_table_insert(table, &entry->key, entry);
        }
        entry_age(entry, now);
        return entry;
}

static void entry_put(GHashTable *table, Entry *entry) {
        if (entry && entry_idle(entry))
                (void) g_hash_table_remove(table, &entry->key);
}

static bool entry_full(const Entry *entry) {
        return entry && entry->n_failures >= LIMIT_FAILURES;
}

static bool entry_undecided(const Entry *entry) {
        return entry && entry->n_failures + entry->checking >= LIMIT_FAILURES;
}

static void wait_for_outcome(Limit *limit, Entry *user, Entry *host) {
        if (user)
                user->waiting++;
        if (host)
                host->waiting++;
        g_cond_wait(&limit->settled, &limit->lock);
        if (user)
                user->waiting--;
        if (host)
                host->waiting--;
}

bool limit_charge(Limit *limit, uid_t uid, const char *rhost, LimitCharge *ret) {
        LimitCharge charge = { .user_key = user_key(uid, rhost), .host_key = host_key(limit, rhost) };
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&limit->lock);
        int64_t now = clock_running(limit->clock);
        Entry *user = entry_get(limit, limit->users, charge.user_key, now);
        Entry *host = entry_get(limit, limit->hosts, charge.host_key, now);

        while (!entry_full(user) && !entry_full(host) && (entry_undecided(user) || entry_undecided(host)))
                wait_for_outcome(limit, user, host);
        if (entry_full(user) || entry_full(host)) {
                entry_put(limit->users, user);
                entry_put(limit->hosts, host);
                return false;
        }
        if (user)
                user->checking++;
        if (host)
                host->checking++;
        *ret = charge;
        return true;
}

/* What stands under @key since limit_charge(), with the attempt no longer being checked; NULL for key 0. */
static Entry *entry_settle(GHashTable *table, uint64_t key) {
        Entry *entry = key ? g_hash_table_lookup(table, &key) : NULL;

        g_assert(!entry == !key); /* never evicted while it is being checked */
        if (entry) {
                g_assert(entry->checking > 0);
                entry->checking--;
        }
        return entry;
}

static void entry_fail(Entry *entry, int64_t now) {
        if (!entry)
                return;
        entry_age(entry, now);
        g_assert(entry->n_failures < LIMIT_FAILURES);
        entry->failures[entry->n_failures++] = now;
}

void limit_keep(Limit *limit, const LimitCharge *charge) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&limit->lock);
        int64_t now = clock_running(limit->clock);

        entry_fail(entry_settle(limit->users, charge->user_key), now);
        entry_fail(entry_settle(limit->hosts, charge->host_key), now);
        g_cond_broadcast(&limit->settled);
}

void limit_refund(Limit *limit, const LimitCharge *charge, bool success) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&limit->lock);
        Entry *user = entry_settle(limit->users, charge->user_key);
        Entry *host = entry_settle(limit->hosts, charge->host_key);

        /* Never the host's: whoever has one account could clear the way to guess at all others. */
        if (user && success)
                user->n_failures = 0;
        entry_put(limit->users, user);
        entry_put(limit->hosts, host);
        g_cond_broadcast(&limit->settled);
}
