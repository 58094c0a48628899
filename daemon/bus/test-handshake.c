/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/bus/handshake.h"

#define GUID "0123456789abcdef0123456789abcdef"
#define SCRIPT "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"
#define OTHER_UID "\0AUTH EXTERNAL 30\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"
#define OTHER_MECHANISM "\0AUTH ANONYMOUS\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"
#define OTHER_BYTE "xAUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"
#define ANSWER "DATA\r\nOK " GUID "\r\nAGREE_UNIX_FD\r\n"

typedef struct Ends {
        GSocket *ours;
        int theirs;
} Ends;

static Ends ends_new(void) {
        Ends ends;
        int pair[2];

        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
        ends.ours = g_socket_new_from_fd(pair[0], NULL);
        ends.theirs = pair[1];
        assert(ends.ours);
        return ends;
}

static void ends_free(Ends *ends) {
        g_object_unref(ends->ours);
        (void) close(ends->theirs);
}

static void say(const Ends *ends, const void *data, size_t size) {
        assert(write(ends->theirs, data, size) == (ssize_t) size);
}

static bool is_there(const Ends *ends) {
        return handshake_is_there(g_socket_get_fd(ends->ours));
}

/* Nothing is left out, nothing is added, and what is looked at stays where it is. */
static void test_the_script_and_nothing_else(void) {
        static const struct {
                const char *text;
                size_t size;
                bool good;
        } rows[] = {
                { SCRIPT, sizeof(SCRIPT) - 1, true },
                { SCRIPT "l\1", sizeof(SCRIPT "l\1") - 1, true }, /* a message may follow at once */
                { SCRIPT, sizeof(SCRIPT) - 2, false },
                { SCRIPT, 1, false },
                { "", 0, false },
                { OTHER_UID, sizeof(OTHER_UID) - 1, false },
                { OTHER_MECHANISM, sizeof(OTHER_MECHANISM) - 1, false },
                { OTHER_BYTE, sizeof(OTHER_BYTE) - 1, false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                Ends ends = ends_new();

                if (rows[i].size > 0)
                        say(&ends, rows[i].text, rows[i].size);
                g_assert_cmpint(is_there(&ends), ==, rows[i].good);
                g_assert_cmpint(is_there(&ends), ==, rows[i].good);
                ends_free(&ends);
        }
}

static void test_it_is_over_at_once(void) {
        g_autoptr(GDBusAuthObserver) observer = g_dbus_auth_observer_new();
        g_autoptr(GDBusConnection) connection = NULL;
        g_autoptr(GError) error = NULL;
        Ends ends = ends_new();
        char heard[256];
        ssize_t n;

        say(&ends, SCRIPT, sizeof(SCRIPT) - 1);
        assert(is_there(&ends));
        connection = handshake_run(ends.ours, GUID, observer, &error);
        g_assert_no_error(error);
        assert(connection);
        assert(g_dbus_connection_get_capabilities(connection) & G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING);
        n = recv(ends.theirs, heard, sizeof(heard), MSG_DONTWAIT);
        g_assert_cmpmem(heard, (size_t) n, ANSWER, sizeof(ANSWER) - 1);
        assert(g_dbus_connection_close_sync(connection, NULL, NULL));
        ends_free(&ends);
}

/* What is written afterwards goes to the socket, and no longer into memory. */
static void test_messages_follow(void) {
        g_autoptr(GDBusAuthObserver) observer = g_dbus_auth_observer_new();
        g_autoptr(GDBusConnection) connection = NULL;
        Ends ends = ends_new();
        char heard[256];

        say(&ends, SCRIPT, sizeof(SCRIPT) - 1);
        connection = handshake_run(ends.ours, GUID, observer, NULL);
        assert(connection);
        assert(recv(ends.theirs, heard, sizeof(ANSWER) - 1, MSG_DONTWAIT) == sizeof(ANSWER) - 1);
        g_dbus_connection_start_message_processing(connection);
        assert(g_dbus_connection_emit_signal(connection, NULL, "/a", "a.b", "C", NULL, NULL));
        assert(g_dbus_connection_flush_sync(connection, NULL, NULL));
        assert(recv(ends.theirs, heard, sizeof(heard), MSG_DONTWAIT) > 16);
        assert(heard[0] == 'l' && heard[1] == 4);
        assert(g_dbus_connection_close_sync(connection, NULL, NULL));
        ends_free(&ends);
}

static gboolean on_authorize(GDBusAuthObserver *observer, GIOStream *stream, GCredentials *credentials, gpointer end) {
        g_assert_cmpuint(g_socket_get_timeout(end), ==, 0);
        return TRUE;
}

/* A call whose answer took longer than the handshake might was cut off: GDBus read with its timeout. */
static void test_no_timeout_is_left_for_gdbus(void) {
        g_autoptr(GDBusAuthObserver) observer = g_dbus_auth_observer_new();
        g_autoptr(GDBusConnection) connection = NULL;
        Ends ends = ends_new();

        g_signal_connect(observer, "authorize-authenticated-peer", G_CALLBACK(on_authorize), ends.ours);
        say(&ends, SCRIPT, sizeof(SCRIPT) - 1);
        connection = handshake_run(ends.ours, GUID, observer, NULL);
        assert(connection);
        assert(g_dbus_connection_close_sync(connection, NULL, NULL));
        ends_free(&ends);
}

static void test_the_other_end_is_gone(void) {
        g_autoptr(GDBusAuthObserver) observer = g_dbus_auth_observer_new();
        g_autoptr(GError) error = NULL;
        Ends ends = ends_new();

        say(&ends, SCRIPT, sizeof(SCRIPT) - 1);
        assert(shutdown(ends.theirs, SHUT_RDWR) == 0);
        assert(!handshake_run(ends.ours, GUID, observer, &error));
        assert(error);
        ends_free(&ends);
}

int main(void) {
        test_the_script_and_nothing_else();
        test_it_is_over_at_once();
        test_messages_follow();
        test_no_timeout_is_left_for_gdbus();
        test_the_other_end_is_gone();
        return 0;
}
