/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What only a shared store can show: several hosts, and a server that is away, slow or refuses. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/test-redis-changes.h"
#include "daemon/store/test-redis-server.h"
#include "daemon/store/test-store.h"

#define WEB1 "web1.example.org"
#define WEB2 "web2.example.org"

typedef struct Fleet {
        Store *web1, *web2;
} Fleet;

static char *new_prefix(void) {
        static unsigned number;

        return g_strdup_printf("fleet-%u:", ++number);
}

static void add_user(Store *store, const char *name, uid_t uid) {
        User user = {
                .name = (char *) name, .uid = uid, .enabled = true, .password_hash = (char *) "$h$1", .created = START,
        };

        assert_result(store_user_add(store, &user), 0);
}

/* Two hosts, and alice and bob, whom the first one added. */
static Fleet open_fleet(RedisServer *server) {
        g_autofree char *prefix = new_prefix(), *first = g_strconcat(prefix, "1", NULL), *second = g_strconcat(prefix, "2", NULL);
        Fleet fleet = {
                .web1 = redis_server_open(server, prefix, first),
                .web2 = redis_server_open(server, prefix, second),
        };

        add_user(fleet.web1, "alice", ALICE);
        add_user(fleet.web1, "bob", BOB);
        return fleet;
}

static void close_fleet(Fleet *fleet) {
        fleet->web1 = store_free(fleet->web1);
        fleet->web2 = store_free(fleet->web2);
}

#define _cleanup_fleet_ __attribute__((__cleanup__(close_fleet)))

/* Several hosts */

static void test_hosts_share(RedisServer *server) {
        _cleanup_fleet_ Fleet fleet = open_fleet(server);
        g_autoptr(User) bob = NULL;
        g_autofree char *id = test_id(1);

        assert_result(store_user_get(fleet.web2, "bob", &bob), 0);
        test_open(fleet.web1, 1, ALICE, 11);
        test_open_child(fleet.web1, 2, ALICE, 1);
        test_assert_state(fleet.web2, 2, SESSION_ACTIVE);
        assert(test_end(fleet.web2, 1, SESSION_EVENT_REVOKE) == 2);
        test_assert_state(fleet.web1, 1, SESSION_REVOKED);
        test_assert_state(fleet.web1, 2, SESSION_REVOKED);
        assert_result(store_session_authenticated(fleet.web1, id, START, "pwd", NULL), STORE_E_STATE);
}

/* Names and what else is one host's do not leave it. */
static void test_names_are_local(RedisServer *server) {
        _cleanup_fleet_ Fleet fleet = open_fleet(server);
        g_autofree char *name = NULL, *other = NULL;

        assert_result(store_meta_set(fleet.web1, STORE_META_NAME, WEB1), 0);
        assert_result(store_meta_get(fleet.web2, STORE_META_NAME, &name), STORE_E_NOT_FOUND);
        assert_result(store_rename_host(fleet.web2, "x", "a=b\nc \"\\\001"), 0);
        assert_result(store_meta_get(fleet.web2, STORE_META_NAME, &other), 0);
        g_assert_cmpstr(other, ==, "a=b\nc \"\\\001");
        assert_result(store_meta_get(fleet.web1, STORE_META_NAME, &name), 0);
        g_assert_cmpstr(name, ==, WEB1);
}

/* One host sweeps for all, but what holds a login of another host it leaves to that. */
static void test_A9_another_host_sweeps(RedisServer *server) {
        _cleanup_fleet_ Fleet fleet = open_fleet(server);
        g_autoptr(Session) capped = test_session(1, ALICE, 11), got = NULL, held = NULL;
        g_autoptr(GPtrArray) none = NULL, ended = NULL;
        bool bound, more;

        capped->role_cap = g_strsplit("everyone", " ", -1);
        assert_result(store_session_open(fleet.web1, capped, MANY, &bound, &none), 0);
        test_open(fleet.web1, 2, ALICE, 12);
        assert(test_end(fleet.web1, 1, SESSION_EVENT_CLOSE) == 1);
        assert(test_end(fleet.web1, 2, SESSION_EVENT_REVOKE) == 1);
        assert_result(store_session_sweep(fleet.web2, WEB2, OTHER_BOOT, START + 400 * DAY, DAY, DAY, 100, &ended, &more), 0);
        assert_result(store_session_bound(fleet.web2, BOOT, 11, ALICE, &got), 0);
        g_assert_cmpstr(got->role_cap[0], ==, "everyone");
        assert_result(store_session_bound(fleet.web2, BOOT, 12, ALICE, &held), 0);
        g_assert_cmpint(held->state, ==, SESSION_REVOKED);
}

/* Of a host whose clock is a year ahead, and that sweeps for all. */
static void test_R7_a_fast_clock_ends_nothing_of_others(RedisServer *server) {
        _cleanup_fleet_ Fleet fleet = open_fleet(server);
        const int64_t now = g_get_real_time() / G_USEC_PER_SEC, then = now + 365 * DAY;
        g_autoptr(Session) session = test_session(1, ALICE, 11);
        g_autoptr(Device) device = test_device(1, ALICE), got = NULL;
        g_autoptr(GPtrArray) none = NULL, ended = NULL, over = NULL, roles = NULL;
        Assignment role = { .user = (char *) "alice", .uid = ALICE, .role = (char *) "r", .until = now + DAY, .by = (char *) "root" };
        bool bound, more, changed;

        session->opened = session->seen = device->created = device->used = now;
        session->ends = device->ends = now + 7 * DAY;
        assert_result(store_session_open(fleet.web1, session, MANY, &bound, &none), 0);
        assert_result(store_device_add(fleet.web1, device, MANY), 0);
        assert_result(store_assignment_set(fleet.web1, &role, MANY, &changed), 0);

        assert_result(store_session_sweep(fleet.web2, WEB2, OTHER_BOOT, then, DAY, DAY, 100, &ended, &more), 0);
        assert_result(store_device_sweep(fleet.web2, then, DAY, DAY), 0);
        assert_result(store_assignment_sweep(fleet.web2, then, &over), 0);
        g_assert_cmpuint(ended->len + over->len, ==, 0);
        test_assert_state(fleet.web1, 1, SESSION_ACTIVE);
        got = test_get_device(fleet.web1, 1);
        assert_result(store_assignment_list(fleet.web1, ALICE, &roles), 0);
        g_assert_cmpuint(roles->len, ==, 1);
}

static void list_what_is_not_there(RedisServer *server, const char *prefix, const char *index, unsigned n) {
        g_autoptr(GString) command = g_string_new(NULL);

        g_string_printf(command, "ZADD %s{tessera}:%s", prefix, index);
        for (unsigned i = 0; i < n; i++)
                g_string_append_printf(command, " 0 %08xffffffffffffffffffffffff", i);
        redis_server_do(server, command->str);
}

/* A server that evicts forgets sessions and keeps indexes: those that are left end all the same. */
static void test_R12_what_was_evicted_is_in_nobodys_way(RedisServer *server) {
        g_autofree char *prefix = new_prefix(), *host = g_strconcat(prefix, "1", NULL), *problem = NULL;
        g_autoptr(Store) store = redis_server_open(server, prefix, host);
        g_autoptr(GPtrArray) revoked = NULL, expired = NULL;
        SessionSelector everybody = { .uid = UID_UNSET, .all = true };
        bool more = true;

        add_user(store, "alice", ALICE);
        list_what_is_not_there(server, prefix, "active", 2500);
        list_what_is_not_there(server, prefix, "ends", 250);
        list_what_is_not_there(server, prefix, "seen", 250);
        test_open(store, 1, ALICE, 11);
        assert_result(store_session_end(store, &everybody, SESSION_EVENT_REVOKE, "test", START, &revoked), 0);
        g_assert_cmpuint(revoked->len, ==, 1);

        test_open(store, 2, ALICE, 12);
        for (unsigned step = 0; more; step++) {
                g_clear_pointer(&expired, g_ptr_array_unref);
                g_assert_cmpuint(step, <, 10);
                assert_result(store_session_sweep(store, host, BOOT, START + 400 * DAY, DAY, 1000 * DAY, 100, &expired, &more), 0);
        }
        test_assert_state(store, 2, SESSION_EXPIRED);
        assert_result(store_check(store, 60 * G_TIME_SPAN_SECOND, &problem), 0);
}

/* Who writes there as he likes keeps nobody from being disabled, nor a host from writing what it noted. */
static void test_R12_a_damaged_record_is_in_nobodys_way(RedisServer *server) {
        static const char *const damages[] = {
                "HSET %s{tessera}:session:ffffffffffffffffffffffffffffffff n x uid 1001 user alice host web9 state active ends 9 seen 9",
                "HSET %s{tessera}:session:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee n 9 uid 1001 state active",
                "HSET %s{tessera}:session:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb n 9 uid 1001 user alice host web9 state active ends 9 "
                "seen 9 ended 0 parent x",
                "ZADD %s{tessera}:active:user:1001 1 ffffffffffffffffffffffffffffffff 2 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee "
                "3 bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                "HSET %s{tessera}:device:dddddddddddddddddddddddddddddddd revoked 0 uid 1001",
                "HSET %s{tessera}:device:cccccccccccccccccccccccccccccccc revoked 0 uid 1001 user alice name x ends x used 1",
                "ZADD %s{tessera}:devices:user:1001 1 dddddddddddddddddddddddddddddddd 2 cccccccccccccccccccccccccccccccc",
                "HSET %s{tessera}:user:alice failures x",
        };
        g_autofree char *prefix = new_prefix(), *host = g_strconcat(prefix, "1", NULL);
        g_autoptr(Store) store = redis_server_open(server, prefix, host);
        g_autoptr(GPtrArray) ended = NULL, events = NULL, sessions = NULL, devices = NULL;
        SessionFilter filter = { .uid = ALICE };
        g_autofree char *id = test_id(1);
        g_autoptr(User) user = NULL;
        bool changed;

        add_user(store, "alice", ALICE);
        test_open(store, 1, ALICE, 11);
        for (size_t i = 0; i < G_N_ELEMENTS(damages); i++) {
                g_auto(GStrv) parts = g_strsplit(damages[i], "%s", 2);
                g_autofree char *command = g_strjoinv(prefix, parts);

                redis_server_do(server, command);
        }
        assert_result(store_session_list(store, &filter, &sessions), 0);
        assert_result(store_device_list(store, ALICE, &devices), 0);
        g_assert_cmpuint(sessions->len, ==, 1);
        g_assert_cmpuint(devices->len, ==, 0);
        store_user_failed(store, "alice", NULL, START);
        assert_result(store_event_list(store, id, &events), 0); /* which writes it */
        assert_result(store_user_disable(store, "alice", "left", START, &changed, &ended), 0);
        assert_result(store_user_get(store, "alice", &user), 0);
        assert(!user->enabled);
        test_assert_state(store, 1, SESSION_REVOKED);
}

/* What one host noted and another ends is where it was; what both saw is the latest. */
static void test_seen_on_both(RedisServer *server) {
        _cleanup_fleet_ Fleet fleet = open_fleet(server);
        g_autoptr(GPtrArray) first = NULL, second = NULL;
        g_autoptr(Session) session = NULL;
        g_autofree char *id = test_id(1);
        bool more;

        test_open(fleet.web1, 1, ALICE, 11);
        store_session_touch(fleet.web1, id, START + 90);
        store_session_touch(fleet.web2, id, START + 80);
        assert_result(store_session_sweep(fleet.web1, WEB1, BOOT, START, DAY, DAY, 10, &first, &more), 0);
        assert_result(store_session_sweep(fleet.web2, WEB2, BOOT, START, DAY, DAY, 10, &second, &more), 0);
        session = test_get(fleet.web2, 1);
        g_assert_cmpint(session->seen, ==, START + 90);
}

/* Races between hosts */

#define N_THREADS 32

typedef struct Racer {
        pthread_t thread;
        pthread_barrier_t *start;
        Store *store;
        unsigned round;
        bool won, late, again, spent;
} Racer;

static void *race(void *data) {
        Racer *racer = data;
        g_autofree char *id = test_id(racer->round);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) device = NULL;
        DeviceUse use;
        int r;

        (void) pthread_barrier_wait(racer->start); /* one of them is told apart; ignoring */
        r = store_device_use(racer->store, id, 1, NULL, START, START, &use, &device, &ended);
        assert(r == 0 || r == STORE_E_STATE);
        racer->won = r == 0 && use == DEVICE_USE_NEXT;
        racer->again = r == 0 && use == DEVICE_USE_AGAIN;
        racer->late = r != 0;
        r = store_ticket_use(racer->store, "web9", id, START);
        assert(r == 0 || r == STORE_E_EXISTS);
        racer->spent = r == 0;
        return NULL;
}

/* One refresh token and one ticket, at two hosts at the same moment: each counts once. */
static void test_R1_one_winner_on_two_hosts(RedisServer *server) {
        _cleanup_fleet_ Fleet fleet = open_fleet(server);

        for (unsigned round = 1; round <= 20; round++) {
                Racer racers[N_THREADS] = {};
                unsigned won = 0, again = 0, late = 0, spent = 0;
                pthread_barrier_t start;

                test_add_device(fleet.web1, round, ALICE);
                assert(pthread_barrier_init(&start, NULL, N_THREADS) == 0);
                for (unsigned i = 0; i < N_THREADS; i++) {
                        racers[i] = (Racer) { .store = i % 2 ? fleet.web1 : fleet.web2, .start = &start, .round = round };
                        assert(pthread_create(&racers[i].thread, NULL, race, &racers[i]) == 0);
                }
                for (unsigned i = 0; i < N_THREADS; i++) {
                        assert(pthread_join(racers[i].thread, NULL) == 0);
                        won += racers[i].won;
                        again += racers[i].again;
                        late += racers[i].late;
                        spent += racers[i].spent;
                }
                assert(pthread_barrier_destroy(&start) == 0);
                g_assert_cmpuint(won, ==, 1);
                g_assert_cmpuint(again, ==, 1);
                g_assert_cmpuint(late, ==, N_THREADS - 2);
                g_assert_cmpuint(spent, ==, 1);
        }
}

/* Mostly a new one, often out of a gap, seldom one that was used. */
static uint32_t next_counter(GRand *random, const DeviceWindow *window, uint32_t low) {
        uint32_t counter = low + (uint32_t) g_rand_int_range(random, 1, 40);
        guint n = window->gaps ? window->gaps->len : 0;
        gint32 step = g_rand_int_range(random, 0, 9) > 0 ? 6 : 700;

        if (n > 0 && g_rand_int_range(random, 0, 3) == 0)
                return g_array_index(window->gaps, DeviceGap, (guint) g_rand_int_range(random, 0, (gint32) n)).first;
        if (counter <= window->highest && g_rand_int_range(random, 0, 30) > 0)
                return window->highest + (uint32_t) g_rand_int_range(random, 1, step);
        return counter;
}

/* The script's window is device-window.c's, whatever comes. */
static void test_R4_the_window_is_the_same(RedisServer *server) {
        _cleanup_fleet_ Fleet fleet = open_fleet(server);
        g_autoptr(GRand) random = g_rand_new_with_seed(4711);
        unsigned uses = 0, late = 0;

        for (unsigned n = 1; n <= 150; n++) {
                DeviceWindow window = {};
                DeviceUse use = DEVICE_USE_NEXT, expected = DEVICE_USE_NEXT;
                int64_t now = START;
                uint32_t low = n % 10 == 0 ? UINT32_MAX - 3000 : 0;
                g_autofree char *id = test_id(n);

                test_add_device(fleet.web1, n, ALICE);
                for (unsigned i = 0; i < 200 && use != DEVICE_USE_AGAIN; i++) {
                        g_autoptr(GPtrArray) ended = NULL;
                        g_autoptr(Device) device = NULL;
                        g_autofree char *want = NULL, *got = NULL;
                        uint32_t counter = next_counter(random, &window, low);

                        now += g_rand_int_range(random, -20, 50);
                        expected = device_window_use(&window, counter, now);
                        assert_result(store_device_use(fleet.web1, id, counter, NULL, now, now, &use, &device, &ended), 0);
                        g_assert_cmpint(use, ==, expected);
                        want = device_window_gaps_to_string(&window);
                        got = device_window_gaps_to_string(&device->window);
                        g_assert_cmpstr(got, ==, want);
                        g_assert_cmpuint(device->window.highest, ==, window.highest);
                        uses++;
                        late += use == DEVICE_USE_LATE;
                }
                device_window_deinit(&window);
        }
        printf("window: %u uses, %u of them late\n", uses, late);
        g_assert_cmpuint(late, >, 200);
}

/* Many */

static void open_of_many(Store *store, unsigned n, uid_t uid) {
        g_autoptr(Session) session = test_session(n, uid, 10 + n);
        g_autoptr(GPtrArray) none = NULL;
        bool bound;

        assert_result(store_session_open(store, session, 5000, &bound, &none), 0);
}

static void test_thousands_end(RedisServer *server) {
        _cleanup_fleet_ Fleet fleet = open_fleet(server);
        g_autoptr(GPtrArray) ended = NULL, all = NULL, some = NULL;
        SessionSelector selector = { .uid = UID_UNSET, .all = true };
        SessionFilter filter = { .uid = UID_UNSET, .ended = true };
        g_autofree char *except = test_id(2501);
        bool changed;

        for (unsigned n = 1; n <= 2500; n++)
                open_of_many(fleet.web1, n, ALICE);
        test_open(fleet.web1, 2501, BOB, 1);
        assert_result(store_user_disable(fleet.web2, "alice", "left", START + 9, &changed, &ended), 0);
        g_assert_cmpuint(ended->len, ==, 2500);
        for (unsigned n = 2502; n <= 3700; n++)
                open_of_many(fleet.web1, n, BOB);
        selector.except = except;
        assert_result(store_session_end(fleet.web1, &selector, SESSION_EVENT_CLOSE, "x", START, &some), 0);
        g_assert_cmpuint(some->len, ==, 1199);
        test_assert_state(fleet.web1, 2501, SESSION_ACTIVE);
        assert_result(store_session_list(fleet.web1, &filter, &all), 0);
        g_assert_cmpuint(all->len, ==, 3700);
        for (guint i = 1; i < all->len; i++)
                g_assert_cmpint(((Session *) all->pdata[i - 1])->opened, <, ((Session *) all->pdata[i])->opened);
}

/* By the user's sessions or by what begins so, whichever is less: the same is found. */
static void test_find_walks_both_ways(RedisServer *server) {
        _cleanup_fleet_ Fleet fleet = open_fleet(server);
        g_autoptr(Session) one = NULL, two = NULL, none = NULL;

        for (unsigned n = 0; n < 20; n++)
                test_open(fleet.web1, 0xa0000001 + n, ALICE, 10 + n);
        test_open(fleet.web1, 0xa1000000, BOB, 1);
        test_open(fleet.web1, 0xb1000000, BOB, 2);
        for (unsigned n = 0; n < 40; n++)
                test_open(fleet.web1, 0xc0000001 + n, BOB, 100 + n);
        assert_result(store_session_find(fleet.web1, "a", BOB, &one), 0);
        assert_result(store_session_find(fleet.web1, "b", BOB, &two), 0);
        assert_result(store_session_find(fleet.web1, "c", BOB, &none), STORE_E_AMBIGUOUS);
        assert_result(store_session_find(fleet.web1, "a", ALICE, &none), STORE_E_AMBIGUOUS);
        assert_result(store_session_find(fleet.web1, "c", ALICE, &none), STORE_E_NOT_FOUND);
        g_assert_true(g_str_has_prefix(one->id, "a1"));
        g_assert_true(g_str_has_prefix(two->id, "b1"));
}

/* Damage */

static void test_check(RedisServer *server) {
        static const char *const damages[] = {
                "ZREM %s{tessera}:seen %s", "ZREM %s{tessera}:active:ids %s", "DEL %s{tessera}:session:%s",
                "HSET %s{tessera}:session:%s state closed",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(damages); i++) {
                g_autofree char *prefix = new_prefix(), *host = g_strconcat(prefix, "1", NULL), *id = test_id(3);
                g_autofree char *problem = NULL, *command = NULL;
                g_autoptr(Store) store = redis_server_open(server, prefix, host);
                g_auto(GStrv) parts = g_strsplit(damages[i], "%s", 3);

                redis_changes_prepare(store);
                assert_result(store_check(store, 60 * G_TIME_SPAN_SECOND, &problem), 0);
                assert_result(store_check(store, 0, &problem), -EINTR);
                command = g_strconcat(parts[0], prefix, parts[1], id, parts[2], NULL);
                redis_server_do(server, command);
                assert_result(store_check(store, 60 * G_TIME_SPAN_SECOND, &problem), -EUCLEAN);
                g_assert_nonnull(strstr(problem, id));
        }
}

static void test_another_schema(RedisServer *server) {
        g_autofree char *prefix = new_prefix(), *host = g_strconcat(prefix, "1", NULL);
        g_autofree char *command = g_strdup_printf("HSET %s{tessera}:store schema 2", prefix), *problem = NULL;
        g_autoptr(Store) store = redis_server_open(server, prefix, host);
        g_autoptr(User) none = NULL;

        add_user(store, "alice", ALICE);
        redis_server_do(server, command);
        assert_result(store_user_get(store, "alice", &none), -EPROTO);
        problem = store_problem(store);
        g_assert_nonnull(strstr(problem, "SCHEMA"));
}

/* All that the scripts use: redis-probe.c asks for these, and a daemon that may do no more can do all. */
static const char *const commands[] = {
        "DEL", "EVALSHA", "EXISTS", "GET", "HDEL", "HEXISTS", "HGET", "HGETALL", "HKEYS",
        "HMGET", "HSET", "HVALS", "INFO", "LRANGE", "LTRIM", "RPUSH", "SCRIPT", "SET", "TIME", "TYPE", "XADD", "XREAD",
        "XREVRANGE", "ZADD", "ZCARD", "ZLEXCOUNT", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZREM",
        "ZREMRANGEBYRANK", "ZREVRANGE", "ZREVRANGEBYSCORE", "ZSCORE", NULL,
};

static void test_commands_are_enough(RedisServer *server) {
        g_autofree char *prefix = new_prefix(), *folder = g_build_filename(server->folder, "acl", NULL), *message = NULL;
        g_autoptr(GString) command = g_string_new(NULL);
        _cleanup_secret_ Secret *password = secret_new(2);

        g_string_printf(command, "ACL SETUSER host on >pw ~%s* resetchannels -@all", prefix);
        for (size_t i = 0; commands[i]; i++)
                g_string_append_printf(command, " +%s", commands[i]);
        redis_server_do(server, command->str);
        memcpy(password->data, "pw", password->size);
        for (const RedisChange *change = redis_changes; change->name; change++) {
                g_autofree char *own = g_strdup_printf("%s%s:", prefix, change->name);
                StoreRedisSettings settings = {
                        .link = { .host = "127.0.0.1", .port = server->port, .user = "host", .password = password,
                                  .deadline = 3 * G_TIME_SPAN_SECOND },
                        .prefix = own,
                        .state_folder = folder,
                };
                g_autofree char *remove = g_strdup_printf("rm -rf '%s'", folder);
                g_autoptr(GPtrArray) list = NULL;
                g_autoptr(Store) store = NULL;

                assert(system(remove) == 0);
                assert(g_mkdir_with_parents(folder, 0700) == 0);
                assert_result(store_redis_open(&settings, &store, &message), 0);
                redis_changes_prepare(store);
                assert_result(change->run(store), 0);
                assert_result(store_user_list(store, &list), 0);
        }
}

/* The server is away, or says nothing */

/* Everything fails, and gives nothing. */
static void assert_all_fail(Store *store) {
        g_autofree char *id = test_id(1), *value = NULL, *problem = NULL;
        GPtrArray *list = NULL;
        Session *session = NULL;
        Device *device = NULL;
        User *user = NULL;
        SharedDebt debt;
        bool flag = false;
        SessionFilter filter = { .uid = UID_UNSET };

        g_assert_cmpint(store_user_get(store, "alice", &user), <, 0);
        g_assert_cmpint(store_user_list(store, &list), <, 0);
        g_assert_cmpint(store_session_get(store, id, &session), <, 0);
        g_assert_cmpint(store_session_find(store, "0", UID_UNSET, &session), <, 0);
        g_assert_cmpint(store_session_bound(store, BOOT, 101, ALICE, &session), <, 0);
        g_assert_cmpint(store_session_list(store, &filter, &list), <, 0);
        g_assert_cmpint(store_device_get(store, id, &device), <, 0);
        g_assert_cmpint(store_device_list(store, ALICE, &list), <, 0);
        g_assert_cmpint(store_assignment_list(store, UID_UNSET, &list), <, 0);
        g_assert_cmpint(store_identity_list(store, UID_UNSET, &list), <, 0);
        g_assert_cmpint(store_ticket_used(store, "web9", "jti", &flag), <, 0);
        g_assert_cmpint(store_known_network(store, ALICE, "192.0.2.1", 0, &flag), <, 0);
        g_assert_cmpint(store_shared_debt_list(store, UID_UNSET, START, &list), <, 0);
        g_assert_cmpint(store_shared_debt_get(store, ALICE, "local", "", START, &debt), <, 0);
        g_assert_cmpint(store_event_list(store, id, &list), <, 0);
        g_assert_cmpint(store_check(store, G_TIME_SPAN_SECOND, &problem), <, 0);
        for (const RedisChange *change = redis_changes; change->name; change++)
                if (change->run(store) >= 0)
                        g_error("%s did not fail", change->name);
        assert(!list && !session && !device && !user && !flag);
        /* what is this host's alone is there */
        assert_result(store_meta_get(store, STORE_META_NAME, &value), 0);
}

static void test_R12_killed_and_stopped(void) {
        static const int ways[] = { SIGKILL, SIGSTOP };

        for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
                _cleanup_server_ RedisServer *server = redis_server_new(/* durable= */ true);
                g_autoptr(Store) store = redis_server_open_hasty(server, "p:", "web1", 300 * G_TIME_SPAN_MILLISECOND);
                int64_t begun;

                redis_changes_prepare(store);
                assert_result(store_meta_set(store, STORE_META_NAME, WEB1), 0);
                if (ways[i] == SIGKILL)
                        redis_server_kill(server);
                else
                        redis_server_signal(server, SIGSTOP);
                begun = g_get_monotonic_time();
                assert_all_fail(store);
                printf("away: %.3f s for all\n", (double) (g_get_monotonic_time() - begun) / G_TIME_SPAN_SECOND);
                g_assert_cmpint(g_get_monotonic_time() - begun, <, 10 * G_TIME_SPAN_SECOND);

                if (ways[i] == SIGKILL)
                        redis_server_start(server, /* durable= */ true);
                else
                        redis_server_signal(server, SIGCONT);
                for (begun = g_get_monotonic_time();;) {
                        g_autoptr(User) user = NULL;

                        if (store_user_get(store, "bob", &user) == 0)
                                break;
                        g_assert_cmpint(g_get_monotonic_time() - begun, <, 10 * G_TIME_SPAN_SECOND);
                        g_usleep(20 * G_TIME_SPAN_MILLISECOND);
                }
        }
}

/* A failover, or an address that leads to the wrong server: what it has may be old, so that is no answer. */
static void test_R12_a_replica_gives_no_answer(void) {
        _cleanup_server_ RedisServer *server = redis_server_new(/* durable= */ false);
        g_autoptr(Store) store = redis_server_open(server, "p:", "web1");
        g_autoptr(User) user = NULL;

        redis_changes_prepare(store);
        assert_result(store_meta_set(store, STORE_META_NAME, WEB1), 0);
        redis_server_do(server, "REPLICAOF 127.0.0.1 1");
        assert_result(store_user_get(store, "bob", &user), -EROFS);
        assert_all_fail(store);
        redis_server_do(server, "REPLICAOF NO ONE");
        assert_result(store_user_get(store, "bob", &user), 0);
}

/* Adding never waits, and says what it let go. */
static void test_notes_while_it_is_away(RedisServer *server) {
        g_autofree char *prefix = new_prefix(), *host = g_strconcat(prefix, "1", NULL), *id = test_id(1);
        g_autoptr(Store) store = redis_server_open(server, prefix, host);
        g_autoptr(GPtrArray) events = NULL;
        Event event = { .time = START, .event = (char *) "used" };
        int64_t begun;

        redis_changes_prepare(store);
        memcpy(event.session, id, SESSION_ID_SIZE);
        redis_server_signal(server, SIGSTOP);
        begun = g_get_monotonic_time();
        for (unsigned n = 0; n < 6000; n++) {
                g_autofree char *other = test_id(n);

                event.time = START + n;
                store_event_add(store, &event);
                store_session_touch(store, other, START + n);
                store_user_failed(store, "alice", "192.0.2.1", START + n);
        }
        g_assert_cmpint(g_get_monotonic_time() - begun, <, G_TIME_SPAN_SECOND);
        g_assert_cmpuint(store_dropped(store), >=, 2 * (6000 - 4096 - 1024)); /* less what is on its way */
        g_assert_cmpuint(store_dropped(store), <=, 2 * (6000 - 4096));
        redis_server_signal(server, SIGCONT);
        assert_result(store_event_list(store, id, &events), 0);
        g_assert_cmpuint(events->len, ==, 64);
}

/* A batch that was carried out, but whose answer came too late, is sent again, and counts once. */
static void test_notes_count_once(RedisServer *server) {
        g_autofree char *prefix = new_prefix(), *host = g_strconcat(prefix, "1", NULL), *id = test_id(50);
        g_autoptr(Store) store = redis_server_open_hasty(server, prefix, host, 400 * G_TIME_SPAN_MILLISECOND);
        g_autoptr(Session) session = test_session(50, ALICE, 150);
        g_autoptr(GPtrArray) none = NULL, ended = NULL;
        g_auto(LoginNews) news = {};
        int64_t begun;
        bool bound;
        int r;

        redis_changes_prepare(store);
        /* It takes the commands while it sleeps, and carries them out when it wakes. */
        redis_server_signal(server, SIGSTOP);
        for (unsigned i = 0; i < 3; i++)
                store_user_failed(store, "alice", "192.0.2.1", START + i);
        g_assert_cmpint(store_event_list(store, id, &none), <, 0);
        redis_server_signal(server, SIGCONT);
        for (begun = g_get_monotonic_time();;) {
                r = store_session_open_login(store, session, MANY, NULL, &bound, &ended, &news);
                if (r == 0)
                        break;
                g_assert_cmpint(g_get_monotonic_time() - begun, <, 10 * G_TIME_SPAN_SECOND);
                g_usleep(20 * G_TIME_SPAN_MILLISECOND);
        }
        g_assert_cmpuint(news.failures, ==, 3);
}

/* What was noted a moment before is there after the end, also behind a batch that left nothing waiting. */
static void test_notes_are_written_at_the_end(RedisServer *server) {
        _cleanup_fleet_ Fleet fleet = open_fleet(server);
        g_autoptr(GPtrArray) first = NULL, both = NULL;
        g_autoptr(Session) session = NULL;
        g_autofree char *id = test_id(1);
        Event event = { .time = START, .event = (char *) "used" };

        test_open(fleet.web1, 1, ALICE, 11);
        memcpy(event.session, id, SESSION_ID_SIZE);
        store_event_add(fleet.web1, &event);
        assert_result(store_event_list(fleet.web1, id, &first), 0); /* which writes it */
        store_event_add(fleet.web1, &event);
        store_session_touch(fleet.web1, id, START + 90);
        fleet.web1 = store_free(fleet.web1);
        assert_result(store_event_list(fleet.web2, id, &both), 0);
        g_assert_cmpuint(both->len, ==, first->len + 1);
        session = test_get(fleet.web2, 1);
        g_assert_cmpint(session->seen, ==, START + 90);
}

int main(void) {
        _cleanup_server_ RedisServer *server = redis_server_new(/* durable= */ false);

        assert(sodium_init() >= 0);
        setvbuf(stdout, NULL, _IOLBF, 0);
        test_hosts_share(server);
        test_names_are_local(server);
        test_A9_another_host_sweeps(server);
        test_R7_a_fast_clock_ends_nothing_of_others(server);
        test_R12_what_was_evicted_is_in_nobodys_way(server);
        test_R12_a_damaged_record_is_in_nobodys_way(server);
        test_seen_on_both(server);
        test_R1_one_winner_on_two_hosts(server);
        test_R4_the_window_is_the_same(server);
        test_thousands_end(server);
        test_find_walks_both_ways(server);
        test_check(server);
        test_another_schema(server);
        test_commands_are_enough(server);
        test_R12_killed_and_stopped();
        test_R12_a_replica_gives_no_answer();
        test_notes_while_it_is_away(server);
        test_notes_count_once(server);
        test_notes_are_written_at_the_end(server);
        return 0;
}
