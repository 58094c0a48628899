/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Scripts that are disturbed: each leaves all of its change, or nothing. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/test-redis-changes.h"
#include "daemon/store/test-redis-server.h"
#include "daemon/store/test-store.h"

#define PLENTY "CONFIG SET maxmemory 0"
#define NOTHING_LEFT "CONFIG SET maxmemory 1"

static Store *open_prepared(RedisServer *server, const char *prefix) {
        Store *store = redis_server_open(server, prefix, prefix);

        redis_changes_prepare(store);
        return store;
}

static void assert_same(const char *name, const char *a, const char *b) {
        g_auto(GStrv) left = g_strsplit(a, "\n", -1), right = g_strsplit(b, "\n", -1);

        for (size_t i = 0; left[i] && right[i]; i++)
                if (strcmp(left[i], right[i]) != 0)
                        g_error("%s:\n%s\n%s", name, left[i], right[i]);
        g_assert_cmpstr(a, ==, b);
}

/* Full, and not evicting: nothing is given, everything can be taken. */
static void test_R12_no_memory(RedisServer *server) {
        for (const RedisChange *change = redis_changes; change->name; change++) {
                g_autofree char *prefix = g_strconcat("full ", change->name, NULL), *before = NULL, *after = NULL;
                g_autoptr(Store) store = NULL;

                g_strdelimit(prefix, " ", '-');
                printf("no memory: %s\n", change->name);
                store = open_prepared(server, prefix);
                before = redis_server_dump(server, prefix);
                redis_server_do(server, NOTHING_LEFT);
                assert_result(change->run(store), change->takes ? 0 : -ENOSPC);
                redis_server_do(server, PLENTY);
                after = redis_server_dump(server, prefix);
                if (!change->takes) {
                        assert_same(change->name, before, after);
                        assert_result(change->run(store), 0);
                } else {
                        g_assert_cmpstr(before, !=, after);
                }
        }
}

/* The names of the keys that are not the same in both: what a change wrote. A name is up to the first space. */
static GPtrArray *changed_keys(const char *before, const char *after) {
        g_auto(GStrv) old = g_strsplit(before, "\n", -1), new = g_strsplit(after, "\n", -1);
        g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
        GPtrArray *keys = g_ptr_array_new_with_free_func(g_free);

        for (char **line = new; *line; line++)
                if (!g_strv_contains((const char *const *) old, *line))
                        g_ptr_array_add(keys, g_strndup(*line, strcspn(*line, " ")));
        for (guint i = 0; i < keys->len; i++)
                (void) g_hash_table_add(names, keys->pdata[i]); /* once each; ignoring */
        for (char **line = old; *line; line++) {
                g_autofree char *name = g_strndup(*line, strcspn(*line, " "));

                if (!g_strv_contains((const char *const *) new, *line) && !g_hash_table_contains(names, name))
                        g_ptr_array_add(keys, g_steal_pointer(&name));
        }
        return keys;
}

/* Damage: a key that is no list of sessions, or no user, any more. What a change needs of it is not there, so it does nothing. */
static void mistype(RedisServer *server, const RedisChange *change, const char *key, unsigned *ret_refused) {
        static unsigned number;
        g_autofree char *prefix = g_strdup_printf("bad-%u", ++number), *before = NULL, *after = NULL, *command = NULL;
        g_autoptr(Store) store = open_prepared(server, prefix);
        int r;

        command = g_strdup_printf("SET %s{tessera}:%s x", prefix, key);
        redis_server_do(server, command);
        before = redis_server_dump(server, prefix);
        r = change->run(store);
        after = redis_server_dump(server, prefix);
        if (r == 0)
                return; /* it needs nothing of that key, or makes it anew */
        if (r > 0)
                r = -EUCLEAN; /* not there: refused all the same */
        assert_result(r, -EUCLEAN);
        assert_same(change->name, before, after);
        (*ret_refused)++;
}

static void test_a_damaged_key_stops_a_change_before_it_begins(RedisServer *server) {
        for (const RedisChange *change = redis_changes; change->name; change++) {
                g_autofree char *prefix = g_strconcat("all ", change->name, NULL), *before = NULL, *after = NULL;
                g_autoptr(GPtrArray) keys = NULL;
                g_autoptr(Store) store = NULL;
                unsigned refused = 0;

                g_strdelimit(prefix, " ", '-');
                store = open_prepared(server, prefix);
                before = redis_server_dump(server, prefix);
                assert_result(change->run(store), 0);
                after = redis_server_dump(server, prefix);
                keys = changed_keys(before, after);
                for (guint i = 0; i < keys->len; i += getenv("TESSERA_SOAK") || keys->len < 9 ? 1 : 5)
                        mistype(server, change, keys->pdata[i], &refused);
                printf("damaged: %s: %u of %u keys refused\n", change->name, refused, keys->len);
                g_assert_cmpuint(refused, >, 0);
                redis_server_do(server, "FLUSHALL");
        }
}

/* Scripts that are flushed all the time */

typedef struct Flusher {
        pthread_t thread;
        RedisServer *server;
        int stop;
        unsigned flushes;
} Flusher;

static void *flush(void *data) {
        Flusher *flusher = data;

        while (!g_atomic_int_get(&flusher->stop)) {
                redis_server_do(flusher->server, "SCRIPT FLUSH");
                flusher->flushes++;
                g_usleep(2000);
        }
        return NULL;
}

static void test_scripts_that_are_flushed_run(RedisServer *server) {
        Flusher flusher = { .server = server };

        assert(pthread_create(&flusher.thread, NULL, flush, &flusher) == 0);
        for (const RedisChange *change = redis_changes; change->name; change++) {
                g_autofree char *prefix = g_strconcat("flush ", change->name, NULL);
                g_autoptr(Store) store = NULL;

                g_strdelimit(prefix, " ", '-');
                store = open_prepared(server, prefix);
                assert_result(change->run(store), 0);
        }
        g_atomic_int_set(&flusher.stop, 1);
        assert(pthread_join(flusher.thread, NULL) == 0);
        g_assert_cmpuint(flusher.flushes, >, 50);
}

/* Killed */

typedef struct Killer {
        pthread_t thread;
        RedisServer *server;
        gulong delay;
} Killer;

static void *kill_server(void *data) {
        const Killer *killer = data;

        g_usleep(killer->delay);
        redis_server_signal(killer->server, SIGKILL);
        return NULL;
}

typedef struct Outcome {
        unsigned before, after;
} Outcome;

static void kill_once(RedisServer *server, const RedisChange *change, const char *expected, gulong delay, Outcome *outcome) {
        static unsigned number;
        g_autofree char *prefix = g_strdup_printf("kill-%u", ++number), *before = NULL, *after = NULL;
        g_autoptr(Store) store = open_prepared(server, prefix);
        Killer killer = { .server = server, .delay = delay };
        int r;

        before = redis_server_dump(server, prefix);
        assert(pthread_create(&killer.thread, NULL, kill_server, &killer) == 0);
        r = change->run(store);
        assert(pthread_join(killer.thread, NULL) == 0);
        redis_server_kill(server);
        redis_server_start(server, /* durable= */ true);
        after = redis_server_dump(server, prefix);
        g_assert_cmpint(r, <=, 0);
        if (strcmp(after, before) == 0) {
                g_assert_cmpint(r, <, 0); /* what was said to be done is */
                outcome->before++;
        } else {
                assert_same(change->name, expected, after);
                outcome->after++;
        }
}

/* How long it takes, and what is there afterwards. */
static gulong run_undisturbed(RedisServer *server, const RedisChange *change, char **ret_dump) {
        g_autofree char *prefix = g_strconcat("whole ", change->name, NULL);
        g_autoptr(Store) store = NULL;
        int64_t begun;

        g_strdelimit(prefix, " ", '-');
        store = open_prepared(server, prefix);
        begun = g_get_monotonic_time();
        assert_result(change->run(store), 0);
        begun = g_get_monotonic_time() - begun;
        *ret_dump = redis_server_dump(server, prefix);
        return (gulong) begun;
}

/* The first rounds end when it would be done, the others ever earlier. */
static void test_R12_killed_in_the_middle(void) {
        unsigned rounds = getenv("TESSERA_SOAK") ? 60 : 4;
        Outcome all = {};

        for (const RedisChange *change = redis_changes; change->name; change++) {
                _cleanup_server_ RedisServer *server = redis_server_new(/* durable= */ true);
                g_autofree char *expected = NULL;
                gulong whole = run_undisturbed(server, change, &expected);
                Outcome outcome = {};

                for (unsigned i = 0; i < rounds; i++)
                        kill_once(server, change, expected, whole * i / rounds, &outcome);
                printf("killed: %s: %u not done, %u done\n", change->name, outcome.before, outcome.after);
                all.before += outcome.before;
                all.after += outcome.after;
        }
        g_assert_cmpuint(all.before, >, 0);
        g_assert_cmpuint(all.after, >, 0);
}

int main(void) {
        _cleanup_server_ RedisServer *server = redis_server_new(/* durable= */ false);

        setvbuf(stdout, NULL, _IOLBF, 0);
        test_R12_no_memory(server);
        test_a_damaged_key_stops_a_change_before_it_begins(server);
        test_scripts_that_are_flushed_run(server);
        test_R12_killed_in_the_middle();
        return 0;
}
