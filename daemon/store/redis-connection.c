/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <glib.h>
#include <stdio.h>

#include "common/error.h"
#include "daemon/store/redis-connection.h"
#include "daemon/store/redis-stream.h"

#define READ_SIZE (16 * 1024)
#define WORDS_MAX 160

struct RedisConnection {
        RedisStream *stream;
        RedisReader *reader;
        const char *late_words; /* if it ended now */
        bool open, sound, heard, answered;
};

RedisConnection *redis_connection_new(void) {
        RedisConnection *connection = g_new0(RedisConnection, 1);

        connection->stream = redis_stream_new();
        connection->reader = redis_reader_new();
        connection->late_words = "connecting took too long";
        return connection;
}

RedisConnection *redis_connection_free(RedisConnection *connection) {
        if (!connection)
                return NULL;
        (void) redis_reader_free(connection->reader);
        (void) redis_stream_free(connection->stream);
        g_free(connection);
        return NULL;
}

void redis_connection_cancel(RedisConnection *connection) {
        redis_stream_cancel(connection->stream);
}

bool redis_connection_is_sound(const RedisConnection *connection) {
        return connection->sound;
}

bool redis_connection_is_quiet(RedisConnection *connection) {
        return redis_stream_is_quiet(connection->stream);
}

bool redis_connection_heard(const RedisConnection *connection) {
        return connection->heard;
}

bool redis_connection_answered(const RedisConnection *connection) {
        return connection->answered;
}

const char *redis_connection_late_words(const RedisConnection *connection) {
        return connection->late_words;
}

/* One exchange */

static int read_reply(RedisConnection *connection, RedisReply **ret, char **ret_problem) {
        char buffer[READ_SIZE];
        RedisReply *reply = NULL;
        const char *problem = NULL;
        int r;

        do {
                size_t n = 0;

                r = redis_stream_read(connection->stream, buffer, sizeof(buffer), &n, ret_problem);
                if (r < 0)
                        break;
                connection->heard = connection->open;
                r = redis_reader_take(connection->reader, buffer, n, &reply, &problem);
                if (r < 0)
                        *ret_problem = g_strdup(problem);
        } while (r == 0 && !reply);
        explicit_bzero(buffer, sizeof(buffer)); /* password hashes pass through it */
        if (r == 0)
                *ret = reply;
        return r;
}

static int exchange(RedisConnection *connection, const char *command, size_t size, RedisReply **ret,
                    char **ret_problem) {
        int r;

        r = redis_stream_write(connection->stream, command, size, ret_problem);
        if (r == 0)
                r = read_reply(connection, ret, ret_problem);
        return r;
}

/* Refusals */

static const struct {
        const char *code, *words;
} refusals[] = {
        { "NOAUTH", "the server wants a password" },
        { "WRONGPASS", "the server refuses user or password" },
        { "NOPERM", "the server's ACL forbids it" },
        { "DENIED", "the server is in protected mode, and speaks with its own host only" },
};

/* -EACCES where the server does not let us, or 0. */
static int check_refused(const RedisReply *reply, char **ret_problem) {
        for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++) {
                g_autofree char *said = NULL;

                if (!redis_reply_is_error(reply, refusals[i].code))
                        continue;
                said = redis_text_plain(reply->data, WORDS_MAX);
                *ret_problem = g_strdup_printf("%s: %s", refusals[i].words, said);
                return error_trace(-EACCES);
        }
        return 0;
}

/* Signing in */

/*
 * What the server says to AUTH is told by its code alone: one that does not know the command repeats
 * its arguments, "with args beginning with", and the second is the password.
 */
static int check_signed_in(const RedisReply *reply, char **ret_problem) {
        const char *words = "the server refuses to sign in";

        if (redis_reply_is_text(reply, "OK"))
                return 0;
        for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++)
                if (redis_reply_is_error(reply, refusals[i].code))
                        words = refusals[i].words;
        if (reply->type == REPLY_ERROR && g_str_has_prefix(reply->data, "ERR max number of clients")) {
                *ret_problem = g_strdup("the server takes no more connections (maxclients)");
                return error_trace(-EHOSTDOWN);
        }
        if (reply->type == REPLY_ERROR && g_strstr_len(reply->data, -1, "without any password configured"))
                words = "the server has no password for its default user, but the settings name one";
        *ret_problem = g_strdup(words);
        return error_trace(reply->type == REPLY_ERROR ? -EACCES : -EPROTO);
}

static int sign_in(RedisConnection *connection, const RedisLinkSettings *settings, char **ret_problem) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        RedisArg arguments[3] = { redis_arg("AUTH") };
        char *command = NULL;
        size_t n = 1, size = 0;
        int r;

        if (!settings->password)
                return 0;
        connection->late_words = "signing in took too long";
        if (settings->user)
                arguments[n++] = redis_arg(settings->user);
        arguments[n++] = (RedisArg) { settings->password->data, settings->password->size };
        r = redis_command_new(n, arguments, &command, &size);
        if (r == 0)
                r = exchange(connection, command, size, &reply, ret_problem);
        redis_command_free(command, size);
        return r < 0 ? r : check_signed_in(reply, ret_problem);
}

static int select_db(RedisConnection *connection, const RedisLinkSettings *settings, char **ret_problem) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        g_autofree char *said = NULL;
        char number[16], *command = NULL;
        size_t size = 0;
        int r;

        if (settings->db == 0)
                return 0;
        connection->late_words = "selecting the database took too long";
        (void) snprintf(number, sizeof(number), "%u", settings->db);
        r = redis_command_new(2, (RedisArg[]) { redis_arg("SELECT"), redis_arg(number) }, &command, &size);
        if (r == 0)
                r = exchange(connection, command, size, &reply, ret_problem);
        redis_command_free(command, size);
        if (r < 0 || redis_reply_is_text(reply, "OK"))
                return r;
        if (reply->type != REPLY_ERROR) {
                *ret_problem = g_strdup("this is no Redis");
                return error_trace(-EPROTO);
        }
        said = redis_text_plain(reply->data, WORDS_MAX);
        *ret_problem = g_strdup_printf("the server does not let us use database %u: %s", settings->db, said);
        return error_trace(-EACCES);
}

static int open_connection(RedisConnection *connection, const RedisLinkSettings *settings, char **ret_problem) {
        int r;

        r = redis_stream_connect(connection->stream, settings, ret_problem);
        if (r == 0 && settings->tls) {
                connection->late_words = "setting up TLS took too long; is this the port where the server speaks it?";
                r = redis_stream_secure(connection->stream, settings, ret_problem);
        }
        if (r == 0)
                r = sign_in(connection, settings, ret_problem);
        if (r == 0)
                r = select_db(connection, settings, ret_problem);
        connection->open = r == 0;
        return r;
}

int redis_connection_call(RedisConnection *connection, const RedisLinkSettings *settings, const char *command,
                          size_t size, RedisReply **ret, char **ret_problem) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r = 0;

        connection->sound = connection->answered = false;
        if (!connection->open)
                r = open_connection(connection, settings, ret_problem);
        if (r < 0)
                return r;
        connection->late_words = "the reply took too long";
        r = exchange(connection, command, size, &reply, ret_problem);
        if (r < 0)
                return r;
        connection->answered = true;
        r = check_refused(reply, ret_problem);
        connection->sound = r == 0 || redis_reply_is_error(reply, "NOPERM"); /* a no to this command alone */
        if (r == 0)
                *ret = g_steal_pointer(&reply);
        return r;
}
