/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <glib.h>
#include <jansson.h>
#include <string.h>

#include "client/device-key.h"

#define ID "00112233445566778899aabbccddeeff"
#define NAME_64 "n234567890123456789012345678901234567890123456789012345678901234"
#define USER_32 "u2345678901234567890123456789012"

static DeviceKey key_of(const char *id, const char *name, const char *user, const char *audience) {
        DeviceKey key = { .id = id, .name = name, .user = user, .host = audience, .audience = audience };

        memset(key.seed, 0x5a, sizeof(key.seed));
        return key;
}

static void test_line(void) {
        const DeviceKey key = key_of(ID, "robot", "alice", "web1.example.org");
        char line[DEVICE_KEY_LINE_MAX];

        g_assert_true(device_key_format(&key, line));
        g_assert_cmpstr(line, ==,
                        "{\"version\":1,\"user\":\"alice\",\"host\":\"web1.example.org\","
                        "\"audience\":\"web1.example.org\",\"device\":\"" ID "\",\"name\":\"robot\","
                        "\"seed\":\"WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo\"}\n");
}

/* Who reads it must see that the audience is no host's. */
static void test_line_of_a_fleet(void) {
        DeviceKey key = key_of(ID, "robot", "alice", "web.example.org");
        char line[DEVICE_KEY_LINE_MAX];

        key.host = "web1.example.org";
        g_assert_true(device_key_format(&key, line));
        g_assert_nonnull(strstr(line, "\"host\":\"web1.example.org\",\"audience\":\"web.example.org\","));
        key.host = "a\"b";
        g_assert_false(device_key_format(&key, line));
}

/* What is printed is the key whose public half was registered. */
static void test_new(void) {
        DeviceKey keys[2] = { { .id = ID }, { .id = ID } };
        char texts[2][REFRESH_PUBLIC_LENGTH + 1], again[REFRESH_PUBLIC_LENGTH + 1];
        unsigned char public_key[REFRESH_PUBLIC_SIZE];

        for (size_t i = 0; i < 2; i++) {
                g_assert_true(device_key_new(&keys[i], texts[i]));
                refresh_key_public(keys[i].seed, public_key);
                refresh_key_to_text(public_key, again);
                g_assert_cmpstr(texts[i], ==, again);
        }
        g_assert_cmpstr(texts[0], !=, texts[1]);
}

/* The longest names fit, and nothing has to be quoted. */
static void test_longest(void) {
        const DeviceKey key = key_of(ID, NAME_64, USER_32, NAME_64);
        char line[DEVICE_KEY_LINE_MAX];
        json_auto_t *read = NULL;

        g_assert_true(device_key_format(&key, line));
        read = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        g_assert_cmpstr(json_string_value(json_object_get(read, "name")), ==, NAME_64);
        g_assert_cmpuint(json_object_size(read), ==, 7);
}

static void test_what_no_daemon_says(void) {
        const DeviceKey rows[] = {
                key_of("", "robot", "alice", "web1"),
                key_of("00112233445566778899AABBCCDDEEFF", "robot", "alice", "web1"),
                key_of(ID, "ro\"bot", "alice", "web1"),
                key_of(ID, "robot", "al\nice", "web1"),
                key_of(ID, "robot", "alice", "web1\",\"x\":\""),
                key_of(ID, "robot", "alice", "-"),
        };
        char line[DEVICE_KEY_LINE_MAX];

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                g_assert_false(device_key_format(&rows[i], line));
}

static void test_wipe(void) {
        static const unsigned char none[REFRESH_SEED_SIZE];
        DeviceKey key = key_of(ID, "robot", "alice", "web1");

        device_key_wipe(&key);
        g_assert_cmpmem(key.seed, sizeof(key.seed), none, sizeof(none));
}

int main(void) {
        test_line();
        test_line_of_a_fleet();
        test_new();
        test_longest();
        test_what_no_daemon_says();
        test_wipe();
        return 0;
}
