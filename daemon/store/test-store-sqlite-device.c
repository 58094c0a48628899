/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The SQLite backend beyond the contract: what lies on the disk of a device, and outlives a restart. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "daemon/store/test-place.h"
#include "daemon/store/test-store.h"

static void add_alice(Store *store) {
        User alice = { .name = (char *) "alice", .uid = ALICE, .enabled = true, .password_hash = (char *) "$h$1" };

        assert_result(store_user_add(store, &alice), 0);
}

static int use(Store *store, unsigned n, uint32_t counter, DeviceUse *ret_use) {
        g_autofree char *id = test_id(n);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) device = NULL;

        return store_device_use(store, id, counter, NULL, START, START, ret_use, &device, &ended);
}

static void assert_use(Store *store, unsigned n, uint32_t counter, DeviceUse expected) {
        DeviceUse got;

        assert_result(use(store, n, counter, &got), 0);
        g_assert_cmpint(got, ==, expected);
}

/* R9, R2: after a restart */

static void test_R9_used_stays_used(void) {
        _cleanup_place_ Place place = place_new();
        Store *store = place_open(place.path, false);
        g_autoptr(Device) device = NULL;
        DeviceUse again;
        bool used = false;

        add_alice(store);
        test_add_device(store, 1, ALICE);
        assert_use(store, 1, 5, DEVICE_USE_NEXT);
        assert_use(store, 1, 3, DEVICE_USE_LATE);
        assert_result(store_ticket_use(store, "web2", "jti", START), 0);
        store = store_free(store);

        store = place_open(place.path, true);
        assert_use(store, 1, 4, DEVICE_USE_LATE);
        assert_use(store, 1, 6, DEVICE_USE_NEXT);
        assert_use(store, 1, 3, DEVICE_USE_AGAIN);
        assert_result(store_ticket_used(store, "web2", "jti", &used), 0);
        assert(used);
        store = store_free(store);

        store = place_open(place.path, true);
        assert_result(use(store, 1, 7, &again), STORE_E_STATE);
        device = test_get_device(store, 1);
        g_assert_cmpstr(device->revoke_reason, ==, DEVICE_REASON_REUSE);
        store = store_free(store);
}

/* Wrong answers that were still waiting when the daemon stopped are told all the same. */
static void test_stop_writes_failures(void) {
        _cleanup_place_ Place place = place_new();
        Store *store = place_open(place.path, false);
        g_autoptr(Session) session = test_session(1, ALICE, 11);
        g_autoptr(GPtrArray) ended = NULL;
        g_auto(LoginNews) news = {};
        bool bound;

        add_alice(store);
        store_user_failed(store, "alice", "203.0.113.1", START + 1);
        store_user_failed(store, "alice", "203.0.113.2", START + 2);
        store = store_free(store);

        store = place_open(place.path, true);
        assert_result(store_session_open_login(store, session, MANY, NULL, &bound, &ended, &news), 0);
        g_assert_cmpuint(news.failures, ==, 2);
        g_assert_cmpint(news.failed, ==, START + 2);
        g_assert_cmpstr(news.failed_from, ==, "203.0.113.2");
        store = store_free(store);
}

/* More users with wrong answers than are remembered: let go and counted, never waited for. */
static void test_failures_are_bounded(void) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) store = place_open(place.path, false);

        for (unsigned n = 0; n < 100000; n++) {
                g_autofree char *name = test_id(n);

                store_user_failed(store, name, NULL, START);
        }
        g_assert_cmpuint(store_dropped(store), >, 0);
}

/* What somebody has written into the database by hand must not make used counters count again. */
static void test_R4_broken_rows_are_refused(void) {
        static const char *const changes[] = {
                "UPDATE device SET gaps = 'x'",
                "UPDATE device SET gaps = '1-9@0'",
                "UPDATE device SET highest = -1",
                "UPDATE device SET highest = 4294967297",
                "UPDATE device SET public_key = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=='",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                _cleanup_place_ Place place = place_new();
                Store *store = place_open(place.path, false);
                DeviceUse got;

                add_alice(store);
                test_add_device(store, 1, ALICE);
                assert_use(store, 1, 5, DEVICE_USE_NEXT);
                store = store_free(store);
                place_run_sql(place.path, changes[i]);
                store = place_open(place.path, true);
                assert_result(use(store, 1, 6, &got), -EUCLEAN);
                store = store_free(store);
        }
}

/* R5: of a device's key only the public half */

typedef struct Search {
        unsigned char public_key[DEVICE_PUBLIC_SIZE];
        unsigned seeds, publics; /* found */
} Search;

/* Is any part of this the seed of the device's key, or the public key itself? */
static void search_bytes(Search *search, const unsigned char *bytes, size_t size) {
        for (size_t i = 0; i + crypto_sign_SEEDBYTES <= size; i++) {
                unsigned char public_key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];

                assert(crypto_sign_seed_keypair(public_key, secret, bytes + i) == 0);
                search->seeds += memcmp(public_key, search->public_key, DEVICE_PUBLIC_SIZE) == 0;
                search->publics += memcmp(bytes + i, search->public_key, DEVICE_PUBLIC_SIZE) == 0;
        }
}

/* As it stands, and as what it may be an encoding of. */
static void search_value(Search *search, const unsigned char *value, size_t size) {
        static const int variants[] = { sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
                                        sodium_base64_VARIANT_URLSAFE, sodium_base64_VARIANT_URLSAFE_NO_PADDING };
        g_autofree unsigned char *bytes = g_malloc(size + 1);
        size_t n;

        search_bytes(search, value, size);
        if (sodium_hex2bin(bytes, size + 1, (const char *) value, size, NULL, &n, NULL) == 0)
                search_bytes(search, bytes, n);
        for (size_t i = 0; i < G_N_ELEMENTS(variants); i++)
                if (sodium_base642bin(bytes, size + 1, (const char *) value, size, NULL, &n, NULL, variants[i]) == 0)
                        search_bytes(search, bytes, n);
}

static void search_table(Search *search, sqlite3 *db, const char *table) {
        g_autofree char *sql = g_strdup_printf("SELECT * FROM \"%s\"", table);
        sqlite3_stmt *statement;

        assert(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW)
                for (int i = 0; i < sqlite3_column_count(statement); i++) {
                        const unsigned char *value = sqlite3_column_blob(statement, i);

                        if (value)
                                search_value(search, value, (size_t) sqlite3_column_bytes(statement, i));
                }
        assert(sqlite3_finalize(statement) == SQLITE_OK);
}

static void search_database(Search *search, const char *path) {
        sqlite3_stmt *statement;
        sqlite3 *db;

        assert(sqlite3_open(path, &db) == SQLITE_OK);
        assert(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table'", -1, &statement, NULL) ==
               SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW)
                search_table(search, db, (const char *) sqlite3_column_text(statement, 0));
        assert(sqlite3_finalize(statement) == SQLITE_OK);
        assert(sqlite3_close(db) == SQLITE_OK);
}

static void test_R5_public_keys_only(void) {
        _cleanup_place_ Place place = place_new();
        unsigned char seed[crypto_sign_SEEDBYTES], secret[crypto_sign_SECRETKEYBYTES];
        g_autoptr(Device) device = test_device(1, ALICE);
        Search search = {}, control = {};
        g_autofree char *planted = NULL, *sql = NULL;
        Store *store = place_open(place.path, false);

        randombytes_buf(seed, sizeof(seed));
        assert(crypto_sign_seed_keypair(device->public_key, secret, seed) == 0);
        memcpy(search.public_key, device->public_key, DEVICE_PUBLIC_SIZE);
        add_alice(store);
        assert_result(store_device_add(store, device, MANY), 0);
        assert_use(store, 1, 5, DEVICE_USE_NEXT);
        assert_use(store, 1, 3, DEVICE_USE_LATE);
        store = store_free(store);

        search_database(&search, place.path);
        g_assert_cmpuint(search.publics, >, 0);
        g_assert_cmpuint(search.seeds, ==, 0);

        /* the search would have found one */
        planted = g_base64_encode(seed, sizeof(seed));
        sql = g_strdup_printf("UPDATE device SET rhost = '%s'", planted);
        place_run_sql(place.path, sql);
        memcpy(control.public_key, device->public_key, DEVICE_PUBLIC_SIZE);
        search_database(&control, place.path);
        g_assert_cmpuint(control.seeds, >, 0);
}

int main(void) {
        assert(sodium_init() >= 0);
        setvbuf(stdout, NULL, _IOLBF, 0);
        test_R9_used_stays_used();
        test_stop_writes_failures();
        test_failures_are_bounded();
        test_R4_broken_rows_are_refused();
        test_R5_public_keys_only();
        return 0;
}
