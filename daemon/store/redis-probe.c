/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * What the ACL allows is tried, since to ask (ACL DRYRUN) is a right of its own and one that a program should
 * not have. A script meets one key of the probe's own, a string, with every command that the store's
 * scripts use: what is allowed does nothing, or fails for the key's type; anything else is told.
 */

#include <errno.h>
#include <stdio.h>

#include "common/error.h"
#include "daemon/store/redis-probe.h"
#include "daemon/store/redis-reply.h"

#define VERSION_MAJOR 6
#define VERSION_MINOR 2

/* A name that another host's probe would not have at the same time. */
#define KEY_FORMAT "%sprobe:%08x"

/*
 * How each command is tried; "@": the probe's key. What is called directly, and not by scripts, is so here
 * too. A row for each of the store's: tests/store/test_probe.py looks.
 */
static const struct {
        const char *words;
        bool directly;
} samples[] = {
        { "DEL @" },
        { "EXISTS @" },
        { "GET @" },
        { "HDEL @ a" },
        { "HEXISTS @ a" },
        { "HGET @ a" },
        { "HGETALL @" },
        { "HKEYS @" },
        { "HMGET @ a" },
        { "HSET @ a b" },
        { "HVALS @" },
        { "INFO replication" },
        { "LRANGE @ 0 0" },
        { "LTRIM @ 0 0" },
        { "RPUSH @ a" },
        { "SET @ a PX 10000" },
        { "TIME" },
        { "TYPE @" },
        { "XADD @ MAXLEN ~ 10 * a b" },
        { "XREAD COUNT 1 STREAMS @ 0", true },
        { "XREVRANGE @ + - COUNT 1" },
        { "ZADD @ 1 a" },
        { "ZCARD @" },
        { "ZLEXCOUNT @ - +" },
        { "ZRANGE @ 0 0" },
        { "ZRANGEBYLEX @ - +" },
        { "ZRANGEBYSCORE @ 0 0" },
        { "ZREM @ a" },
        { "ZREMRANGEBYRANK @ 0 0" },
        { "ZREVRANGE @ 0 0" },
        { "ZREVRANGEBYSCORE @ 0 0" },
        { "ZSCORE @ a" },
};

/* The key is a string again before each command, whatever the one before it did. */
static const char script[] =
        "local forbidden = {}\n"
        "local function try(words)\n"
        "  local reply = redis.pcall(unpack(words))\n"
        "  local err = type(reply) == 'table' and reply['err']\n"
        "  if err and not string.find(err, 'WRONGTYPE', 1, true) then\n"
        "    forbidden[#forbidden + 1] = words[1]\n"
        "  end\n"
        "  return not err\n"
        "end\n"
        "for _, line in ipairs(ARGV) do\n"
        "  if not try({'SET', KEYS[1], '', 'PX', 10000}) then break end\n"
        "  local words = {}\n"
        "  for word in string.gmatch(line, '%S+') do words[#words + 1] = word == '@' and KEYS[1] or word end\n"
        "  try(words)\n"
        "end\n"
        "redis.pcall('DEL', KEYS[1])\n"
        "return forbidden\n";

typedef struct Probe {
        RedisLink *link;
        GPtrArray *findings;
        char *key;
        int64_t apart; /* the host's clock less the monotonic one */
} Probe;

void redis_finding_free(RedisFinding *finding) {
        if (!finding)
                return;
        g_free(finding->text);
        g_free(finding);
}

static void free_finding(gpointer finding) {
        redis_finding_free(finding);
}

static void find_text(Probe *probe, bool fatal, char *text) {
        RedisFinding *finding = g_new(RedisFinding, 1);

        *finding = (RedisFinding) { fatal, text };
        g_ptr_array_add(probe->findings, finding);
}

static G_GNUC_PRINTF(3, 4) void find(Probe *probe, bool fatal, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        find_text(probe, fatal, g_strdup_vprintf(format, arguments));
        va_end(arguments);
}

/* 1: the ACL or the password says no, which is a finding; once, whatever asked. */
static int call(Probe *probe, size_t argc, const RedisArg *argv, RedisReply **ret) {
        g_autofree char *problem = NULL;
        int r;

        r = redis_link_call(probe->link, argc, argv, ret);
        if (r != -EACCES)
                return error_trace(r);
        problem = redis_link_problem(probe->link);
        for (guint i = 0; i < probe->findings->len; i++)
                if (strcmp(((RedisFinding *) probe->findings->pdata[i])->text, problem) == 0)
                        return 1;
        find_text(probe, true, g_steal_pointer(&problem));
        return 1;
}

static int call_words(Probe *probe, const char *words, RedisReply **ret) {
        g_auto(GStrv) parts = g_strsplit(words, " ", -1);
        guint n = g_strv_length(parts);
        g_autofree RedisArg *arguments = g_new(RedisArg, n);

        for (guint i = 0; i < n; i++)
                arguments[i] = redis_arg(strcmp(parts[i], "@") == 0 ? probe->key : parts[i]);
        return call(probe, n, arguments, ret);
}

/* What the server says of itself */

static char *info_value(const char *info, const char *name) {
        g_autofree char *line = g_strdup_printf("\n%s:", name);
        const char *value = strstr(info, line);

        if (!value)
                return NULL;
        value += strlen(line);
        return redis_text_plain(value, MIN(strcspn(value, "\r\n"), 64));
}

static bool info_is(const char *info, const char *name, const char *expected) {
        g_autofree char *value = info_value(info, name);

        return value && strcmp(value, expected) == 0;
}

static bool version_suffices(const char *version) {
        unsigned major = 0, minor = 0;

        return sscanf(version, "%5u.%5u", &major, &minor) == 2 &&
                (major > VERSION_MAJOR || (major == VERSION_MAJOR && minor >= VERSION_MINOR));
}

static void judge_version(Probe *probe, const char *info) {
        g_autofree char *version = info_value(info, "redis_version"); /* Valkey: which Redis it is like */

        if (!version || !version_suffices(version))
                find(probe, true, "the server's version is %s; tessera needs Redis %u.%u or later, or Valkey",
                     version ?: "unknown", VERSION_MAJOR, VERSION_MINOR);
}

static void judge_role(Probe *probe, const char *info) {
        if (info_is(info, "role", "slave"))
                find(probe, true, "the server is a replica: it takes no changes, and what it has may be old; name its"
                                  " primary in url=");
        if (info_is(info, "redis_mode", "cluster"))
                find(probe, true, "the server is part of a Redis Cluster: the store's keys are in one slot, and only the"
                                  " node that has it could serve them; use one server, with replicas");
        if (info_is(info, "redis_mode", "sentinel"))
                find(probe, true, "the server is a Sentinel, which stores nothing: name the primary in url=");
}

static void judge_memory(Probe *probe, const char *info) {
        g_autofree char *policy = info_value(info, "maxmemory_policy");

        if (!policy || strcmp(policy, "noeviction") != 0)
                find(probe, true, "the server's maxmemory-policy is %s: once it is full it would forget sessions, devices"
                                  " and used tickets; set \"maxmemory-policy noeviction\" in its redis.conf",
                     policy ?: "unknown");
}

static void judge_persistence(Probe *probe, const char *info) {
        if (!info_is(info, "aof_enabled", "1"))
                find(probe, false, "the server has appendonly off: when it ends without a snapshot, everything since the"
                                   " last one is lost: users, sessions, devices; what this host saw revoked stays"
                                   " revoked here; set \"appendonly yes\" in its redis.conf");
}

static int judge_info(Probe *probe) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        r = call_words(probe, "INFO", &reply);
        if (r != 0)
                return r;
        if (reply->type != REPLY_TEXT) {
                find(probe, true, "the server does not answer INFO");
                return 0;
        }
        judge_version(probe, reply->data);
        judge_role(probe, reply->data);
        judge_memory(probe, reply->data);
        judge_persistence(probe, reply->data);
        return 0;
}

/* Time */

static bool read_number(const RedisReply *reply, int64_t *ret) {
        if (reply->type != REPLY_TEXT || reply->size == 0 || reply->size > 12)
                return false;
        *ret = g_ascii_strtoll(reply->data, NULL, 10);
        return true;
}

static int judge_clock(Probe *probe) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int64_t begun = g_get_monotonic_time(), ours, seconds = 0, rest = 0, ahead;
        int r;

        r = call_words(probe, "TIME", &reply);
        if (r != 0)
                return r;
        if (reply->type != REPLY_ARRAY || reply->size != 2 || !read_number(reply->elements[0], &seconds) ||
            !read_number(reply->elements[1], &rest)) {
                find(probe, true, "the server does not tell its time");
                return 0;
        }
        ours = probe->apart + begun + (g_get_monotonic_time() - begun) / 2;
        ahead = seconds * G_USEC_PER_SEC + rest - ours;
        if (ABS(ahead) > REDIS_CLOCK_APART_MAX)
                find(probe, true, "the server's clock is %.1f s %s this host's: set both by NTP",
                     (double) ABS(ahead) / G_USEC_PER_SEC, ahead > 0 ? "ahead of" : "behind");
        return 0;
}

/* Rights */

static int load_script(Probe *probe, RedisReply **ret) {
        return call(probe, 3, (RedisArg[]) { redis_arg("SCRIPT"), redis_arg("LOAD"), redis_arg(script) }, ret);
}

static int run_script(Probe *probe, RedisReply **ret) {
        g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA1, script, -1);
        RedisArg arguments[4 + G_N_ELEMENTS(samples)] = {
                redis_arg("EVALSHA"), redis_arg(digest), redis_arg("1"), redis_arg(probe->key),
        };
        size_t n = 4;

        for (unsigned i = 0; i < G_N_ELEMENTS(samples); i++)
                if (!samples[i].directly)
                        arguments[n++] = redis_arg(samples[i].words);
        return call(probe, n, arguments, ret);
}

static bool names(const RedisReply *reply, const char *command) {
        for (size_t i = 0; i < reply->size; i++)
                if (redis_reply_is_text(reply->elements[i], command))
                        return true;
        return false;
}

static void tell_forbidden(Probe *probe, const RedisReply *reply) {
        g_autoptr(GString) found = g_string_new(NULL);
        g_autofree char *said = reply->type == REPLY_ERROR ? redis_text_plain(reply->data, 80) : NULL;

        if (reply->type != REPLY_ARRAY) {
                find(probe, true, "the server does not run scripts: %s", said ?: "no list came of one");
                return;
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(samples); i++) {
                g_autofree char *command = g_strndup(samples[i].words, strcspn(samples[i].words, " "));

                if (names(reply, command))
                        g_string_append_printf(found, " +%s", command);
        }
        if (reply->size > 0)
                find(probe, true, "the server's ACL forbids commands that tessera needs: give its user%s on the keys that"
                                  " begin with its prefix", found->str);
}

static int judge_scripts(Probe *probe) {
        _cleanup_redis_reply_ RedisReply *loaded = NULL, *reply = NULL;
        int r;

        r = load_script(probe, &loaded);
        if (r >= 0)
                r = run_script(probe, &reply); /* may be forbidden as well */
        if (r == 0 && loaded)
                tell_forbidden(probe, reply);
        return r;
}

static int judge_commands(Probe *probe) {
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < G_N_ELEMENTS(samples); i++) {
                _cleanup_redis_reply_ RedisReply *reply = NULL;

                if (samples[i].directly)
                        r = call_words(probe, samples[i].words, &reply);
        }
        return r;
}

int redis_probe(RedisLink *link, const char *base, int64_t now, GPtrArray **ret) {
        g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(free_finding);
        g_autofree char *key = g_strdup_printf(KEY_FORMAT, base, g_random_int());
        Probe probe = { link, findings, key, now - g_get_monotonic_time() };
        int r;

        r = judge_info(&probe);
        if (r >= 0)
                r = judge_clock(&probe);
        if (r >= 0)
                r = judge_scripts(&probe);
        if (r >= 0)
                r = judge_commands(&probe);
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&findings);
        return 0;
}
