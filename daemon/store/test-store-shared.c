/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The contract suite: what users owe, where hosts share it; and that nothing of it is there where they do not. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>

#include "daemon/store/test-store.h"

#define NOW 5000 /* ms of some clock of the caller's */
#define KEEP (INT64_C(10) * 24 * 3600 * 1000)
#define NEAR 500 /* ms that a backend with a clock of its own may take */

static SharedDebt debt_of(uid_t uid, const char *limit, const char *key, int64_t left, unsigned failures) {
        return (SharedDebt) {
                .uid = uid, .limit = (char *) limit, .key = (char *) key, .left = left, .failures = failures, .keep = KEEP,
        };
}

static SharedDebt get(Store *store, uid_t uid, const char *limit, const char *key) {
        SharedDebt debt = debt_of(uid, limit, key, -1, 99);

        assert_result(store_shared_debt_get(store, uid, limit, key, NOW, &debt), 0);
        return debt;
}

static void assert_debt(Store *store, const SharedDebt *expected) {
        SharedDebt debt = get(store, expected->uid, expected->limit, expected->key);

        g_assert_cmpuint(debt.failures, ==, expected->failures);
        g_assert_cmpint(debt.left, <=, expected->left);
        g_assert_cmpint(debt.left, >=, expected->left - NEAR);
}

/* Puts it in the place of what is there now. */
static void put(Store *store, SharedDebt *debt) {
        debt->version = get(store, debt->uid, debt->limit, debt->key).version;
        assert_result(store_shared_debt_swap(store, debt, NOW), 0);
}

static void test_nothing_is_owed(Store *store) {
        SharedDebt debt = get(store, ALICE, "local", "");
        g_autoptr(GPtrArray) debts = NULL;

        g_assert_cmpuint(debt.failures, ==, 0);
        g_assert_cmpint(debt.left, ==, 0);
        g_assert_cmpuint(debt.version, ==, 0);
        assert(store_is_shared(store));
        assert_result(store_debt_list(store, &debts), -EOPNOTSUPP);
}

static void test_who_saw_the_last_change_may_make_the_next(Store *store) {
        SharedDebt first = debt_of(ALICE, "known-host", "192.0.2.1", 90000, 1), late = first;
        SharedDebt elsewhere = debt_of(ALICE, "known-host", "192.0.2.2", 180000, 2);
        uint64_t version;

        assert_result(store_shared_debt_swap(store, &first, NOW), 0);
        g_assert_cmpuint(first.version, !=, 0);
        version = first.version;
        assert_result(store_shared_debt_swap(store, &late, NOW), STORE_E_STATE); /* it saw nothing */
        assert_debt(store, &first);
        put(store, &elsewhere);
        first.failures = 2;
        first.left = 180000;
        assert_result(store_shared_debt_swap(store, &first, NOW), 0);
        g_assert_cmpuint(first.version, !=, version);
        assert_debt(store, &first);
        late.version = version;
        assert_result(store_shared_debt_swap(store, &late, NOW), STORE_E_STATE);
        assert_debt(store, &first);
        assert_debt(store, &elsewhere);
}

/* Gone and there again, with the same numbers, is another. */
static void test_a_version_never_comes_back(Store *store) {
        SharedDebt debt = debt_of(ALICE, "local", "", 90000, 1), stale;

        put(store, &debt);
        stale = debt;
        debt.failures = 0;
        assert_result(store_shared_debt_swap(store, &debt, NOW), 0);
        g_assert_cmpuint(debt.version, ==, 0);
        g_assert_cmpuint(get(store, ALICE, "local", "").version, ==, 0);
        debt.failures = 1;
        assert_result(store_shared_debt_swap(store, &debt, NOW), 0);
        assert_result(store_shared_debt_swap(store, &stale, NOW), STORE_E_STATE);
        stale.version = 0;
        assert_result(store_shared_debt_swap(store, &stale, NOW), STORE_E_STATE);
}

static void test_what_is_long_paid_back_is_kept_as_long_as_is_said(Store *store) {
        SharedDebt kept = debt_of(ALICE, "other-hosts", "", -1000, 7), forgotten = debt_of(BOB, "known-client", "c", -1000, 7);

        kept.keep = 0;
        put(store, &kept);
        forgotten.keep = 1000;
        put(store, &forgotten);
        assert_debt(store, &kept);
        g_assert_cmpuint(get(store, BOB, "known-client", "c").failures, ==, 0);
        g_assert_cmpuint(get(store, BOB, "known-client", "c").version, ==, 0);
        forgotten.version = 0;
        forgotten.keep = 30000;
        assert_result(store_shared_debt_swap(store, &forgotten, NOW), 0);
        assert_debt(store, &forgotten);
}

static unsigned count(Store *store, uid_t uid) {
        g_autoptr(GPtrArray) debts = NULL;

        assert_result(store_shared_debt_list(store, uid, NOW, &debts), 0);
        for (guint i = 0; i < debts->len; i++) {
                const SharedDebt *debt = debts->pdata[i];
                assert(uid == UID_UNSET || debt->uid == uid);
                assert_debt(store, debt);
                g_assert_cmpuint(debt->version, ==, get(store, debt->uid, debt->limit, debt->key).version);
        }
        return debts->len;
}

static void test_list(Store *store) {
        SharedDebt debts[] = {
                debt_of(ALICE, "local", "", 90000, 1),
                debt_of(ALICE, "known-client", "device 1", INT64_MAX / 4, 4000000),
                debt_of(BOB, "local", "", 5, 2),
        };
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpuint(count(store, UID_UNSET), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(debts); i++)
                put(store, &debts[i]);
        g_assert_cmpuint(count(store, UID_UNSET), ==, 3);
        g_assert_cmpuint(count(store, ALICE), ==, 2);
        assert_result(store_user_remove(store, "alice", "removed", START + 9, &ended), 0);
        g_assert_cmpuint(count(store, ALICE), ==, 0);
        g_assert_cmpuint(count(store, BOB), ==, 1);
}

static void test_what_cannot_be_is_refused(Store *store) {
        SharedDebt debt = debt_of(UID_UNSET, "local", "", 1, 1);

        assert_result(store_shared_debt_swap(store, &debt, NOW), -EINVAL);
        assert_result(store_shared_debt_get(store, UID_UNSET, "local", "", NOW, &debt), -EINVAL);
        assert_result(store_shared_debt_get(store, ALICE, "local", NULL, NOW, &debt), -EINVAL);
        debt = debt_of(ALICE, "local", "", 1, 1);
        debt.keep = -1;
        assert_result(store_shared_debt_swap(store, &debt, NOW), -EINVAL);
}

typedef struct Racer {
        Store *store;
        unsigned won;
} Racer;

static gpointer race(gpointer data) {
        Racer *racer = data;

        while (racer->won < 50) {
                SharedDebt debt = get(racer->store, ALICE, "local", "");
                int r;

                debt.uid = ALICE;
                debt.limit = (char *) "local";
                debt.key = (char *) "";
                debt.failures++;
                debt.left = 90000;
                debt.keep = KEEP;
                r = store_shared_debt_swap(racer->store, &debt, NOW);
                assert(r == 0 || r == STORE_E_STATE);
                racer->won += r == 0;
        }
        return NULL;
}

static void test_T4_no_failure_is_lost_in_a_race(Store *store) {
        Racer racers[4] = {};
        GThread *threads[G_N_ELEMENTS(racers)];

        for (size_t i = 0; i < G_N_ELEMENTS(racers); i++) {
                racers[i].store = store;
                threads[i] = g_thread_new("race", race, &racers[i]);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(racers); i++)
                (void) g_thread_join(threads[i]);
        g_assert_cmpuint(get(store, ALICE, "local", "").failures, ==, 200);
}

static void test_nothing_is_shared(Store *store) {
        SharedDebt debt = debt_of(ALICE, "local", "", 1, 1);
        g_autoptr(GPtrArray) debts = NULL;

        assert(!store_is_shared(store));
        assert_result(store_shared_debt_get(store, ALICE, "local", "", NOW, &debt), -EOPNOTSUPP);
        assert_result(store_shared_debt_swap(store, &debt, NOW), -EOPNOTSUPP);
        assert_result(store_shared_debt_list(store, ALICE, NOW, &debts), -EOPNOTSUPP);
}

const StoreTestRow store_shared_tests[] = {
        { "nothing is owed", test_nothing_is_owed },
        { "who saw the last change may make the next", test_who_saw_the_last_change_may_make_the_next },
        { "a version never comes back", test_a_version_never_comes_back },
        { "what is long paid back is kept as long as is said", test_what_is_long_paid_back_is_kept_as_long_as_is_said },
        { "list", test_list },
        { "what cannot be is refused", test_what_cannot_be_is_refused },
        { "T4 no failure is lost in a race", test_T4_no_failure_is_lost_in_a_race },
        {},
};

const StoreTestRow store_lone_tests[] = {
        { "T7 debts", store_test_T7_debts },
        { "nothing is shared", test_nothing_is_shared },
        {},
};
