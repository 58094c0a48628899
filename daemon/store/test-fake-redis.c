/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/store/test-fake-redis.h"

typedef struct Serving {
        FakeRedis *fake;
        int fd;
        guint index;
} Serving;

static gpointer serve_main(gpointer data) {
        Serving *serving = data;
        FakeRedis *fake = serving->fake;

        fake->serve(fake, serving->fd);
        g_mutex_lock(&fake->mutex);
        g_array_index(fake->sockets, int, serving->index) = -1;
        (void) close(serving->fd);
        fake->open--;
        g_mutex_unlock(&fake->mutex);
        g_free(serving);
        return NULL;
}

static void serve(FakeRedis *fake, int fd) {
        Serving *serving = g_new(Serving, 1);

        g_mutex_lock(&fake->mutex);
        *serving = (Serving) { fake, fd, fake->sockets->len };
        g_array_append_val(fake->sockets, fd);
        fake->connections++;
        fake->open++;
        fake->open_most = MAX(fake->open_most, fake->open);
        g_ptr_array_add(fake->threads, g_thread_new("fake-connection", serve_main, serving));
        g_mutex_unlock(&fake->mutex);
}

static gpointer accept_main(gpointer data) {
        FakeRedis *fake = data;
        int fd;

        while ((fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
                serve(fake, fd);
        return NULL;
}

FakeRedis *fake_redis_start(FakeServe body, const char *answer, size_t size, uint16_t port) {
        FakeRedis *fake = g_new0(FakeRedis, 1);
        struct sockaddr_in address = {
                .sin_family = AF_INET,
                .sin_port = htons(port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        socklen_t length = sizeof(address);
        int on = 1;

        *fake = (FakeRedis) {
                .serve = body,
                .answer = answer,
                .answer_size = size,
                .threads = g_ptr_array_new(),
                .sockets = g_array_new(FALSE, FALSE, sizeof(int)),
                .log = g_string_new(NULL),
        };
        g_mutex_init(&fake->mutex);
        g_cond_init(&fake->changed);
        fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(fake->listener >= 0);
        assert(setsockopt(fake->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
        assert(bind(fake->listener, (struct sockaddr *) &address, sizeof(address)) == 0);
        assert(listen(fake->listener, 64) == 0);
        assert(getsockname(fake->listener, (struct sockaddr *) &address, &length) == 0);
        fake->port = ntohs(address.sin_port);
        fake->thread = g_thread_new("fake-redis", accept_main, fake);
        return fake;
}

FakeRedis *fake_redis_free(FakeRedis *fake) {
        if (!fake)
                return NULL;
        fake_release(fake);
        (void) shutdown(fake->listener, SHUT_RDWR);
        (void) g_thread_join(fake->thread);
        (void) close(fake->listener);
        g_mutex_lock(&fake->mutex);
        for (guint i = 0; i < fake->sockets->len; i++)
                if (g_array_index(fake->sockets, int, i) >= 0)
                        (void) shutdown(g_array_index(fake->sockets, int, i), SHUT_RDWR);
        g_mutex_unlock(&fake->mutex);
        for (guint i = 0; i < fake->threads->len; i++)
                (void) g_thread_join(fake->threads->pdata[i]);
        g_ptr_array_free(fake->threads, TRUE);
        g_array_free(fake->sockets, TRUE);
        g_string_free(fake->log, TRUE);
        g_mutex_clear(&fake->mutex);
        g_cond_clear(&fake->changed);
        g_free(fake);
        return NULL;
}

/* Servers */

static bool read_exactly(int fd, char *data, size_t size) {
        for (size_t done = 0; done < size;) {
                ssize_t n = recv(fd, data + done, size - done, 0);

                if (n <= 0)
                        return false;
                done += (size_t) n;
        }
        return true;
}

/* "*3\r\n" or "$5\r\n": the number. */
static bool read_number(int fd, char kind, size_t *ret) {
        char c, text[16] = {};
        unsigned n = 0;

        if (!read_exactly(fd, &c, 1))
                return false;
        g_assert_cmpint(c, ==, kind);
        while (read_exactly(fd, &c, 1) && c != '\r') {
                assert(n < sizeof(text) - 1);
                text[n++] = c;
        }
        *ret = (size_t) g_ascii_strtoull(text, NULL, 10);
        return read_exactly(fd, &c, 1) && c == '\n';
}

bool fake_read_call(FakeRedis *fake, int fd, GString *ret) {
        size_t n = 0, size = 0;

        g_string_truncate(ret, 0);
        if (!read_number(fd, '*', &n))
                return false;
        for (size_t i = 0; i < n; i++) {
                g_autofree char *data = NULL;

                if (!read_number(fd, '$', &size))
                        return false;
                data = g_malloc(size + 2);
                if (!read_exactly(fd, data, size + 2))
                        return false;
                if (i > 0)
                        g_string_append_c(ret, ' ');
                g_string_append_len(ret, data, (gssize) size);
        }
        g_mutex_lock(&fake->mutex);
        fake->calls++;
        g_string_append_printf(fake->log, "%s\n", ret->str);
        while (fake->hold)
                g_cond_wait(&fake->changed, &fake->mutex);
        g_mutex_unlock(&fake->mutex);
        return true;
}

void fake_write(int fd, const void *data, size_t size) {
        for (size_t done = 0; done < size;) {
                ssize_t n = send(fd, (const char *) data + done, size - done, MSG_NOSIGNAL);

                if (n <= 0)
                        return;
                done += (size_t) n;
        }
}

static bool is_greeting(const GString *call) {
        return g_str_has_prefix(call->str, "AUTH ") || g_str_has_prefix(call->str, "SELECT ");
}

void fake_answer(FakeRedis *fake, int fd) {
        g_autoptr(GString) call = g_string_new(NULL);

        while (fake_read_call(fake, fd, call))
                if (is_greeting(call))
                        fake_write(fd, "+OK\r\n", 5);
                else
                        fake_write(fd, fake->answer, fake->answer_size);
}

void fake_answer_bytewise(FakeRedis *fake, int fd) {
        g_autoptr(GString) call = g_string_new(NULL);

        while (fake_read_call(fake, fd, call))
                for (size_t i = 0; i < fake->answer_size; i++) {
                        fake_write(fd, fake->answer + i, 1);
                        g_usleep(10 * 1000);
                }
}

void fake_wait_closed(int fd) {
        char buffer[4096];

        while (recv(fd, buffer, sizeof(buffer), 0) > 0)
                ;
}

void fake_stay_silent(FakeRedis *fake, int fd) {
        fake_wait_closed(fd);
}

void fake_release(FakeRedis *fake) {
        g_mutex_lock(&fake->mutex);
        fake->hold = false;
        g_cond_broadcast(&fake->changed);
        g_mutex_unlock(&fake->mutex);
}

unsigned fake_count(FakeRedis *fake, const unsigned *counter) {
        unsigned count;

        g_mutex_lock(&fake->mutex);
        count = *counter;
        g_mutex_unlock(&fake->mutex);
        return count;
}

/* Links */

RedisLink *fake_link(const FakeRedis *fake, int64_t deadline) {
        RedisLinkSettings settings = { .host = "127.0.0.1", .port = fake->port, .deadline = deadline };
        RedisLink *link = NULL;

        g_assert_cmpint(redis_link_new(&settings, &link), ==, 0);
        return link;
}

int fake_call(RedisLink *link, const char *words, RedisReply **ret) {
        g_auto(GStrv) parts = g_strsplit(words, " ", -1);
        RedisArg arguments[8];
        guint n = g_strv_length(parts);

        assert(n <= G_N_ELEMENTS(arguments));
        for (guint i = 0; i < n; i++)
                arguments[i] = redis_arg(parts[i]);
        return redis_link_call(link, n, arguments, ret);
}

void fake_call_is(RedisLink *link, const char *words, int expected) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        g_autofree char *problem = NULL;
        int r;

        r = fake_call(link, words, &reply);
        problem = redis_link_problem(link);
        if (r != expected)
                g_error("\"%s\" returned %d and not %d: %s", words, r, expected, problem);
        assert((r == 0) == (reply != NULL));
}
