/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/bus/gate.h"

/* The gate, with the test at both of its ends. */
typedef struct Ends {
        Gate *gate;
        int bus, gdbus;
} Ends;

static void say(int fd, const void *data, size_t size) {
        for (size_t done = 0; done < size;) {
                ssize_t n = write(fd, (const char *) data + done, size - done);
                assert(n > 0);
                done += (size_t) n;
        }
}

static void hear(int fd, void *data, size_t size) {
        for (size_t done = 0; done < size;) {
                ssize_t n = read(fd, (char *) data + done, size - done);
                assert(n > 0);
                done += (size_t) n;
        }
}

static void carry(int from, int to, const char *text) {
        char heard[256];

        say(from, text, strlen(text));
        hear(to, heard, strlen(text));
        assert(memcmp(heard, text, strlen(text)) == 0);
}

static void shake_hands(Ends *ends) {
        int pair[2];
        char first;

        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        ends->bus = pair[0];
        assert(gate_new(pair[1], &ends->gate, &ends->gdbus) == 0);
        say(ends->gdbus, "", 1);
        say(ends->gdbus, "AUTH EXTERNAL 30\r\n", 18);
        hear(ends->bus, &first, 1);
        assert(first == '\0');
        hear(ends->bus, (char[18]) { 0 }, 18);
        carry(ends->bus, ends->gdbus, "OK 0123456789abcdef0123456789abcdef\r\n");
        carry(ends->gdbus, ends->bus, "NEGOTIATE_UNIX_FD\r\n");
        carry(ends->bus, ends->gdbus, "AGREE_UNIX_FD\r\n");
        carry(ends->gdbus, ends->bus, "BEGIN\r\n");
}

static void hang_up(Ends *ends) {
        (void) close(ends->gdbus);
        (void) gate_free(ends->gate);
        (void) close(ends->bus);
}

static guchar *message_new(GDBusMessageType type, GVariant *body, GDBusMessageByteOrder order, gsize *ret_size) {
        g_autoptr(GDBusMessage) message = NULL;
        guchar *data;

        message = g_dbus_message_new_method_call("org.example", "/org/example", "org.example.Interface", "Method");
        if (type == G_DBUS_MESSAGE_TYPE_SIGNAL) {
                g_object_unref(message);
                message = g_dbus_message_new_signal("/org/example", "org.example.Interface", "Signal");
        }
        g_dbus_message_set_sender(message, ":1.7");
        g_dbus_message_set_serial(message, 4711);
        g_dbus_message_set_body(message, body);
        g_dbus_message_set_byte_order(message, order);
        data = g_dbus_message_to_blob(message, ret_size, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
        assert(data);
        return data;
}

static GVariant *text_of(size_t size) {
        g_autofree char *text = g_strnfill(size, 'x');

        return g_variant_new("(s)", text);
}

/* Reads one message as GDBus would. */
static GDBusMessage *hear_message(int fd) {
        g_autofree guchar *all = NULL;
        guchar fixed[16];
        gssize size;

        hear(fd, fixed, sizeof(fixed));
        size = g_dbus_message_bytes_needed(fixed, sizeof(fixed), NULL);
        assert(size >= 16);
        all = g_malloc((gsize) size);
        memcpy(all, fixed, 16);
        hear(fd, all + 16, (gsize) size - 16);
        return g_dbus_message_new_from_blob(all, (gsize) size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
}

static void send_with_fd(int fd, const void *data, size_t size, int passed) {
        union {
                struct cmsghdr align;
                unsigned char space[CMSG_SPACE(sizeof(int))];
        } control = { .align = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                                 .cmsg_len = CMSG_LEN(sizeof(int)) } };
        struct iovec part = { .iov_base = (void *) data, .iov_len = size };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                                  .msg_controllen = sizeof(control) };

        memcpy(CMSG_DATA(&control.align), &passed, sizeof(int));
        assert(sendmsg(fd, &message, 0) == (ssize_t) size);
}

/* The descriptor that comes with the next byte, or -1. */
static int hear_fd(int fd, void *byte) {
        union {
                struct cmsghdr align;
                unsigned char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec part = { .iov_base = byte, .iov_len = 1 };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                                  .msg_controllen = sizeof(control) };
        int passed;

        assert(recvmsg(fd, &message, MSG_CMSG_CLOEXEC) == 1);
        if (!CMSG_FIRSTHDR(&message))
                return -1;
        memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
        return passed;
}

static void test_messages_pass_both_ways(void) {
        static const size_t sizes[] = { 0, 1, 7, 8, 4096, 65536, GATE_MESSAGE_MAX - 300 };
        Ends ends;

        shake_hands(&ends);
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
                for (int order = 'B'; order; order = order == 'B' ? 'l' : 0) {
                        gsize size;
                        g_autofree guchar *data = message_new(G_DBUS_MESSAGE_TYPE_METHOD_CALL, text_of(sizes[i]),
                                                              (GDBusMessageByteOrder) order, &size);
                        g_autofree guchar *heard = g_malloc(size);

                        say(ends.bus, data, size);
                        hear(ends.gdbus, heard, size);
                        assert(memcmp(data, heard, size) == 0);
                        say(ends.gdbus, data, size);
                        hear(ends.bus, heard, size);
                        assert(memcmp(data, heard, size) == 0);
                }
        hang_up(&ends);
}

static void test_descriptors_pass_with_their_message(void) {
        _cleanup_close_ int passed = -1;
        gsize size;
        g_autofree guchar *data = message_new(G_DBUS_MESSAGE_TYPE_METHOD_CALL, text_of(10),
                                              G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN, &size);
        g_autofree guchar *heard = g_malloc(size);
        int pair[2];
        Ends ends;

        shake_hands(&ends);
        assert(pipe(pair) == 0);
        send_with_fd(ends.bus, data, size, pair[1]);
        (void) close(pair[1]);
        passed = hear_fd(ends.gdbus, heard);
        hear(ends.gdbus, heard + 1, size - 1);
        assert(memcmp(data, heard, size) == 0);
        assert(passed >= 0 && write(passed, "!", 1) == 1);
        assert(read(pair[0], heard, 1) == 1);
        /* The gate has kept none: with ours closed the pipe has ended. */
        passed = safe_close(passed);
        assert(read(pair[0], heard, 1) == 0);
        (void) close(pair[0]);
        hang_up(&ends);
}

static void assert_stripped(GDBusMessage *message) {
        assert(message);
        assert(g_dbus_message_get_message_type(message) == G_DBUS_MESSAGE_TYPE_METHOD_CALL);
        assert(g_dbus_message_get_serial(message) == 4711);
        assert(strcmp(g_dbus_message_get_sender(message), ":1.7") == 0);
        assert(strcmp(g_dbus_message_get_member(message), "Method") == 0);
        assert(!g_dbus_message_get_body(message) && strcmp(g_dbus_message_get_signature(message), "") == 0);
        assert(g_dbus_message_get_num_unix_fds(message) == 0);
}

static void test_B9_of_a_call_that_is_too_large_the_header_passes(void) {
        static const size_t sizes[] = { GATE_MESSAGE_MAX, 31 * 1024 * 1024 };
        Ends ends;

        shake_hands(&ends);
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
                for (int order = 'B'; order; order = order == 'B' ? 'l' : 0) {
                        g_autoptr(GDBusMessage) message = NULL;
                        gsize size;
                        g_autofree guchar *data = message_new(G_DBUS_MESSAGE_TYPE_METHOD_CALL, text_of(sizes[i]),
                                                              (GDBusMessageByteOrder) order, &size);

                        say(ends.bus, data, size);
                        message = hear_message(ends.gdbus);
                        assert_stripped(message);
                }
        hang_up(&ends);
}

static void test_B9_what_nobody_waits_for_is_dropped(void) {
        g_autoptr(GDBusMessage) message = NULL;
        gsize large_size, small_size;
        g_autofree guchar *large = message_new(G_DBUS_MESSAGE_TYPE_SIGNAL, text_of(1024 * 1024),
                                               G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN, &large_size);
        g_autofree guchar *small = message_new(G_DBUS_MESSAGE_TYPE_METHOD_CALL, NULL,
                                               G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN, &small_size);
        Ends ends;

        shake_hands(&ends);
        say(ends.bus, large, large_size);
        say(ends.bus, small, small_size);
        message = hear_message(ends.gdbus);
        assert_stripped(message);
        hang_up(&ends);
}

static void test_what_was_said_last_still_arrives(void) {
        gsize size;
        g_autofree guchar *data = message_new(G_DBUS_MESSAGE_TYPE_METHOD_CALL, text_of(100000),
                                              G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN, &size);
        g_autofree guchar *heard = g_malloc(size);
        Ends ends;

        shake_hands(&ends);
        say(ends.gdbus, data, size);
        hang_up(&(Ends) { .gate = ends.gate, .gdbus = ends.gdbus, .bus = -1 });
        hear(ends.bus, heard, size);
        assert(memcmp(data, heard, size) == 0);
        assert(read(ends.bus, heard, 1) == 0);
        (void) close(ends.bus);
}

static void test_the_end_is_passed_on(void) {
        Ends ends;
        char byte;

        shake_hands(&ends);
        (void) close(ends.bus);
        assert(read(ends.gdbus, &byte, 1) == 0);
        ends.bus = -1;
        hang_up(&ends);
}

/* The header's bytes come from the bus, which checks them; and yet nothing is read beyond them. */
static void test_B9_fields_that_are_not_well_formed(void) {
        gsize size;
        g_autofree guchar *good = message_new(G_DBUS_MESSAGE_TYPE_METHOD_CALL, NULL,
                                              G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN, &size);
        GRand *rand = g_rand_new_with_seed(7);

        for (gsize cut = 16; cut < size; cut++) {
                g_autofree guchar *copy = g_memdup2(good, cut);
                (void) gate_strip_header(copy, cut);
        }
        for (int i = 0; i < 100000; i++) {
                g_autofree guchar *copy = g_memdup2(good, size);
                copy[g_rand_int_range(rand, 1, (gint32) size)] = (guchar) g_rand_int(rand);
                copy[g_rand_int_range(rand, 16, (gint32) size)] = (guchar) g_rand_int(rand);
                (void) gate_strip_header(copy, size);
        }
        assert(gate_strip_header(good, size));
        g_rand_free(rand);
}

int main(void) {
        test_messages_pass_both_ways();
        test_descriptors_pass_with_their_message();
        test_B9_of_a_call_that_is_too_large_the_header_passes();
        test_B9_what_nobody_waits_for_is_dropped();
        test_what_was_said_last_still_arrives();
        test_the_end_is_passed_on();
        test_B9_fields_that_are_not_well_formed();
        return 0;
}
