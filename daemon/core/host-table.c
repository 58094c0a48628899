/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <sodium.h>
#include <string.h>

#include "daemon/core/host-table.h"

/* The places that one host can have: so many that a table with room nearly always has one among them. */
#define WAYS 16
#define UNTIL_BITS 56
#define UNTIL_MAX ((INT64_C(1) << UNTIL_BITS) - 1)

typedef struct Place {
        unsigned char prefix[8];
        uint64_t until : UNTIL_BITS;
        uint64_t kind : 8; /* NETWORK_NONE: never used */
} Place;

G_STATIC_ASSERT(sizeof(Place) == 16);

struct HostTable {
        unsigned char key[crypto_shorthash_KEYBYTES];
        Place places[HOST_TABLE_SIZE];
};

HostTable *host_table_new(const Clock *clock) {
        HostTable *table = g_new0(HostTable, 1);

        clock->random(clock, table->key, sizeof(table->key));
        return table;
}

HostTable *host_table_free(HostTable *table) {
        g_free(table);
        return NULL;
}

/* The first of the WAYS places. */
static unsigned first_place(const HostTable *table, const Network *network) {
        unsigned char named[1 + sizeof(network->prefix)], hash[crypto_shorthash_BYTES];
        uint64_t number;

        G_STATIC_ASSERT(sizeof(hash) == sizeof(number));
        named[0] = (unsigned char) network->kind;
        memcpy(named + 1, network->prefix, sizeof(network->prefix));
        (void) crypto_shorthash(hash, named, sizeof(named), table->key);
        memcpy(&number, hash, sizeof(number));
        return (unsigned) (number % (HOST_TABLE_SIZE / WAYS)) * WAYS;
}

static bool place_is_of(const Place *place, const Network *network) {
        return place->kind == network->kind && memcmp(place->prefix, network->prefix, sizeof(place->prefix)) == 0;
}

static bool place_is_free(const Place *place, int64_t now) {
        return place->kind == NETWORK_NONE || (int64_t) place->until <= now;
}

/* The place of @network, else one that is free; HOST_TABLE_SIZE where there is neither. */
static unsigned find_place(const HostTable *table, const Network *network, int64_t now, bool *ret_is_its) {
        unsigned first = first_place(table, network), room = HOST_TABLE_SIZE;

        *ret_is_its = false;
        for (unsigned i = first; i < first + WAYS; i++) {
                if (place_is_of(&table->places[i], network)) {
                        *ret_is_its = true;
                        return i;
                }
                if (room == HOST_TABLE_SIZE && place_is_free(&table->places[i], now))
                        room = i;
        }
        return room;
}

bool host_table_get(const HostTable *table, const Network *network, int64_t now, Debt *ret) {
        bool is_its;
        unsigned i = find_place(table, network, now, &is_its);

        if (i == HOST_TABLE_SIZE)
                return false;
        *ret = (Debt) { .until = is_its ? (int64_t) table->places[i].until : 0 };
        return true;
}

void host_table_set(HostTable *table, const Network *network, int64_t now, const Debt *debt) {
        bool is_its;
        unsigned i = find_place(table, network, now, &is_its);
        Place *place;

        if (i == HOST_TABLE_SIZE)
                return;
        place = &table->places[i];
        memcpy(place->prefix, network->prefix, sizeof(place->prefix));
        place->kind = (uint64_t) network->kind & 0xff;
        place->until = (uint64_t) CLAMP(debt->until, 0, UNTIL_MAX) & UNTIL_MAX;
}

bool host_table_next(const HostTable *table, unsigned *cursor, int64_t now, Network *ret, Debt *ret_debt) {
        while (*cursor < HOST_TABLE_SIZE) {
                const Place *place = &table->places[(*cursor)++];

                if (place_is_free(place, now))
                        continue;
                *ret = (Network) { .kind = (NetworkKind) place->kind };
                memcpy(ret->prefix, place->prefix, sizeof(place->prefix));
                *ret_debt = (Debt) { .until = (int64_t) place->until };
                return true;
        }
        return false;
}
