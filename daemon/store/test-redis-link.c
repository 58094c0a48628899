/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What one call makes of what a server sends: whole replies, and everything that is none. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "daemon/store/test-fake-redis.h"

#define LONG (5 * G_USEC_PER_SEC)
#define SHORT (300 * 1000)
#define SLACK (700 * 1000) /* of a loaded machine */

static void problem_has(RedisLink *link, const char *words) {
        g_autofree char *problem = redis_link_problem(link);

        if (!problem || !strstr(problem, words))
                g_error("\"%s\" does not say \"%s\"", problem, words);
}

/* Replies */

static void test_a_reply_of_every_type(void) {
        _cleanup_fake_redis_ FakeRedis *fake =
                fake_redis_new(fake_answer, "*7\r\n+OK\r\n:-9223372036854775808\r\n$3\r\na\0b\r\n$-1\r\n*-1\r\n-ERR no\r\n*1\r\n*1\r\n*0\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);
        _cleanup_redis_reply_ RedisReply *reply = NULL;

        g_assert_cmpint(fake_call(link, "GET a", &reply), ==, 0);
        assert(reply->type == REPLY_ARRAY && reply->size == 7);
        assert(redis_reply_is_text(reply->elements[0], "OK") && !redis_reply_is_text(reply->elements[0], "O"));
        assert(reply->elements[1]->type == REPLY_INTEGER && reply->elements[1]->integer == INT64_MIN);
        assert(reply->elements[2]->type == REPLY_TEXT && reply->elements[2]->size == 3);
        assert(memcmp(reply->elements[2]->data, "a\0b", 4) == 0);
        assert(reply->elements[3]->type == REPLY_NIL && reply->elements[4]->type == REPLY_NIL);
        assert(redis_reply_is_error(reply->elements[5], "ERR") && !redis_reply_is_error(reply->elements[5], "E"));
        assert(!redis_reply_is_text(reply->elements[5], "ERR no"));
        assert(reply->elements[6]->elements[0]->elements[0]->size == 0);
}

static void test_an_error_is_a_reply(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_answer, "-NOSCRIPT No matching script\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);
        _cleanup_redis_reply_ RedisReply *reply = NULL;

        g_assert_cmpint(fake_call(link, "EVALSHA a 0", &reply), ==, 0);
        assert(redis_reply_is_error(reply, "NOSCRIPT"));
        fake_call_is(link, "GET a", 0);
        g_assert_cmpuint(fake_count(fake, &fake->connections), ==, 1);
}

static void test_any_bytes_are_sent(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_answer, "+OK\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        RedisArg arguments[] = { redis_arg("SET"), { "\r\n$1\r\n*", 7 }, { NULL, 0 } };

        g_assert_cmpint(redis_link_call(link, G_N_ELEMENTS(arguments), arguments, &reply), ==, 0);
        g_assert_cmpstr(fake->log->str, ==, "SET \r\n$1\r\n* \n");
}

static void test_what_is_no_reply(void) {
        static const struct {
                const char *name, *answer;
        } rows[] = {
                { "http", "HTTP/1.1 400 Bad Request\r\n\r\n" },
                { "ssh", "SSH-2.0-OpenSSH_9.2\r\n" },
                { "a map", "%1\r\n+a\r\n+b\r\n" },
                { "a double", ",1.5\r\n" },
                { "a boolean", "#t\r\n" },
                { "a null of RESP3", "_\r\n" },
                { "a push", ">1\r\n+message\r\n" },
                { "no number", ":twelve\r\n" },
                { "a number too large", ":9223372036854775808\r\n" },
                { "a bulk without end", "$3\r\nabcdef\r\n" },
                { "a bulk of less than nothing", "$-2\r\n" },
                { "an array of less than nothing", "*-2\r\n" },
                { "an array as large as int", "*2147483647\r\n" },
                { "an array larger than int", "*4294967297\r\n" },
                { "an array above the cap", "*262145\r\n" },
                { "arrays above the cap together", "*4\r\n*200000\r\n*200000\r\n" },
                { "arrays too deep", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n" },
                { "arrays far too deep", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n" },
                { "two replies", "+OK\r\n+OK\r\n" },
                { "half a reply more", "+OK\r\n$" },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
                _cleanup_fake_redis_ FakeRedis *fake =
                        fake_redis_start(fake_answer, rows[i].answer, strlen(rows[i].answer), 0);
                _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);

                g_print("%s\n", rows[i].name);
                fake_call_is(link, "GET a", -EPROTO);
                fake_call_is(link, "GET a", -EPROTO);
                g_assert_cmpuint(fake_count(fake, &fake->connections), ==, 2);
        }
}

static void flood(FakeRedis *fake, int fd) {
        g_autoptr(GString) call = g_string_new(NULL);
        g_autofree char *block = g_malloc(64 * 1024);

        memset(block, 'a', 64 * 1024);
        if (!fake_read_call(fake, fd, call))
                return;
        fake_write(fd, fake->answer, fake->answer_size);
        for (unsigned i = 0; i < 1024; i++)
                fake_write(fd, block, 64 * 1024);
}

/* 64 MiB are on offer; a quarter of it is taken. */
static void test_a_flood_is_cut_off(void) {
        static const char *const beginnings[] = { "$67108864\r\n", "$9223372036854775807\r\n", "+", "-ERR ", "" };

        for (unsigned i = 0; i < G_N_ELEMENTS(beginnings); i++) {
                _cleanup_fake_redis_ FakeRedis *fake =
                        fake_redis_start(flood, beginnings[i], strlen(beginnings[i]), 0);
                _cleanup_redis_link_ RedisLink *link = fake_link(fake, 20 * G_USEC_PER_SEC);

                fake_call_is(link, "GET a", -EPROTO);
        }
}

static void test_a_reply_almost_above_the_cap(void) {
        g_autofree char *answer = g_malloc(REDIS_REPLY_SIZE_MAX);
        size_t header = strlen("*2\r\n$16777188\r\n"), size = header + 16777188 + strlen("\r\n:1\r\n");
        _cleanup_fake_redis_ FakeRedis *fake = NULL;
        _cleanup_redis_link_ RedisLink *link = NULL;
        _cleanup_redis_reply_ RedisReply *reply = NULL;

        g_assert_cmpuint(size, <=, REDIS_REPLY_SIZE_MAX);
        memset(answer, '\n', size);
        memcpy(answer, "*2\r\n$16777188\r\n", header);
        memcpy(answer + size - 6, "\r\n:1\r\n", 6);
        fake = fake_redis_start(fake_answer, answer, size, 0);
        link = fake_link(fake, LONG);
        g_assert_cmpint(fake_call(link, "GET a", &reply), ==, 0);
        assert(reply->elements[0]->size == 16777188 && reply->elements[1]->integer == 1);
}

static void test_a_call_above_the_caps(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_answer, "+OK\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);
        g_autofree char *data = g_malloc0(REDIS_CALL_SIZE_MAX);
        g_autofree RedisArg *many = g_new0(RedisArg, REDIS_CALL_ARGUMENTS_MAX + 1);
        RedisArg arguments[] = { redis_arg("SET"), { data, REDIS_CALL_SIZE_MAX - 2 } };
        RedisReply *reply = NULL;

        g_assert_cmpint(redis_link_call(link, 2, arguments, &reply), ==, -E2BIG);
        g_assert_cmpint(redis_link_call(link, REDIS_CALL_ARGUMENTS_MAX + 1, many, &reply), ==, -E2BIG);
        g_assert_cmpint(redis_link_call(link, 0, NULL, &reply), ==, -EINVAL);
        assert(!reply && fake_count(fake, &fake->connections) == 0);
}

/* Time */

static void assert_late(RedisLink *link, const char *stage) {
        int64_t begun = g_get_monotonic_time(), took;

        fake_call_is(link, "GET a", -ETIMEDOUT);
        took = g_get_monotonic_time() - begun;
        g_assert_cmpint(took, >=, SHORT);
        g_assert_cmpint(took, <, SHORT + SLACK);
        problem_has(link, stage);
}

static void test_R12_a_silent_server(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_stay_silent, "");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, SHORT);

        assert_late(link, "the reply took too long");
}

static void test_R12_a_server_slower_than_the_deadline(void) {
        _cleanup_fake_redis_ FakeRedis *fake =
                fake_redis_new(fake_answer_bytewise, "$60\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, SHORT);

        assert_late(link, "the reply took too long");
}

static void test_a_slow_server_within_the_deadline(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_answer_bytewise, "*2\r\n$3\r\nabc\r\n:12\r\n");
        _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);
        _cleanup_redis_reply_ RedisReply *reply = NULL;

        g_assert_cmpint(fake_call(link, "GET a", &reply), ==, 0);
        assert(reply->elements[1]->integer == 12);
}

static RedisLink *link_with(const FakeRedis *fake, bool tls, const char *user, const char *password, unsigned db,
                            int64_t deadline) {
        Secret *secret = secret_new(strlen(password));
        g_autofree char *host = g_strdup("127.0.0.1"), *name = g_strdup(user);
        RedisLinkSettings settings = {
                .host = host,
                .port = fake->port,
                .db = db,
                .tls = tls,
                .user = name,
                .password = password[0] ? secret : NULL,
                .deadline = deadline,
        };
        RedisLink *link = NULL;

        assert(secret);
        memcpy(secret->data, password, secret->size);
        g_assert_cmpint(redis_link_new(&settings, &link), ==, 0);
        (void) secret_free(secret); /* all is copied */
        return link;
}

static void test_R12_tls_that_is_never_done(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_stay_silent, "");
        _cleanup_redis_link_ RedisLink *link = link_with(fake, true, NULL, "", 0, SHORT);

        assert_late(link, "setting up TLS took too long");
}

static void test_R12_a_sign_in_without_answer(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_stay_silent, "");
        _cleanup_redis_link_ RedisLink *link = link_with(fake, false, NULL, "secret", 0, SHORT);

        assert_late(link, "signing in took too long");
}

static void say_first(FakeRedis *fake, int fd) {
        fake_write(fd, fake->answer, fake->answer_size);
        fake_wait_closed(fd);
}

static void test_no_tls_at_the_other_end(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(say_first, "-ERR Protocol error\r\n");
        _cleanup_redis_link_ RedisLink *link = link_with(fake, true, NULL, "", 0, LONG);

        fake_call_is(link, "GET a", -EKEYREJECTED);
        problem_has(link, "no TLS with this server");
}

/* Signing in */

static void test_sign_in_then_the_database_then_the_call(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(fake_answer, "+PONG\r\n");
        _cleanup_redis_link_ RedisLink *link = link_with(fake, false, "web", "pass word", 3, LONG);

        fake_call_is(link, "PING", 0);
        fake_call_is(link, "PING", 0);
        g_assert_cmpstr(fake->log->str, ==, "AUTH web pass word\nSELECT 3\nPING\nPING\n");
}

static void say_no(FakeRedis *fake, int fd) {
        g_autoptr(GString) call = g_string_new(NULL);

        while (fake_read_call(fake, fd, call))
                fake_write(fd, fake->answer, fake->answer_size);
}

/* A server that does not know AUTH repeats its arguments. */
static void test_a_password_that_is_sent_back_is_not_told(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(
                say_no, "-ERR unknown command `AUTH`, with args beginning with: `web`, `the-canary`, \r\n");
        _cleanup_redis_link_ RedisLink *link = link_with(fake, false, "web", "the-canary", 0, LONG);
        g_autofree char *problem = NULL;

        fake_call_is(link, "PING", -EACCES);
        problem = redis_link_problem(link);
        assert(problem && !strstr(problem, "canary"));
        problem_has(link, "refuses to sign in");
        g_assert_cmpstr(fake->log->str, ==, "AUTH web the-canary\n");
}

static void test_refusals(void) {
        static const struct {
                const char *answer, *words;
                bool sound; /* the connection goes on */
        } rows[] = {
                { "-NOAUTH Authentication required.\r\n", "the server wants a password", false },
                { "-NOPERM this user has no permissions\r\n", "the server's ACL forbids it", true },
                { "-DENIED Redis is running in protected mode\r\n", "protected mode", false },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
                _cleanup_fake_redis_ FakeRedis *fake =
                        fake_redis_start(fake_answer, rows[i].answer, strlen(rows[i].answer), 0);
                _cleanup_redis_link_ RedisLink *link = fake_link(fake, LONG);

                fake_call_is(link, "GET a", -EACCES);
                problem_has(link, rows[i].words);
                fake_call_is(link, "GET a", -EACCES);
                g_assert_cmpuint(fake_count(fake, &fake->connections), ==, rows[i].sound ? 1 : 2);
        }
}

static void test_a_refused_sign_in_sends_nothing_else(void) {
        _cleanup_fake_redis_ FakeRedis *fake =
                fake_redis_new(say_no, "-WRONGPASS invalid username-password pair\r\n");
        _cleanup_redis_link_ RedisLink *link = link_with(fake, false, NULL, "wrong", 2, LONG);

        fake_call_is(link, "DEL a", -EACCES);
        problem_has(link, "refuses user or password");
        g_assert_cmpstr(fake->log->str, ==, "AUTH wrong\n");
}

/* Which is not about the password. */
static void test_a_server_without_room_is_told_as_such(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(say_no, "-ERR max number of clients reached\r\n");
        _cleanup_redis_link_ RedisLink *link = link_with(fake, false, NULL, "right", 0, LONG);

        fake_call_is(link, "PING", -EHOSTDOWN);
        problem_has(link, "maxclients");
}

static void test_a_refused_database_sends_nothing_else(void) {
        _cleanup_fake_redis_ FakeRedis *fake = fake_redis_new(say_no, "-ERR DB index is out of range\033[2J\r\n");
        _cleanup_redis_link_ RedisLink *link = link_with(fake, false, NULL, "", 99, LONG);

        fake_call_is(link, "DEL a", -EACCES);
        problem_has(link, "database 99: ERR DB index is out of range?[2J");
        g_assert_cmpstr(fake->log->str, ==, "SELECT 99\n");
}

static void test_half_settings(void) {
        Secret *secret = secret_new(1);
        RedisLinkSettings good = { .host = "127.0.0.1", .port = 1, .deadline = 1 };
        RedisLinkSettings rows[7];
        RedisLink *link = NULL;

        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
                rows[i] = good;
        rows[0].host = NULL;
        rows[1].host = "";
        rows[2].port = 0;
        rows[3].deadline = 0;
        rows[4].client_cert = "/a";
        rows[5].client_key = "/a";
        rows[6].user = "web";
        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
                g_assert_cmpint(redis_link_new(&rows[i], &link), ==, -EINVAL);
        rows[6].password = secret;
        g_assert_cmpint(redis_link_new(&rows[6], &link), ==, 0);
        (void) redis_link_free(link);
        (void) secret_free(secret);
}

int main(void) {
        assert(sodium_init() >= 0);
        test_a_reply_of_every_type();
        test_an_error_is_a_reply();
        test_any_bytes_are_sent();
        test_what_is_no_reply();
        test_a_flood_is_cut_off();
        test_a_reply_almost_above_the_cap();
        test_a_call_above_the_caps();
        test_R12_a_silent_server();
        test_R12_a_server_slower_than_the_deadline();
        test_a_slow_server_within_the_deadline();
        test_R12_tls_that_is_never_done();
        test_R12_a_sign_in_without_answer();
        test_no_tls_at_the_other_end();
        test_sign_in_then_the_database_then_the_call();
        test_a_password_that_is_sent_back_is_not_told();
        test_refusals();
        test_a_refused_sign_in_sends_nothing_else();
        test_a_server_without_room_is_told_as_such();
        test_a_refused_database_sends_nothing_else();
        test_half_settings();
        return 0;
}
