/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * What the daemon's code says of tokens: judge KEYS ISSUER AUDIENCE, or of tickets: judge --tickets
 * TRUST AUDIENCE, where TRUST is a file of trust.d. Then lines "NOW HEX" on stdin, each answered by
 * the reason. For test_agreement.py and test_ticket_agreement.py.
 */

#include <glib.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/core/ticket.h"
#include "daemon/core/token.h"
#include "policy/conf.h"

typedef struct Judge {
        KeyRing *keys;
        Trust *trust;
        const char *issuer, *audience;
} Judge;

static TokenReason judge_text(const Judge *judge, int64_t now, const char *text, size_t size) {
        g_autoptr(TicketClaims) ticket = NULL;
        g_autoptr(TokenClaims) claims = NULL;
        const TrustHost *host;

        if (judge->trust)
                return ticket_verify(judge->trust, judge->audience, now, text, size, &ticket, &host);
        return token_verify(judge->keys, judge->issuer, judge->audience, now, text, size, &claims);
}

static int judge_line(const Judge *judge, char *line) {
        unsigned char token[16384];
        char *hex;
        int64_t now = g_ascii_strtoll(line, &hex, 10);
        size_t size;

        line[strcspn(line, "\n")] = '\0';
        if (*hex != ' ' || sodium_hex2bin(token, sizeof(token), hex + 1, strlen(hex + 1), NULL, &size, NULL) < 0)
                return -1;
        return puts(token_reason_to_string(judge_text(judge, now, (char *) token, size)));
}

/* Not trust_files_read(): a test's files are not root's. */
static Trust *read_trust(const char *path, char **ret_message) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new(), files = NULL;
        g_autofree char *text = NULL;
        Trust *trust;
        size_t size;

        if (sodium_init() < 0 || !g_file_get_contents(path, &text, &size, NULL))
                return NULL;
        files = trust_files_read_text(path, text, size, mistakes);
        trust = files ? trust_new(g_steal_pointer(&files), mistakes) : NULL;
        if (mistakes->len > 0)
                *ret_message = conf_mistake_to_string(mistakes->pdata[0]);
        return trust;
}

static bool set_up(int argc, char **argv, Judge *ret, char **ret_message) {
        if (argc != 4)
                return false;
        ret->audience = argv[3];
        if (strcmp(argv[1], "--tickets") == 0) {
                ret->trust = read_trust(argv[2], ret_message);
                return ret->trust != NULL;
        }
        ret->issuer = argv[2];
        return key_ring_open(argv[1], /* create= */ true, /* now= */ 1, &ret->keys, ret_message) == 0;
}

int main(int argc, char **argv) {
        g_autofree char *message = NULL;
        _cleanup_free_ char *line = NULL;
        Judge judge = { .keys = NULL };
        size_t room = 0;
        int r = 0;

        if (!set_up(argc, argv, &judge, &message)) {
                fprintf(stderr, "%s\n", message ? message : "usage: judge KEYS ISSUER AUDIENCE | --tickets TRUST AUDIENCE");
                return 1;
        }
        while (r == 0 && getline(&line, &room, stdin) > 0)
                r = judge_line(&judge, line) < 0;
        (void) key_ring_unref(judge.keys);
        (void) trust_unref(judge.trust);
        return r;
}
