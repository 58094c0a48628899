/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/store/test-redis-server.h"
#include "daemon/store/test-store.h"

#define DEADLINE (3 * G_TIME_SPAN_SECOND)
#define START_MAX (10 * G_TIME_SPAN_SECOND)

/* One that nobody has at the moment. */
static uint16_t find_port(void) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert(fd >= 0);
        assert(bind(fd, (struct sockaddr *) &address, size) == 0);
        assert(getsockname(fd, (struct sockaddr *) &address, &size) == 0);
        assert(close(fd) == 0);
        return ntohs(address.sin_port);
}

static RedisLink *connect_link(uint16_t port, int64_t deadline) {
        RedisLinkSettings settings = { .host = "127.0.0.1", .port = port, .deadline = deadline };
        RedisLink *link;

        assert_result(redis_link_new(&settings, &link), 0);
        return link;
}

G_NORETURN static void run_server(const RedisServer *server, bool durable) {
        g_autofree char *port = g_strdup_printf("%u", server->port);
        g_autofree char *data = g_build_filename(server->folder, "data", NULL);
        const char *yes = durable ? "yes" : "no";

        assert(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        (void) execlp("redis-server", "redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", data, "--save", "",
                      "--appendonly", yes, "--appendfsync", "always", "--logfile", "log", "--maxmemory-policy", "noeviction",
                      "--busy-reply-threshold", "5000", NULL);
        _exit(127);
}

static bool answers(RedisServer *server) {
        RedisArg ping = redis_arg("PING");
        RedisLink *link = connect_link(server->port, DEADLINE);
        RedisReply *reply = NULL;
        bool pong = redis_link_call(link, 1, &ping, &reply) == 0 && redis_reply_is_text(reply, "PONG");

        (void) redis_reply_free(reply);
        (void) redis_link_free(link);
        return pong;
}

/* false: it ended by itself, because somebody else has the port. */
static bool try_start(RedisServer *server, bool durable) {
        int64_t until = g_get_monotonic_time() + START_MAX;

        server->pid = fork();
        assert(server->pid >= 0);
        if (server->pid == 0)
                run_server(server, durable);
        while (!answers(server)) {
                if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
                        return false;
                assert(g_get_monotonic_time() < until);
                g_usleep(20 * G_TIME_SPAN_MILLISECOND);
        }
        return true;
}

void redis_server_start(RedisServer *server, bool durable) {
        int tries = 0;

        while (!try_start(server, durable)) {
                assert(++tries < 50);
                g_usleep(100 * G_TIME_SPAN_MILLISECOND);
        }
        server->link = redis_link_free(server->link);
        server->link = connect_link(server->port, DEADLINE);
}

RedisServer *redis_server_new(bool durable) {
        RedisServer *server = g_new0(RedisServer, 1);
        g_autofree char *data = NULL;
        int tries = 0;

        server->folder = g_dir_make_tmp("test-redis-XXXXXX", NULL);
        assert(server->folder);
        data = g_build_filename(server->folder, "data", NULL);
        assert(g_mkdir(data, 0700) == 0);
        do {
                assert(++tries < 10);
                server->port = find_port();
        } while (!try_start(server, durable));
        server->link = connect_link(server->port, DEADLINE);
        return server;
}

void redis_server_signal(RedisServer *server, int number) {
        assert(kill(server->pid, number) == 0);
}

void redis_server_kill(RedisServer *server) {
        redis_server_signal(server, SIGKILL);
        assert(waitpid(server->pid, NULL, 0) == server->pid);
        server->pid = 0;
}

static void remove_all(const char *path) {
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *inner = g_build_filename(path, name, NULL);

                remove_all(inner);
        }
        assert(remove(path) == 0);
}

RedisServer *redis_server_free(RedisServer *server) {
        if (!server)
                return NULL;
        (void) redis_link_free(server->link);
        if (server->pid > 0)
                redis_server_kill(server);
        remove_all(server->folder);
        g_free(server->folder);
        g_free(server);
        return NULL;
}

Store *redis_server_open_hasty(RedisServer *server, const char *prefix, const char *host, int64_t deadline) {
        g_autofree char *folder = g_build_filename(server->folder, host, NULL), *message = NULL;
        StoreRedisSettings settings = {
                .link = { .host = "127.0.0.1", .port = server->port, .deadline = deadline },
                .prefix = prefix,
                .state_folder = folder,
        };
        Store *store = NULL;

        assert(g_mkdir_with_parents(folder, 0700) == 0);
        if (store_redis_open(&settings, &store, &message) < 0)
                g_error("%s", message);
        return store;
}

Store *redis_server_open(RedisServer *server, const char *prefix, const char *host) {
        return redis_server_open_hasty(server, prefix, host, DEADLINE);
}

void redis_server_adopt(Store *store) {
        StoreFound found;
        bool changed = false;

        assert(store_look(store, &found) == 0 && !store_is_adopted(&found));
        assert(store_adopt(store, found.id, &found, &changed) == 0 && changed);
        assert(store_look(store, &found) == 0 && store_is_adopted(&found));
}

RedisReply *redis_server_run(RedisServer *server, const char *command) {
        g_auto(GStrv) words = g_strsplit(command, " ", -1);
        guint n = g_strv_length(words);
        g_autofree RedisArg *argv = g_new(RedisArg, n);
        RedisReply *reply = NULL;

        for (guint i = 0; i < n; i++)
                argv[i] = redis_arg(words[i]);
        assert_result(redis_link_call(server->link, n, argv, &reply), 0);
        if (reply->type == REPLY_ERROR)
                g_error("%s: %s", command, reply->data);
        return reply;
}

void redis_server_do(RedisServer *server, const char *command) {
        (void) redis_reply_free(redis_server_run(server, command));
}

/* What differs from store to store and from time to time: ids of entries, of daemons and of stores, the server's clock. */
static bool is_own(const char *name) {
        static const char *const names[] = { "by", "id", "since", "changed", NULL };

        return g_strv_contains(names, name);
}

static void append(GString *text, const RedisReply *reply) {
        if (reply->type == REPLY_INTEGER)
                g_string_append_printf(text, " %ld", (long) reply->integer);
        for (size_t i = 0; reply->type == REPLY_TEXT && i < reply->size; i++)
                g_string_append_c(text, reply->data[i] ? reply->data[i] : '|');
        for (size_t i = 0; reply->type == REPLY_ARRAY && i < reply->size; i++) {
                g_string_append_c(text, ' ');
                append(text, reply->elements[i]);
        }
}

static int compare_texts(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static const char *same_of(const char *name, const char *value, bool begins_with_time) {
        if (is_own(name))
                return "?";
        return begins_with_time && strchr(value, ' ') ? strchr(value, ' ') : value;
}

static void append_pairs(GString *text, const RedisReply *flat, bool begin_with_time) {
        g_autoptr(GPtrArray) pairs = g_ptr_array_new_with_free_func(g_free);

        for (size_t i = 0; i + 1 < flat->size; i += 2)
                g_ptr_array_add(pairs, g_strconcat(" ", flat->elements[i]->data, "=",
                                                   same_of(flat->elements[i]->data, flat->elements[i + 1]->data,
                                                           begin_with_time),
                                                   NULL));
        g_ptr_array_sort(pairs, compare_texts);
        for (guint i = 0; i < pairs->len; i++)
                g_string_append(text, pairs->pdata[i]);
}

static RedisReply *run_on(RedisServer *server, const char *before, const char *key, const char *behind) {
        g_autofree char *command = g_strconcat(before, " ", key, behind, NULL);

        return redis_server_run(server, command);
}

/* Hashes have no order of their own. The ids of sessions and devices stand in the keys. */
static char *dump_key(RedisServer *server, const char *key, size_t prefix) {
        _cleanup_redis_reply_ RedisReply *type = run_on(server, "TYPE", key, ""), *value = NULL;
        g_autoptr(GString) text = g_string_new(key + prefix);

        if (redis_reply_is_text(type, "hash")) {
                value = run_on(server, "HGETALL", key, "");
                append_pairs(text, value, g_str_has_prefix(key + prefix, "debts:"));
        } else if (redis_reply_is_text(type, "stream")) {
                value = run_on(server, "XRANGE", key, " - +");
                for (size_t i = 0; i < value->size; i++)
                        append_pairs(text, value->elements[i]->elements[1], /* begin_with_time= */ false);
        } else {
                value = redis_reply_is_text(type, "zset") ? run_on(server, "ZRANGE", key, " 0 -1 WITHSCORES")
                        : redis_reply_is_text(type, "list") ? run_on(server, "LRANGE", key, " 0 -1")
                                                            : run_on(server, "GET", key, "");
                append(text, value);
        }
        return g_string_free(g_steal_pointer(&text), FALSE);
}

char *redis_server_dump(RedisServer *server, const char *prefix) {
        _cleanup_redis_reply_ RedisReply *keys = run_on(server, "KEYS", prefix, "{tessera}:*");
        size_t skip = strlen(prefix) + strlen("{tessera}:");
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

        for (size_t i = 0; i < keys->size; i++)
                if (!strstr(keys->elements[i]->data, ":batch:"))
                        g_ptr_array_add(lines, dump_key(server, keys->elements[i]->data, skip));
        g_ptr_array_sort(lines, compare_texts);
        g_ptr_array_add(lines, NULL);
        return g_strjoinv("\n", (char **) lines->pdata);
}
