/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The contract suite: what users owe, and where they were. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>

#include "daemon/store/test-store.h"

static void log_in(Store *store, unsigned n, uid_t uid, const char *network) {
        g_autoptr(Session) session = test_session(n, uid, AUDIT_ID_UNSET);
        g_autoptr(GPtrArray) ended = NULL;
        g_auto(LoginNews) news = {};
        bool bound = false;

        assert_result(store_session_open_login(store, session, MANY, network, &bound, &ended, &news), 0);
}

static bool is_known(Store *store, uid_t uid, const char *network, int64_t since) {
        bool known = false;

        assert_result(store_known_network(store, uid, network, since, &known), 0);
        return known;
}

static void test_networks(Store *store) {
        bool known = true;

        log_in(store, 1, ALICE, "192.0.2.1");
        log_in(store, 2, ALICE, NULL);
        assert(is_known(store, ALICE, "192.0.2.1", START + 1));
        assert(!is_known(store, ALICE, "192.0.2.1", START + 2)); /* too long ago */
        assert(!is_known(store, ALICE, "192.0.2.2", 0));
        assert(!is_known(store, BOB, "192.0.2.1", 0)); /* not where he was */
        log_in(store, 3, ALICE, "192.0.2.1");
        assert(is_known(store, ALICE, "192.0.2.1", START + 3));
        assert_result(store_known_network(store, UID_UNSET, "192.0.2.1", 0, &known), -EINVAL);
        assert_result(store_known_network(store, ALICE, "", 0, &known), -EINVAL);
        assert(known);
}

/* Who logs in from everywhere keeps the places where he was last. */
static void test_R14_networks_are_bounded(Store *store) {
        for (unsigned i = 1; i <= STORE_NETWORKS_KEPT + 3; i++) {
                g_autofree char *network = g_strdup_printf("10.0.0.%u", i);
                log_in(store, i, ALICE, network);
        }
        assert(!is_known(store, ALICE, "10.0.0.3", 0));
        assert(is_known(store, ALICE, "10.0.0.4", 0));
        assert(is_known(store, ALICE, "10.0.0.67", 0));
}

/* One that is refused was nowhere. */
static void test_a_login_that_is_refused_makes_no_place_known(Store *store) {
        g_autoptr(Session) session = test_session(1, ALICE, AUDIT_ID_UNSET);
        g_autoptr(GPtrArray) disabled = NULL, ended = NULL;
        g_auto(LoginNews) news = {};
        bool changed, bound = false;

        assert_result(store_user_disable(store, "alice", "disabled", START, &changed, &disabled), 0);
        assert_result(store_session_open_login(store, session, MANY, "192.0.2.1", &bound, &ended, &news),
                      STORE_E_STATE);
        assert(!is_known(store, ALICE, "192.0.2.1", 0));
}

static void set_debt(Store *store, uid_t uid, const char *limit, const char *key, int64_t until, unsigned failures) {
        store_debt_set(store, &(UserDebt) { uid, (char *) limit, (char *) key, until, failures });
}

static int compare(gconstpointer a, gconstpointer b) {
        const UserDebt *left = *(const UserDebt *const *) a, *right = *(const UserDebt *const *) b;
        int r = (left->uid > right->uid) - (left->uid < right->uid);

        return r ? r : g_strcmp0(left->key, right->key);
}

static void assert_debts(Store *store, const char *expected) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GPtrArray) debts = NULL;

        assert_result(store_debt_list(store, &debts), 0);
        g_ptr_array_sort(debts, compare);
        for (guint i = 0; i < debts->len; i++) {
                const UserDebt *debt = debts->pdata[i];
                g_string_append_printf(text, "%s%u %s %s %ld %u", i > 0 ? "; " : "", (unsigned) debt->uid, debt->limit,
                                       debt->key, (long) (debt->until - START), debt->failures);
        }
        g_assert_cmpstr(text->str, ==, expected);
}

void store_test_T7_debts(Store *store) {
        g_autoptr(GPtrArray) ended = NULL;

        assert_debts(store, "");
        set_debt(store, ALICE, "local", "", START + 90, 1);
        set_debt(store, ALICE, "known-host", "192.0.2.1", START + 900, 10);
        set_debt(store, BOB, "local", "", START + 5, 2);
        set_debt(store, ALICE, "local", "", START + 180, 2);
        assert_debts(store, "1001 local  180 2; 1001 known-host 192.0.2.1 900 10; 1002 local  5 2");
        set_debt(store, ALICE, "local", "", 0, 0);
        set_debt(store, BOB, "other-hosts", "", 0, 0);
        set_debt(store, UID_UNSET, "local", "", START, 1);
        assert_debts(store, "1001 known-host 192.0.2.1 900 10; 1002 local  5 2");
        log_in(store, 1, ALICE, "192.0.2.1");
        assert_result(store_user_remove(store, "alice", "removed", START + 9, &ended), 0);
        assert_debts(store, "1002 local  5 2");
        assert(!is_known(store, ALICE, "192.0.2.1", 0));
}

const StoreTestRow store_throttle_tests[] = {
        { "networks", test_networks },
        { "R14 networks are bounded", test_R14_networks_are_bounded },
        { "a login that is refused makes no place known", test_a_login_that_is_refused_makes_no_place_known },
        {},
};
