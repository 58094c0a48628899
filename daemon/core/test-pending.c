/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>

#include "daemon/core/pending.h"
#include "daemon/core/test-fake-clock.h"

#define ALICE 1000
#define BOB 1001
#define ID "00112233445566778899aabbccddeeff"

/* sshd's session process 100, and the child 101 of it that authenticates. */
static const Caller authenticator = { .uid = 0, .process = { 101, 5001 }, .parent = { 100, 5000 } };
static const Caller opener = { .uid = 0, .process = { 100, 5000 }, .parent = { 1, 1 } };

static FakeClock fake = FAKE_CLOCK_INIT;

static Session *session_of(const char *id, uid_t uid) {
        Session *session = session_new();

        (void) g_strlcpy(session->id, id, sizeof(session->id));
        session->uid = uid;
        session->user = g_strdup("alice");
        session->service = g_strdup("sshd");
        session->rhost = g_strdup("192.0.2.1");
        return session;
}

static int add(Pending *pending, const char *id, uid_t uid, const char *parent) {
        g_autoptr(Session) session = session_of(id, uid);

        (void) g_strlcpy(session->parent, parent, sizeof(session->parent));
        return pending_add(pending, session, &authenticator, pending_mark(pending, uid));
}

static bool taken(Pending *pending, const char *id, uid_t uid, const Caller *caller) {
        g_autoptr(Session) session = pending_take(pending, id, uid, "sshd", "192.0.2.1", caller);

        return session != NULL;
}

/* Everything that must agree, one thing wrong per row; after each the rightful opener still gets it. */
static void test_P32_only_the_rightful_opener_takes_it(void) {
        static const struct {
                const char *sentence, *id, *service, *rhost;
                uid_t uid;
                Caller caller;
        } rows[] = {
                { "another id", "ff112233445566778899aabbccddeeff", "sshd", "192.0.2.1", ALICE,
                  { 0, { 100, 5000 }, { 1, 1 } } },
                { "a prefix", "0011", "sshd", "192.0.2.1", ALICE, { 0, { 100, 5000 }, { 1, 1 } } },
                { "another user", ID, "sshd", "192.0.2.1", BOB, { 0, { 100, 5000 }, { 1, 1 } } },
                { "another service", ID, "login", "192.0.2.1", ALICE, { 0, { 100, 5000 }, { 1, 1 } } },
                { "another host", ID, "sshd", "192.0.2.2", ALICE, { 0, { 100, 5000 }, { 1, 1 } } },
                { "no host", ID, "sshd", NULL, ALICE, { 0, { 100, 5000 }, { 1, 1 } } },
                { "not root", ID, "sshd", "192.0.2.1", ALICE, { ALICE, { 100, 5000 }, { 1, 1 } } },
                { "uid unset", ID, "sshd", "192.0.2.1", ALICE, { UID_UNSET, { 100, 5000 }, { 1, 1 } } },
                { "another process", ID, "sshd", "192.0.2.1", ALICE, { 0, { 102, 5002 }, { 1, 1 } } },
                { "a sibling, child of the same parent", ID, "sshd", "192.0.2.1", ALICE,
                  { 0, { 102, 5002 }, { 100, 5000 } } },
                { "the parent's pid used again", ID, "sshd", "192.0.2.1", ALICE, { 0, { 100, 5001 }, { 1, 1 } } },
                { "the grandparent", ID, "sshd", "192.0.2.1", ALICE, { 0, { 1, 1 }, { 0, 0 } } },
                { "a process that is not known", ID, "sshd", "192.0.2.1", ALICE, { 0, { 0, 0 }, { 0, 0 } } },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                Pending *pending = pending_new(&fake.clock);
                g_autoptr(Session) session = NULL;

                g_assert_cmpint(add(pending, ID, ALICE, ""), ==, 0);
                session = pending_take(pending, rows[i].id, rows[i].uid, rows[i].service, rows[i].rhost,
                                       &rows[i].caller);
                if (session)
                        g_error("given to %s", rows[i].sentence);
                assert(taken(pending, ID, ALICE, &opener));
                pending_free(pending);
        }
}

static void test_the_authenticating_process_itself_may_open(void) {
        Pending *pending = pending_new(&fake.clock);

        g_assert_cmpint(add(pending, ID, ALICE, ""), ==, 0);
        assert(taken(pending, ID, ALICE, &authenticator));
        pending_free(pending);
}

static void test_unknown_parents_match_nobody(void) {
        static const Caller orphan = { .uid = 0, .process = { 101, 5001 } };
        static const Caller nobody = { .uid = 0 };
        Pending *pending = pending_new(&fake.clock);
        g_autoptr(Session) session = session_of(ID, ALICE);

        g_assert_cmpint(pending_add(pending, session, &orphan, pending_mark(pending, ALICE)), ==, 0);
        assert(!taken(pending, ID, ALICE, &nobody));
        assert(taken(pending, ID, ALICE, &orphan));
        pending_free(pending);
}

static void test_taken_once(void) {
        Pending *pending = pending_new(&fake.clock);

        g_assert_cmpint(add(pending, ID, ALICE, ""), ==, 0);
        assert(taken(pending, ID, ALICE, &opener));
        assert(!taken(pending, ID, ALICE, &opener));
        pending_free(pending);
}

static void test_dropped_after_two_minutes(void) {
        Pending *pending = pending_new(&fake.clock);

        g_assert_cmpint(add(pending, ID, ALICE, ""), ==, 0);
        fake_clock_forward(&fake, 119);
        g_assert_cmpint(add(pending, "0000000000000000000000000000aaaa", ALICE, ""), ==, 0);
        fake_clock_forward(&fake, 1);
        assert(!taken(pending, ID, ALICE, &opener));
        assert(taken(pending, "0000000000000000000000000000aaaa", ALICE, &opener));
        pending_free(pending);
}

static void test_a_set_back_wall_clock_extends_nothing(void) {
        Pending *pending = pending_new(&fake.clock);

        g_assert_cmpint(add(pending, ID, ALICE, ""), ==, 0);
        fake_clock_forward(&fake, 120);
        fake.wall -= 3600;
        assert(!taken(pending, ID, ALICE, &opener));
        pending_free(pending);
}

static void test_a_full_table_takes_no_more_until_the_oldest_are_over(void) {
        Pending *pending = pending_new(&fake.clock);
        char id[SESSION_ID_SIZE];

        for (unsigned i = 0; i < PENDING_MAX; i++) {
                (void) g_snprintf(id, sizeof(id), "%032x", i);
                g_assert_cmpint(add(pending, id, ALICE, ""), ==, 0);
        }
        g_assert_cmpint(add(pending, ID, ALICE, ""), ==, PENDING_E_FULL);
        fake_clock_forward(&fake, 120);
        g_assert_cmpint(add(pending, ID, ALICE, ""), ==, 0);
        pending_free(pending);
}

static void test_ending_a_user_drops_only_that_user(void) {
        Pending *pending = pending_new(&fake.clock);

        g_assert_cmpint(add(pending, ID, ALICE, ""), ==, 0);
        g_assert_cmpint(add(pending, "0000000000000000000000000000bbbb", BOB, ""), ==, 0);
        pending_bar(pending, ALICE);
        pending_unbar(pending, ALICE);
        assert(!taken(pending, ID, ALICE, &opener));
        assert(taken(pending, "0000000000000000000000000000bbbb", BOB, &opener));
        g_assert_cmpint(add(pending, "0000000000000000000000000000bbbb", BOB, ""), ==, 0);
        pending_bar(pending, UID_UNSET);
        pending_unbar(pending, UID_UNSET);
        assert(!taken(pending, "0000000000000000000000000000bbbb", BOB, &opener));
        pending_free(pending);
}

/* When the mark was taken, whose change began and ended, and when it is used. */
static void test_marks_do_not_outlive_a_change(void) {
        Pending *pending = pending_new(&fake.clock);
        g_autoptr(Session) session = session_of(ID, ALICE);
        uint64_t before, during;

        before = pending_mark(pending, ALICE);
        assert(pending_mark_holds(pending, ALICE, before));
        pending_bar(pending, BOB);
        assert(pending_mark_holds(pending, ALICE, before));
        pending_unbar(pending, BOB);
        assert(pending_mark_holds(pending, ALICE, before));

        pending_bar(pending, ALICE);
        during = pending_mark(pending, ALICE);
        assert(!pending_mark_holds(pending, ALICE, before));
        assert(!pending_mark_holds(pending, ALICE, during));
        g_assert_cmpint(pending_add(pending, session, &authenticator, during), ==, PENDING_E_CHANGED);
        pending_unbar(pending, ALICE);
        assert(!pending_mark_holds(pending, ALICE, before));
        assert(!pending_mark_holds(pending, ALICE, during));
        g_assert_cmpint(pending_add(pending, session, &authenticator, before), ==, PENDING_E_CHANGED);
        g_assert_cmpint(pending_add(pending, session, &authenticator, during), ==, PENDING_E_CHANGED);

        before = pending_mark(pending, ALICE);
        pending_bar(pending, UID_UNSET);
        assert(!pending_mark_holds(pending, ALICE, before));
        g_assert_cmpint(pending_add(pending, session, &authenticator, before), ==, PENDING_E_CHANGED);
        pending_unbar(pending, UID_UNSET);
        assert(!pending_mark_holds(pending, ALICE, before));
        g_assert_cmpint(add(pending, ID, ALICE, ""), ==, 0);
        pending_free(pending);
}

static void test_children_of_a_revoked_session_go_with_it(void) {
        Pending *pending = pending_new(&fake.clock);

        g_assert_cmpint(add(pending, ID, ALICE, "0000000000000000000000000000cccc"), ==, 0);
        pending_drop_children(pending, "0000000000000000000000000000dddd");
        pending_drop_children(pending, "");
        assert(taken(pending, ID, ALICE, &opener));
        g_assert_cmpint(add(pending, ID, ALICE, "0000000000000000000000000000cccc"), ==, 0);
        pending_drop_children(pending, "0000000000000000000000000000cccc");
        assert(!taken(pending, ID, ALICE, &opener));
        pending_free(pending);
}

int main(void) {
        test_P32_only_the_rightful_opener_takes_it();
        test_the_authenticating_process_itself_may_open();
        test_unknown_parents_match_nobody();
        test_taken_once();
        test_dropped_after_two_minutes();
        test_a_set_back_wall_clock_extends_nothing();
        test_a_full_table_takes_no_more_until_the_oldest_are_over();
        test_ending_a_user_drops_only_that_user();
        test_marks_do_not_outlive_a_change();
        test_children_of_a_revoked_session_go_with_it();
        return 0;
}
