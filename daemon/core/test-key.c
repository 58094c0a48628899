/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/key.h"
#include "daemon/core/test-forge.h"

#define NOW 1700000000
#define HEAD "tessera-key 1\nuse=token\nalg=HS256\n"
#define SIGNING HEAD "state=signing\ncreated=1\n"
#define SECRET "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n"
#define OTHER_SECRET "secret=ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8\n"

static char folder[] = "/tmp/test-key-XXXXXX";
static char *keys; /* folder/keys */

static void empty_folder(void) {
        g_autoptr(GDir) dir = g_dir_open(keys, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(keys, name, NULL);
                (void) g_remove(path);
        }
        (void) g_rmdir(keys);
}

static char *put(const char *name, const char *text, size_t size) {
        char *path = g_build_filename(keys, name, NULL);

        (void) g_mkdir(keys, 0700);
        assert(g_file_set_contents_full(path, text, (gssize) size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        return path;
}

static int open_ring(bool create, KeyRing **ret, char **ret_message) {
        return key_ring_open(keys, create, NOW, ret, ret_message);
}

/* Refused, in words that hold each of the @words, once as it is and once when one could be made. */
static void expect_refusal(const char *what, const char *name, const char *problem, const char *remedy) {
        for (int create = 0; create <= 1; create++) {
                g_autofree char *message = NULL;
                KeyRing *ring = NULL;
                int r = open_ring(create, &ring, &message);

                if (r >= 0 || !strstr(message, keys) || !strstr(message, name) || !strstr(message, problem) ||
                    !strstr(message, remedy))
                        fprintf(stderr, "%s: %d, %s\n", what, r, message ? message : "no message");
                assert(r < 0 && !ring && message);
                assert(strstr(message, keys) && strstr(message, name));
                assert(strstr(message, problem) && strstr(message, remedy));
                assert(!strstr(message, "AAECAw")); /* never the secret */
        }
}

static void test_J19_a_first_key_is_made_and_read_back(void) {
        g_autoptr(KeyRing) made = NULL, read = NULL;
        g_autofree char *message = NULL, *path = NULL, *text = NULL;
        const Key *key;
        struct stat st;

        assert(open_ring(true, &made, &message) == 0);
        key = key_ring_signing(made, KEY_TOKEN);
        g_assert_cmpuint(strlen(key->kid), ==, 4);
        g_assert_cmpint(key->created, ==, NOW);
        g_assert_cmpstr(key->alg, ==, "HS256");
        g_assert_cmpint(key->use, ==, KEY_TOKEN);
        g_assert_cmpstr(key_use_to_string(key->use), ==, "token");
        path = g_build_filename(keys, key->kid, NULL);
        assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
        assert(stat(keys, &st) == 0 && (st.st_mode & 07777) == 0700);
        assert(open_ring(true, &read, &message) == 0); /* "create" replaces nothing */
        assert(memcmp(key_ring_signing(read, KEY_TOKEN)->secret, key->secret, KEY_HS256_SIZE) == 0);
        g_assert_cmpstr(key_ring_signing(read, KEY_TOKEN)->kid, ==, key->kid);
        assert(key_ring_at(read, 0)->use == KEY_TOKEN && key_ring_at(read, 1)->use == KEY_TICKET && !key_ring_at(read, 2));
        assert(key_ring_by_header(read, KEY_TOKEN, key->header, strlen(key->header)) == key_ring_signing(read, KEY_TOKEN));
        assert(!key_ring_by_header(read, KEY_TOKEN, key->header, strlen(key->header) - 1));
        empty_folder();
}

static void test_J19_no_two_keys_are_alike(void) {
        g_autofree char *message = NULL;
        unsigned char last[KEY_HS256_SIZE] = { 0 };

        for (int i = 0; i < 20; i++) {
                g_autoptr(KeyRing) ring = NULL;
                assert(open_ring(true, &ring, &message) == 0);
                assert(memcmp(last, key_ring_signing(ring, KEY_TOKEN)->secret, sizeof(last)) != 0);
                memcpy(last, key_ring_signing(ring, KEY_TOKEN)->secret, sizeof(last));
                empty_folder();
        }
}

static void test_J2_J19_files_that_are_no_keys(void) {
        static const struct {
                const char *what, *text, *problem;
        } rows[] = {
                { "empty", "", "is empty" },
                { "another format", "tessera-key 2\n", "does not begin with" },
                { "a PEM file", "-----BEGIN PRIVATE KEY-----\n", "does not begin with" },
                { "bare bytes", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "does not begin with" },
                { "cut behind the first line", "tessera-key 1\n", "use" },
                { "cut in a line", "tessera-key 1\nuse=tok", "use" },
                { "an unknown use", "tessera-key 1\nuse=pin\nalg=HS256\nstate=signing\ncreated=1\n" SECRET, "use" },
                { "no use", "tessera-key 1\nuse=\nalg=HS256\nstate=signing\ncreated=1\n" SECRET, "use" },
                { "a token key of the other algorithm",
                  "tessera-key 1\nuse=token\nalg=ES256\nstate=signing\ncreated=1\n" SECRET, "algorithm" },
                { "an unknown algorithm", "tessera-key 1\nuse=token\nalg=none\nstate=signing\ncreated=1\n" SECRET,
                  "algorithm" },
                { "an algorithm in lower case", "tessera-key 1\nuse=token\nalg=hs256\nstate=signing\ncreated=1\n" SECRET,
                  "algorithm" },
                { "an unknown state", HEAD "state=old\ncreated=1\n" SECRET, "state" },
                { "no state", HEAD "created=1\n" SECRET, "state" },
                { "no time", HEAD "state=signing\ncreated=\n" SECRET, "created" },
                { "a negative time", HEAD "state=signing\ncreated=-1\n" SECRET, "created" },
                { "verifying for ever", HEAD "state=verifying\ncreated=1\n" SECRET, "until" },
                { "signing and a last day", SIGNING "until=9\n" SECRET, "secret=" },
                { "no secret", SIGNING, "secret=" },
                { "an empty secret", SIGNING "secret=\n", "shorter than 32 bytes" },
                { "31 bytes", SIGNING "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg\n", "shorter than 32 bytes" },
                { "33 bytes", SIGNING "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n", "43 characters" },
                { "bits left over", SIGNING "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9\n", "43 characters" },
                { "padding", SIGNING "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "43 characters" },
                { "a blank behind", SIGNING "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8 \n", "43 characters" },
                { "no line end", SIGNING "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "secret=" },
                { "zeros", SIGNING "secret=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "not random" },
                { "\"secret\", padded", SIGNING "secret=c2VjcmV0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "not random" },
                { "\"secret\" repeated", SIGNING "secret=c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U\n", "not random" },
                { "replaces itself", SIGNING "replaces=k1\n" SECRET, "replaces=" },
                { "replaces nobody", SIGNING "replaces=\n" SECRET, "replaces=" },
                { "replaces a path", SIGNING "replaces=../k2\n" SECRET, "replaces=" },
                { "next, and replaces", HEAD "state=next\ncreated=1\nreplaces=k2\n" SECRET, "secret=" },
                { "lines behind", SIGNING SECRET "x=1\n", "behind" },
                { "two secrets", SIGNING SECRET SECRET, "behind" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = put("k1", rows[i].text, strlen(rows[i].text));
                expect_refusal(rows[i].what, "/k1", rows[i].problem, "restore it from a backup");
                empty_folder();
        }
}

static void test_J2_a_nul_in_the_file(void) {
        static const char text[] = SIGNING SECRET "\0secret";
        g_autofree char *path = put("k1", text, sizeof(text) - 1);

        expect_refusal("a NUL", "/k1", "is no text", "restore it from a backup");
        empty_folder();
}

static void test_J2_a_file_that_is_too_large(void) {
        g_autofree char *text = g_strnfill(1 << 20, 'x');
        g_autofree char *path = put("k1", text, 1 << 20);

        expect_refusal("1 MiB", "/k1", "too large", "restore");
        empty_folder();
}

static void test_J2_files_that_cannot_be_trusted(void) {
        g_autofree char *path = put("k1", SIGNING SECRET, strlen(SIGNING SECRET));
        g_autofree char *elsewhere = g_build_filename(folder, "elsewhere", NULL);

        assert(chmod(path, 0640) == 0);
        expect_refusal("readable by the group", "/k1", "others may read", "chmod it 600");
        assert(chmod(path, 0602) == 0);
        expect_refusal("writable by others", "/k1", "others may read or change", "chmod it 600");
        assert(chmod(path, 0600) == 0);
        if (geteuid() == 0) {
                assert(chown(path, 65534, 65534) == 0);
                expect_refusal("somebody else's", "/k1", "belongs to somebody else", "chown");
                assert(chown(path, 0, 0) == 0);
        } else {
                assert(chmod(path, 0) == 0);
                expect_refusal("unreadable", "/k1", "Permission denied", "owner, mode");
                assert(chmod(path, 0600) == 0);
        }
        assert(rename(path, elsewhere) == 0 && symlink(elsewhere, path) == 0);
        expect_refusal("a symlink to a good key", "/k1", "symbolic link", "put the file itself");
        assert(unlink(path) == 0 && mkdir(path, 0700) == 0);
        expect_refusal("a folder", "/k1", "neither a file", "move it away");
        assert(rmdir(path) == 0 && mkfifo(path, 0600) == 0);
        expect_refusal("a pipe", "/k1", "neither a file", "move it away");
        assert(unlink(path) == 0 && unlink(elsewhere) == 0);
        empty_folder();
}

static void test_J7_names_that_are_no_kid(void) {
        static const char *const names[] = { "K1", "k1~", ".k1.swp", "k1.bak", "k-1", "123456789", "k 1", "k1.new.new" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *good = put("k1", SIGNING SECRET, strlen(SIGNING SECRET));
                g_autofree char *path = put(names[i], SIGNING OTHER_SECRET, strlen(SIGNING OTHER_SECRET));
                expect_refusal("a name that is none", names[i], "1 to 8 of a-z and 0-9", "move it out");
                empty_folder();
        }
}

static void test_J2_what_a_crash_left_behind_is_no_key(void) {
        g_autofree char *path = put("ab12.new", SIGNING SECRET, strlen(SIGNING SECRET));
        g_autofree char *message = NULL;
        g_autoptr(KeyRing) ring = NULL;

        assert(open_ring(true, &ring, &message) == 0);
        assert(strcmp(key_ring_signing(ring, KEY_TOKEN)->kid, "ab12") != 0);
        assert(access(path, F_OK) < 0);
        empty_folder();
}

static void test_J2_a_host_that_is_not_new_needs_its_keys(void) {
        g_autofree char *message = NULL, *again = NULL;
        KeyRing *ring = NULL;

        assert(open_ring(false, &ring, &message) < 0 && !ring);
        assert(strstr(message, keys) && access(keys, F_OK) < 0);
        assert(mkdir(keys, 0700) == 0);
        assert(open_ring(false, &ring, &again) == -ENOENT && !ring);
        assert(strstr(again, "holds no key") && strstr(again, "restore it from a backup"));
        empty_folder();
}

static void test_J2_the_folder_is_trusted_too(void) {
        g_autofree char *path = put("k1", SIGNING SECRET, strlen(SIGNING SECRET));
        g_autofree char *elsewhere = g_build_filename(folder, "elsewhere", NULL);

        assert(chmod(keys, 0770) == 0);
        expect_refusal("a folder of the group's", "", "others may read or change", "the folder 700");
        assert(chmod(keys, 0700) == 0);
        assert(rename(keys, elsewhere) == 0 && symlink(elsewhere, keys) == 0);
        expect_refusal("a symlink to a good folder", "", "neither a file nor the folder", "move it away");
        assert(unlink(keys) == 0 && rename(elsewhere, keys) == 0);
        empty_folder();
}

static void test_J19_one_key_signs(void) {
        g_autofree char *first = put("k1", SIGNING SECRET, strlen(SIGNING SECRET));
        g_autofree char *second = put("k2", SIGNING OTHER_SECRET, strlen(SIGNING OTHER_SECRET));

        expect_refusal("two that sign", "/k2", "second in the state \"signing\"", "move one out");
        empty_folder();
        g_free(put("k1", HEAD "state=next\ncreated=1\n" SECRET, strlen(HEAD "state=next\ncreated=1\n" SECRET)));
        expect_refusal("none that signs", "", "no key in the state \"signing\"", "restore");
        empty_folder();
}

static void test_J3_one_purpose_per_secret(void) {
        static const char old[] = HEAD "state=verifying\ncreated=1\nuntil=9\n" SECRET;
        g_autofree char *first = put("k1", SIGNING SECRET, strlen(SIGNING SECRET));
        g_autofree char *second = put("k2", old, strlen(old));

        expect_refusal("a copied key", "/k", "the secret of another key", "move the copy");
        empty_folder();
}

/* The states of other keys, seen by a verifier: waiting, still good, over. */
static void test_J7_what_each_state_verifies(void) {
        static const struct {
                const char *text;
                KeyState state;
                int64_t now;
                TokenReason reason;
        } rows[] = {
                { HEAD "state=next\ncreated=5\n" OTHER_SECRET, KEY_NEXT, NOW, TOKEN_INVALID },
                { HEAD "state=verifying\ncreated=5\nuntil=1700000100\n" OTHER_SECRET, KEY_VERIFYING, NOW + 99,
                  TOKEN_VALID },
                { HEAD "state=verifying\ncreated=5\nuntil=1700000100\n" OTHER_SECRET, KEY_VERIFYING, NOW + 100,
                  TOKEN_INVALID },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *first = put("k1", SIGNING SECRET, strlen(SIGNING SECRET));
                g_autofree char *second = put("k2", rows[i].text, strlen(rows[i].text));
                g_autofree char *message = NULL, *token = NULL;
                g_autoptr(TokenClaims) claims = NULL;
                g_autoptr(KeyRing) ring = NULL;

                assert(open_ring(true, &ring, &message) == 0); /* a ticket key too */
                g_assert_cmpstr(key_ring_signing(ring, KEY_TOKEN)->kid, ==, "k1");
                g_assert_cmpstr(key_ring_at(ring, 1)->kid, ==, "k2"); /* by age */
                g_assert_cmpint(key_ring_at(ring, 1)->state, ==, rows[i].state);
                token = forge_token(key_ring_at(ring, 1)->secret, "{\"alg\":\"HS256\",\"kid\":\"k2\",\"typ\":\"JWT\"}",
                                    "{\"aud\":\"web1\",\"exp\":1700000900,\"iat\":1700000000,\"iss\":\"web1\","
                                    "\"jti\":\"AAECAwQF\",\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}");
                g_assert_cmpint(token_verify(ring, "web1", "web1", rows[i].now, token, strlen(token), &claims), ==,
                                rows[i].reason);
                empty_folder();
        }
}

/* libcrypto takes other allocators until it has allocated once. */
static bool libcrypto_is_asleep(void) {
        return CRYPTO_set_mem_functions(NULL, NULL, NULL) == 1;
}

/* A host that makes no ticket does not pay for libcrypto: 2 MiB or more (tests/bus, test_idle_memory). */
static void test_opening_leaves_libcrypto_asleep(void) {
        g_autofree char *message = NULL, *again = NULL, *jwks = NULL;
        g_autoptr(KeyRing) made = NULL, read = NULL;

        assert(open_ring(true, &made, &message) == 0);
        assert(open_ring(false, &read, &again) == 0);
        assert(key_ring_signing(read, KEY_TICKET)->pair);
        assert(libcrypto_is_asleep());
        jwks = key_ring_export(read);
        assert(jwks && !libcrypto_is_asleep()); /* so the question above was one */
        empty_folder();
}

int main(void) {
        assert(mkdtemp(folder));
        keys = g_build_filename(folder, "keys", NULL);
        test_opening_leaves_libcrypto_asleep(); /* first: what is awake stays so */
        test_J19_a_first_key_is_made_and_read_back();
        test_J19_no_two_keys_are_alike();
        test_J2_J19_files_that_are_no_keys();
        test_J2_a_nul_in_the_file();
        test_J2_a_file_that_is_too_large();
        test_J2_files_that_cannot_be_trusted();
        test_J7_names_that_are_no_kid();
        test_J2_what_a_crash_left_behind_is_no_key();
        test_J2_a_host_that_is_not_new_needs_its_keys();
        test_J2_the_folder_is_trusted_too();
        test_J19_one_key_signs();
        test_J3_one_purpose_per_secret();
        test_J7_what_each_state_verifies();
        assert(rmdir(folder) == 0);
        g_free(keys);
        return 0;
}
