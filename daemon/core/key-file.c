/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/key-file.h"

#define FIRST_LINE "tessera-key 1\n"
#define USE_TOKEN "token"
#define ALG_HS256 "HS256"

/* 32 random bytes hold 30 different values on average; fewer than this, one key in 10^13. */
#define DIFFERENT_BYTES_MIN 18

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING

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

/* A key without a secret yet, or NULL when there is no memory for one. */
static Key *key_new(const char *kid) {
        g_autoptr(Key) key = g_new0(Key, 1);

        key->secret = sodium_malloc(KEY_HS256_SIZE);
        if (!key->secret)
                return NULL;
        key->kid = g_strdup(kid);
        key->alg = ALG_HS256;
        key->use = USE_TOKEN;
        key->header = make_header(key);
        return g_steal_pointer(&key);
}

Key *key_free(Key *key) {
        if (!key)
                return NULL;
        sodium_free(key->secret); /* wipes first */
        g_free(key->kid);
        g_free(key->header);
        g_free(key);
        return NULL;
}

/* A file that somebody made from a pass phrase, padded or not, is no key. */
static bool looks_random(const unsigned char *secret) {
        bool seen[256] = { false };
        unsigned different = 0;

        for (size_t i = 0; i < KEY_HS256_SIZE; i++) {
                different += !seen[secret[i]];
                seen[secret[i]] = true;
        }
        sodium_memzero(seen, sizeof(seen));
        return different >= DIFFERENT_BYTES_MIN;
}

Key *key_generate(int64_t now) {
        static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        char kid[KEY_KID_GENERATED + 1] = "";
        Key *key;

        for (size_t i = 0; i < KEY_KID_GENERATED; i++)
                kid[i] = alphabet[randombytes_uniform(sizeof(alphabet) - 1)];
        key = key_new(kid);
        if (!key)
                return NULL;
        key->state = KEY_SIGNING;
        key->created = now;
        do
                randombytes_buf(key->secret, KEY_HS256_SIZE);
        while (!looks_random(key->secret)); /* or it could not be read back */
        (void) sodium_mprotect_readonly(key->secret);
        return key;
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

static const char *take_secret(char **rest, unsigned char *secret) {
        const char *text = take_line(rest, "secret"), *end;
        size_t size;

        if (!text)
                return "has no line \"secret=\" in its place";
        if (sodium_base642bin(secret, KEY_HS256_SIZE, text, strlen(text), NULL, &size, &end, BASE64URL) < 0 || *end)
                return "holds a secret that is not 43 characters of base64url";
        if (size != KEY_HS256_SIZE)
                return "holds a secret shorter than 32 bytes";
        if (!looks_random(secret))
                return "holds a secret that is not random";
        return NULL;
}

const char *key_parse(const char *kid, char *text, size_t size, Key **ret) {
        g_autoptr(Key) key = key_new(kid);
        const char *use, *alg, *state, *problem;
        char *rest;

        if (!key)
                return "cannot be kept: no memory";
        if (size == 0)
                return "is empty";
        if (strlen(text) != size || !g_str_has_prefix(text, FIRST_LINE))
                return "does not begin with \"tessera-key 1\", or is no text";
        rest = text + strlen(FIRST_LINE);
        use = take_line(&rest, "use");
        if (g_strcmp0(use, USE_TOKEN) != 0)
                return "has a use other than \"token\"";
        alg = take_line(&rest, "alg");
        if (g_strcmp0(alg, ALG_HS256) != 0)
                return "has an algorithm other than \"HS256\"";
        state = take_line(&rest, "state");
        key->state = state ? key_state_from_string(state) : _KEY_STATE_INVALID;
        if (key->state == _KEY_STATE_INVALID)
                return "has a state other than \"next\", \"signing\" and \"verifying\"";
        if (!take_time(&rest, "created", &key->created))
                return "has no time in \"created=\"";
        if (key->state == KEY_VERIFYING && !take_time(&rest, "until", &key->until))
                return "is \"verifying\" and has no time in \"until=\"";
        problem = take_secret(&rest, key->secret);
        if (problem)
                return problem;
        if (*rest)
                return "has lines behind \"secret=\"";
        (void) sodium_mprotect_readonly(key->secret);
        *ret = g_steal_pointer(&key);
        return NULL;
}

size_t key_format(const Key *key, char ret_text[KEY_FILE_SIZE_MAX]) {
        char secret[sodium_base64_ENCODED_LEN(KEY_HS256_SIZE, BASE64URL)], until[40] = "";
        int size;

        (void) sodium_bin2base64(secret, sizeof(secret), key->secret, KEY_HS256_SIZE, BASE64URL);
        if (key->state == KEY_VERIFYING)
                g_snprintf(until, sizeof(until), "until=%" G_GINT64_FORMAT "\n", key->until);
        size = snprintf(ret_text, KEY_FILE_SIZE_MAX,
                        FIRST_LINE "use=%s\nalg=%s\nstate=%s\ncreated=%" G_GINT64_FORMAT "\n%ssecret=%s\n",
                        key->use, key->alg, key_state_to_string(key->state), key->created, until, secret);
        sodium_memzero(secret, sizeof(secret));
        g_assert(size > 0 && size < KEY_FILE_SIZE_MAX);
        return (size_t) size;
}
