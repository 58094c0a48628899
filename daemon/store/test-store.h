/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The contract suite: what its files share. Every test gets a fresh store with alice and bob in it. */

#include <glib.h>

#include "daemon/store/store.h"

#define ALICE 1001
#define BOB 1002
#define HOST "web1.example.org"
#define BOOT "11111111-1111-1111-1111-111111111111"
#define OTHER_BOOT "22222222-2222-2222-2222-222222222222"
#define START 1700000000
#define DAY (24 * 60 * 60)
#define MANY 1000 /* a cap that is not reached */

#define assert_result(r, expected) g_assert_cmpint((r), ==, (expected))

typedef void (*StoreTest)(Store *store);

typedef struct StoreTestRow {
        const char *name;
        StoreTest test;
} StoreTestRow;

extern const StoreTestRow store_user_tests[], store_session_tests[], store_end_tests[], store_device_tests[],
        store_assignment_tests[], store_identity_tests[], store_news_tests[], store_thread_tests[],
        store_throttle_tests[], store_shared_tests[], store_lone_tests[];

/* Where what users owe is not shared. */
void store_test_T7_debts(Store *store);

/* "n" as an id: 32 digits that begin with n in hex */
char *test_id(unsigned n);

/* An active session of alice or bob, bound to @audit_id of BOOT. */
Session *test_session(unsigned n, uid_t uid, uint32_t audit_id);

/* Opens it, which must work; the second also says who is the parent (0: nobody). */
void test_open(Store *store, unsigned n, uid_t uid, uint32_t audit_id);
void test_open_child(Store *store, unsigned n, uid_t uid, unsigned parent);

Session *test_get(Store *store, unsigned n);
void test_assert_state(Store *store, unsigned n, SessionState state);

/* A device of alice or bob, called "device-N", for 90 days from START. Adding it must work. */
Device *test_device(unsigned n, uid_t uid);
void test_add_device(Store *store, unsigned n, uid_t uid);
Device *test_get_device(Store *store, unsigned n);

/* Both NULL, or the same words. */
void test_assert_same_words(char **a, char **b);

/* Ends by selector, and returns how many were. */
unsigned test_end(Store *store, unsigned n, SessionEvent event);
