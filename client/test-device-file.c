/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "client/device-file-private.h"

static char *home; /* XDG_STATE_HOME of these tests */

static DeviceFile sample(void) {
        DeviceFile file = { .user = "alice", .host = "web1", .port = 22, .audience = "web1.example",
                            .name = "laptop", .counter = 7, .created = 1700000000 };

        g_assert_true(device_file_new_key(&file));
        return file;
}

static char *path_of(const char *name) {
        return g_build_filename(home, "tessera", "devices", name, NULL);
}

static char *contents(const char *path) {
        char *text;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

static void put(const char *path, const char *text) {
        g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
}

static void assert_read(int expected) {
        _cleanup_device_file_ DeviceFile file = { 0 };

        g_assert_cmpint(device_file_read("alice", "web1", 22, &file), ==, expected);
}

static void test_names(void) {
        static const struct {
                const char *user, *host;
                uint16_t port;
                const char *name; /* NULL: none */
        } rows[] = {
                { "alice", "web1", 22, "alice@web1" },
                { "alice", "web1.example.org", 22, "alice@web1.example.org" },
                { "alice", "web1", 2222, "alice@[web1]:2222" },
                { "alice", "::1", 22, "alice@::1" },
                { "alice", "fe80::1%eth0", 2222, "alice@[fe80::1%eth0]:2222" },
                /* What alice@web is called while it is written belongs to no other host. */
                { "alice", "web.new", 22, "alice@[web.new]:22" },
                { "alice", "", 22, NULL },
                { "alice", "../web1", 22, NULL },
                { "alice", ".web1", 22, NULL },
                { "alice", "a/b", 22, NULL },
                { "alice", "WEB1", 22, NULL }, /* ssh -G makes it lower case */
                { "alice", "web1\"", 22, NULL },
                { "../alice", "web1", 22, NULL },
                { "", "web1", 22, NULL },
                { "alice", "web1", 0, NULL },
        };
        char name[DEVICE_FILE_NAME_MAX];

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                bool good = device_file_name(rows[i].user, rows[i].host, rows[i].port, name);

                g_assert_cmpint(good, ==, rows[i].name != NULL);
                if (good)
                        g_assert_cmpstr(name, ==, rows[i].name);
        }
}

static void test_what_is_written_is_read(void) {
        _cleanup_device_file_ DeviceFile file = sample(), read = { 0 };
        char text[2][DEVICE_FILE_MAX];
        size_t sizes[2];

        file.in_flight[0] = (DeviceTaken) { .counter = 6, .time = 1700000001, .owner = { 12, UINT64_C(1) << 50 } };
        file.in_flight[1] = (DeviceTaken) { .counter = 7, .time = 1700000002, .owner = { 13, 99 } };
        file.n_in_flight = 2;
        g_assert_cmpint(device_file_write(&file), ==, 0);
        g_assert_cmpint(device_file_read("alice", "web1", 22, &read), ==, 0);
        g_assert_true(device_file_format(&file, text[0], &sizes[0]) && device_file_format(&read, text[1], &sizes[1]));
        g_assert_cmpmem(text[0], sizes[0], text[1], sizes[1]);
        g_assert_cmpuint(read.counter, ==, 7);
        g_assert_cmpint(read.in_flight[0].owner.pid, ==, 12);
        g_assert_false(read.pending);
        g_assert_cmpint(device_file_read("alice", "web1", 2222, &read), ==, DEVICE_E_NONE);
        g_assert_cmpint(device_file_read("bob", "web1", 22, &read), ==, DEVICE_E_NONE);
}

/* Whose name the audience is decides where its tokens may go. */
static void test_A9_a_fleets_device_says_so(void) {
        _cleanup_device_file_ DeviceFile file = sample(), read = { 0 };
        char text[DEVICE_FILE_MAX];
        size_t size;

        memset(file.machine_id, 'f', DEVICE_MACHINE_ID_LENGTH);
        g_assert_true(device_file_format(&file, text, &size));
        g_assert_null(g_strstr_len(text, (gssize) size, "fleet"));
        g_assert_cmpint(device_file_parse(text, size, &read), ==, 0);
        g_assert_false(read.fleet);
        file.fleet = true;
        g_assert_true(device_file_format(&file, text, &size));
        g_assert_cmpint(device_file_parse(text, size, &read), ==, 0);
        g_assert_true(read.fleet);
        memcpy(g_strstr_len(text, (gssize) size, "true"), "null", 4);
        g_assert_cmpint(device_file_parse(text, size, &read), ==, DEVICE_E_DAMAGED);
}

static void test_a_full_file_fits(void) {
        _cleanup_device_file_ DeviceFile file = sample(), read = { 0 };
        char text[DEVICE_FILE_MAX];
        size_t size;

        memset(file.machine_id, 'f', DEVICE_MACHINE_ID_LENGTH);
        memset(file.user, 'u', WIRE_USER_MAX);
        memset(file.host, 'h', DEVICE_HOST_MAX);
        memset(file.audience, 'a', 64);
        memset(file.name, 'n', WIRE_DEVICE_NAME_MAX);
        file.counter = UINT32_MAX;
        file.fleet = true;
        file.n_in_flight = DEVICE_IN_FLIGHT_MAX;
        for (size_t i = 0; i < DEVICE_IN_FLIGHT_MAX; i++)
                file.in_flight[i] = (DeviceTaken) { UINT32_MAX, INT64_C(0xffffffffffff), { INT32_MAX, INT64_MAX } };
        g_assert_true(device_file_format(&file, text, &size));
        g_assert_cmpint(device_file_parse(text, size, &read), ==, 0);
        g_assert_cmpuint(read.n_in_flight, ==, DEVICE_IN_FLIGHT_MAX);
}

/* Every byte cut off, and members that are not what they have to be. */
static void test_damage(void) {
        _cleanup_device_file_ DeviceFile file = sample(), read = { 0 };
        static const char *const rows[][2] = {
                { "\"version\":1", "\"version\":2" },
                { "\"version\":1", "\"version\":1,\"version\":1" },
                { "\"user\":\"alice\"", "\"user\":\"bob\"" }, /* another's, by its name */
                { "\"host\":\"web1\"", "\"host\":\"web2\"" },
                { "\"port\":22", "\"port\":0" },
                { "\"port\":22", "\"port\":65558" },
                { "\"counter\":7", "\"counter\":-1" },
                { "\"counter\":7", "\"counter\":4294967296" },
                { "\"counter\":7", "\"counter\":\"7\"" },
                { "\"in_flight\":[]", "\"in_flight\":[[8,1,1,1]]" }, /* above the counter */
                { "\"in_flight\":[]", "\"in_flight\":[[1,1,1]]" },
                { "\"in_flight\":[]", "\"in_flight\":{}" },
                { "\"name\":\"laptop\"", "\"name\":\"a b\"" },
        };
        g_autofree char *path = path_of("alice@web1"), *text = NULL;

        g_assert_cmpint(device_file_write(&file), ==, 0);
        text = contents(path);
        for (size_t i = 0; i + 2 < strlen(text); i++)
                g_assert_cmpint(device_file_parse(text, i, &read), ==, DEVICE_E_DAMAGED);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GString) changed = g_string_new(text);

                g_assert_cmpuint(g_string_replace(changed, rows[i][0], rows[i][1], 1), ==, 1);
                put(path, changed->str);
                assert_read(DEVICE_E_DAMAGED);
        }
        put(path, text);
        assert_read(0);
}

static void test_another_machine(void) {
        _cleanup_device_file_ DeviceFile file = sample();
        g_autofree char *path = path_of("alice@web1"), *text = NULL;
        g_autoptr(GString) changed = NULL;

        g_assert_cmpint(device_file_write(&file), ==, 0);
        text = contents(path);
        changed = g_string_new(text);
        g_assert_cmpuint(g_string_replace(changed, file.machine_id, "00000000000000000000000000000000", 0), ==, 1);
        put(path, changed->str);
        assert_read(DEVICE_E_COPIED);
}

static void test_machine_id(void) {
        g_autofree char *path = g_build_filename(home, "machine-id", NULL);
        char id[DEVICE_MACHINE_ID_LENGTH + 1];

        g_assert_cmpint(device_machine_id(path, id), ==, DEVICE_E_NO_MACHINE);
        put(path, "uninitialized\n");
        g_assert_cmpint(device_machine_id(path, id), !=, 0);
        put(path, "0123456789abcdef0123456789abcdef\n");
        if (geteuid() == 0) { /* root's file it must be */
                g_assert_cmpint(device_machine_id(path, id), ==, 0);
                g_assert_cmpstr(id, ==, "0123456789abcdef0123456789abcdef");
        }
        put(path, "");
        g_assert_cmpint(device_machine_id(path, id), !=, 0);
}

static void test_who_may_have_it(void) {
        _cleanup_device_file_ DeviceFile file = sample();
        g_autofree char *path = path_of("alice@web1"), *folder = path_of(""), *other = path_of("other");

        g_assert_cmpint(device_file_write(&file), ==, 0);
        g_assert_cmpint(g_chmod(path, 0640), ==, 0);
        assert_read(DEVICE_E_UNTRUSTED);
        g_assert_cmpint(g_chmod(path, 0600), ==, 0);
        g_assert_cmpint(g_chmod(folder, 0750), ==, 0);
        assert_read(DEVICE_E_UNTRUSTED);
        g_assert_cmpint(device_file_write(&file), ==, DEVICE_E_UNTRUSTED);
        g_assert_cmpint(g_chmod(folder, 0700), ==, 0);
        g_assert_cmpint(g_rename(path, other), ==, 0);
        g_assert_cmpint(symlink("other", path), ==, 0);
        assert_read(DEVICE_E_UNTRUSTED);
        g_assert_cmpint(g_unlink(path), ==, 0);
        g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
        assert_read(DEVICE_E_UNTRUSTED);
        g_assert_cmpint(g_rmdir(path), ==, 0);
        g_assert_cmpint(g_unlink(other), ==, 0);
        if (geteuid() == 0) {
                g_assert_cmpint(device_file_write(&file), ==, 0);
                g_assert_cmpint(chown(path, 12345, (gid_t) -1), ==, 0);
                assert_read(DEVICE_E_UNTRUSTED);
                g_assert_cmpint(g_unlink(path), ==, 0);
        }
}

static void test_pending_counts_where_there_is_no_other(void) {
        _cleanup_device_file_ DeviceFile first = sample(), second = sample(), read = { 0 };

        first.pending = true;
        g_assert_cmpint(device_file_write(&first), ==, 0);
        g_assert_cmpint(device_file_read("alice", "web1", 22, &read), ==, 0);
        g_assert_true(read.pending);
        g_assert_cmpstr(read.device, ==, first.device);
        g_assert_cmpint(device_file_write(&second), ==, 0);
        g_assert_cmpint(device_file_read("alice", "web1", 22, &read), ==, 0);
        g_assert_cmpstr(read.device, ==, second.device);
        g_assert_cmpint(device_file_remove("alice", "web1", 22), ==, 0);
        assert_read(DEVICE_E_NONE);
        g_assert_cmpint(device_file_remove("alice", "web1", 22), ==, DEVICE_E_NONE);
}

static void test_key_lines(void) {
        _cleanup_device_file_ DeviceFile file = { .user = "alice", .host = "web1", .port = 22 };
        static const char good[] = "{\"version\":1,\"user\":\"alice\",\"host\":\"web\",\"audience\":\"web1\","
                                   "\"device\":\"00112233445566778899aabbccddeeff\",\"name\":\"robot\","
                                   "\"seed\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"}";
        g_autofree char *of_host = g_strdup_printf("%.*s1%s", (int) (strstr(good, "web") + 3 - good), good,
                                                   strstr(good, "web") + 3);
        static const char *const wrong[] = { "alice", "web1\"", "\"version\"", "\"seed\"", "aabbccddeeff", "Hh8" };

        g_assert_cmpint(device_file_parse_key(good, strlen(good), &file), ==, 0);
        g_assert_cmpstr(file.name, ==, "robot");
        g_assert_cmpint(file.seed[31], ==, 31);
        g_assert_true(file.fleet); /* the host is another one */
        g_assert_cmpint(device_file_parse_key(of_host, strlen(of_host), &file), ==, 0);
        g_assert_false(file.fleet);
        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GString) changed = g_string_new(good);

                g_assert_cmpuint(g_string_replace(changed, wrong[i], "x", 1), ==, 1);
                g_assert_cmpint(device_file_parse_key(changed->str, changed->len, &file), ==, DEVICE_E_DAMAGED);
        }
}

static void test_every_result_has_words(void) {
        for (int r = 1; r < _DEVICE_E_MAX; r++)
                g_assert_nonnull(device_strerror(r, NULL));
        g_assert_cmpstr(device_strerror(-ENOSPC, NULL), ==, g_strerror(ENOSPC));
}

int main(void) {
        g_autofree char *line = NULL;

        home = g_dir_make_tmp("tessera-device-XXXXXX", NULL);
        g_assert_nonnull(home);
        g_assert_true(g_setenv("XDG_STATE_HOME", home, TRUE));
        test_names();
        test_what_is_written_is_read();
        test_A9_a_fleets_device_says_so();
        test_a_full_file_fits();
        test_damage();
        test_another_machine();
        test_machine_id();
        test_who_may_have_it();
        test_pending_counts_where_there_is_no_other();
        test_key_lines();
        test_every_result_has_words();
        line = g_strdup_printf("rm -r '%s'", home);
        g_assert_true(g_spawn_command_line_sync(line, NULL, NULL, NULL, NULL));
        g_free(home);
        return 0;
}
