/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The listener with clients that do what none should. */

#undef NDEBUG
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/sign-in-listener.h"

#define QUERY "code=4711&state=xyz"
#define CONNECTIONS 40

static int dial(unsigned port, const char *address) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((in_port_t) port) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(inet_pton(AF_INET, address, &to.sin_addr), ==, 1);
        if (connect(fd, (struct sockaddr *) &to, sizeof(to)) < 0) {
                (void) close(fd);
                return -1;
        }
        return fd;
}

static int dial_and_say(unsigned port, const char *text) {
        int fd = dial(port, "127.0.0.1");

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, (ssize_t) strlen(text));
        return fd;
}

static char *request_text(unsigned port, const char *method) {
        return g_strdup_printf("%s /callback?" QUERY " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", method, port);
}

static char *read_all(int fd) {
        GString *text = g_string_new(NULL);
        char buffer[4096];
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                g_string_append_len(text, buffer, n);
        g_assert_cmpint(n, ==, 0);
        (void) close(fd);
        return g_string_free(text, FALSE);
}

static void assert_answer(int fd, const char *prefix) {
        g_autofree char *text = read_all(fd);

        if (!g_str_has_prefix(text, prefix))
                g_error("\"%s\" instead of \"%s\"", text, prefix);
}

static int64_t in(double seconds) {
        return g_get_monotonic_time() + (int64_t) (seconds * G_USEC_PER_SEC);
}

/* Nobody else's machine gets here. */
static void test_one_address(void) {
        _cleanup_sign_in_listener_ SignInListener *listener = NULL;

        g_assert_cmpint(sign_in_listener_new(&listener), ==, 0);
        g_assert_cmpint(dial(sign_in_listener_port(listener), "127.0.0.2"), ==, -1);
        g_assert_cmpint(errno, ==, ECONNREFUSED);
}

static void test_answer(void) {
        _cleanup_sign_in_listener_ SignInListener *listener = NULL;
        _cleanup_secret_input_ SecretInput query = { 0 };
        g_autofree char *good = NULL, *post = NULL, *head = NULL;
        int bad, wrong_host, first, second, third;
        unsigned port;

        g_assert_cmpint(sign_in_listener_new(&listener), ==, 0);
        port = sign_in_listener_port(listener);
        good = request_text(port, "GET");
        post = request_text(port, "POST");
        bad = dial_and_say(port, post);
        wrong_host = dial_and_say(port, "GET /callback?" QUERY " HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        first = dial_and_say(port, good);
        g_assert_cmpint(sign_in_listener_wait(listener, in(5), &query), ==, 0);
        g_assert_cmpuint(query.size, ==, strlen(QUERY));
        g_assert_cmpmem(query.data, query.size, QUERY, strlen(QUERY));
        second = dial_and_say(port, good);
        third = dial_and_say(port, post);
        sign_in_listener_answer(listener, "HTTP/1.1 200 OK\r\n\r\ndone");
        assert_answer(first, "HTTP/1.1 200 OK\r\n\r\ndone");
        assert_answer(second, "HTTP/1.1 410 ");
        assert_answer(third, "HTTP/1.1 400 ");
        assert_answer(bad, "HTTP/1.1 400 ");
        assert_answer(wrong_host, "HTTP/1.1 400 ");
}

/* Two at the same moment: one is taken, whichever it is. */
static void test_two_at_once(void) {
        _cleanup_sign_in_listener_ SignInListener *listener = NULL;
        _cleanup_secret_input_ SecretInput query = { 0 };
        g_autofree char *good = NULL, *a = NULL, *b = NULL;
        int fds[2];

        g_assert_cmpint(sign_in_listener_new(&listener), ==, 0);
        good = request_text(sign_in_listener_port(listener), "GET");
        for (size_t i = 0; i < 2; i++)
                fds[i] = dial_and_say(sign_in_listener_port(listener), good);
        g_assert_cmpint(sign_in_listener_wait(listener, in(5), &query), ==, 0);
        sign_in_listener_answer(listener, "HTTP/1.1 200 OK\r\n\r\n");
        a = read_all(fds[0]);
        b = read_all(fds[1]);
        g_assert_cmpint(g_str_has_prefix(a, "HTTP/1.1 200") + g_str_has_prefix(b, "HTTP/1.1 200"), ==, 1);
        g_assert_cmpint(g_str_has_prefix(a, "HTTP/1.1 410") + g_str_has_prefix(b, "HTTP/1.1 410"), ==, 1);
}

/* More than it serves, that say nothing or half of it: whoever comes after them is served. */
static void test_many_that_say_nothing(void) {
        _cleanup_sign_in_listener_ SignInListener *listener = NULL;
        _cleanup_secret_input_ SecretInput query = { 0 };
        g_autofree char *good = NULL;
        int idle[CONNECTIONS], late;
        unsigned port;

        g_assert_cmpint(sign_in_listener_new(&listener), ==, 0);
        port = sign_in_listener_port(listener);
        good = request_text(port, "GET");
        for (size_t i = 0; i < CONNECTIONS; i++) {
                idle[i] = i % 2 ? dial(port, "127.0.0.1") : dial_and_say(port, "GET /callback?");
                if (i % 4 == 3)
                        g_assert_cmpint(sign_in_listener_wait(listener, in(0.02), &query), ==, -ETIMEDOUT);
        }
        late = dial_and_say(port, good);
        g_assert_cmpint(sign_in_listener_wait(listener, in(2), &query), ==, 0);
        sign_in_listener_answer(listener, "HTTP/1.1 200 OK\r\n\r\n");
        assert_answer(late, "HTTP/1.1 200 OK");
        for (size_t i = 0; i < CONNECTIONS; i++)
                (void) close(idle[i]);
}

/* Who says a byte now and then is not waited for, and keeps nobody waiting. */
static void test_slow_bytes(void) {
        _cleanup_sign_in_listener_ SignInListener *listener = NULL;
        _cleanup_secret_input_ SecretInput query = { 0 };
        int64_t begin = g_get_monotonic_time();
        int slow;

        g_assert_cmpint(sign_in_listener_new(&listener), ==, 0);
        slow = dial_and_say(sign_in_listener_port(listener), "GET /callback?");
        while (send(slow, "a", 1, MSG_NOSIGNAL) == 1 && g_get_monotonic_time() < begin + 20 * G_USEC_PER_SEC)
                g_assert_cmpint(sign_in_listener_wait(listener, in(0.2), &query), ==, -ETIMEDOUT);
        g_assert_cmpint(g_get_monotonic_time() - begin, <, (SIGN_IN_PATIENCE_S + 3) * G_USEC_PER_SEC);
        (void) close(slow);
}

/* 17 KiB, and then as much as there is room for: answered, and not read to its end. */
static void test_large(void) {
        _cleanup_sign_in_listener_ SignInListener *listener = NULL;
        _cleanup_secret_input_ SecretInput query = { 0 };
        g_autofree char *filling = g_strnfill(17 * 1024, 'x');
        int fd;

        g_assert_cmpint(sign_in_listener_new(&listener), ==, 0);
        fd = dial_and_say(sign_in_listener_port(listener), "GET /callback?a HTTP/1.1\r\nX: ");
        g_assert_cmpint(send(fd, filling, strlen(filling), MSG_NOSIGNAL), ==, (ssize_t) strlen(filling));
        g_assert_cmpint(sign_in_listener_wait(listener, in(0.5), &query), ==, -ETIMEDOUT);
        assert_answer(fd, "HTTP/1.1 400 ");
}

/* A browser that has gone away by the time of the answer does not end us. */
static void test_gone(void) {
        _cleanup_sign_in_listener_ SignInListener *listener = NULL;
        _cleanup_secret_input_ SecretInput query = { 0 };
        g_autofree char *good = NULL;

        g_assert_cmpint(sign_in_listener_new(&listener), ==, 0);
        good = request_text(sign_in_listener_port(listener), "GET");
        (void) close(dial_and_say(sign_in_listener_port(listener), good));
        g_assert_cmpint(sign_in_listener_wait(listener, in(5), &query), ==, 0);
        sign_in_listener_answer(listener, "HTTP/1.1 200 OK\r\n\r\n");
        sign_in_listener_answer(listener, "HTTP/1.1 200 OK\r\n\r\n");
}

int main(void) {
        test_one_address();
        test_answer();
        test_two_at_once();
        test_many_that_say_nothing();
        test_slow_bytes();
        test_large();
        test_gone();
        return 0;
}
