/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The way to a Redis server: connections, and nothing of sessions. A call is one command and its
 * reply. A connection carries one call at a time; up to REDIS_LINK_CONNECTIONS_MAX are open.
 *
 * One deadline holds for all that a call needs: a free connection, the server's address, connecting,
 * TLS, AUTH, SELECT, the reply. A connection on which anything went wrong is closed, and never used
 * again. Nothing is sent twice: a call that failed after it was sent may have been carried out.
 *
 * Once the server could not be reached, or did not answer in time, one call in a while tries again
 * and the others fail at once with that error, until one was answered.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/secret.h"

#define REDIS_LINK_CONNECTIONS_MAX 16

/* A reply that is larger is not kept, and -EPROTO. */
#define REDIS_REPLY_SIZE_MAX (16 * 1024 * 1024) /* bytes as sent */
#define REDIS_REPLY_ELEMENTS_MAX (256 * 1024)   /* of all its arrays together */
#define REDIS_REPLY_DEPTH_MAX 5                 /* arrays in one another */

/* A call that is larger is not sent, and -E2BIG. */
#define REDIS_CALL_SIZE_MAX (16 * 1024 * 1024)
#define REDIS_CALL_ARGUMENTS_MAX (64 * 1024)

typedef struct RedisLink RedisLink;

typedef struct RedisLinkSettings {
        const char *host; /* a name or an address, without brackets; certificates are checked for it */
        uint16_t port;
        unsigned db;
        bool tls;                /* plain text wherever false: who may is the caller's matter */
        const char *user;        /* NULL: the default user; needs a password */
        const Secret *password;  /* NULL: none */
        const char *ca_file;     /* NULL: the system's */
        const char *client_cert; /* both or neither */
        const char *client_key;
        int64_t deadline; /* microseconds, for one call */
} RedisLinkSettings;

/* Replies */

typedef enum RedisReplyType {
        REPLY_NIL,
        REPLY_INTEGER,
        REPLY_TEXT,   /* a bulk string or a status such as "OK" */
        REPLY_ERROR,  /* the server's: the code, a space, words: "NOSCRIPT No matching script" */
        REPLY_ARRAY,
} RedisReplyType;

typedef struct RedisReply RedisReply;

struct RedisReply {
        RedisReplyType type;
        int64_t integer;       /* of REPLY_INTEGER */
        size_t size;           /* of REPLY_TEXT and REPLY_ERROR: bytes; of REPLY_ARRAY: elements */
        char *data;            /* of REPLY_TEXT and REPLY_ERROR, else NULL; may hold NULs, has one behind its end */
        RedisReply **elements; /* of REPLY_ARRAY; none is NULL; may themselves be of any type, errors too */
};

/* Wipes what it frees. Accepts NULL, returns NULL. */
RedisReply *redis_reply_free(RedisReply *reply);

static inline void cleanup_redis_reply(RedisReply **reply) {
        *reply = redis_reply_free(*reply);
}

#define _cleanup_redis_reply_ __attribute__((__cleanup__(cleanup_redis_reply)))

/* Is @reply an error with this code, such as "NOSCRIPT"? */
bool redis_reply_is_error(const RedisReply *reply, const char *code);

/* Is @reply this text, and no longer? */
bool redis_reply_is_text(const RedisReply *reply, const char *text);

/* The link */

/*
 * Copies all of @settings, the password into a Secret of its own; the files that it names are read
 * at each connection anew. Connects at the first call only. -EINVAL: half a client certificate, a
 * user without a password, no host, port or deadline.
 */
int redis_link_new(const RedisLinkSettings *settings, RedisLink **ret);

/* Nobody may be in a call: see redis_link_stop(). Wipes the password. Accepts NULL, returns NULL. */
RedisLink *redis_link_free(RedisLink *link);

/* From any thread: calls that wait fail with -ECANCELED now, and all later ones at once. */
void redis_link_stop(RedisLink *link);

/*
 * From any thread: no call that begins from now on uses a connection of before. Where the address has come to mean
 * another server they would go on with the old one.
 */
void redis_link_reopen(RedisLink *link);

typedef struct RedisArg {
        const void *data; /* any bytes; NULL where @size is 0 */
        size_t size;
} RedisArg;

static inline RedisArg redis_arg(const char *text) {
        return (RedisArg) { .data = text, .size = strlen(text) };
}

/*
 * From any thread. @argv: the command's name and its arguments, nothing of which is kept.
 *
 * 0 and a reply, which is the caller's: also REPLY_ERROR is one (NOSCRIPT, OOM, WRONGTYPE, an error of a
 * script). Otherwise *@ret is untouched, redis_link_problem() says in words what is wrong, and
 *
 *  -ETIMEDOUT     the deadline: silence, too slow a server, all connections busy
 *  -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH, -ECONNRESET, …  as the kernel says; -ENXIO: no address for the name;
 *                 -ECONNRESET also where the server closed
 *  -EACCES        AUTH, SELECT or the command refused by password or ACL (NOAUTH, WRONGPASS, NOPERM, DENIED)
 *  -EKEYREJECTED  the certificate is not the server's, or ours not welcome; a file of these cannot be read; or no TLS
 *                 at all
 *  -EPROTO        no Redis, or a reply above the caps
 *  -ECANCELED     redis_link_stop()
 *  -E2BIG         the call is above the caps; nothing was sent
 *
 * or any other errno (-ENOMEM, -EMFILE …). Nothing may be concluded from which it
 * is about whether the command was carried out.
 */
int redis_link_call(RedisLink *link, size_t argc, const RedisArg *argv, RedisReply **ret);

/* What went wrong last on @link, in words and without any secret, with server and port: "redis.example.org:6379:
 * connection refused". The caller's; NULL: nothing yet. */
char *redis_link_problem(RedisLink *link);
