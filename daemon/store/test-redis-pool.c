/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Many calls and connections: who waits, who is refused at once, what is used again. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/store/backoff.h"
#include "daemon/store/test-fake-redis.h"

#define LONG (10 * G_USEC_PER_SEC)
#define SHORT (300 * 1000)
#define AT_ONCE (150 * 1000)
#define N_CALLERS 40

/* Back-off */

static void test_the_wait_doubles_up_to_a_bound(void) {
        static const int64_t expected[] = { 100, 200, 400, 800, 1600, 2000, 2000, 2000 }; /* ms */
        Backoff low = {}, high = {};

        for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
                backoff_failed(&low, 1000, 0);
                backoff_failed(&high, 1000, 0.999);
                g_assert_cmpint(low.again, ==, 1000 + expected[i] * 500);
                g_assert_cmpint(high.again, >, 1000 + expected[i] * 1490);
                g_assert_cmpint(high.again, <=, 1000 + expected[i] * 1500);
        }
        low.failures = UINT_MAX;
        backoff_failed(&low, 0, 0);
        g_assert_cmpuint(low.failures, ==, UINT_MAX);
}

static int64_t timed_call(RedisLink *link, int expected) {
        int64_t begun = g_get_monotonic_time();

        fake_call_is(link, "GET a", expected);
        return g_get_monotonic_time() - begun;
}

static void wait_for_answer(RedisLink *link) {
        int64_t give_up = g_get_monotonic_time() + LONG;
        int r;

        do {
                _cleanup_redis_reply_ RedisReply *reply = NULL;

                g_usleep(20 * 1000);
                r = fake_call(link, "GET a", &reply);
                assert(g_get_monotonic_time() < give_up);
        } while (r < 0);
}

/* The second call after a server fell silent waits for nobody; and the first that is answered ends it. */
static void test_R12_nobody_waits_for_a_server_known_to_be_silent(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_answer, "+OK\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, SHORT);

        fake_call_is(link, "GET a", 0);
        g_mutex_lock(&fake->mutex);
        fake->hold = true;
        g_mutex_unlock(&fake->mutex);
        g_assert_cmpint(timed_call(link, -ETIMEDOUT), >=, SHORT);
        g_assert_cmpint(timed_call(link, -ETIMEDOUT), <, AT_ONCE);
        fake_release(fake);
        wait_for_answer(link);
        for (unsigned i = 0; i < 10; i++)
                g_assert_cmpint(timed_call(link, 0), <, AT_ONCE);
}

static gpointer call_once(gpointer data) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;

        return GINT_TO_POINTER(fake_call(data, "GET a", &reply));
}

/* While one tries again, the others are refused: a server that is back up meets no crowd, nor one that is not. */
static void test_one_call_tries_again_for_all(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_stay_silent, "");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, SHORT);
        GThread *threads[N_CALLERS];
        int64_t begun;

        (void) timed_call(link, -ETIMEDOUT);
        g_usleep(160 * 1000); /* the first wait is over, however it was drawn */
        g_assert_cmpuint(fake_count(fake, &fake->connections), ==, 1);
        begun = g_get_monotonic_time();
        for (unsigned i = 0; i < N_CALLERS; i++)
                threads[i] = g_thread_new("caller", call_once, link);
        for (unsigned i = 0; i < N_CALLERS; i++)
                g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(threads[i])), ==, -ETIMEDOUT);
        g_assert_cmpint(g_get_monotonic_time() - begun, <, SHORT + LONG / 10);
        g_assert_cmpuint(fake_count(fake, &fake->connections), ==, 2);
}

/* Who came later, and waits for a connection, waits no longer than those do by whom the silence shows. */
static void test_R12_who_waits_for_a_connection_is_refused_with_the_others(void) {
        const int64_t deadline = G_USEC_PER_SEC;
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_stay_silent, "");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, deadline);
        GThread *threads[N_CALLERS];
        int64_t begun = g_get_monotonic_time();

        for (unsigned i = 0; i < N_CALLERS; i++) {
                if (i == REDIS_LINK_CONNECTIONS_MAX)
                        g_usleep(deadline / 2);
                threads[i] = g_thread_new("caller", call_once, link);
        }
        for (unsigned i = 0; i < N_CALLERS; i++)
                g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(threads[i])), ==, -ETIMEDOUT);
        g_assert_cmpint(g_get_monotonic_time() - begun, <, deadline * 5 / 4);
}

static void test_R12_a_refused_connection_and_a_server_that_comes_back(void) {
        FakeRedis *fake = fake_redis_new(fake_answer, "+OK\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);
        uint16_t port = fake->port;

        fake_call_is(link, "GET a", 0);
        (void) fake_redis_free(fake);
        for (unsigned i = 0; i < 200; i++)
                g_assert_cmpint(timed_call(link, -ECONNREFUSED), <, AT_ONCE);
        fake = fake_redis_start(fake_answer, "+OK\r\n", 5, port);
        wait_for_answer(link);
        g_assert_cmpuint(fake_count(fake, &fake->connections), ==, 1);
        (void) fake_redis_free(fake);
}

/* The pool */

static void test_sixteen_connections_at_most(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_answer, "+OK\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);
        GThread *threads[N_CALLERS];

        g_mutex_lock(&fake->mutex);
        fake->hold = true;
        g_mutex_unlock(&fake->mutex);
        for (unsigned i = 0; i < N_CALLERS; i++)
                threads[i] = g_thread_new("caller", call_once, link);
        for (unsigned i = 0; i < 500 && fake_count(fake, &fake->calls) < REDIS_LINK_CONNECTIONS_MAX; i++)
                g_usleep(10 * 1000);
        g_usleep(100 * 1000);
        g_assert_cmpuint(fake_count(fake, &fake->calls), ==, REDIS_LINK_CONNECTIONS_MAX);
        fake_release(fake);
        for (unsigned i = 0; i < N_CALLERS; i++)
                g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(threads[i])), ==, 0);
        g_assert_cmpuint(fake_count(fake, &fake->open_most), ==, REDIS_LINK_CONNECTIONS_MAX);
        g_assert_cmpuint(fake_count(fake, &fake->connections), ==, REDIS_LINK_CONNECTIONS_MAX);
        g_assert_cmpuint(fake_count(fake, &fake->calls), ==, N_CALLERS);
}

static void test_one_connection_for_one_call_after_another(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_answer, "+OK\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);

        for (unsigned i = 0; i < 100; i++)
                fake_call_is(link, "GET a", 0);
        g_assert_cmpuint(fake_count(fake, &fake->connections), ==, 1);
}

static void answer_once(FakeRedis *fake, int fd) {
        g_autoptr(GString) call = g_string_new(NULL);

        if (fake_read_call(fake, fd, call))
                fake_write(fd, fake->answer, fake->answer_size);
}

/* A server's own time-out, or its restart. */
static void test_a_connection_closed_in_between_is_not_used_again(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(answer_once, "+OK\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);

        for (unsigned i = 1; i <= 5; i++) {
                fake_call_is(link, "GET a", 0);
                while (fake_count(fake, &fake->open) > 0)
                        g_usleep(1000);
        }
        g_assert_cmpuint(fake_count(fake, &fake->connections), ==, 5);
}

static void answer_and_add_later(FakeRedis *fake, int fd) {
        g_autoptr(GString) call = g_string_new(NULL);

        if (!fake_read_call(fake, fd, call))
                return;
        fake_write(fd, "+mine\r\n", 7);
        g_usleep(50 * 1000);
        fake_write(fd, "+yours\r\n", 8);
        fake_wait_closed(fd);
}

/* What comes unasked would be the answer to the next call, and every later one be the one before it. */
static void test_an_answer_that_nobody_asked_for_answers_nothing(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(answer_and_add_later, "");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);

        for (unsigned i = 0; i < 3; i++) {
                _cleanup_redis_reply_ RedisReply *reply = NULL;

                g_assert_cmpint(fake_call(link, "GET a", &reply), ==, 0);
                assert(redis_reply_is_text(reply, "mine"));
                g_usleep(100 * 1000);
        }
        g_assert_cmpuint(fake_count(fake, &fake->connections), ==, 3);
}

static void close_unanswered(FakeRedis *fake, int fd) {
        g_autoptr(GString) call = g_string_new(NULL);

        if (fake_read_call(fake, fd, call))
                fake_write(fd, fake->answer, fake->answer_size);
}

/* It may have been carried out. */
static void test_nothing_is_sent_twice(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(close_unanswered, "$3\r\na");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);

        fake_call_is(link, "INCR a", -ECONNRESET);
        g_assert_cmpuint(fake_count(fake, &fake->calls), ==, 1);
}

static void reset(FakeRedis *fake, int fd) {
        struct linger none = { .l_onoff = 1 };

        g_usleep(20 * 1000);
        assert(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == 0);
}

/* This program has left SIGPIPE as it is. */
static void test_a_connection_reset_while_we_write(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(reset, "");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);
        g_autofree char *data = g_malloc0(REDIS_CALL_SIZE_MAX / 2);
        RedisArg arguments[] = { redis_arg("SET"), { data, REDIS_CALL_SIZE_MAX / 2 } };
        RedisReply *reply = NULL;

        g_assert_cmpint(redis_link_call(link, 2, arguments, &reply), ==, -ECONNRESET);
}

/* Stopping */

static void test_stop_ends_the_calls_that_wait(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_stay_silent, "");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, 60 * G_USEC_PER_SEC);
        GThread *threads[N_CALLERS];
        int64_t begun;

        for (unsigned i = 0; i < N_CALLERS; i++)
                threads[i] = g_thread_new("caller", call_once, link);
        g_usleep(100 * 1000);
        begun = g_get_monotonic_time();
        redis_link_stop(link);
        for (unsigned i = 0; i < N_CALLERS; i++)
                g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(threads[i])), ==, -ECANCELED);
        g_assert_cmpint(g_get_monotonic_time() - begun, <, 5 * G_USEC_PER_SEC);
        fake_call_is(link, "GET a", -ECANCELED);
}

int main(void) {
        (void) signal(SIGPIPE, SIG_DFL);
        test_the_wait_doubles_up_to_a_bound();
        test_R12_nobody_waits_for_a_server_known_to_be_silent();
        test_one_call_tries_again_for_all();
        test_R12_who_waits_for_a_connection_is_refused_with_the_others();
        test_R12_a_refused_connection_and_a_server_that_comes_back();
        test_sixteen_connections_at_most();
        test_one_connection_for_one_call_after_another();
        test_a_connection_closed_in_between_is_not_used_again();
        test_an_answer_that_nobody_asked_for_answers_nothing();
        test_nothing_is_sent_twice();
        test_a_connection_reset_while_we_write();
        test_stop_ends_the_calls_that_wait();
        return 0;
}
