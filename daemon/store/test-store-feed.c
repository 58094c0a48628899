/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The feed: told at once, told again where nobody listened, and what was missed is said. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "daemon/store/feed.h"
#include "daemon/store/store-memory.h"
#include "daemon/store/test-redis-changes.h"
#include "daemon/store/test-redis-server.h"
#include "daemon/store/test-store.h"

#define SOON (2 * G_TIME_SPAN_SECOND) /* the promise for a login that is to end */
#define AWAY (10 * G_TIME_SPAN_SECOND) /* with a server that comes back */

/* What was told: "session 00000001 revoked own", "device 00000002", "disabled bob", "gap". */
typedef struct Listener {
        pthread_mutex_t mutex;
        GPtrArray *lines;
        Session *last;
        StoreFeed *feed;
        unsigned deaf; /* to so many gaps, the last of them not */
} Listener;

static void add_line(Listener *listener, char *line) {
        pthread_mutex_lock(&listener->mutex);
        g_ptr_array_add(listener->lines, line);
        pthread_mutex_unlock(&listener->mutex);
}

static void hear_entry(const StoreFeedEntry *entry, void *data) {
        static const char *const words[_STORE_FEED_MAX] = { "session", "device", "added", "disabled", "removed", "password" };
        const char *own = entry->own ? " own" : "";
        Listener *listener = data;

        if (entry->what == STORE_FEED_SESSION) {
                pthread_mutex_lock(&listener->mutex);
                (void) session_free(listener->last);
                listener->last = session_copy(entry->session);
                pthread_mutex_unlock(&listener->mutex);
                add_line(listener, g_strdup_printf("session %.8s %s%s", entry->session->id,
                                                   session_state_to_string(entry->session->state), own));
        } else if (entry->what == STORE_FEED_EVERYBODY) {
                assert(!entry->user && entry->uid == UID_UNSET);
                add_line(listener, g_strdup_printf("everybody%s%s", entry->keep_login ? " keep" : "", own));
        } else if (entry->what == STORE_FEED_REVOKED) {
                add_line(listener, g_strdup_printf("all of %s%s%s%s", entry->user, entry->spares ? " spares" : "",
                                                   entry->keep_login ? " keep" : "", own));
        } else {
                add_line(listener, entry->what == STORE_FEED_DEVICE
                                           ? g_strdup_printf("device %.8s%s", entry->device, own)
                                           : g_strdup_printf("%s %s%s", words[entry->what], entry->user, own));
        }
}

static bool hear_gap(void *data) {
        Listener *listener = data;

        add_line(listener, g_strdup("gap"));
        return listener->deaf == 0 || --listener->deaf == 0;
}

static void listen_to(Listener *listener, Store *store) {
        StoreFeedHandler handler = { .entry = hear_entry, .gap = hear_gap, .data = listener };

        assert_result(store_feed_new(store, &handler, &listener->feed), 0);
}

static void listener_init(Listener *listener) {
        *listener = (Listener) { .lines = g_ptr_array_new_with_free_func(g_free) };
        pthread_mutex_init(&listener->mutex, NULL);
}

static void stop_listening(Listener *listener) {
        int64_t begun = g_get_monotonic_time();

        listener->feed = store_feed_free(listener->feed);
        g_assert_cmpint(g_get_monotonic_time() - begun, <, G_TIME_SPAN_SECOND / 2); /* whatever it waits for */
}

static void listener_deinit(Listener *listener) {
        stop_listening(listener);
        g_ptr_array_unref(listener->lines);
        (void) session_free(listener->last);
        pthread_mutex_destroy(&listener->mutex);
}

#define _cleanup_listener_ __attribute__((__cleanup__(listener_deinit)))

/* Those lines, in that order, and no others; then they are forgotten. */
static void expect(Listener *listener, int64_t within, const char *const *lines) {
        int64_t begun = g_get_monotonic_time();
        guint n = g_strv_length((char **) lines);
        guint heard = 0;

        while (heard < n && g_get_monotonic_time() - begun < within) {
                pthread_mutex_lock(&listener->mutex);
                heard = listener->lines->len;
                pthread_mutex_unlock(&listener->mutex);
                g_usleep(2 * G_TIME_SPAN_MILLISECOND);
        }
        pthread_mutex_lock(&listener->mutex);
        for (guint i = 0; i < MIN(n, listener->lines->len); i++)
                g_assert_cmpstr(listener->lines->pdata[i], ==, lines[i]);
        g_assert_cmpuint(listener->lines->len, ==, n);
        g_ptr_array_set_size(listener->lines, 0);
        pthread_mutex_unlock(&listener->mutex);
}

#define expect_lines(listener, within, ...) expect(listener, within, (const char *const[]) { __VA_ARGS__, NULL })

typedef struct Fleet {
        RedisServer *server;
        Store *web1, *web2;
        Listener listener; /* of web1 */
} Fleet;

/* alice and bob with sessions; web1 listens, and has heard that it knows nothing. */
static void fleet_init(Fleet *fleet) {
        *fleet = (Fleet) { .server = redis_server_new(/* durable= */ false) };
        fleet->web1 = redis_server_open_hasty(fleet->server, "p:", "web1", 500 * G_TIME_SPAN_MILLISECOND);
        fleet->web2 = redis_server_open_hasty(fleet->server, "p:", "web2", 500 * G_TIME_SPAN_MILLISECOND);
        assert_result(store_meta_set(fleet->web1, STORE_META_NAME, HOST), 0);
        redis_changes_prepare(fleet->web2);
        listener_init(&fleet->listener);
        listen_to(&fleet->listener, fleet->web1);
        expect_lines(&fleet->listener, SOON, "gap");
}

static void fleet_deinit(Fleet *fleet) {
        listener_deinit(&fleet->listener);
        fleet->web1 = store_free(fleet->web1);
        fleet->web2 = store_free(fleet->web2);
        fleet->server = redis_server_free(fleet->server);
}

#define _cleanup_fleet_ __attribute__((__cleanup__(fleet_deinit)))

/* A revocation on one host is heard on the other, with what it takes to end the login. */
static void test_told_at_once(void) {
        _cleanup_fleet_ Fleet fleet;
        int64_t begun;

        fleet_init(&fleet);
        begun = g_get_monotonic_time();
        g_assert_cmpuint(test_end(fleet.web2, 4, SESSION_EVENT_REVOKE), ==, 2);
        expect_lines(&fleet.listener, SOON, "session 00000004 revoked", "session 00000005 revoked");
        printf("told after %.1f ms\n", (double) (g_get_monotonic_time() - begun) / 1000);
        g_assert_cmpuint(test_end(fleet.web1, 16, SESSION_EVENT_CLOSE), ==, 1);
        expect_lines(&fleet.listener, SOON, "session 00000010 closed own");
        g_assert_cmpstr(fleet.listener.last->user, ==, "alice");
        g_assert_cmpuint(fleet.listener.last->uid, ==, ALICE);
        g_assert_cmpstr(fleet.listener.last->host, ==, HOST);
        g_assert_cmpstr(fleet.listener.last->boot_id, ==, BOOT);
        g_assert_cmpuint(fleet.listener.last->audit_id, ==, 116);
        g_assert_cmpstr(fleet.listener.last->end_reason, ==, "test");
        g_assert_cmpint(fleet.listener.last->ends, ==, START + 7 * DAY);
}

/* His record is an outage for him alone. */
static void test_R12_a_gap_beside_a_damaged_user(void) {
        _cleanup_fleet_ Fleet fleet;

        fleet_init(&fleet);
        redis_server_do(fleet.server, "HSET p:{tessera}:user:carol uid x");
        redis_server_do(fleet.server, "HSET p:{tessera}:users 1003 carol");
        redis_server_do(fleet.server, "XADD p:{tessera}:feed * by x what rumour");
        expect_lines(&fleet.listener, SOON, "gap");
}

static void test_users_and_devices(void) {
        _cleanup_fleet_ Fleet fleet;
        g_autoptr(GPtrArray) first = NULL, second = NULL, third = NULL, fourth = NULL;
        g_autofree char *device = test_id(3);
        bool changed;

        fleet_init(&fleet);
        assert_result(store_user_disable(fleet.web2, "bob", "left", START, &changed, &first), 0);
        expect_lines(&fleet.listener, SOON, "session 0000005a revoked", "disabled bob");
        assert_result(store_user_remove(fleet.web2, "bob", "left", START, &second), 0);
        expect_lines(&fleet.listener, SOON, "removed bob");
        assert_result(store_device_revoke(fleet.web2, device, "lost", START, &changed, &third), 0);
        expect_lines(&fleet.listener, SOON, "device 00000003");
        assert_result(store_device_revoke(fleet.web2, device, "lost", START, &changed, &fourth), 0);
        g_usleep(50 * G_TIME_SPAN_MILLISECOND);
        g_assert_cmpuint(fleet.listener.lines->len, ==, 0); /* nothing happened */
}

/* Returns how many have ended. */
static guint revoke_selected(Store *store, const SessionSelector *selector) {
        g_autoptr(GPtrArray) ended = NULL;

        assert_result(store_session_end(store, selector, SESSION_EVENT_REVOKE, "test", START, &ended), 0);
        return ended->len;
}

/* That line, and so many others behind it. */
static void expect_before(Listener *listener, const char *line, guint others) {
        int64_t begun = g_get_monotonic_time();
        guint heard = 0;

        while (heard < 1 + others && g_get_monotonic_time() - begun < SOON) {
                g_usleep(2 * G_TIME_SPAN_MILLISECOND);
                pthread_mutex_lock(&listener->mutex);
                heard = listener->lines->len;
                pthread_mutex_unlock(&listener->mutex);
        }
        pthread_mutex_lock(&listener->mutex);
        g_assert_cmpuint(heard, ==, 1 + others);
        g_assert_cmpstr(listener->lines->pdata[0], ==, line);
        g_ptr_array_set_size(listener->lines, 0);
        pthread_mutex_unlock(&listener->mutex);
}

/* Also where no session ended: somebody may be on the way in. */
static void test_all_of_a_user_and_everybody(void) {
        _cleanup_fleet_ Fleet fleet;
        g_autofree char *except = test_id(90);
        guint n;

        fleet_init(&fleet);
        (void) revoke_selected(fleet.web2, &(SessionSelector) { .uid = BOB, .except = except });
        expect_lines(&fleet.listener, SOON, "all of bob spares");
        g_assert_cmpuint(revoke_selected(fleet.web2, &(SessionSelector) { .uid = BOB, .keep_login = true }), ==, 1);
        expect_lines(&fleet.listener, SOON, "all of bob keep", "session 0000005a revoked");
        (void) revoke_selected(fleet.web1, &(SessionSelector) { .uid = BOB });
        expect_lines(&fleet.listener, SOON, "all of bob own");
        n = revoke_selected(fleet.web2, &(SessionSelector) { .uid = UID_UNSET, .all = true, .keep_login = true });
        g_assert_cmpuint(n, >, 1);
        expect_before(&fleet.listener, "everybody keep", n);
        (void) revoke_selected(fleet.web2, &(SessionSelector) { .uid = UID_UNSET, .all = true });
        expect_lines(&fleet.listener, SOON, "everybody");
}

/* What was done while nobody listened is told once, also to a daemon that was started again. */
static void test_told_after_a_restart(void) {
        _cleanup_fleet_ Fleet fleet;

        fleet_init(&fleet);
        stop_listening(&fleet.listener);
        g_assert_cmpuint(test_end(fleet.web2, 16, SESSION_EVENT_REVOKE), ==, 1);
        fleet.web1 = store_free(fleet.web1);
        fleet.web1 = redis_server_open(fleet.server, "p:", "web1");
        listen_to(&fleet.listener, fleet.web1);
        expect_lines(&fleet.listener, SOON, "session 00000010 revoked");
        stop_listening(&fleet.listener);
        listen_to(&fleet.listener, fleet.web1);
        g_assert_cmpuint(test_end(fleet.web2, 17, SESSION_EVENT_REVOKE), ==, 1);
        expect_lines(&fleet.listener, SOON, "session 00000011 revoked");
}

/* The server is killed, or says nothing: it is followed on when it is back. */
static void test_R12_the_server_was_away(void) {
        _cleanup_fleet_ Fleet fleet;

        fleet_init(&fleet);
        redis_server_do(fleet.server, "SAVE");
        redis_server_kill(fleet.server);
        g_usleep(300 * G_TIME_SPAN_MILLISECOND);
        redis_server_start(fleet.server, /* durable= */ false);
        g_usleep(G_TIME_SPAN_SECOND); /* until web2 tries again, too */
        g_assert_cmpuint(test_end(fleet.web2, 16, SESSION_EVENT_REVOKE), ==, 1);
        expect_lines(&fleet.listener, AWAY, "session 00000010 revoked");

        redis_server_signal(fleet.server, SIGSTOP);
        g_usleep(2 * G_TIME_SPAN_SECOND);
        redis_server_signal(fleet.server, SIGCONT);
        g_usleep(G_TIME_SPAN_SECOND);
        g_assert_cmpuint(test_end(fleet.web2, 17, SESSION_EVENT_REVOKE), ==, 1);
        expect_lines(&fleet.listener, AWAY, "session 00000011 revoked");
        redis_server_signal(fleet.server, SIGSTOP);
        stop_listening(&fleet.listener);
        redis_server_signal(fleet.server, SIGCONT);
}

/* Entries that nobody can read any more. */
static void test_gap_where_it_was_trimmed(void) {
        _cleanup_fleet_ Fleet fleet;
        g_autofree char *device = test_id(3), *again = g_strdup_printf("HSET p:{tessera}:device:%s revoked 0", device);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) got = NULL;
        bool changed;

        fleet_init(&fleet);
        stop_listening(&fleet.listener);
        for (unsigned n = 16; n <= 19; n++) /* 20 is below 19 */
                g_assert_cmpuint(test_end(fleet.web2, n, SESSION_EVENT_REVOKE), >, 0);
        redis_server_do(fleet.server, "XTRIM p:{tessera}:feed MAXLEN 2");
        listen_to(&fleet.listener, fleet.web1);
        expect_lines(&fleet.listener, SOON, "gap", "session 00000013 revoked", "session 00000014 revoked");

        stop_listening(&fleet.listener);
        g_assert_cmpuint(test_end(fleet.web2, 1, SESSION_EVENT_REVOKE), ==, 1);
        assert_result(store_device_revoke(fleet.web2, device, "lost", START, &changed, &ended), 0);
        redis_server_do(fleet.server, "XTRIM p:{tessera}:feed MAXLEN 0");
        listen_to(&fleet.listener, fleet.web1);
        expect_lines(&fleet.listener, AWAY, "gap");
        redis_server_do(fleet.server, again);
        got = test_get_device(fleet.web1, 3);
        g_assert_cmpint(got->revoked, !=, 0);
}

static int get_user(Store *store, const char *name) {
        g_autoptr(User) user = NULL;

        return store_user_get(store, name, &user);
}

/* He was removed, and not lost: heard, or not heard in a stream that was trimmed meanwhile. */
static void test_R12_who_was_removed_elsewhere_is_unknown(void) {
        _cleanup_fleet_ Fleet fleet;
        g_autoptr(GPtrArray) alices = NULL, bobs = NULL;

        fleet_init(&fleet);
        assert_result(get_user(fleet.web1, "alice"), 0);
        assert_result(get_user(fleet.web1, "bob"), 0);
        assert_result(store_user_remove(fleet.web2, "bob", "left", START, &bobs), 0);
        expect_lines(&fleet.listener, SOON, "session 0000005a revoked", "removed bob");
        assert_result(get_user(fleet.web1, "bob"), STORE_E_NOT_FOUND);

        stop_listening(&fleet.listener);
        assert_result(store_user_remove(fleet.web2, "alice", "left", START, &alices), 0);
        assert_result(get_user(fleet.web1, "alice"), -ENODATA); /* for all that it knows */
        redis_server_do(fleet.server, "XTRIM p:{tessera}:feed MAXLEN 0");
        listen_to(&fleet.listener, fleet.web1);
        expect_lines(&fleet.listener, AWAY, "gap");
        assert_result(get_user(fleet.web1, "alice"), STORE_E_NOT_FOUND);
}

static void add_user(Store *store, const char *name, uid_t uid) {
        const User user = { .name = (char *) name, .uid = uid, .enabled = true, .created = START };

        assert_result(store_user_add(store, &user), 0);
}

/* A store that loses him loses somebody whom this host has never asked for: heard, or read after a gap. */
static void test_R12_who_was_added_elsewhere_is_no_stranger(void) {
        _cleanup_fleet_ Fleet fleet;

        fleet_init(&fleet);
        add_user(fleet.web2, "carol", 1003);
        expect_lines(&fleet.listener, SOON, "added carol");
        redis_server_do(fleet.server, "DEL p:{tessera}:user:carol");
        redis_server_do(fleet.server, "HDEL p:{tessera}:users 1003");
        assert_result(get_user(fleet.web1, "carol"), -ENODATA);

        stop_listening(&fleet.listener);
        add_user(fleet.web2, "dave", 1004);
        redis_server_do(fleet.server, "XTRIM p:{tessera}:feed MAXLEN 0");
        listen_to(&fleet.listener, fleet.web1);
        expect_lines(&fleet.listener, AWAY, "gap");
        redis_server_do(fleet.server, "DEL p:{tessera}:user:dave");
        redis_server_do(fleet.server, "HDEL p:{tessera}:users 1004");
        assert_result(get_user(fleet.web1, "dave"), -ENODATA);
        assert_result(get_user(fleet.web1, "erin"), STORE_E_NOT_FOUND);
}

static void test_R12_a_gap_is_told_until_it_was_heard(void) {
        _cleanup_fleet_ Fleet fleet;

        fleet_init(&fleet);
        stop_listening(&fleet.listener);
        fleet.listener.deaf = 3;
        g_assert_cmpuint(test_end(fleet.web2, 16, SESSION_EVENT_REVOKE), ==, 1);
        redis_server_do(fleet.server, "XTRIM p:{tessera}:feed MAXLEN 0");
        listen_to(&fleet.listener, fleet.web1);
        expect_lines(&fleet.listener, AWAY, "gap", "gap", "gap");
}

static void test_gap_where_it_is_nonsense(void) {
        static const char *const commands[] = {
                "XADD p:{tessera}:feed * n 100 by x what session user alice uid 1001 id x",
                "XADD p:{tessera}:feed * n 101 by x what rumour user alice uid 1001",
                "XADD p:{tessera}:feed * n 102 what device",
        };
        _cleanup_fleet_ Fleet fleet;

        fleet_init(&fleet);
        for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
                redis_server_do(fleet.server, commands[i]);
        expect_lines(&fleet.listener, SOON, "gap", "gap", "gap", "gap"); /* one of them for the number */
}

/* Who writes there as he likes damages no other host's file, nor ends its hearing. */
static void test_what_anybody_wrote_is_told_as_a_gap(void) {
        static const char *const commands[] = {
                "XADD p:{tessera}:feed * n 100 by x what device user alice uid 1001 ends 5 id x\nnonsense",
                "XADD p:{tessera}:feed * n 101 by x what device user alice uid 1001 ends 5 id ",
                ("XADD p:{tessera}:feed * n 102 by x what session user alice uid 1001 host web9 state revoked ends 5 ended 5 "
                 "id 0123456789abcdef\n123456789abcdef"),
                "XADD p:{tessera}:feed * what device",
                "XADD p:{tessera}:feed * n 9223372036854775807 by x what device",
        };
        _cleanup_fleet_ Fleet fleet;

        fleet_init(&fleet);
        for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
                redis_server_do(fleet.server, commands[i]);
                if (i == 0)
                        expect_lines(&fleet.listener, SOON, "gap", "gap"); /* one of them for the number */
                else
                        expect_lines(&fleet.listener, SOON, "gap");
        }
        redis_server_do(fleet.server, "HSET p:{tessera}:store fed 102");
        g_assert_cmpuint(test_end(fleet.web2, 16, SESSION_EVENT_REVOKE), ==, 1);
        expect_lines(&fleet.listener, SOON, "session 00000010 revoked");

        stop_listening(&fleet.listener);
        fleet.web1 = store_free(fleet.web1);
        fleet.web1 = redis_server_open(fleet.server, "p:", "web1");
        listen_to(&fleet.listener, fleet.web1);
        g_assert_cmpuint(test_end(fleet.web2, 17, SESSION_EVENT_REVOKE), ==, 1);
        expect_lines(&fleet.listener, SOON, "session 00000011 revoked");
}

/* More than a reply may have: it is passed over, and not asked for again and again. */
static void test_more_than_can_be_read(void) {
        _cleanup_fleet_ Fleet fleet;
        g_autofree char *filling = g_strnfill(REDIS_REPLY_SIZE_MAX / 8 * 5, 'a');
        g_autofree char *command = g_strconcat("XADD p:{tessera}:feed * n 100 by x what ", filling, NULL);

        fleet_init(&fleet);
        stop_listening(&fleet.listener);
        redis_server_do(fleet.server, command);
        redis_server_do(fleet.server, command);
        listen_to(&fleet.listener, fleet.web1);
        expect_lines(&fleet.listener, AWAY, "gap");
        g_assert_cmpuint(test_end(fleet.web2, 16, SESSION_EVENT_REVOKE), ==, 1);
        expect_lines(&fleet.listener, SOON, "session 00000010 revoked");
}

/* Nothing can be added behind the last id that there is: the stream begins anew, and who followed it hears of a gap. */
static void test_an_id_behind_which_nothing_comes(void) {
        _cleanup_fleet_ Fleet fleet;

        fleet_init(&fleet);
        redis_server_do(fleet.server, "XADD p:{tessera}:feed 18446744073709551615-18446744073709551615 by x what rumour");
        expect_lines(&fleet.listener, SOON, "gap");
        g_assert_cmpuint(test_end(fleet.web2, 16, SESSION_EVENT_REVOKE), ==, 1);
        expect_lines(&fleet.listener, AWAY, "gap");
        g_assert_cmpuint(test_end(fleet.web2, 17, SESSION_EVENT_REVOKE), ==, 1);
        expect_lines(&fleet.listener, SOON, "session 00000011 revoked");
}

/* By a time that no clock will ever tell a user could be disabled for good, on each host that heard of it. */
static void test_a_time_beyond_all_times(void) {
        _cleanup_fleet_ Fleet fleet;
        g_autoptr(User) first = NULL, second = NULL, third = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        fleet_init(&fleet);
        redis_server_do(fleet.server, "XADD p:{tessera}:feed * n 100 by x what disable user bob uid 1002 since 9223372036854775807");
        expect_lines(&fleet.listener, SOON, "gap", "gap");
        assert_result(store_user_get(fleet.web1, "bob", &first), 0);
        assert(first->enabled);

        redis_server_do(fleet.server, "XADD p:{tessera}:feed * n 101 by x what disable user bob uid 1002 since 9007199254740992");
        redis_server_do(fleet.server, "HSET p:{tessera}:user:bob enabled 0 since 9223372036854775807");
        expect_lines(&fleet.listener, SOON, "disabled bob");
        assert_result(store_user_enable(fleet.web1, "bob", &changed), 0);
        assert_result(store_user_get(fleet.web1, "bob", &second), 0);
        assert(second->enabled);

        assert_result(store_user_remove(fleet.web1, "bob", "left", START, &ended), 0);
        add_user(fleet.web1, "bob", 1002);
        assert_result(store_user_get(fleet.web1, "bob", &third), 0);
        assert(third->enabled);
}

/* As many entries as before, but others: an older copy went on under a clock that is behind, and has lost somebody. */
static void test_R12_the_same_number_of_another_entry(void) {
        _cleanup_fleet_ Fleet fleet;
        _cleanup_redis_reply_ RedisReply *fed = NULL;
        g_autofree char *entry = NULL;

        fleet_init(&fleet);
        add_user(fleet.web2, "carol", 1003);
        expect_lines(&fleet.listener, SOON, "added carol");
        g_assert_cmpuint(test_end(fleet.web2, 16, SESSION_EVENT_REVOKE), ==, 1);
        expect_lines(&fleet.listener, SOON, "session 00000010 revoked");
        fed = redis_server_run(fleet.server, "HGET p:{tessera}:store fed");
        entry = g_strdup_printf("XADD p:{tessera}:feed 1-1 n %s by x what rumour", fed->data);
        redis_server_do(fleet.server, "DEL p:{tessera}:user:carol p:{tessera}:feed");
        redis_server_do(fleet.server, "HDEL p:{tessera}:users 1003");
        redis_server_do(fleet.server, entry);
        expect_lines(&fleet.listener, AWAY, "gap");
        assert_result(get_user(fleet.web1, "carol"), -ENODATA);
}

/* What web1 only heard of stays revoked there when an older copy is put back; and web1 hears that it was. */
static void test_R12_heard_of_and_put_back(void) {
        _cleanup_fleet_ Fleet fleet;
        g_autoptr(GPtrArray) ended = NULL, devices = NULL;
        g_autofree char *device = test_id(3);
        g_autoptr(Device) got = NULL;
        g_autoptr(User) bob = NULL;
        bool changed;

        fleet_init(&fleet);
        redis_server_do(fleet.server, "SAVE");
        g_assert_cmpuint(test_end(fleet.web2, 16, SESSION_EVENT_REVOKE), ==, 1);
        assert_result(store_device_revoke(fleet.web2, device, "lost", START, &changed, &devices), 0);
        assert_result(store_user_disable(fleet.web2, "bob", "left", START, &changed, &ended), 0);
        add_user(fleet.web2, "carol", 1003);
        expect_lines(&fleet.listener, SOON, "session 00000010 revoked", "device 00000003", "session 0000005a revoked",
                     "disabled bob", "added carol");
        redis_server_kill(fleet.server); /* the dump is from before */
        redis_server_start(fleet.server, /* durable= */ false);
        expect_lines(&fleet.listener, AWAY, "gap");
        test_assert_state(fleet.web1, 16, SESSION_REVOKED);
        test_assert_state(fleet.web1, 90, SESSION_REVOKED);
        got = test_get_device(fleet.web1, 3);
        g_assert_cmpint(got->revoked, !=, 0);
        assert_result(store_user_get(fleet.web1, "bob", &bob), 0);
        assert(!bob->enabled);
        assert_result(get_user(fleet.web1, "carol"), -ENODATA);
}

/* Flushed: silence, until an administrator says that this is the store; then what was known may be wrong. */
static void test_R12_flushed(void) {
        _cleanup_fleet_ Fleet fleet;

        fleet_init(&fleet);
        redis_server_do(fleet.server, "FLUSHALL");
        g_usleep(1500 * G_TIME_SPAN_MILLISECOND);
        g_assert_cmpuint(fleet.listener.lines->len, ==, 0);
        redis_server_adopt(fleet.web1);
        expect_lines(&fleet.listener, AWAY, "gap");
}

/* Another store, whose feed happens to be as long: what is there is read all the same, and from then on it is followed. */
static void test_R12_adopted_with_a_feed_as_long(void) {
        _cleanup_fleet_ Fleet fleet;
        _cleanup_redis_reply_ RedisReply *fed = NULL;
        g_autofree char *command = NULL;

        fleet_init(&fleet);
        fed = redis_server_run(fleet.server, "HGET p:{tessera}:store fed");
        command = g_strdup_printf("HSET p:{tessera}:store fed %s", fed->data);
        redis_server_do(fleet.server, "FLUSHALL");
        redis_server_do(fleet.server, command);
        redis_server_adopt(fleet.web1);
        expect_lines(&fleet.listener, AWAY, "gap");
        redis_server_adopt(fleet.web2);
        redis_changes_prepare(fleet.web2);
        g_usleep(1500 * G_TIME_SPAN_MILLISECOND);
        pthread_mutex_lock(&fleet.listener.mutex);
        g_ptr_array_set_size(fleet.listener.lines, 0); /* what was prepared was told */
        pthread_mutex_unlock(&fleet.listener.mutex);
        g_assert_cmpuint(test_end(fleet.web2, 4, SESSION_EVENT_REVOKE), ==, 2);
        expect_lines(&fleet.listener, SOON, "session 00000004 revoked", "session 00000005 revoked");
}

/* The same while nobody listens, and something came since: that would be the next one, were it the same feed. */
static void test_R12_adopted_before_a_start(void) {
        _cleanup_fleet_ Fleet fleet;
        _cleanup_redis_reply_ RedisReply *fed = NULL;
        g_autofree char *set = NULL, *entry = NULL;
        unsigned next;

        fleet_init(&fleet);
        g_assert_cmpuint(test_end(fleet.web2, 16, SESSION_EVENT_REVOKE), ==, 1);
        expect_lines(&fleet.listener, SOON, "session 00000010 revoked");
        stop_listening(&fleet.listener);
        fed = redis_server_run(fleet.server, "HGET p:{tessera}:store fed");
        next = (unsigned) atoi(fed->data) + 1;
        redis_server_do(fleet.server, "FLUSHALL");
        redis_server_adopt(fleet.web1);
        set = g_strdup_printf("HSET p:{tessera}:store fed %u", next);
        entry = g_strdup_printf("XADD p:{tessera}:feed * n %u by x what disable user bob uid 1002 since 5", next);
        redis_server_do(fleet.server, set);
        redis_server_do(fleet.server, entry);
        listen_to(&fleet.listener, fleet.web1);
        expect_lines(&fleet.listener, SOON, "gap");
}

/* What was revoked before a host heard of anything counts there, too: it reads that at its first start. */
static void test_first_start_learns(void) {
        _cleanup_fleet_ Fleet fleet;

        fleet_init(&fleet);
        test_assert_state(fleet.web1, 12, SESSION_REVOKED);
        redis_server_do(fleet.server, "HSET p:{tessera}:session:0000000c00000000000000000000000c state active");
        test_assert_state(fleet.web1, 12, SESSION_REVOKED);
}

int main(void) {
        StoreFeedHandler handler = {};
        g_autoptr(Store) memory = store_memory_new();
        StoreFeed *none = NULL;

        setvbuf(stdout, NULL, _IOLBF, 0);
        assert_result(store_feed_new(memory, &handler, &none), -EOPNOTSUPP);
        assert(!store_feed_free(none));
        test_told_at_once();
        test_R12_a_gap_beside_a_damaged_user();
        test_users_and_devices();
        test_all_of_a_user_and_everybody();
        test_told_after_a_restart();
        test_R12_the_server_was_away();
        test_R12_who_was_removed_elsewhere_is_unknown();
        test_R12_who_was_added_elsewhere_is_no_stranger();
        test_gap_where_it_was_trimmed();
        test_R12_a_gap_is_told_until_it_was_heard();
        test_gap_where_it_is_nonsense();
        test_what_anybody_wrote_is_told_as_a_gap();
        test_a_time_beyond_all_times();
        test_more_than_can_be_read();
        test_an_id_behind_which_nothing_comes();
        test_R12_the_same_number_of_another_entry();
        test_R12_heard_of_and_put_back();
        test_R12_flushed();
        test_R12_adopted_with_a_feed_as_long();
        test_R12_adopted_before_a_start();
        test_first_start_learns();
        return 0;
}
