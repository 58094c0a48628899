/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/key-file.h"

#define FIRST_LINE "tessera-key 1\n"
#define SECRET_SIZE 32

G_STATIC_ASSERT(SECRET_SIZE == KEY_HS256_SIZE && SECRET_SIZE == ES256_SECRET_SIZE);

/* 32 random bytes hold 30 different values on average; fewer than this, one key in 10^13. */
#define DIFFERENT_BYTES_MIN 18

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING

static const char *const key_uses[_KEY_USE_MAX] = {
        [KEY_TOKEN] = "token",
        [KEY_TICKET] = "ticket",
};

/* One algorithm per use, whatever a file or a token says. */
static const char *const key_algorithms[_KEY_USE_MAX] = {
        [KEY_TOKEN] = "HS256",
        [KEY_TICKET] = "ES256",
};

static const char *const key_states[_KEY_STATE_MAX] = {
        [KEY_NEXT] = "next",
        [KEY_SIGNING] = "signing",
        [KEY_VERIFYING] = "verifying",
};

const char *key_state_to_string(KeyState state) {
        g_assert(state >= 0 && state < _KEY_STATE_MAX);
        return key_states[state];
}

static KeyState key_state_from_string(const char *text) {
        for (int i = 0; i < _KEY_STATE_MAX; i++)
                if (strcmp(text, key_states[i]) == 0)
                        return (KeyState) i;
        return _KEY_STATE_INVALID;
}

const char *key_use_to_string(KeyUse use) {
        g_assert(use < _KEY_USE_MAX);
        return key_uses[use];
}

static KeyUse key_use_from_string(const char *text) {
        KeyUse use = 0;

        while (use < _KEY_USE_MAX && strcmp(text, key_uses[use]) != 0)
                use++;
        return use;
}

bool key_kid_is_valid(const char *kid) {
        size_t size = strnlen(kid, KEY_KID_MAX + 1);

        return size >= 1 && size <= KEY_KID_MAX && strspn(kid, "abcdefghijklmnopqrstuvwxyz0123456789") == size;
}

/* Spelled here and nowhere else: a token under this key begins with exactly these characters. */
static char *make_header(const Key *key) {
        char json[64], *header;
        size_t size;

        size = (size_t) g_snprintf(json, sizeof(json), "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                                   key->alg, key->kid);
        g_assert(size < sizeof(json));
        header = g_malloc(sodium_base64_ENCODED_LEN(size, BASE64URL));
        return sodium_bin2base64(header, sodium_base64_ENCODED_LEN(size, BASE64URL),
                                 (const unsigned char *) json, size, BASE64URL);
}

static Key *key_new(const char *kid, KeyUse use, KeyState state, int64_t created) {
        Key *key = g_atomic_rc_box_new0(Key);

        key->kid = g_strdup(kid);
        key->alg = key_algorithms[use];
        key->use = use;
        key->state = state;
        key->created = created;
        key->header = make_header(key);
        return key;
}

static void key_clear(void *p) {
        Key *key = p;

        sodium_free(key->secret); /* wipes first */
        es256_free(key->pair);
        g_free(key->kid);
        g_free(key->replaces);
        g_free(key->header);
}

Key *key_ref(Key *key) {
        return g_atomic_rc_box_acquire(key);
}

Key *key_unref(Key *key) {
        if (key)
                g_atomic_rc_box_release_full(key, key_clear);
        return NULL;
}

/* Gives a new key its secret; false when there is no memory for it, or it is no scalar of P-256. */
static bool set_secret(Key *key, const unsigned char secret[SECRET_SIZE]) {
        if (key->use == KEY_TICKET) {
                key->pair = es256_from_secret(secret);
                return key->pair != NULL;
        }
        key->secret = sodium_malloc(SECRET_SIZE);
        if (!key->secret)
                return false;
        memcpy(key->secret, secret, SECRET_SIZE);
        (void) sodium_mprotect_readonly(key->secret);
        return true;
}

static bool get_secret(const Key *key, unsigned char ret_secret[SECRET_SIZE]) {
        if (key->use == KEY_TICKET)
                return es256_secret(key->pair, ret_secret);
        memcpy(ret_secret, key->secret, SECRET_SIZE);
        return true;
}

/* A file that somebody made from a pass phrase, padded or not, is no key. */
static bool looks_random(const unsigned char *secret) {
        bool seen[256] = { false };
        unsigned different = 0;

        for (size_t i = 0; i < SECRET_SIZE; i++) {
                different += !seen[secret[i]];
                seen[secret[i]] = true;
        }
        sodium_memzero(seen, sizeof(seen));
        return different >= DIFFERENT_BYTES_MIN;
}

/* A private scalar, or bytes; false when there is no memory for it. */
static bool make_secret(KeyUse use, unsigned char ret_secret[SECRET_SIZE]) {
        g_autoptr(Es256) pair = NULL;

        if (use != KEY_TICKET) {
                randombytes_buf(ret_secret, SECRET_SIZE);
                return true;
        }
        pair = es256_generate();
        return pair && es256_secret(pair, ret_secret);
}

Key *key_generate(KeyUse use, KeyState state, int64_t now) {
        static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        char kid[KEY_KID_GENERATED + 1] = "";
        unsigned char secret[SECRET_SIZE];
        g_autoptr(Key) key = NULL;
        bool good;

        for (size_t i = 0; i < KEY_KID_GENERATED; i++)
                kid[i] = alphabet[randombytes_uniform(sizeof(alphabet) - 1)];
        key = key_new(kid, use, state, now);
        do
                good = make_secret(use, secret);
        while (good && !looks_random(secret)); /* or it could not be read back */
        good = good && set_secret(key, secret);
        sodium_memzero(secret, sizeof(secret));
        return good ? g_steal_pointer(&key) : NULL;
}

Key *key_copy(const Key *key, KeyState state) {
        g_autoptr(Key) copy = key_new(key->kid, key->use, state, key->created);
        unsigned char secret[SECRET_SIZE];
        bool good = get_secret(key, secret) && set_secret(copy, secret);

        sodium_memzero(secret, sizeof(secret));
        return good ? g_steal_pointer(&copy) : NULL;
}

bool key_is_same_secret(const Key *one, const Key *other) {
        unsigned char first[SECRET_SIZE], second[SECRET_SIZE];
        /* One that cannot be read cannot be told from another: as good as the same. */
        bool same = !get_secret(one, first) || !get_secret(other, second) ||
                    sodium_memcmp(first, second, SECRET_SIZE) == 0;

        sodium_memzero(first, sizeof(first));
        sodium_memzero(second, sizeof(second));
        return same;
}

/* Cuts the line "@name=…" off *@rest and returns its value, or NULL where another line stands. */
static char *take_line(char **rest, const char *name) {
        size_t size = strlen(name);
        char *line = *rest, *end = strchr(line, '\n');

        if (!end || strncmp(line, name, size) != 0 || line[size] != '=')
                return NULL;
        *end = '\0';
        *rest = end + 1;
        return line + size + 1;
}

static bool take_time(char **rest, const char *name, int64_t *ret) {
        const char *text = take_line(rest, name);
        guint64 value;

        if (!text || !g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64, &value, NULL))
                return false;
        *ret = (int64_t) value;
        return true;
}

static const char *take_secret(char **rest, Key *key) {
        const char *text = take_line(rest, "secret"), *end;
        unsigned char secret[SECRET_SIZE];
        const char *problem = NULL;
        size_t size;

        if (!text)
                return "has no line \"secret=\" in its place";
        if (sodium_base642bin(secret, SECRET_SIZE, text, strlen(text), NULL, &size, &end, BASE64URL) < 0 || *end)
                problem = "holds a secret that is not 43 characters of base64url";
        else if (size != SECRET_SIZE)
                problem = "holds a secret shorter than 32 bytes";
        else if (!looks_random(secret))
                problem = "holds a secret that is not random";
        else if (!set_secret(key, secret))
                problem = key->use == KEY_TICKET ? "holds a secret that is no private key of P-256"
                                                 : "cannot be kept: no memory";
        sodium_memzero(secret, sizeof(secret));
        return problem;
}

static const char *take_use(char **rest, KeyUse *ret) {
        const char *use = take_line(rest, "use"), *alg = take_line(rest, "alg");

        *ret = use ? key_use_from_string(use) : _KEY_USE_MAX;
        if (*ret == _KEY_USE_MAX)
                return "has a use other than \"token\" and \"ticket\"";
        if (g_strcmp0(alg, key_algorithms[*ret]) != 0)
                return *ret == KEY_TICKET ? "has an algorithm other than \"ES256\""
                                          : "has an algorithm other than \"HS256\"";
        return NULL;
}

/* The lines that depend on the state. */
static const char *take_times(char **rest, Key *key) {
        const char *replaces;

        if (!take_time(rest, "created", &key->created))
                return "has no time in \"created=\"";
        if (key->state == KEY_VERIFYING && !take_time(rest, "until", &key->until))
                return "is \"verifying\" and has no time in \"until=\"";
        replaces = key->state == KEY_SIGNING ? take_line(rest, "replaces") : NULL;
        if (replaces && (!key_kid_is_valid(replaces) || strcmp(replaces, key->kid) == 0))
                return "names no other key in \"replaces=\"";
        key->replaces = g_strdup(replaces);
        return NULL;
}

static const char *parse_lines(const char *kid, char *rest, Key **ret) {
        const char *state, *problem;
        g_autoptr(Key) key = NULL;
        KeyState known;
        KeyUse use;

        problem = take_use(&rest, &use);
        if (problem)
                return problem;
        state = take_line(&rest, "state");
        known = state ? key_state_from_string(state) : _KEY_STATE_INVALID;
        if (known == _KEY_STATE_INVALID)
                return "has a state other than \"next\", \"signing\" and \"verifying\"";
        key = key_new(kid, use, known, /* created= */ 0);
        problem = take_times(&rest, key);
        if (!problem)
                problem = take_secret(&rest, key);
        if (!problem && *rest)
                problem = "has lines behind \"secret=\"";
        if (!problem)
                *ret = g_steal_pointer(&key);
        return problem;
}

const char *key_parse(const char *kid, char *text, size_t size, Key **ret) {
        if (size == 0)
                return "is empty";
        if (strlen(text) != size || !g_str_has_prefix(text, FIRST_LINE))
                return "does not begin with \"tessera-key 1\", or is no text";
        return parse_lines(kid, text + strlen(FIRST_LINE), ret);
}

size_t key_format(const Key *key, char ret_text[KEY_FILE_SIZE_MAX]) {
        char text[sodium_base64_ENCODED_LEN(SECRET_SIZE, BASE64URL)], more[40] = "";
        unsigned char secret[SECRET_SIZE];
        int size;

        if (!get_secret(key, secret))
                g_error("no memory for the secret of a key"); /* and nothing may be written in its place */
        (void) sodium_bin2base64(text, sizeof(text), secret, SECRET_SIZE, BASE64URL);
        sodium_memzero(secret, sizeof(secret));
        if (key->state == KEY_VERIFYING)
                g_snprintf(more, sizeof(more), "until=%" G_GINT64_FORMAT "\n", key->until);
        else if (key->replaces)
                g_snprintf(more, sizeof(more), "replaces=%s\n", key->replaces);
        size = snprintf(ret_text, KEY_FILE_SIZE_MAX,
                        FIRST_LINE "use=%s\nalg=%s\nstate=%s\ncreated=%" G_GINT64_FORMAT "\n%ssecret=%s\n",
                        key_use_to_string(key->use), key->alg, key_state_to_string(key->state), key->created, more,
                        text);
        sodium_memzero(text, sizeof(text));
        g_assert(size > 0 && size < KEY_FILE_SIZE_MAX);
        return (size_t) size;
}
