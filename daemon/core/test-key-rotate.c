/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Keys that change: prepared, rotated, dropped; while others sign; and cut off in between. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/key.h"
#include "daemon/core/test-forge.h"

#define NOW 1700000000
#define LIFETIME 900
#define TICKET_LIFETIME 60

#define TOKEN_A "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n"
#define TOKEN_B "secret=ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8\n"
#define TOKEN_C "secret=QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8\n"
/* RFC 7515, A.3; RFC 6979, A.2.5. */
#define TICKET_A "secret=jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\n"
#define TICKET_B "secret=ya-p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyE\n"

static char folder[] = "/tmp/test-key-rotate-XXXXXX";
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

static void put(const char *kid, const char *use, const char *lines, const char *secret) {
        g_autofree char *path = g_build_filename(keys, kid, NULL);
        g_autofree char *text = g_strdup_printf("tessera-key 1\nuse=%s\nalg=%s\n%s%s", use,
                                                strcmp(use, "token") == 0 ? "HS256" : "ES256", lines, secret);

        (void) g_mkdir(keys, 0700);
        (void) g_remove(path);
        assert(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static char *get(const char *kid) {
        g_autofree char *path = g_build_filename(keys, kid, NULL);
        char *text = NULL;

        (void) g_file_get_contents(path, &text, NULL, NULL);
        return text;
}

static KeyRing *open_ring(bool create, int64_t now) {
        g_autofree char *message = NULL;
        KeyRing *ring = NULL;
        int r = key_ring_open(keys, create, now, &ring, &message);

        if (r != 0)
                fprintf(stderr, "%d: %s\n", r, message);
        assert(r == 0);
        return ring;
}

static void expect_refusal(const char *words) {
        g_autofree char *message = NULL;
        KeyRing *ring = NULL;

        assert(key_ring_open(keys, /* create= */ false, NOW, &ring, &message) < 0 && !ring);
        if (!strstr(message, words))
                fprintf(stderr, "%s\n", message);
        assert(strstr(message, words));
}

static KeyRing *prepare(KeyRing *ring, int64_t now, bool changes) {
        g_autofree char *message = NULL;
        KeyRing *prepared = NULL;
        bool changed = !changes;

        assert(key_ring_prepare(ring, now, &prepared, &changed, &message) == 0 && changed == changes);
        return prepared;
}

static KeyRing *rotate(KeyRing *ring, int64_t now) {
        g_autofree char *message = NULL;
        KeyRing *rotated = NULL;

        assert(key_ring_rotate(ring, now, LIFETIME, TICKET_LIFETIME, &rotated, &message) == 0);
        return rotated;
}

static const Key *find(const KeyRing *ring, const char *kid) {
        const Key *key;

        for (size_t i = 0; (key = key_ring_at(ring, i)); i++)
                if (strcmp(key->kid, kid) == 0)
                        return key;
        return NULL;
}

static size_t count(const KeyRing *ring, KeyUse use, KeyState state) {
        const Key *key;
        size_t n = 0;

        for (size_t i = 0; (key = key_ring_at(ring, i)); i++)
                n += key->use == use && key->state == state;
        return n;
}

static size_t count_all(const KeyRing *ring) {
        size_t n = 0;

        while (key_ring_at(ring, n))
                n++;
        return n;
}

/* The folder says what the ring says. */
static void expect_same_on_disk(const KeyRing *ring, int64_t now) {
        g_autoptr(KeyRing) read = open_ring(false, now);
        const Key *key, *other;

        for (size_t i = 0; (key = key_ring_at(ring, i)); i++) {
                other = key_ring_at(read, i);
                assert(other && other->use == key->use && other->state == key->state && other->until == key->until);
                g_assert_cmpstr(other->kid, ==, key->kid);
                g_assert_cmpstr(other->replaces, ==, key->replaces);
                g_assert_cmpstr(other->header, ==, key->header);
        }
        g_assert_cmpuint(count_all(read), ==, count_all(ring));
}

static char *sign(const KeyRing *ring, int64_t now) {
        TokenClaims claims = {
                .issuer = (char *) "web1",
                .subject = (char *) "alice",
                .audience = (char *) "web1",
                .issued_at = now,
                .expires = now + LIFETIME,
                .session = "000102030405060708090a0b0c0d0e0f",
        };
        char *token = NULL;

        token_new_id(&clock_system, claims.jti);
        assert(token_sign(key_ring_signing(ring, KEY_TOKEN), &claims, &token) == 0);
        return token;
}

static TokenReason verify(const KeyRing *ring, int64_t now, const char *token) {
        g_autoptr(TokenClaims) claims = NULL;

        return token_verify(ring, "web1", "web1", now, token, strlen(token), &claims);
}

static void test_J20_each_use_has_its_states(void) {
        g_autoptr(KeyRing) first = open_ring(true, NOW), prepared = NULL, again = NULL, rotated = NULL;
        const char *token_kid = key_ring_signing(first, KEY_TOKEN)->kid;
        const char *ticket_kid = key_ring_signing(first, KEY_TICKET)->kid;
        g_autofree char *message = NULL;
        KeyRing *none = NULL;

        assert(key_ring_rotate(first, NOW, LIFETIME, TICKET_LIFETIME, &none, &message) == KEY_E_NOT_PREPARED && !none);
        prepared = prepare(first, NOW + 1, /* changes= */ true);
        assert(key_ring_signing(prepared, KEY_TOKEN) == key_ring_signing(first, KEY_TOKEN));
        assert(count(prepared, KEY_TOKEN, KEY_NEXT) == 1 && count(prepared, KEY_TICKET, KEY_NEXT) == 1);
        expect_same_on_disk(prepared, NOW + 1);
        again = prepare(prepared, NOW + 2, /* changes= */ false);
        expect_same_on_disk(again, NOW + 2);

        rotated = rotate(again, NOW + 3);
        expect_same_on_disk(rotated, NOW + 3);
        assert(key_ring_at(rotated, 3) && !key_ring_at(rotated, 4));
        assert(find(rotated, token_kid)->state == KEY_VERIFYING);
        g_assert_cmpint(find(rotated, token_kid)->until, ==, NOW + 3 + LIFETIME);
        g_assert_cmpint(find(rotated, ticket_kid)->until, ==, NOW + 3 + TICKET_LIFETIME);
        g_assert_cmpstr(key_ring_signing(rotated, KEY_TOKEN)->replaces, ==, token_kid);
        g_assert_cmpstr(key_ring_signing(rotated, KEY_TICKET)->replaces, ==, ticket_kid);
        /* Whoever holds the old ring goes on with it. */
        g_assert_cmpstr(key_ring_signing(first, KEY_TOKEN)->kid, ==, token_kid);
        assert(key_ring_rotate(rotated, NOW, LIFETIME, TICKET_LIFETIME, &none, &message) == KEY_E_NOT_PREPARED);
        empty_folder();
}

static void test_J20_an_old_key_holds_as_long_as_its_last_token(void) {
        g_autoptr(KeyRing) first = open_ring(true, NOW), prepared = prepare(first, NOW, true), rotated = NULL;
        g_autoptr(KeyRing) kept = NULL, one = NULL, dropped = NULL;
        g_autofree char *message = NULL;
        char *before = sign(first, NOW), *last, *after;
        char *kid = g_strdup(key_ring_signing(first, KEY_TOKEN)->kid);

        assert(verify(prepared, NOW, before) == TOKEN_VALID);
        rotated = rotate(prepared, NOW + 10);
        last = sign(first, NOW + 10); /* by one who still held the old ring */
        after = sign(rotated, NOW + 10);
        assert(verify(first, NOW + 10, after) == TOKEN_INVALID);
        assert(verify(rotated, NOW + 899, before) == TOKEN_VALID && verify(rotated, NOW + 900, before) == TOKEN_EXPIRED);
        assert(verify(rotated, NOW + 909, last) == TOKEN_VALID && verify(rotated, NOW + 909, after) == TOKEN_VALID);
        assert(verify(rotated, NOW + 910, last) == TOKEN_INVALID); /* the key is over with its last token */

        assert(key_ring_drop(rotated, NOW + 69, &kept, &message) == 0 && kept == rotated);
        assert(key_ring_drop(rotated, NOW + 70, &one, &message) == 0 && key_ring_at(one, 2) && !key_ring_at(one, 3));
        assert(find(one, kid));
        assert(key_ring_drop(one, NOW + 910, &dropped, &message) == 0);
        assert(!find(dropped, kid) && key_ring_at(dropped, 1) && !key_ring_at(dropped, 2));
        expect_same_on_disk(dropped, NOW + 910);
        g_free(kid);
        before = token_free(before);
        last = token_free(last);
        after = token_free(after);
        empty_folder();
}

/* Rotation under threads */

typedef struct Shared {
        GMutex lock;
        KeyRing *ring;
        gint stop; /* atomic */
        gint signed_tokens;
} Shared;

static KeyRing *take(Shared *shared) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&shared->lock);

        return key_ring_ref(shared->ring);
}

static void expect_one_signer(const KeyRing *ring) {
        assert(count(ring, KEY_TOKEN, KEY_SIGNING) == 1 && count(ring, KEY_TICKET, KEY_SIGNING) == 1);
}

/* Signs by the ring of now, verifies by the one of a moment later. */
static gpointer sign_and_verify(gpointer data) {
        Shared *shared = data;

        while (!g_atomic_int_get(&shared->stop)) {
                g_autoptr(KeyRing) before = take(shared);
                char *token = sign(before, NOW);
                g_autoptr(KeyRing) after = take(shared);

                expect_one_signer(before);
                expect_one_signer(after);
                assert(verify(before, NOW, token) == TOKEN_VALID);
                assert(verify(after, NOW, token) == TOKEN_VALID);
                token = token_free(token);
                (void) g_atomic_int_add(&shared->signed_tokens, 1);
        }
        return NULL;
}

static void put_ring(Shared *shared, KeyRing *ring) {
        KeyRing *old;

        g_mutex_lock(&shared->lock);
        old = shared->ring;
        shared->ring = ring;
        g_mutex_unlock(&shared->lock);
        (void) key_ring_unref(old);
}

static void test_J20_no_moment_without_one_signer(void) {
        Shared shared = { .ring = open_ring(true, NOW) };
        int rounds = getenv("TESSERA_SOAK") ? 400 : 20;
        GThread *threads[4];

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("signer", sign_and_verify, &shared);
        for (int i = 0; i < rounds; i++) {
                g_autofree char *message = NULL;
                KeyRing *dropped = NULL;

                put_ring(&shared, prepare(shared.ring, NOW, true));
                put_ring(&shared, rotate(shared.ring, NOW));
                /* What the disk says at this moment a start would read. */
                expect_same_on_disk(shared.ring, NOW);
                if (i % 5 == 4) {
                        assert(key_ring_drop(shared.ring, NOW, &dropped, &message) == 0); /* none is over yet */
                        put_ring(&shared, dropped);
                }
        }
        g_atomic_int_set(&shared.stop, 1);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                (void) g_thread_join(threads[i]);
        assert(g_atomic_int_get(&shared.signed_tokens) > 0);
        shared.ring = key_ring_unref(shared.ring);
        empty_folder();
}

/* Cut off */

static void test_J20_a_rotation_that_was_cut_off_is_finished(void) {
        g_autoptr(KeyRing) ring = NULL, again = NULL;
        g_autofree char *text = NULL;

        put("old1", "token", "state=signing\ncreated=1\n", TOKEN_A);
        put("new1", "token", "state=signing\ncreated=2\nreplaces=old1\n", TOKEN_B);
        put("old2", "ticket", "state=signing\ncreated=1\nreplaces=gone\n", TICKET_A);
        put("new2", "ticket", "state=signing\ncreated=2\nreplaces=old2\n", TICKET_B);
        ring = open_ring(false, NOW);
        expect_one_signer(ring);
        g_assert_cmpstr(key_ring_signing(ring, KEY_TOKEN)->kid, ==, "new1");
        g_assert_cmpstr(key_ring_signing(ring, KEY_TICKET)->kid, ==, "new2");
        g_assert_cmpint(find(ring, "old1")->until, ==, NOW + 900); /* it may have signed until now */
        g_assert_cmpint(find(ring, "old2")->until, ==, NOW + 60);
        text = get("old1");
        g_assert_cmpstr(text, ==, "tessera-key 1\nuse=token\nalg=HS256\nstate=verifying\ncreated=1\nuntil=1700000900\n"
                                  TOKEN_A);
        again = open_ring(false, NOW + 50); /* once */
        g_assert_cmpint(find(again, "old1")->until, ==, NOW + 900);
        empty_folder();
}

static void test_J20_two_signers_that_do_not_say_why(void) {
        put("k1", "token", "state=signing\ncreated=1\n", TOKEN_A);
        put("k2", "token", "state=signing\ncreated=2\n", TOKEN_B);
        expect_refusal("second in the state \"signing\" with use=token");
        put("k2", "token", "state=signing\ncreated=2\nreplaces=k9\n", TOKEN_B);
        expect_refusal("second in the state \"signing\" with use=token");
        put("k1", "token", "state=signing\ncreated=1\nreplaces=k2\n", TOKEN_A);
        put("k2", "token", "state=signing\ncreated=2\nreplaces=k1\n", TOKEN_B);
        expect_refusal("second in the state \"signing\" with use=token");
        put("k1", "token", "state=signing\ncreated=1\n", TOKEN_A);
        put("k3", "token", "state=signing\ncreated=3\nreplaces=k2\n", TOKEN_C);
        expect_refusal("second in the state \"signing\" with use=token");
        empty_folder();
        put("k1", "token", "state=signing\ncreated=1\n", TOKEN_A);
        put("t1", "ticket", "state=signing\ncreated=1\n", TICKET_A);
        put("t2", "ticket", "state=signing\ncreated=2\n", TICKET_B);
        expect_refusal("second in the state \"signing\" with use=ticket");
        empty_folder();
}

/* A rotation that cannot be written: the old ring holds, in memory and on disk. */
static void test_J20_a_rotation_that_fails_changes_nothing(void) {
        g_autoptr(KeyRing) first = open_ring(true, NOW), prepared = prepare(first, NOW, true);
        const char *old = key_ring_signing(prepared, KEY_TICKET)->kid; /* the last file of a rotation */
        g_autofree char *name = g_strconcat(old, ".new", NULL);
        g_autofree char *block = g_build_filename(keys, name, NULL);
        g_autofree char *inside = g_build_filename(block, "x", NULL);
        g_autofree char *message = NULL;
        g_autoptr(KeyRing) rotated = NULL;
        KeyRing *none = NULL;

        assert(mkdir(block, 0700) == 0 && mkdir(inside, 0700) == 0);
        assert(key_ring_rotate(prepared, NOW, LIFETIME, TICKET_LIFETIME, &none, &message) < 0 && !none);
        assert(strstr(message, keys) && strstr(message, old));
        assert(rmdir(inside) == 0 && rmdir(block) == 0);
        expect_same_on_disk(prepared, NOW);
        rotated = rotate(prepared, NOW);
        expect_same_on_disk(rotated, NOW);
        empty_folder();
}

/* Files */

/* Cut off between its two files, a first start is still the first. */
static void test_a_first_start_that_was_cut_off_is_finished(void) {
        g_autoptr(KeyRing) ring = NULL, again = NULL;
        g_autofree char *path = NULL;
        struct stat st;

        put("k1", "token", "state=signing\ncreated=1\n", TOKEN_A);
        ring = open_ring(true, NOW);
        g_assert_cmpstr(key_ring_signing(ring, KEY_TOKEN)->kid, ==, "k1");
        g_assert_cmpint(key_ring_signing(ring, KEY_TICKET)->created, ==, NOW);
        path = g_build_filename(keys, key_ring_signing(ring, KEY_TICKET)->kid, NULL);
        assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
        again = open_ring(false, NOW + 1);
        g_assert_cmpstr(key_ring_signing(again, KEY_TICKET)->kid, ==, key_ring_signing(ring, KEY_TICKET)->kid);
        empty_folder();
}

static void test_J2_a_ticket_key_that_is_missing_is_not_replaced(void) {
        put("k1", "token", "state=signing\ncreated=1\n", TOKEN_A);
        expect_refusal("no key in the state \"signing\" with use=ticket"); /* the only one was deleted */
        put("t1", "ticket", "state=next\ncreated=1\n", TICKET_A);
        expect_refusal("no key in the state \"signing\" with use=ticket");
        empty_folder();
        put("t1", "ticket", "state=signing\ncreated=1\n", TICKET_A);
        expect_refusal("no key in the state \"signing\" with use=token");
        put("k1", "token", "state=next\ncreated=1\n", TOKEN_A);
        expect_refusal("no key in the state \"signing\" with use=token");
        empty_folder();
}

static void test_J2_J19_ticket_keys_that_are_none(void) {
        static const struct {
                const char *what, *lines, *secret, *problem;
        } rows[] = {
                { "no secret", "state=signing\ncreated=1\n", "", "secret=" },
                { "31 bytes", "state=signing\ncreated=1\n", "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg\n",
                  "shorter than 32 bytes" },
                { "33 bytes", "state=signing\ncreated=1\n", "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n",
                  "43 characters" },
                { "1", "state=signing\ncreated=1\n", "secret=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\n",
                  "not random" },
                { "the order", "state=signing\ncreated=1\n",
                  "secret=_____wAAAAD__________7zm-q2nF56E88u6wvxjJVE\n", "no private key of P-256" },
                { "beyond the order", "state=signing\ncreated=1\n",
                  "secret=_____-7dzLuqmYh3ZlVEMyIRAAECAwQFBgcICQoLDA0\n", "no private key of P-256" },
                { "a point", "state=signing\ncreated=1\n", "secret=BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISI\n",
                  "43 characters" },
                { "verifying for ever", "state=verifying\ncreated=1\n", TICKET_B, "until" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                put("k1", "token", "state=signing\ncreated=1\n", TOKEN_A);
                put("t1", "ticket", rows[i].lines, rows[i].secret);
                expect_refusal(rows[i].problem);
                empty_folder();
        }
}

static void test_J3_one_purpose_per_secret_of_any_use(void) {
        put("k1", "token", "state=signing\ncreated=1\n", TOKEN_A);
        put("t1", "ticket", "state=signing\ncreated=1\n", TOKEN_A);
        expect_refusal("the secret of another key");
        empty_folder();
        put("k1", "token", "state=signing\ncreated=1\n", TOKEN_A);
        put("t1", "ticket", "state=signing\ncreated=1\n", TICKET_A);
        put("t2", "ticket", "state=verifying\ncreated=1\nuntil=9\n", TICKET_A);
        expect_refusal("the secret of another key");
        empty_folder();
}

/* A header is looked for among the keys of its use, and of no other. */
static void test_J14_a_header_is_of_one_use(void) {
        g_autoptr(KeyRing) ring = open_ring(true, NOW);

        for (KeyUse use = 0; use < _KEY_USE_MAX; use++) {
                const Key *key = key_ring_signing(ring, use);

                assert(key_ring_by_header(ring, use, key->header, strlen(key->header)) == key);
                assert(!key_ring_by_header(ring, use == KEY_TOKEN ? KEY_TICKET : KEY_TOKEN, key->header,
                                           strlen(key->header)));
        }
        empty_folder();
}

static void test_what_is_exported(void) {
        g_autoptr(KeyRing) ring = NULL;
        g_autofree char *text = NULL;
        json_t *jwks;

        put("k1", "token", "state=signing\ncreated=1\n", TOKEN_A);
        put("t1", "ticket", "state=signing\ncreated=1\n", TICKET_A);
        put("t2", "ticket", "state=next\ncreated=2\n", TICKET_B);
        ring = open_ring(false, NOW);
        text = key_ring_export(ring);
        assert(g_str_has_prefix(text, "{\"keys\":[{\"alg\":\"ES256\",\"crv\":\"P-256\",\"kid\":\"t1\",\"kty\":\"EC\","
                                      "\"use\":\"sig\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                                      "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"));
        jwks = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert(jwks && json_array_size(json_object_get(jwks, "keys")) == 2);
        json_decref(jwks);
        assert(!strchr(text, '\n') && !strstr(text, "\"d\"") && !strstr(text, "jpsQ") && !strstr(text, "AAECAw"));
        empty_folder();
}

int main(void) {
        assert(mkdtemp(folder));
        keys = g_build_filename(folder, "keys", NULL);
        test_J20_each_use_has_its_states();
        test_J20_an_old_key_holds_as_long_as_its_last_token();
        test_J20_no_moment_without_one_signer();
        test_J20_a_rotation_that_was_cut_off_is_finished();
        test_J20_two_signers_that_do_not_say_why();
        test_J20_a_rotation_that_fails_changes_nothing();
        test_a_first_start_that_was_cut_off_is_finished();
        test_J2_a_ticket_key_that_is_missing_is_not_replaced();
        test_J2_J19_ticket_keys_that_are_none();
        test_J3_one_purpose_per_secret_of_any_use();
        test_J14_a_header_is_of_one_use();
        test_what_is_exported();
        assert(rmdir(folder) == 0);
        g_free(keys);
        return 0;
}
