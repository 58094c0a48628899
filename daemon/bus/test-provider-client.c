/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What is believed of what a helper says. The calls themselves: tests/bus/test_sign_in.py. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/bus/provider-client.h"

#define FLOW "0123456789abcdef0123456789abcdef"
#define GOOD_DEVICE "'uri': <'https://a/device'>, 'user_code': <'WDJB-MJHT'>, 'expires_in': <uint32 900>"
#define GOOD_END "'issuer': <'https://a'>, 'subject': <'1'>"

static GVariant *dict(const char *text) {
        g_autofree char *whole = g_strdup_printf("@a{sv} {%s}", text);
        GVariant *value = g_variant_parse(NULL, whole, NULL, NULL, NULL);

        if (!value)
                g_error("%s", whole);
        return value;
}

static bool device(const char *flow, const char *text) {
        g_autoptr(GVariant) result = dict(text);
        g_auto(ProviderFlow) read = { .expires_in = 0 };

        return provider_client_read_device(flow, result, &read);
}

static void test_a_device_flow(void) {
        g_autoptr(GVariant) result = dict(GOOD_DEVICE ", 'uri_complete': <'https://a/device?c=1'>, 'interval': <uint32 5>");
        g_auto(ProviderFlow) flow = { .expires_in = 0 };

        assert(provider_client_read_device(FLOW, result, &flow));
        g_assert_cmpstr(flow.id, ==, FLOW);
        g_assert_cmpstr(flow.uri, ==, "https://a/device");
        g_assert_cmpstr(flow.uri_complete, ==, "https://a/device?c=1");
        g_assert_cmpstr(flow.user_code, ==, "WDJB-MJHT");
        g_assert_cmpuint(flow.expires_in, ==, 900);
}

static void test_what_is_no_device_flow(void) {
        static const char *const rows[] = {
                "",
                "'uri': <'https://a/device'>, 'user_code': <'X'>",
                "'uri': <'https://a/device'>, 'user_code': <'X'>, 'expires_in': <uint32 0>",
                "'uri': <'https://a/device'>, 'user_code': <'X'>, 'expires_in': <int64 5>",
                "'uri': <'https://a/device'>, 'expires_in': <uint32 900>",
                "'user_code': <'X'>, 'expires_in': <uint32 900>",
                "'uri': <'http://a/device'>, 'user_code': <'X'>, 'expires_in': <uint32 900>",
                "'uri': <'javascript:1'>, 'user_code': <'X'>, 'expires_in': <uint32 900>",
                "'uri': <'https://a/\\u001b[2J'>, 'user_code': <'X'>, 'expires_in': <uint32 900>",
                "'uri': <'https://a/\\u009b2J'>, 'user_code': <'X'>, 'expires_in': <uint32 900>",
                "'uri': <'https://a/'>, 'user_code': <'X\\nPassword: '>, 'expires_in': <uint32 900>",
                "'uri': <'https://a/'>, 'user_code': <''>, 'expires_in': <uint32 900>",
                "'uri': <uint32 1>, 'user_code': <'X'>, 'expires_in': <uint32 900>",
                GOOD_DEVICE ", 'uri_complete': <'ftp://a/'>",
                GOOD_DEVICE ", 'uri_complete': <''>",
        };
        g_autofree char *longest = g_strnfill(PROVIDER_TEXT_MAX_BYTES + 1, 'a'), *text = NULL;

        assert(device(FLOW, GOOD_DEVICE));
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                if (device(FLOW, rows[i]))
                        g_error("believed: %s", rows[i]);
        text = g_strdup_printf(GOOD_DEVICE ", 'uri_complete': <'https://%s'>", longest + strlen("https://") + 1);
        assert(device(FLOW, text));
        g_free(text);
        text = g_strdup_printf(GOOD_DEVICE ", 'uri_complete': <'https://%s'>", longest + strlen("https://"));
        assert(!device(FLOW, text));
        assert(!device("", GOOD_DEVICE) && !device(FLOW "0", GOOD_DEVICE));
        assert(!device("0123456789ABCDEF0123456789ABCDEF", GOOD_DEVICE));
}

static void test_a_code_flow(void) {
        g_auto(ProviderFlow) flow = { .expires_in = 0 }, none = { .expires_in = 0 };

        assert(provider_client_read_code(FLOW, "https://a/authorize?x=1", &flow));
        g_assert_cmpstr(flow.uri, ==, "https://a/authorize?x=1");
        assert(!flow.user_code && !flow.uri_complete && flow.expires_in > 0);
        assert(!provider_client_read_code(FLOW, "file:///etc/passwd", &none));
        assert(!provider_client_read_code(FLOW, "https://a/\n", &none));
        assert(!provider_client_read_code("x", "https://a/", &none));
}

/* As "approved issuer subject user group,group" or "failed reason". */
static char *end(const char *state, const char *text) {
        static const char *const names[_PROVIDER_STATE_MAX] = { "failed", "pending", "approved", "denied", "expired" };
        g_autoptr(GVariant) result = dict(text);
        g_auto(ProviderIdentity) identity = { .issuer = NULL };
        ProviderState read = provider_client_read_end(state, result, &identity);
        g_autofree char *groups = identity.groups ? g_strjoinv(",", identity.groups) : NULL;

        if (read == PROVIDER_STATE_APPROVED)
                return g_strdup_printf("approved %s %s %s %s", identity.issuer, identity.subject, identity.user, groups);
        assert(!identity.issuer && !identity.subject && !identity.user);
        return g_strjoin(" ", names[read], identity.reason, NULL);
}

/* O4: one word is a yes, and only with all that makes it one. */
static void test_O4_ends(void) {
        static const struct {
                const char *state, *result, *expected;
        } rows[] = {
                { "approved", GOOD_END ", 'user': <'alice'>, 'groups': <['a', 'b']>, 'name': <'A'>",
                  "approved https://a 1 alice a,b" },
                { "approved", GOOD_END, "approved https://a 1 (null) " },
                { "approved", "'subject': <'1'>", "failed not-understood" },
                { "approved", "'issuer': <'https://a'>", "failed not-understood" },
                { "approved", "'issuer': <'https://a'>, 'subject': <''>", "failed not-understood" },
                { "approved", "'issuer': <'https://a'>, 'subject': <uint32 1>", "failed not-understood" },
                { "approved", "'issuer': <'https://a'>, 'subject': <'1\\n'>", "failed not-understood" },
                { "approved", GOOD_END ", 'user': <'alice\\u0007'>", "failed not-understood" },
                { "approved", GOOD_END ", 'user': <''>", "failed not-understood" },
                { "approved", GOOD_END ", 'groups': <'a'>", "failed not-understood" },
                { "approved", GOOD_END ", 'groups': <['a', '\\n']>", "failed not-understood" },
                { "pending", "", "pending" },
                { "pending", GOOD_END, "pending" },
                { "denied", "'reason': <'access-denied'>", "denied access-denied" },
                { "denied", GOOD_END, "denied unknown" },
                { "expired", "'reason': <'two words'>", "expired unknown" },
                { "failed", "'reason': <'nonce'>", "failed nonce" },
                { "failed", "'reason': <uint32 5>", "failed unknown" },
                { "Approved", GOOD_END ", 'reason': <'x'>", "failed x" },
                { "approved ", GOOD_END, "failed unknown" },
                { "", GOOD_END, "failed unknown" },
                { "allow", GOOD_END, "failed unknown" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *said = end(rows[i].state, rows[i].result);
                if (!g_str_equal(said, rows[i].expected))
                        g_error("row %zu: \"%s\" instead of \"%s\"", i, said, rows[i].expected);
        }
}

static void test_too_many_groups(void) {
        g_autoptr(GString) text = g_string_new(GOOD_END ", 'groups': <['g'");
        g_autofree char *most = NULL, *more = NULL, *said = NULL, *refused = NULL;

        for (int i = 1; i < 1024; i++)
                g_string_append(text, ", 'g'");
        most = g_strconcat(text->str, "]>", NULL);
        more = g_strconcat(text->str, ", 'g']>", NULL);
        said = end("approved", most);
        refused = end("approved", more);
        assert(g_str_has_prefix(said, "approved"));
        g_assert_cmpstr(refused, ==, "failed not-understood");
}

static void test_nobody_is_there(void) {
        g_autoptr(ProviderClient) client = provider_client_new("/nonexistent/socket");
        const ProviderSource *source = provider_client_source(client);
        g_auto(ProviderIdentity) identity = { .issuer = NULL };
        g_auto(ProviderFlow) flow = { .expires_in = 0 };
        g_autofree char *problem = NULL;
        ProviderState state;

        g_assert_cmpint(source->begin(source, "corp", NULL, &flow), ==, -ECONNREFUSED);
        g_assert_cmpint(source->begin(source, "corp", "http://127.0.0.1:1/", &flow), ==, -ECONNREFUSED);
        g_assert_cmpint(source->look(source, FLOW, &state, &identity), ==, -ECONNREFUSED);
        g_assert_cmpint(source->redirect(source, FLOW, "code=1", 6, &state, &identity), ==, -ECONNREFUSED);
        g_assert_cmpint(source->check(source, "corp", &problem), ==, -ECONNREFUSED);
        source->cancel(source, FLOW);
}

int main(void) {
        test_a_device_flow();
        test_what_is_no_device_flow();
        test_a_code_flow();
        test_O4_ends();
        test_too_many_groups();
        test_nobody_is_there();
        return 0;
}
