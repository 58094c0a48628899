/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * redis-driver KEY=VALUE… — a link with these settings; then a line of standard input after another: "probe
 * BASE", "link KEY=VALUE…" (another one, in this process) or the words of a call. Answers each with a line.
 */

#undef NDEBUG
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/store/redis-probe.h"

static const char *find(char **words, const char *key) {
        size_t size = strlen(key);

        for (; *words; words++)
                if (strncmp(*words, key, size) == 0 && (*words)[size] == '=')
                        return *words + size + 1;
        return NULL;
}

static Secret *secret_of(const char *text) {
        Secret *secret = text ? secret_new(strlen(text)) : NULL;

        if (secret)
                memcpy(secret->data, text, secret->size);
        return secret;
}

static RedisLink *open_link(char **words) {
        _cleanup_secret_ Secret *password = secret_of(find(words, "password"));
        RedisLinkSettings settings = {
                .host = find(words, "host"),
                .port = (uint16_t) atoi(find(words, "port")),
                .db = (unsigned) atoi(find(words, "db") ?: "0"),
                .tls = find(words, "tls") != NULL,
                .user = find(words, "user"),
                .password = password,
                .ca_file = find(words, "ca"),
                .client_cert = find(words, "cert"),
                .client_key = find(words, "key"),
                .deadline = atoll(find(words, "deadline") ?: "3000000"),
        };
        RedisLink *link = NULL;

        assert(redis_link_new(&settings, &link) == 0);
        return link;
}

static void print_reply(const RedisReply *reply) {
        switch (reply->type) {
        case REPLY_NIL:
                (void) printf("nil ");
                break;
        case REPLY_INTEGER:
                (void) printf("%lld ", (long long) reply->integer);
                break;
        case REPLY_TEXT:
        case REPLY_ERROR:
                (void) printf("%s%.*s ", reply->type == REPLY_ERROR ? "-" : "", (int) strcspn(reply->data, "\r\n"), reply->data);
                break;
        case REPLY_ARRAY:
                for (size_t i = 0; i < reply->size; i++)
                        print_reply(reply->elements[i]);
        }
}

static void print_failure(RedisLink *link, int r) {
        g_autofree char *problem = redis_link_problem(link);

        (void) printf("%s %s", g_strerror(-r), problem);
}

static void probe(RedisLink *link, const char *base) {
        g_autoptr(GPtrArray) findings = NULL;
        int r;

        r = redis_probe(link, base, g_get_real_time(), &findings);
        if (r < 0)
                print_failure(link, r);
        for (guint i = 0; r == 0 && i < findings->len; i++) {
                RedisFinding *finding = findings->pdata[i];

                (void) printf("%s%s: %s", i > 0 ? " | " : "", finding->fatal ? "fatal" : "warning", finding->text);
        }
}

static void call(RedisLink *link, char **words) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        guint n = g_strv_length(words);
        g_autofree RedisArg *arguments = g_new(RedisArg, n);
        int r;

        for (guint i = 0; i < n; i++)
                arguments[i] = redis_arg(words[i]);
        r = redis_link_call(link, n, arguments, &reply);
        if (r < 0)
                print_failure(link, r);
        else
                print_reply(reply);
}

int main(int argc, char **argv) {
        RedisLink *link;
        char line[4096];

        assert(sodium_init() >= 0);
        link = open_link(argv + 1);
        while (fgets(line, sizeof(line), stdin)) {
                g_auto(GStrv) words = g_strsplit(g_strchomp(line), " ", -1);

                if (strcmp(words[0], "probe") == 0) {
                        probe(link, words[1]);
                } else if (strcmp(words[0], "link") == 0) {
                        (void) redis_link_free(link);
                        link = open_link(words + 1);
                } else
                        call(link, words);
                (void) printf("\n");
                (void) fflush(stdout);
        }
        (void) redis_link_free(link);
        return 0;
}
