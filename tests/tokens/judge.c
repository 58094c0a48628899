/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * What the daemon's code says of tokens: judge KEYS ISSUER AUDIENCE, then lines "NOW HEX" on
 * stdin, each answered by the reason. For test_agreement.py.
 */

#include <glib.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/core/token.h"

static int judge(const KeyRing *keys, char **argv, char *line) {
        g_autoptr(TokenClaims) claims = NULL;
        unsigned char token[16384];
        char *hex;
        int64_t now = g_ascii_strtoll(line, &hex, 10);
        size_t size;

        line[strcspn(line, "\n")] = '\0';
        if (*hex != ' ' || sodium_hex2bin(token, sizeof(token), hex + 1, strlen(hex + 1), NULL, &size, NULL) < 0)
                return -1;
        return puts(token_reason_to_string(token_verify(keys, argv[2], argv[3], now, (char *) token, size, &claims)));
}

int main(int argc, char **argv) {
        g_autoptr(KeyRing) keys = NULL;
        g_autofree char *message = NULL;
        _cleanup_free_ char *line = NULL;
        size_t room = 0;

        if (argc != 4 || key_ring_open(argv[1], /* create= */ false, /* now= */ 1, &keys, &message) < 0) {
                fprintf(stderr, "%s\n", message ? message : "usage: judge KEYS ISSUER AUDIENCE");
                return 1;
        }
        while (getline(&line, &room, stdin) > 0)
                if (judge(keys, argv, line) < 0)
                        return 1;
        return 0;
}
