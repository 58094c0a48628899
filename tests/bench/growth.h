/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What bench-growth puts into a store, so that bench-calls finds it again. sodium_init() comes first. */

#include <glib.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/refresh-token.h"

#define GROWTH_HOST "web1.example.org"
#define GROWTH_SESSIONS_PER_USER 100
#define GROWTH_UID_FIRST 100000
#define GROWTH_ID_SIZE 33

_Noreturn static inline void growth_die(const char *program, const char *what) {
        (void) fprintf(stderr, "%s: %s\n", program, what);
        exit(EXIT_FAILURE);
}

/* Ids that look like the random ones: of sessions ('s', and 'r' by a refresh) and of devices ('d', by user). */
static inline void growth_id(char kind, unsigned n, char ret[GROWTH_ID_SIZE]) {
        g_autofree char *name = g_strdup_printf("%c%u", kind, n);
        g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_MD5, name, -1);

        (void) g_strlcpy(ret, hex, GROWTH_ID_SIZE);
}

static inline char *growth_user(unsigned number) {
        return g_strdup_printf("user%u", number);
}

/* The private key of a user's one device. */
static inline void growth_seed(unsigned user, unsigned char ret[REFRESH_SEED_SIZE]) {
        g_autofree char *name = growth_user(user);

        (void) crypto_generichash(ret, REFRESH_SEED_SIZE, (const unsigned char *) name, strlen(name), NULL, 0);
}

static inline double growth_now_usec(void) {
        struct timespec ts = { 0 };

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}
