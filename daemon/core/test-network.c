/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <string.h>

#include "daemon/core/network.h"

/* Two spellings that are, or are not, one network. */
static void test_P17_T5_hosts_count_as_networks_and_are_never_resolved(void) {
        static const struct {
                const char *a, *b;
                bool same;
                const char *sentence;
        } rows[] = {
                { "192.0.2.1", "192.0.2.1", true, "an address is itself" },
                { "192.0.2.1", "192.0.2.2", false, "IPv4 counts by address" },
                { "::ffff:192.0.2.1", "192.0.2.1", true, "v4-mapped is IPv4" },
                { "::ffff:c000:201", "192.0.2.1", true, "in any spelling" },
                { "2001:db8::1", "2001:db8::ffff:1", true, "IPv6 counts by /64" },
                { "2001:db8::1", "2001:db8:0:1::1", false, "another /64 is another network" },
                { "2001:DB8::1", "2001:db8:0:0:0:0:0:2", true, "spelling does not matter" },
                { "fe80::1%eth0", "fe80::1%wlan0", true, "a zone is no other host" },
                { "127.0.0.1", "127.255.0.9", true, "the loopback is one host, of however many addresses" },
                { "::ffff:127.0.0.2", "127.0.0.1", true, "in any spelling" },
                { "127.0.0.1", "128.0.0.1", false, "and nothing else is" },
                { "192.0.2.1%eth0", "192.0.2.1", false, "IPv4 has no zone" },
                { "UNKNOWN", "evil.example", true, "all that is no address is one" },
                { "localhost", "evil.example", true, "a name is not looked up" },
                { "localhost", "127.0.0.1", false, "a name is not looked up, the other way round" },
                { "", "UNKNOWN", true, "empty is no address" },
                { "192.0.2.1\n", "UNKNOWN", true, "control characters make no address" },
                { " 192.0.2.1", "UNKNOWN", true, "nor do blanks" },
                { "192.0.2.01", "UNKNOWN", true, "nor octal" },
                { "[2001:db8::1]", "UNKNOWN", true, "nor brackets" },
                { NULL, "UNKNOWN", false, "here is not elsewhere" },
                { NULL, "127.0.0.1", false, "nor the loopback" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                Network a = network_of(rows[i].a), b = network_of(rows[i].b);

                if (network_equal(&a, &b) != rows[i].same)
                        g_error("\"%s\" and \"%s\": %s", rows[i].a, rows[i].b, rows[i].sentence);
        }
}

static void test_P17_a_name_of_a_mebibyte_is_one_more_name(void) {
        g_autofree char *name = g_strnfill(1024 * 1024, '1');

        assert(network_of(name).kind == NETWORK_OTHER);
}

static void test_T5_the_wider_network_is_the_48(void) {
        Network a = network_of("2001:db8:1:2::3"), b = network_of("2001:db8:1:ffff::3"), c = network_of("2001:db8:2::3");
        Network wide_a = network_wider(&a), wide_b = network_wider(&b), wide_c = network_wider(&c);
        Network v4 = network_of("192.0.2.1"), other = network_of("UNKNOWN"), none = network_of(NULL);

        assert(network_equal(&wide_a, &wide_b) && !network_equal(&wide_a, &wide_c));
        assert(network_wider(&v4).kind == NETWORK_NONE && network_wider(&other).kind == NETWORK_NONE);
        assert(network_wider(&none).kind == NETWORK_NONE && network_wider(&wide_a).kind == NETWORK_NONE);
}

static void test_to_string(void) {
        static const struct {
                const char *rhost, *text, *wider;
        } rows[] = {
                { "::ffff:192.0.2.1", "192.0.2.1", "" },
                { "2001:db8:1:2::3", "2001:db8:1:2::/64", "2001:db8:1::/48" },
                { "evil.example", "other", "" },
                { NULL, "", "" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                Network network = network_of(rows[i].rhost), wider = network_wider(&network);
                char text[NETWORK_TEXT_MAX];

                network_to_string(&network, text);
                g_assert_cmpstr(text, ==, rows[i].text);
                network_to_string(&wider, text);
                g_assert_cmpstr(text, ==, rows[i].wider);
        }
}

/* What an administrator copies from a list is understood, and a slip is nobody's network. */
static void test_from_string(void) {
        static const char *const good[][2] = {
                { "192.0.2.1", "192.0.2.1" },           { "::ffff:192.0.2.1", "192.0.2.1" },
                { "2001:db8::7", "2001:db8::/64" },     { "2001:db8::/64", "2001:db8::/64" },
                { "2001:db8:0:7::/48", "2001:db8::/48" }, { "other", "other" },
        };
        static const char *const bad[] = { "", "/64", "/48", "alice", "192.0.2", "192.0.2.1/64", "192.0.2.1/48",
                                           "192.0.2.0/24", "2001:db8::/32", "Other", "other/64" };
        g_autofree char *name = g_strnfill(1024 * 1024, '1');
        Network network;

        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                char text[NETWORK_TEXT_MAX];

                assert(network_from_string(good[i][0], &network));
                network_to_string(&network, text);
                g_assert_cmpstr(text, ==, good[i][1]);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                if (network_from_string(bad[i], &network))
                        g_error("\"%s\" is no network", bad[i]);
        assert(!network_from_string(name, &network));
}

int main(void) {
        test_P17_T5_hosts_count_as_networks_and_are_never_resolved();
        test_P17_a_name_of_a_mebibyte_is_one_more_name();
        test_T5_the_wider_network_is_the_48();
        test_to_string();
        test_from_string();
        return 0;
}
