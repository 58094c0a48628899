/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Models of others, with the defaults of their manuals. */

#include <glib.h>

#include "tests/sim/defence.h"

#define SECOND INT64_C(1000)

/*
 * pam_faillock: deny=3 failures within fail_interval=900 close the account, from everywhere, until
 * unlock_time=600 has passed since the last of them. What is refused is not counted. Keys and tokens
 * skip it, so a device's login does too; its sudo does not.
 */

typedef struct Faillock {
        int64_t failures[3]; /* the last ones */
        unsigned n;
} Faillock;

static void *faillock_begin(void) {
        return g_new0(Faillock, 1);
}

static bool faillock_try(void *state, const Try *try) {
        Faillock *faillock = state;

        if (faillock->n == 3) {
                if (try->now - faillock->failures[2] < 600 * SECOND)
                        return false;
                faillock->n = 0;
        }
        while (faillock->n > 0 && try->now - faillock->failures[0] >= 900 * SECOND) {
                faillock->failures[0] = faillock->failures[1];
                faillock->failures[1] = faillock->failures[2];
                faillock->n--;
        }
        if (try->right)
                faillock->n = 0;
        else
                faillock->failures[faillock->n++] = try->now;
        return true;
}

const Defence pam_faillock = { "pam_faillock", faillock_begin, faillock_try, g_free };

/*
 * fail2ban: maxretry=5 failures within findtime=600 close the host for bantime=600, whoever is tried
 * from there. A success clears nothing.
 */

typedef struct Jail {
        int64_t failures[5];
        unsigned n;
        int64_t banned_until;
} Jail;

static void *by_host_begin(void) {
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static void by_host_end(void *state) {
        g_hash_table_unref(state);
}

static void *of_host(GHashTable *hosts, const char *host, gsize size) {
        void *found = g_hash_table_lookup(hosts, host);

        if (!found) {
                found = g_malloc0(size);
                (void) g_hash_table_insert(hosts, g_strdup(host), found);
        }
        return found;
}

static bool fail2ban_try(void *state, const Try *try) {
        Jail *jail;

        if (!try->host)
                return true;
        jail = of_host(state, try->host, sizeof(Jail));
        if (try->now < jail->banned_until)
                return false;
        while (jail->n > 0 && try->now - jail->failures[0] >= 600 * SECOND) {
                for (unsigned i = 1; i < jail->n; i++)
                        jail->failures[i - 1] = jail->failures[i];
                jail->n--;
        }
        if (try->right)
                return true;
        jail->failures[jail->n++] = try->now;
        if (jail->n == 5) {
                jail->banned_until = try->now + 600 * SECOND;
                jail->n = 0;
        }
        return true;
}

const Defence fail2ban = { "fail2ban", by_host_begin, fail2ban_try, by_host_end };

/*
 * PerSourcePenalties: each connection that fails to authenticate adds authfail:5s to its address's
 * penalty, which is enforced from min:15s on, and at most max:10m.
 */

static bool penalties_try(void *state, const Try *try) {
        struct { int64_t until; bool active; } *source;

        if (!try->host)
                return true;
        source = of_host(state, try->host, sizeof(*source));
        if (source->until <= try->now)
                source->active = false;
        if (source->active)
                return false;
        if (!try->right) {
                source->until = MIN(MAX(source->until, try->now) + 5 * SECOND, try->now + 600 * SECOND);
                source->active = source->until - try->now >= 15 * SECOND;
        }
        return true;
}

const Defence per_source_penalties = { "PerSourcePenalties", by_host_begin, penalties_try, by_host_end };
