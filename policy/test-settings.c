/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "policy/settings.h"

/* What can be compared: every member of Settings, as text. */
static char *settings_to_text(const Settings *s) {
        const StoreSettings *t = &s->store;
        g_autofree char *exempt = s->exempt_users ? g_strjoinv(",", s->exempt_users) : g_strdup("-");

        return g_strdup_printf("name=%s fleet=%s idle=%ld lifetime=%ld max-per-user=%u end-login-expired=%d token=%ld "
                               "ticket=%ld device-idle=%ld device-lifetime=%ld "
                               "memory=%lu passes=%u min-length=%u undo-after=%ld "
                               "burst=%u pay-back=%ld cap=%ld stranger-limit=%u api-b=%u api-p=%ld exempt=%s "
                               "backend=%s url=%s (%s %u %u %d) user=%s password-file=%s ca-file=%s client-cert=%s "
                               "client-key=%s key-prefix=%s plain=%d",
                               s->name ?: "-", s->fleet ?: "-", (long) s->session_idle, (long) s->session_lifetime,
                               s->max_per_user,
                               s->end_login_expired, (long) s->token_lifetime, (long) s->ticket_lifetime,
                               (long) s->device_idle, (long) s->device_lifetime,
                               (unsigned long) s->password_memory, s->password_passes, s->password_min_length,
                               (long) s->undo_after, s->throttle.burst, (long) s->throttle.pay_back,
                               (long) s->throttle.cap, s->throttle.stranger_limit, s->api_burst,
                               (long) s->api_pay_back, exempt, t->redis ? "redis" : "sqlite",
                               t->texts[STORE_URL] ?: "-", t->host ?: "-", t->port, t->db, t->tls,
                               t->texts[STORE_USER] ?: "-", t->texts[STORE_PASSWORD_FILE] ?: "-",
                               t->texts[STORE_CA_FILE] ?: "-", t->texts[STORE_CLIENT_CERT] ?: "-",
                               t->texts[STORE_CLIENT_KEY] ?: "-", t->key_prefix, t->allow_plain_text);
}

#define DEFAULTS                                                                                      \
        "name=- fleet=- idle=86400 lifetime=604800 max-per-user=32 end-login-expired=0 token=900 "             \
        "ticket=60 device-idle=604800 device-lifetime=7776000 "                                        \
        "memory=19922944 passes=2 min-length=8 undo-after=300 "                                        \
        "burst=10 pay-back=90 cap=3600 stranger-limit=100 api-b=100 api-p=9 exempt=- "                  \
        "backend=sqlite url=- (- 0 0 0) user=- password-file=- ca-file=- client-cert=- "                \
        "client-key=- key-prefix=tessera: plain=0"

/* Settings of @text as text; or what was wrong. */
static char *read_text(const char *text) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Settings) settings = settings_read_text("f", text, strlen(text), mistakes);

        assert(!settings == (mistakes->len > 0));
        return settings ? settings_to_text(settings) : conf_mistake_to_string(mistakes->pdata[0]);
}

static void expect(const char *text, const char *wanted) {
        g_autofree char *got = read_text(text);

        if (strcmp(got, wanted) != 0)
                fprintf(stderr, "%s\n  got:    %s\n  wanted: %s\n", text, got, wanted);
        assert(strcmp(got, wanted) == 0);
}

/* One row per key: what it changes of the defaults, the ends of its range, and a value beyond each. */
static const struct {
        const char *section, *key;
        const char *value, *was, *is;
        const char *low, *high, *below, *above;
        const char *also; /* another line that it needs */
} rows[] = {
        { "daemon", "name", "web1.example.org", "name=-", "name=web1.example.org", "a", NULL, "-a", "web_1" },
        { "fleet", "name", "prod.example.org", "fleet=-", "fleet=prod.example.org", "a", NULL, "a-", "prod_1" },
        { "session", "idle", "2h", "idle=86400", "idle=7200", "5s", "365d", "4s", "365d 1s" },
        { "session", "lifetime", "30d", "lifetime=604800", "lifetime=2592000", "5s", "365d", "4s", "366d" },
        { "session", "max-per-user", "3", "max-per-user=32", "max-per-user=3", "1", "10000", "0", "10001" },
        { "session", "end-login", "revoked;expired", "expired=0", "expired=1", "revoked", "expired revoked",
          "expired", "revoked;idle" },
        { "token", "lifetime", "5min", "token=900", "token=300", "5s", "15min", "4s", "15min 1s" },
        { "token", "ticket-lifetime", "30s", "ticket=60", "ticket=30", "5s", "1min", "4s", "61s" },
        { "device", "idle", "1d", "device-idle=604800", "device-idle=86400", "5s", "365d", "4s", "366d" },
        { "device", "lifetime", "30d", "device-lifetime=7776000", "device-lifetime=2592000", "5s", "365d", "4s",
          "366d" },
        { "password", "memory", "64MiB", "memory=19922944", "memory=67108864", "7MiB", "1GiB", "6MiB", "2GiB" },
        { "password", "passes", "3", "passes=2", "passes=3", "1", "20", "0", "21" },
        { "password", "min-length", "12", "min-length=8", "min-length=12", "1", "256", "0", "257" },
        { "service", "undo-after", "10min", "undo-after=300", "undo-after=600", "5s", "1d", "4s", "25h" },
        { "throttle", "burst", "5", "burst=10", "burst=5", "1", "1000", "0", "1001" },
        { "throttle", "pay-back", "1min", "pay-back=90", "pay-back=60", "1s", "1d", "0s", "25h" },
        { "throttle", "cap", "2h", "cap=3600", "cap=7200", "1s", "7d", "0s", "8d" },
        { "throttle", "stranger-limit", "50", "stranger-limit=100", "stranger-limit=50", "1", "1000", "0", "1001" },
        { "throttle", "api-burst", "500", "api-b=100", "api-b=500", "1", "100000", "0", "100001" },
        { "throttle", "api-pay-back", "1s", "api-p=9", "api-p=1", "1s", "1h", "0s", "61min" },
        { "throttle", "exempt-users", "build;ci", "exempt=-", "exempt=build,ci", "a", "a b", "-a", "a/b" },
        { "store", "backend", "redis", "backend=sqlite url=- (- 0 0 0)",
          "backend=redis url=rediss://a (a 6379 0 1)", "redis", "sqlite", "Redis", "memory", "url=rediss://a" },
        { "store", "url", "rediss://[2001:db8::1]:6380/15", "url=- (- 0 0 0)",
          "url=rediss://[2001:db8::1]:6380/15 (2001:db8::1 6380 15 1)", "redis://127.0.0.1", "rediss://a.b:65535/9999",
          "rediss://", "rediss://a/10000" },
        { "store", "user", "web", "user=- password-file=-", "user=web password-file=/p", "a", "Web_1.b-c", "a b", "a@b",
          "password-file=/p" },
        { "store", "password-file", "/etc/tessera/redis.secret", "password-file=-",
          "password-file=/etc/tessera/redis.secret", "/a", NULL, "a", "file:/a" },
        { "store", "ca-file", "/etc/ssl/redis.pem", "ca-file=-", "ca-file=/etc/ssl/redis.pem", "/a", NULL, "a", "./a" },
        { "store", "client-cert", "/c", "client-cert=- client-key=-", "client-cert=/c client-key=/k", "/a", NULL, "a", "~/a",
          "client-key=/k" },
        { "store", "client-key", "/k", "client-cert=- client-key=-", "client-cert=/c client-key=/k", "/a", NULL, "a", "~/a",
          "client-cert=/c" },
        { "store", "key-prefix", "fleet1:", "key-prefix=tessera:", "key-prefix=fleet1:", "a", "A:b_c.d-e", "a{b}", "a*" },
        { "store", "allow-plain-text", "yes", "plain=0", "plain=1", "no", "yes", "true", "1" },
};

static char *with_value(size_t row, const char *value) {
        return g_strdup_printf("[%s]\n%s=%s\n%s\n", rows[row].section, rows[row].key, value, rows[row].also ?: "");
}

static void test_each_key_has_its_effect_and_no_other(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *text = with_value(i, rows[i].value);
                const char *at = strstr(DEFAULTS, rows[i].was);
                g_autofree char *wanted = NULL;

                assert(at);
                wanted = g_strdup_printf("%.*s%s%s", (int) (at - DEFAULTS), DEFAULTS, rows[i].is,
                                         at + strlen(rows[i].was));
                expect(text, wanted);
        }
}

static void test_each_key_has_its_range(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                const char *const good[] = { rows[i].low, rows[i].high };
                const char *const bad[] = { rows[i].below, rows[i].above };

                for (size_t j = 0; j < 2; j++) {
                        g_autofree char *text = with_value(i, good[j] ?: rows[i].low);
                        g_autofree char *wrong = with_value(i, bad[j]);
                        g_autofree char *read = read_text(text), *refused = read_text(wrong);

                        if (strstr(read, "f:") || !g_str_has_prefix(refused, "f:2:"))
                                fprintf(stderr, "%s%s\n%s%s\n", text, read, wrong, refused);
                        assert(g_str_has_prefix(read, "name=") && g_str_has_prefix(refused, "f:2:"));
                }
        }
}

static void test_no_key_is_without_a_row(void) {
        for (const ConfSection *section = settings_sections; section->section; section++)
                for (const ConfKey *key = section->keys; key->key; key++) {
                        size_t found = 0;

                        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                                found += strcmp(rows[i].section, section->section) == 0 &&
                                         strcmp(rows[i].key, key->key) == 0;
                        if (found != 1)
                                fprintf(stderr, "[%s] %s\n", section->section, key->key);
                        assert(found == 1);
                }
}

static void test_mistakes_say_what_to_do(void) {
        expect("[daemon]\nname=Web1.Example.Org\n",
               "f:2:6: \"Web1.Example.Org\" cannot be the name of a host; did you mean \"web1.example.org\"?");
        expect("[daemon]\nname=web_1\n", "f:2:6: \"web_1\" cannot be the name of a host; "
                                         "use up to 64 lower-case letters, digits, \".\" and \"-\"");
        expect("[fleet]\nname=Prod\n", "f:2:6: \"Prod\" cannot be the name of a fleet; did you mean \"prod\"?");
        expect("[session]\nend-login=revoked;expird\n",
               "f:2:19: unknown word \"expird\" in \"end-login\"; did you mean \"expired\"?");
        expect("[session]\nend-login=expired\n",
               "f:2:11: \"end-login\" without \"revoked\": a revoked session always "
               "ends its login; write revoked;expired");
        expect("[wizard]\nburst=10\n",
               "f:1:2: unknown section [wizard]; there are [daemon], [fleet], [session], [token], [device], [password], "
               "[service], [throttle], [store]");
        expect("[token]\nalg=none\n",
               "f:2:1: unknown key \"alg\" in [token]; there are: lifetime, ticket-lifetime");
}

static void test_urls_of_the_store(void) {
        static const struct {
                const char *url, *is; /* NULL: a mistake */
        } urls[] = {
                { "redis://127.0.0.1", "(127.0.0.1 6379 0 0)" },
                { "redis://127.8.9.1:6380/", "(127.8.9.1 6380 0 0)" },
                { "redis://[::1]:1/3", "(::1 1 3 0)" },
                { "rediss://redis.example.org/2", "(redis.example.org 6379 2 1)" },
                { "rediss://10.0.0.1:6379/0", "(10.0.0.1 6379 0 1)" },
                { "REDISS://a" }, { "http://a" }, { "redis:/a" }, { "rediss:a" }, { "//a" }, { "a:6379" },
                { "rediss://web:secret@a" }, { "rediss://:secret@a" }, { "rediss://@a" },
                { "rediss://a:0" }, { "rediss://a:65536" }, { "rediss://a:" }, { "rediss://a:+1" }, { "rediss://a: 1" },
                { "rediss://A" }, { "rediss://a_b" }, { "rediss://a,b" }, { "rediss:///0" }, { "rediss://a%62" },
                { "rediss://::1" }, { "rediss://[::1" }, { "rediss://[a]" }, { "rediss://[::g]" }, { "rediss://[abc]" }, { "rediss://[::1::2]" }, { "rediss://[127.0.0.1]" }, { "rediss://[fe80::1%25eth0]" },
                { "rediss://[::1]x" }, { "rediss://a/0/1" }, { "rediss://a/-1" }, { "rediss://a/ 1" }, { "rediss://a/db" },
                { "rediss://a/0?x=y" }, { "rediss://a#0" }, { "rediss://a\\@b" },
                { "redis://localhost" }, { "redis://127.1" }, { "redis://128.0.0.1" }, { "redis://127.0.0.1.a" },
                { "redis://10.0.0.1" }, { "redis://[::2]" }, { "redis://[::ffff:127.0.0.1]" },
        };
        g_autofree char *host = g_strnfill(STORE_URL_MAX, 'a');
        g_autofree char *longer = g_strdup_printf("[store]\nurl=rediss://%s\n", host), *refused = read_text(longer);

        assert(strstr(refused, "is longer than 512 bytes"));
        for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
                g_autofree char *text = g_strdup_printf("[store]\nurl=%s\n", urls[i].url), *got = read_text(text);

                if (!strstr(got, urls[i].is ?: "f:2:"))
                        fprintf(stderr, "%s: %s\n", urls[i].url, got);
                assert(strstr(got, urls[i].is ?: "f:2:"));
        }
}

static void test_what_the_store_needs_together(void) {
        expect("[store]\nbackend=redis\n", "f:2: backend=redis without \"url\"; add url=rediss://HOST:6379/0");
        expect("[store]\nuser=web\n", "f:2: \"user\" without \"password-file\"; add password-file=");
        expect("[store]\nclient-cert=/a\n", "f:2: \"client-cert\" without \"client-key\"; add client-key=");
        expect("[store]\nclient-key=/a\n", "f:2: \"client-key\" without \"client-cert\"; add client-cert=");
        expect("[store]\nca-file=/a\nurl=redis://127.0.0.1\n",
               "f:2: \"ca-file\" is for TLS, and the url begins with redis://; write url=rediss://…, or remove it");
        expect("[store]\nurl=redis://10.0.0.1\n",
               "f:2: url \"redis://10.0.0.1\" is plain text: whoever is on the network between could read and change "
               "sessions; write rediss://, or allow-plain-text=yes where the network between is encrypted by something "
               "else; a server on this host is 127.0.0.1");
        expect("[store]\nurl=rediss://web:the-canary@a\n",
               "f:2:5: url has a user or password, which stand in keys and a file of their own; "
               "write user= and password-file=");
        expect("[store]\nbackend=reddis\n",
               "f:2:9: \"backend\" must be sqlite or redis, not \"reddis\"; did you mean \"redis\"?");
}

static void test_plain_text_where_it_is_allowed(void) {
        g_autofree char *read = read_text("[store]\nbackend=redis\nurl=redis://10.0.0.1\nallow-plain-text=yes\n");

        assert(strstr(read, "backend=redis url=redis://10.0.0.1 (10.0.0.1 6379 0 0)"));
}

static Settings *read_store(const char *lines) {
        g_autofree char *text = g_strdup_printf("[store]\n%s\n", lines);
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        Settings *settings = settings_read_text("f", text, strlen(text), mistakes);

        assert(settings);
        return settings;
}

/* Whether the daemon has to be started again; and what the doctor says of the network. */
static void test_stores_that_are_the_same_and_that_are_not(void) {
        static const struct {
                const char *a, *b;
                bool same;
        } pairs[] = {
                { "", "backend=sqlite", true },
                { "", "url=rediss://a", true },
                { "", "backend=redis\nurl=rediss://a", false },
                { "backend=redis\nurl=rediss://a", "backend=redis\n\nurl=rediss://a:6379/0\nkey-prefix=tessera:", true },
                { "backend=redis\nurl=rediss://a", "backend=redis\nurl=rediss://b", false },
                { "backend=redis\nurl=rediss://a", "backend=redis\nurl=rediss://a:1", false },
                { "backend=redis\nurl=rediss://a", "backend=redis\nurl=rediss://a/1", false },
                { "backend=redis\nurl=rediss://127.0.0.1", "backend=redis\nurl=redis://127.0.0.1", false },
                { "backend=redis\nurl=rediss://a", "backend=redis\nurl=rediss://a\npassword-file=/p", false },
                { "backend=redis\nurl=rediss://a", "backend=redis\nurl=rediss://a\nca-file=/c", false },
                { "backend=redis\nurl=rediss://a", "backend=redis\nurl=rediss://a\nkey-prefix=b:", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
                g_autoptr(Settings) a = read_store(pairs[i].a), b = read_store(pairs[i].b);

                assert(store_settings_equal(&a->store, &b->store) == pairs[i].same);
                assert(store_settings_equal(&b->store, &a->store) == pairs[i].same);
        }
}

static void test_a_store_that_others_can_listen_to(void) {
        static const struct {
                const char *lines;
                bool exposed;
        } stores[] = {
                { "", false },
                { "url=redis://10.0.0.1\nallow-plain-text=yes", false },
                { "backend=redis\nurl=redis://127.0.0.1", false },
                { "backend=redis\nurl=rediss://10.0.0.1\nallow-plain-text=yes", false },
                { "backend=redis\nurl=redis://10.0.0.1\nallow-plain-text=yes", true },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(stores); i++) {
                g_autoptr(Settings) settings = read_store(stores[i].lines);

                assert(store_settings_exposed(&settings->store) == stores[i].exposed);
        }
}

static void test_defaults_without_a_file(void) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Settings) settings = settings_read("/nonexistent/tessera.conf", mistakes);
        g_autofree char *text = NULL;

        assert(settings && mistakes->len == 0);
        text = settings_to_text(settings);
        assert(strcmp(text, DEFAULTS) == 0);
        expect("", DEFAULTS);
        assert(!settings_free(NULL));
}

static void test_a_copy_is_the_same_and_its_own(void) {
        const char *text = "[daemon]\nname=web1.example.org\n[fleet]\nname=prod\n[device]\nidle=3d\n"
                           "[throttle]\nexempt-users=ci\n"
                           "[store]\nbackend=redis\nurl=rediss://a\nuser=web\npassword-file=/p\n";
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        Settings *settings = settings_read_text("f", text, strlen(text), mistakes);
        g_autoptr(Settings) copy = settings_copy(settings);
        g_autofree char *was = settings_to_text(settings), *is = NULL;

        settings_free(settings);
        is = settings_to_text(copy);
        assert(strcmp(was, is) == 0 && copy->device_idle == 3 * 24 * 3600);
}

/* "#key=value" and nothing else: what an admin would take the "#" from. */
static bool is_commented_key(const char *line) {
        size_t size = line[0] == '#' ? strspn(line + 1, "abcdefghijklmnopqrstuvwxyz-") : 0;

        return size > 0 && line[size + 1] == '=';
}

/* What has no default is shown with an example. */
static const struct {
        const char *section, *key, *was, *is;
} examples[] = {
        { "daemon", "name", "name=-", "name=web1.example.org" },
        { "fleet", "name", "fleet=-", "fleet=prod.example.org" },
        { "throttle", "exempt-users", "exempt=-", "exempt=build" },
        { "store", "url", "url=- (- 0 0 0)", "url=rediss://redis.example.org:6379/0 (redis.example.org 6379 0 1)" },
        { "store", "user", "user=-", "user=web1" },
        { "store", "password-file", "password-file=-", "password-file=/etc/tessera/redis.secret" },
        { "store", "ca-file", "ca-file=-", "ca-file=/etc/tessera/redis-ca.pem" },
        { "store", "client-cert", "client-cert=-", "client-cert=/etc/tessera/redis-client.pem" },
        { "store", "client-key", "client-key=-", "client-key=/etc/tessera/redis-client.key" },
};

static char *with_examples(void) {
        GString *text = g_string_new(DEFAULTS);

        for (size_t i = 0; i < G_N_ELEMENTS(examples); i++)
                assert(g_string_replace(text, examples[i].was, examples[i].is, 1) == 1);
        return g_string_free(text, FALSE);
}

static bool is_example(const char *section, const char *key) {
        for (size_t i = 0; i < G_N_ELEMENTS(examples); i++)
                if (strcmp(section, examples[i].section) == 0 && strcmp(key, examples[i].key) == 0)
                        return true;
        return false;
}

/* The shipped file as it is says nothing; with every comment taken away it says the defaults. */
static void test_the_shipped_file_shows_every_key_with_its_default(const char *path) {
        g_autofree char *text = NULL;
        g_autoptr(GString) uncommented = g_string_new(NULL);
        g_auto(GStrv) lines = NULL;
        g_autofree char *wanted = NULL;
        unsigned shown = 0;

        assert(g_file_get_contents(path, &text, NULL, NULL));
        expect(text, DEFAULTS);
        lines = g_strsplit(text, "\n", -1);
        for (size_t i = 0; lines[i]; i++) {
                bool key = is_commented_key(lines[i]);
                shown += key;
                g_string_append_printf(uncommented, "%s\n", lines[i] + key);
        }
        wanted = with_examples();
        expect(uncommented->str, wanted);
        assert(shown == G_N_ELEMENTS(rows));
}

/* The default that the shipped file shows for @key of @section; "" where it only shows an example. */
static char *shipped_default(const char *shipped, const char *section, const char *key) {
        g_autofree char *heading = g_strdup_printf("\n[%s]\n", section), *line = g_strdup_printf("\n#%s=", key);
        const char *begin = strstr(strstr(shipped, heading), line) + strlen(line);

        return is_example(section, key) ? g_strdup("") : g_strndup(begin, strcspn(begin, "\n"));
}

/* The manual page has each key, below the heading of its section, with the same default as the shipped file. */
static void test_the_manual_has_every_key_with_its_default(const char *manual, const char *path) {
        g_autofree char *text = NULL, *shipped = NULL;

        assert(g_file_get_contents(manual, &text, NULL, NULL) && g_file_get_contents(path, &shipped, NULL, NULL));
        for (const ConfSection *section = settings_sections; section->section; section++) {
                g_autofree char *heading = g_strdup_printf("\n# [%s]\n", section->section);
                const char *begin = strstr(text, heading), *end;
                g_autofree char *part = NULL;

                assert(begin);
                end = strstr(begin + 1, "\n# ");
                part = g_strndup(begin, end ? (size_t) (end - begin) : strlen(begin));
                for (const ConfKey *key = section->keys; key->key; key++) {
                        g_autofree char *value = shipped_default(shipped, section->section, key->key);
                        g_autofree char *entry = g_strdup_printf("\n*%s=*%s\n", key->key, value);

                        if (!strstr(part, entry))
                                fprintf(stderr, "%s, [%s]: no%s", manual, section->section, entry);
                        assert(strstr(part, entry));
                }
        }
}

int main(int argc, char **argv) {
        assert(argc == 3);
        test_each_key_has_its_effect_and_no_other();
        test_each_key_has_its_range();
        test_no_key_is_without_a_row();
        test_mistakes_say_what_to_do();
        test_urls_of_the_store();
        test_what_the_store_needs_together();
        test_plain_text_where_it_is_allowed();
        test_stores_that_are_the_same_and_that_are_not();
        test_a_store_that_others_can_listen_to();
        test_defaults_without_a_file();
        test_a_copy_is_the_same_and_its_own();
        test_the_shipped_file_shows_every_key_with_its_default(argv[1]);
        test_the_manual_has_every_key_with_its_default(argv[2], argv[1]);
        return 0;
}
