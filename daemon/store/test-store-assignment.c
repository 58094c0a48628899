/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The contract suite: assignments of roles. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "daemon/store/test-store.h"

static Assignment by_root(uid_t uid, const char *role, int64_t until) {
        return (Assignment) {
                .user = (char *) (uid == ALICE ? "alice" : "bob"),
                .uid = uid,
                .role = (char *) role,
                .created = START,
                .until = until,
                .by = (char *) "root",
        };
}

static bool set(Store *store, const Assignment *assignment) {
        bool changed;

        assert_result(store_assignment_set(store, assignment, MANY, &changed), 0);
        return changed;
}

static bool assign(Store *store, uid_t uid, const char *role, int64_t until) {
        Assignment assignment = by_root(uid, role, until);

        return set(store, &assignment);
}

static bool take_away(Store *store, uid_t uid, const char *role) {
        bool changed;

        assert_result(store_assignment_remove(store, uid, role, &changed), 0);
        return changed;
}

/* As "alice:admin bob:clerk". */
static void assert_said(const GPtrArray *assignments, const char *expected) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (guint i = 0; i < assignments->len; i++) {
                const Assignment *assignment = assignments->pdata[i];

                g_string_append_printf(text, "%s%s:%s", i > 0 ? " " : "", assignment->user, assignment->role);
        }
        g_assert_cmpstr(text->str, ==, expected);
}

static void assert_listed(Store *store, uid_t uid, const char *expected) {
        g_autoptr(GPtrArray) assignments = NULL;

        assert_result(store_assignment_list(store, uid, &assignments), 0);
        assert_said(assignments, expected);
}

static void test_assignment(Store *store) {
        Assignment full = {
                .user = (char *) "alice",
                .uid = ALICE,
                .role = (char *) "operator",
                .created = START + 1,
                .until = START + 3600,
                .by = (char *) "carol",
                .reason = (char *) "on call '; --",
        };
        g_autoptr(GPtrArray) assignments = NULL;
        const Assignment *got;

        assert(set(store, &full));
        assert_result(store_assignment_list(store, ALICE, &assignments), 0);
        g_assert_cmpuint(assignments->len, ==, 1);
        got = assignments->pdata[0];
        g_assert_cmpstr(got->user, ==, "alice");
        g_assert_cmpuint(got->uid, ==, ALICE);
        g_assert_cmpstr(got->role, ==, "operator");
        g_assert_cmpint(got->created, ==, START + 1);
        g_assert_cmpint(got->until, ==, START + 3600);
        g_assert_cmpstr(got->by, ==, "carol");
        g_assert_cmpstr(got->reason, ==, "on call '; --");
}

/* By user and role, whatever the order they came in; one user's, or everybody's. */
static void test_assignments_are_listed(Store *store) {
        assert_listed(store, ALICE, "");
        assert_listed(store, UID_UNSET, "");
        assert(assign(store, BOB, "clerk", 0));
        assert(assign(store, ALICE, "operator", 0));
        assert(assign(store, BOB, "admin", START + 5));
        assert(assign(store, ALICE, "admin", 0));
        assert_listed(store, ALICE, "alice:admin alice:operator");
        assert_listed(store, BOB, "bob:admin bob:clerk");
        assert_listed(store, UID_UNSET, "alice:admin alice:operator bob:admin bob:clerk");
        assert_listed(store, 4711, "");
}

/* Saying the same again changes nothing, not even since when; saying something else takes its place. */
static void test_assignment_takes_the_place(Store *store) {
        Assignment first = by_root(ALICE, "admin", START + 60), again = first, later = first, other = first;
        g_autoptr(GPtrArray) assignments = NULL, now = NULL;

        again.created = START + 7;
        later.until = 0;
        other.until = 0;
        other.by = (char *) "carol";
        other.reason = (char *) "night";
        assert(set(store, &first));
        assert(!set(store, &again));
        assert_result(store_assignment_list(store, ALICE, &assignments), 0);
        g_assert_cmpint(((Assignment *) assignments->pdata[0])->created, ==, START);
        assert(set(store, &later));
        assert(set(store, &other));
        assert(!set(store, &other));
        assert_result(store_assignment_list(store, ALICE, &now), 0);
        g_assert_cmpuint(now->len, ==, 1);
        g_assert_cmpint(((Assignment *) now->pdata[0])->until, ==, 0);
        g_assert_cmpstr(((Assignment *) now->pdata[0])->by, ==, "carol");
        g_assert_cmpstr(((Assignment *) now->pdata[0])->reason, ==, "night");
}

static void test_assignment_removed(Store *store) {
        assert(assign(store, ALICE, "admin", 0));
        assert(assign(store, BOB, "admin", 0));
        assert(!take_away(store, ALICE, "operator"));
        assert(!take_away(store, ALICE, "ADMIN"));
        assert(take_away(store, ALICE, "admin"));
        assert(!take_away(store, ALICE, "admin"));
        assert_listed(store, UID_UNSET, "bob:admin");
}

/* Only who is there, by name and uid; nothing is kept for who may come. */
static void test_R6_assignment_needs_its_user(Store *store) {
        Assignment nobody = by_root(ALICE, "admin", 0), moved = by_root(ALICE, "admin", 0);
        bool changed = false;

        nobody.user = (char *) "carol";
        nobody.uid = 1003;
        moved.uid = 1999;
        assert_result(store_assignment_set(store, &nobody, MANY, &changed), STORE_E_STATE);
        assert_result(store_assignment_set(store, &moved, MANY, &changed), STORE_E_STATE);
        nobody.uid = ALICE; /* another name under alice's uid */
        assert_result(store_assignment_set(store, &nobody, MANY, &changed), STORE_E_STATE);
        assert(!changed);
        assert_listed(store, UID_UNSET, "");
}

static void test_assignments_are_bounded(Store *store) {
        Assignment third = by_root(ALICE, "third", 0), second = by_root(ALICE, "second", START + 9);
        Assignment others = by_root(BOB, "third", 0);
        bool changed = false;

        assert(assign(store, ALICE, "first", 0));
        assert(assign(store, ALICE, "second", 0));
        assert_result(store_assignment_set(store, &third, 2, &changed), STORE_E_STATE);
        assert(!changed);
        assert_result(store_assignment_set(store, &second, 2, &changed), 0); /* takes a place that is there */
        assert_result(store_assignment_set(store, &others, 2, &changed), 0);
        assert_listed(store, UID_UNSET, "alice:first alice:second bob:third");
}

static void test_assignments_that_cannot_be(Store *store) {
        Assignment rows[] = {
                by_root(ALICE, "admin", 0), by_root(ALICE, "admin", 0),    by_root(ALICE, NULL, 0),
                by_root(ALICE, "", 0),      by_root(UID_UNSET, "admin", 0), by_root(ALICE, "admin", -1),
        };
        Assignment good = by_root(ALICE, "admin", 0);
        bool changed;

        rows[0].user = NULL;
        rows[1].by = NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                assert_result(store_assignment_set(store, &rows[i], MANY, &changed), -EINVAL);
        assert_result(store_assignment_set(store, &good, 0, &changed), -EINVAL);
        assert_result(store_assignment_remove(store, UID_UNSET, "admin", &changed), -EINVAL);
        assert_result(store_assignment_remove(store, ALICE, NULL, &changed), -EINVAL);
        assert_listed(store, UID_UNSET, "");
}

/* It counts before its time: at that very second it is over. */
static void test_R7_assignment_sweep(Store *store) {
        g_autoptr(GPtrArray) before = NULL, at = NULL, again = NULL, all = NULL;

        assert(assign(store, ALICE, "admin", START + 60));
        assert(assign(store, ALICE, "operator", 0));
        assert(assign(store, BOB, "admin", START + 61));
        assert(assign(store, BOB, "clerk", START + 60));
        assert_result(store_assignment_sweep(store, START + 59, &before), 0);
        assert_said(before, "");
        assert_result(store_assignment_sweep(store, START + 60, &at), 0);
        assert_said(at, "alice:admin bob:clerk");
        g_assert_cmpint(((Assignment *) at->pdata[0])->until, ==, START + 60);
        g_assert_cmpstr(((Assignment *) at->pdata[0])->by, ==, "root");
        assert_result(store_assignment_sweep(store, START + 60, &again), 0);
        assert_said(again, "");
        assert_listed(store, UID_UNSET, "alice:operator bob:admin");
        assert_result(store_assignment_sweep(store, INT64_MAX, &all), 0);
        assert_said(all, "bob:admin");
}

/* Whoever comes under that name or uid again has none; disabling takes none away. */
static void test_R6_assignments_go_with_the_user(Store *store) {
        User alice = { .name = (char *) "alice", .uid = ALICE, .enabled = true };
        g_autoptr(GPtrArray) ended = NULL, revoked = NULL;
        bool changed;

        assert(assign(store, ALICE, "admin", 0));
        assert(assign(store, ALICE, "operator", START + 9));
        assert(assign(store, BOB, "admin", 0));
        assert_result(store_user_disable(store, "alice", "left", START, &changed, &ended), 0);
        assert_listed(store, ALICE, "alice:admin alice:operator");
        assert_result(store_user_remove(store, "alice", "removed", START, &revoked), 0);
        assert_listed(store, UID_UNSET, "bob:admin");
        assert_result(store_user_add(store, &alice), 0);
        assert_listed(store, UID_UNSET, "bob:admin");
}

static void test_user_with_a_role(Store *store) {
        User carol = { .name = (char *) "carol", .uid = 1003, .enabled = true }, alice = carol, dave = carol;
        Assignment role = by_root(ALICE, "admin", 0), of_dave = role;
        g_autoptr(User) got = NULL, none = NULL;

        role.user = (char *) "carol";
        role.uid = 1003;
        assert_result(store_user_add_assigned(store, &carol, &role), 0);
        assert_result(store_user_get(store, "carol", &got), 0);
        assert_listed(store, UID_UNSET, "carol:admin");

        /* somebody else's role, or one that cannot be: no user either */
        dave.name = (char *) "dave";
        dave.uid = 1004;
        assert_result(store_user_add_assigned(store, &dave, &role), -EINVAL);
        of_dave.user = (char *) "dave";
        of_dave.uid = 1003;
        assert_result(store_user_add_assigned(store, &dave, &of_dave), -EINVAL);
        assert_result(store_user_get(store, "dave", &none), STORE_E_NOT_FOUND);

        /* a user who is there already: no role either */
        alice.name = (char *) "alice";
        role.user = (char *) "alice";
        role.role = (char *) "operator";
        assert_result(store_user_add_assigned(store, &alice, &role), STORE_E_EXISTS);
        assert_listed(store, UID_UNSET, "carol:admin");
}

/* Many at once: each change is done once, and none is lost. */

enum { N_THREADS = 8, N_ROLES = 20 };

static void *assign_and_take_away(void *data) {
        Store *store = data;

        for (unsigned i = 0; i < N_ROLES; i++) {
                g_autofree char *role = g_strdup_printf("role%02u", i);
                g_autoptr(GPtrArray) seen = NULL;

                (void) assign(store, ALICE, role, 0);
                assert_result(store_assignment_list(store, ALICE, &seen), 0);
                (void) take_away(store, ALICE, role);
        }
        return NULL;
}

static void test_threads_assign(Store *store) {
        pthread_t threads[N_THREADS];

        assert(assign(store, BOB, "admin", 0));
        for (unsigned i = 0; i < N_THREADS; i++)
                assert(pthread_create(&threads[i], NULL, assign_and_take_away, store) == 0);
        for (unsigned i = 0; i < N_THREADS; i++)
                assert(pthread_join(threads[i], NULL) == 0);
        assert_listed(store, UID_UNSET, "bob:admin");
}

const StoreTestRow store_assignment_tests[] = {
        { "assignment", test_assignment },
        { "assignments are listed", test_assignments_are_listed },
        { "assignment takes the place", test_assignment_takes_the_place },
        { "assignment removed", test_assignment_removed },
        { "R6 assignment needs its user", test_R6_assignment_needs_its_user },
        { "assignments are bounded", test_assignments_are_bounded },
        { "assignments that cannot be", test_assignments_that_cannot_be },
        { "R7 assignment sweep", test_R7_assignment_sweep },
        { "R6 assignments go with the user", test_R6_assignments_go_with_the_user },
        { "user with a role", test_user_with_a_role },
        { "threads assign", test_threads_assign },
        {},
};
