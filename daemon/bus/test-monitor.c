/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <gio/gio.h>
#include <gio/gunixconnection.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/wire.h"
#include "daemon/bus/monitor.h"
#include "daemon/core/core.h"

#define ALICE 20001
#define BOB 20002

/* A peer-to-peer connection: our end, and what arrives at the other. */
typedef struct Pair {
        GDBusConnection *here, *there;
        GString *heard; /* "event:user " each; under the lock */
        GMutex lock;
        int silent; /* the other end where nobody reads it; -1 */
} Pair;

static GIOStream *stream_of(int fd) {
        g_autoptr(GSocket) end = g_socket_new_from_fd(fd, NULL);

        assert(end);
        return G_IO_STREAM(g_socket_connection_factory_create_connection(end));
}

static void on_made(GObject *source, GAsyncResult *result, gpointer data) {
        GDBusConnection **made = data;

        *made = g_dbus_connection_new_finish(result, NULL);
        assert(*made);
}

static GDBusMessage *on_event(GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer data) {
        g_autoptr(GVariant) dict = NULL;
        Pair *pair = data;
        const char *event, *user;

        if (!incoming || g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_SIGNAL)
                return message;
        assert(g_str_equal(g_dbus_message_get_interface(message), WIRE_INTERFACE_MONITOR));
        assert(g_str_equal(g_dbus_message_get_member(message), "Event"));
        dict = g_variant_get_child_value(g_dbus_message_get_body(message), 0);
        assert(g_variant_lookup(dict, "event", "&s", &event) && g_variant_lookup(dict, "user", "&s", &user));
        g_mutex_lock(&pair->lock);
        g_string_append_printf(pair->heard, "%s:%s ", event, user);
        g_mutex_unlock(&pair->lock);
        return message;
}

/* Without authentication, which is not what is tested, both ends only have to agree. */
static void pair_init(Pair *pair, bool reads) {
        g_autofree char *guid = g_dbus_generate_guid();
        g_autoptr(GIOStream) here = NULL, there = NULL;
        int ends[2];

        *pair = (Pair) { .heard = g_string_new(NULL), .silent = -1 };
        g_mutex_init(&pair->lock);
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        here = stream_of(ends[0]);
        g_dbus_connection_new(here, guid, G_DBUS_CONNECTION_FLAGS_NONE, NULL, NULL, on_made, &pair->here);
        if (reads) {
                there = stream_of(ends[1]);
                g_dbus_connection_new(there, NULL, G_DBUS_CONNECTION_FLAGS_NONE, NULL, NULL, on_made, &pair->there);
        } else {
                pair->silent = ends[1];
        }
        while (!pair->here || (reads && !pair->there))
                (void) g_main_context_iteration(NULL, TRUE);
        g_dbus_connection_set_exit_on_close(pair->here, FALSE);
        if (!reads)
                return;
        g_dbus_connection_set_exit_on_close(pair->there, FALSE);
        (void) g_dbus_connection_add_filter(pair->there, on_event, pair, NULL);
}

static void pair_deinit(Pair *pair) {
        (void) g_dbus_connection_close_sync(pair->here, NULL, NULL);
        if (pair->there)
                (void) g_dbus_connection_close_sync(pair->there, NULL, NULL);
        g_clear_object(&pair->here);
        g_clear_object(&pair->there);
        if (pair->silent >= 0)
                (void) close(pair->silent);
        /* The worker may be in our filter to the last. */
        g_usleep(20000);
        g_string_free(pair->heard, TRUE);
        g_mutex_clear(&pair->lock);
}

static MonitorPeer peer_of(const Pair *pair) {
        return (MonitorPeer) { pair->here, NULL };
}

static gboolean is_late(gpointer data) {
        *(bool *) data = true;
        return G_SOURCE_REMOVE;
}

static void turn_for(unsigned ms) {
        bool late = false;

        (void) g_timeout_add(ms, is_late, &late);
        while (!late)
                (void) g_main_context_iteration(NULL, TRUE);
}

static size_t heard(Pair *pair) {
        size_t n;

        g_mutex_lock(&pair->lock);
        n = pair->heard->len;
        g_mutex_unlock(&pair->lock);
        return n;
}

static void assert_heard(Pair *pair, const char *expected) {
        for (unsigned i = 0; i < 300; i++) {
                bool same;

                turn_for(10);
                g_mutex_lock(&pair->lock);
                same = g_str_equal(pair->heard->str, expected);
                g_mutex_unlock(&pair->lock);
                if (same)
                        break;
        }
        turn_for(20); /* and nothing more */
        g_mutex_lock(&pair->lock);
        if (!g_str_equal(pair->heard->str, expected))
                g_error("heard \"%.1000s\", not \"%.1000s\"", pair->heard->str, expected);
        g_string_truncate(pair->heard, 0);
        g_mutex_unlock(&pair->lock);
}

/* The journal's place */

typedef struct Count {
        AuditSink sink;
        gint n; /* atomic */
} Count;

static void count(const AuditSink *sink, const AuditEvent *event) {
        g_atomic_int_inc(&((Count *) sink)->n);
}

static const Count count_init = { .sink = { .emit = count } };

static void emit_event(Monitor *monitor, const char *event, const char *user) {
        const AuditSink *sink = monitor_sink(monitor);

        sink->emit(sink, &(AuditEvent) { .event = event, .user = user });
}

/* Tests */

static void test_root_is_told_all_and_others_their_own(void) {
        Count journal = count_init;
        g_autoptr(Monitor) monitor = monitor_new(&journal.sink);
        Pair root, alice, bob, idle;
        MonitorPeer peers[3];

        pair_init(&root, true);
        pair_init(&alice, true);
        pair_init(&bob, true);
        pair_init(&idle, true);
        peers[0] = peer_of(&root);
        peers[1] = peer_of(&alice);
        peers[2] = peer_of(&bob);
        emit_event(monitor, "before", "alice");
        assert(monitor_subscribe(monitor, &peers[0], 0, NULL) == 0);
        assert(monitor_subscribe(monitor, &peers[1], ALICE, "alice") == 0);
        assert(monitor_subscribe(monitor, &peers[2], BOB, "bob") == 0);
        assert(monitor_subscribe(monitor, &peers[2], BOB, "bob") == 0); /* once is enough */
        assert(monitor_subscribers(monitor) == 3);
        emit_event(monitor, "opened", "alice");
        emit_event(monitor, "refused", NULL);
        emit_event(monitor, "opened", "alice2");
        emit_event(monitor, "opened", "");
        emit_event(monitor, "closed", "bob");
        assert_heard(&root, "opened:alice refused: opened:alice2 opened: closed:bob ");
        assert_heard(&alice, "opened:alice ");
        assert_heard(&bob, "closed:bob ");
        assert_heard(&idle, "");

        monitor_unsubscribe(monitor, &peers[1]);
        monitor_unsubscribe(monitor, &peers[1]);
        emit_event(monitor, "closed", "alice");
        assert_heard(&root, "closed:alice ");
        assert_heard(&alice, "");
        assert(journal.n == 7);
        pair_deinit(&root);
        pair_deinit(&alice);
        pair_deinit(&bob);
        pair_deinit(&idle);
}

/* Administrators */

typedef struct Right {
        gint may, asked; /* atomic */
        gint slow;       /* ms that it takes to find out */
} Right;

static bool may(gpointer data, const Caller *caller) {
        Right *right = data;

        assert(caller->uid == ALICE && caller->audit_id == 7);
        g_atomic_int_inc(&right->asked);
        g_usleep((gulong) right->slow * 1000);
        return g_atomic_int_get(&right->may);
}

static void subscribe_alice(Monitor *monitor, const Pair *pair, Right *right) {
        const MonitorGuard guard = { .may = may, .data = right, .caller = { .uid = ALICE, .audit_id = 7 } };
        MonitorPeer peer = peer_of(pair);

        assert(monitor_subscribe_administrator(monitor, &peer, "alice", &guard) == 0);
}

static void test_an_administrator_is_told_all_as_long_as_he_is_one(void) {
        Right right = { .may = true };
        Count journal = count_init;
        g_autoptr(Monitor) monitor = monitor_new(&journal.sink);
        Pair alice;

        pair_init(&alice, true);
        subscribe_alice(monitor, &alice, &right);
        assert_heard(&alice, "monitor-opened: ");
        emit_event(monitor, "opened", "alice");
        emit_event(monitor, "opened", "bob");
        emit_event(monitor, "refused", NULL);
        assert_heard(&alice, "opened:alice opened:bob refused: ");
        subscribe_alice(monitor, &alice, &right); /* he is already, and nothing is opened */
        assert_heard(&alice, "");

        /* What happened before he lost the right, and was not told yet, is told no more. */
        emit_event(monitor, "closed", "bob");
        emit_event(monitor, "closed", "alice");
        g_atomic_int_set(&right.may, false);
        assert_heard(&alice, "closed:alice monitor-narrowed:alice ");
        g_atomic_int_set(&right.asked, 0);
        emit_event(monitor, "revoked", "bob");
        emit_event(monitor, "revoked", "alice");
        assert_heard(&alice, "revoked:alice ");

        /* And stays so, until he subscribes anew. */
        g_atomic_int_set(&right.may, true);
        emit_event(monitor, "opened", "bob");
        assert_heard(&alice, "");
        assert(right.asked == 0);
        monitor_unsubscribe(monitor, &(MonitorPeer) { alice.here, NULL });
        turn_for(20);
        subscribe_alice(monitor, &alice, &right);
        emit_event(monitor, "opened", "bob");
        assert_heard(&alice, "monitor-opened: opened:bob ");
        pair_deinit(&alice);
}

/* Whoever is slow to say whether one may (LDAP) holds up neither the main loop nor others. */
static void test_a_slow_guard_holds_up_nobody(void) {
        Right right = { .may = true, .slow = 1000 };
        Count journal = count_init;
        g_autoptr(Monitor) monitor = monitor_new(&journal.sink);
        MonitorPeer peer;
        Pair alice, root;

        pair_init(&alice, true);
        pair_init(&root, true);
        peer = peer_of(&root);
        assert(monitor_subscribe(monitor, &peer, 0, NULL) == 0);
        subscribe_alice(monitor, &alice, &right);
        emit_event(monitor, "opened", "bob");
        assert_heard(&root, "monitor-opened: opened:bob ");
        assert(heard(&alice) == 0);
        assert_heard(&alice, "monitor-opened: opened:bob ");
        emit_event(monitor, "closed", "bob");
        turn_for(20);
        monitor_stop(monitor); /* while it is being asked */
        emit_event(monitor, "opened", "bob");
        turn_for(20);
        pair_deinit(&alice);
        pair_deinit(&root);
}

static void test_who_has_gone_is_forgotten(void) {
        Count journal = count_init;
        g_autoptr(Monitor) monitor = monitor_new(&journal.sink);
        MonitorPeer peer;
        Pair pair;

        pair_init(&pair, true);
        peer = peer_of(&pair);
        assert(monitor_subscribe(monitor, &peer, 0, NULL) == 0);
        emit_event(monitor, "opened", "alice");
        assert_heard(&pair, "opened:alice ");
        assert(g_dbus_connection_close_sync(pair.there, NULL, NULL));
        while (monitor_subscribers(monitor) > 0)
                (void) g_main_context_iteration(NULL, TRUE);
        emit_event(monitor, "opened", "alice");
        turn_for(20);

        /* Who has gone before the main loop looks, too. */
        assert(monitor_subscribe(monitor, &peer, 0, NULL) == 0);
        while (monitor_subscribers(monitor) > 0)
                (void) g_main_context_iteration(NULL, TRUE);
        turn_for(20);
        assert(G_OBJECT(pair.here)->ref_count == 1);
        pair_deinit(&pair);
}

static void test_a_user_has_16_and_root_its_own(void) {
        Count journal = count_init;
        g_autoptr(Monitor) monitor = monitor_new(&journal.sink);
        Pair pairs[MONITOR_MAX];
        MonitorPeer peer;
        unsigned n = 0;

        for (size_t i = 0; i < MONITOR_MAX; i++)
                pair_init(&pairs[i], true);
        for (uid_t uid = ALICE; uid < ALICE + 3; uid++)
                for (size_t i = 0; i < MONITOR_PER_UID; i++) {
                        peer = peer_of(&pairs[n++]);
                        assert(monitor_subscribe(monitor, &peer, uid, "somebody") == 0);
                }
        peer = peer_of(&pairs[n]);
        assert(monitor_subscribe(monitor, &peer, ALICE, "alice") == CORE_E_BUSY);
        assert(monitor_subscribe(monitor, &peer, ALICE + 3, "eve") == CORE_E_BUSY);
        for (size_t i = 0; i < MONITOR_PER_UID; i++) {
                peer = peer_of(&pairs[n++]);
                assert(monitor_subscribe(monitor, &peer, 0, NULL) == 0);
        }
        assert(monitor_subscribers(monitor) == MONITOR_MAX);
        peer = (MonitorPeer) { pairs[0].here, ":1.7" };
        assert(monitor_subscribe(monitor, &peer, 0, NULL) == CORE_E_BUSY);
        peer = peer_of(&pairs[0]);
        monitor_unsubscribe(monitor, &peer);
        assert(monitor_subscribe(monitor, &peer, ALICE + 3, "eve") == 0);
        turn_for(20);
        for (size_t i = 0; i < MONITOR_MAX; i++)
                pair_deinit(&pairs[i]);
}

static gpointer emit_many(gpointer monitor) {
        for (unsigned i = 0; i < MONITOR_QUEUE_MAX; i++)
                emit_event(monitor, "opened", "alice");
        return NULL;
}

static void test_who_emits_never_waits(void) {
        Count journal = count_init;
        g_autoptr(Monitor) monitor = monitor_new(&journal.sink);
        GThread *threads[4];
        MonitorPeer peer;
        GString *expected;
        Pair pair;

        pair_init(&pair, true);
        peer = peer_of(&pair);
        assert(monitor_subscribe(monitor, &peer, 0, NULL) == 0);
        turn_for(20);
        /* The main loop does not turn meanwhile: the oldest stay, the others are left out. */
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("emit", emit_many, monitor);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                (void) g_thread_join(threads[i]);
        emit_event(monitor, "closed", "alice");
        assert(journal.n == G_N_ELEMENTS(threads) * MONITOR_QUEUE_MAX + 1);
        expected = g_string_new(NULL);
        for (unsigned i = 0; i < MONITOR_QUEUE_MAX; i++)
                g_string_append(expected, "opened:alice ");
        g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*monitors have missed 6145 events");
        assert_heard(&pair, expected->str);
        g_test_assert_expected_messages();
        emit_event(monitor, "opened", "bob");
        assert_heard(&pair, "opened:bob ");
        g_string_free(expected, TRUE);
        pair_deinit(&pair);
}

static void test_who_does_not_read_is_hung_up_on(void) {
        Count journal = count_init;
        g_autoptr(Monitor) monitor = monitor_new(&journal.sink);
        MonitorPeer peers[2];
        Pair deaf, good;

        pair_init(&deaf, false);
        pair_init(&good, true);
        peers[0] = peer_of(&deaf);
        peers[1] = peer_of(&good);
        assert(monitor_subscribe(monitor, &peers[0], 0, NULL) == 0);
        assert(monitor_subscribe(monitor, &peers[1], 0, NULL) == 0);
        g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*does not read, hanging up");
        /* More than a socket takes, and no faster than the good one reads. */
        for (unsigned i = 1; i < 40 && monitor_subscribers(monitor) == 2; i++) {
                for (unsigned j = 0; j < 256; j++)
                        emit_event(monitor, "opened", "alice");
                while (heard(&good) < i * 256 * strlen("opened:alice "))
                        turn_for(1);
        }
        turn_for(50);
        g_test_assert_expected_messages();
        assert(monitor_subscribers(monitor) == 1);
        g_string_truncate(good.heard, 0);
        emit_event(monitor, "closed", "alice");
        assert_heard(&good, "closed:alice ");
        pair_deinit(&deaf);
        pair_deinit(&good);
}

int main(void) {
        test_root_is_told_all_and_others_their_own();
        test_an_administrator_is_told_all_as_long_as_he_is_one();
        test_a_slow_guard_holds_up_nobody();
        test_who_has_gone_is_forgotten();
        test_a_user_has_16_and_root_its_own();
        test_who_emits_never_waits();
        test_who_does_not_read_is_hung_up_on();
        return 0;
}
