/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The contract suite: who users are at identity providers. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "daemon/store/test-store.h"

#define CORP "https://login.corp.example"
#define CLUB "https://club.example"
#define DAVE 1004

static UserIdentity identity_of(uid_t uid, const char *issuer, const char *subject) {
        return (UserIdentity) {
                .issuer = (char *) issuer,
                .subject = (char *) subject,
                .user = (char *) (uid == ALICE ? "alice" : uid == BOB ? "bob" : "dave"),
                .uid = uid,
                .provider = (char *) (g_strcmp0(issuer, CORP) == 0 ? "corp" : "club"),
                .linked = START,
                .by = (char *) "root",
        };
}

static int link_to(Store *store, uid_t uid, const char *issuer, const char *subject) {
        UserIdentity identity = identity_of(uid, issuer, subject);

        return store_identity_add(store, &identity, /* awaiting= */ false);
}

/* Somebody who awaits corp. */
static void add_dave(Store *store) {
        const User dave = { .name = (char *) "dave", .uid = DAVE, .enabled = true, .awaits = (char *) "corp" };

        assert_result(store_user_add(store, &dave), 0);
}

static void assert_awaits(Store *store, const char *name, const char *provider) {
        g_autoptr(User) user = NULL;

        assert_result(store_user_get(store, name, &user), 0);
        g_assert_cmpstr(user->awaits, ==, provider);
}

/* As "alice:club:1 bob:corp:2". */
static void assert_listed(Store *store, uid_t uid, const char *expected) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GPtrArray) identities = NULL;

        assert_result(store_identity_list(store, uid, &identities), 0);
        for (guint i = 0; i < identities->len; i++) {
                const UserIdentity *identity = identities->pdata[i];

                g_string_append_printf(text, "%s%s:%s:%s", i > 0 ? " " : "", identity->user, identity->provider,
                                       identity->subject);
        }
        g_assert_cmpstr(text->str, ==, expected);
}

static void test_identity(Store *store) {
        UserIdentity full = identity_of(ALICE, CORP, "248'; --");
        g_autoptr(UserIdentity) got = NULL, none = NULL;

        full.by = (char *) "carol";
        assert_result(store_identity_add(store, &full, /* awaiting= */ false), 0);
        assert_result(store_identity_find(store, CORP, "248'; --", &got), 0);
        g_assert_cmpstr(got->issuer, ==, CORP);
        g_assert_cmpstr(got->subject, ==, "248'; --");
        g_assert_cmpstr(got->user, ==, "alice");
        g_assert_cmpuint(got->uid, ==, ALICE);
        g_assert_cmpstr(got->provider, ==, "corp");
        g_assert_cmpint(got->linked, ==, START);
        g_assert_cmpstr(got->by, ==, "carol");
        assert_result(store_identity_find(store, CLUB, "248'; --", &none), STORE_E_NOT_FOUND);
        assert_result(store_identity_find(store, CORP, "248", &none), STORE_E_NOT_FOUND);
        assert_result(store_identity_find(store, CORP, "", &none), STORE_E_NOT_FOUND);
        assert_result(store_identity_find(store, NULL, "248'; --", &none), STORE_E_NOT_FOUND);
}

static void test_identities_are_listed(Store *store) {
        assert_listed(store, UID_UNSET, "");
        assert_result(link_to(store, BOB, CORP, "2"), 0);
        assert_result(link_to(store, ALICE, CORP, "1"), 0);
        assert_result(link_to(store, ALICE, CLUB, "9"), 0);
        assert_listed(store, UID_UNSET, "alice:club:9 alice:corp:1 bob:corp:2");
        assert_listed(store, ALICE, "alice:club:9 alice:corp:1");
        assert_listed(store, 4711, "");
}

/* A3: a subject is one user's, and a user has one of each issuer; the same again is no other. */
static void test_A3_one_subject_one_user(Store *store) {
        g_autoptr(UserIdentity) got = NULL;

        assert_result(link_to(store, ALICE, CORP, "1"), 0);
        assert_result(link_to(store, BOB, CORP, "1"), STORE_E_EXISTS);
        assert_result(link_to(store, ALICE, CORP, "2"), STORE_E_EXISTS);
        assert_result(link_to(store, ALICE, CORP, "1"), STORE_E_EXISTS);
        assert_result(link_to(store, BOB, CLUB, "1"), 0); /* another's 1 */
        assert_result(store_identity_find(store, CORP, "1", &got), 0);
        g_assert_cmpstr(got->user, ==, "alice");
        assert_listed(store, UID_UNSET, "alice:corp:1 bob:club:1");
}

static void test_R6_identity_needs_its_user(Store *store) {
        UserIdentity moved = identity_of(ALICE, CORP, "1"), nobody = moved;

        moved.uid = 1999;
        nobody.user = (char *) "carol";
        assert_result(store_identity_add(store, &moved, false), STORE_E_STATE);
        assert_result(store_identity_add(store, &nobody, false), STORE_E_STATE);
        assert_listed(store, UID_UNSET, "");
}

static void test_identities_that_cannot_be(Store *store) {
        UserIdentity good = identity_of(ALICE, CORP, "1"), rows[8];
        User alice = { .name = (char *) "erin", .uid = 1005, .enabled = true };
        bool changed;

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                rows[i] = good;
        rows[0].issuer = NULL;
        rows[1].issuer = (char *) "";
        rows[2].subject = NULL;
        rows[3].subject = (char *) "";
        rows[4].user = NULL;
        rows[5].uid = UID_UNSET;
        rows[6].provider = NULL;
        rows[7].by = NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                assert_result(store_identity_add(store, &rows[i], false), -EINVAL);
        assert_result(store_user_add_linked(store, &alice, &good), -EINVAL); /* another's */
        assert_result(store_identity_remove(store, UID_UNSET, "corp", NULL, &changed), -EINVAL);
        assert_result(store_identity_remove(store, ALICE, NULL, CORP, &changed), -EINVAL);
        assert_listed(store, UID_UNSET, "");
}

/* Who awaits a provider is linked to it once, by whoever comes first; enabled, and to that one only. */
static void test_awaiting(Store *store) {
        UserIdentity corp = identity_of(DAVE, CORP, "4"), club = identity_of(DAVE, CLUB, "4"), other = corp;
        UserIdentity alice = identity_of(ALICE, CORP, "1");
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        add_dave(store);
        assert_awaits(store, "dave", "corp");
        assert_awaits(store, "alice", NULL);
        assert_result(store_identity_add(store, &alice, /* awaiting= */ true), STORE_E_STATE);
        assert_result(store_identity_add(store, &club, /* awaiting= */ true), STORE_E_STATE);
        assert_result(store_user_disable(store, "dave", "left", START, &changed, &ended), 0);
        assert_result(store_identity_add(store, &corp, /* awaiting= */ true), STORE_E_STATE);
        assert_result(store_user_enable(store, "dave", &changed), 0);
        assert_listed(store, UID_UNSET, "");

        assert_result(store_identity_add(store, &corp, /* awaiting= */ true), 0);
        assert_awaits(store, "dave", NULL);
        other.subject = (char *) "5";
        assert_result(store_identity_add(store, &other, /* awaiting= */ true), STORE_E_STATE);
        assert_listed(store, UID_UNSET, "dave:corp:4");
}

/* What is somebody's is not given to who awaits it, who goes on awaiting. */
static void test_awaiting_what_is_taken(Store *store) {
        UserIdentity taken = identity_of(DAVE, CORP, "1");

        add_dave(store);
        assert_result(link_to(store, ALICE, CORP, "1"), 0);
        assert_result(store_identity_add(store, &taken, /* awaiting= */ true), STORE_E_EXISTS);
        assert_awaits(store, "dave", "corp");
}

/* An administrator's word ends the waiting for that provider, not for another. */
static void test_linking_ends_awaiting(Store *store) {
        add_dave(store);
        assert_result(link_to(store, DAVE, CLUB, "4"), 0);
        assert_awaits(store, "dave", "corp");
        assert_result(link_to(store, DAVE, CORP, "4"), 0);
        assert_awaits(store, "dave", NULL);
}

static void test_identity_removed(Store *store) {
        bool changed = true;

        add_dave(store);
        assert_result(link_to(store, ALICE, CORP, "1"), 0);
        assert_result(link_to(store, ALICE, CLUB, "2"), 0);
        assert_result(link_to(store, BOB, CORP, "3"), 0);
        assert_result(store_identity_remove(store, ALICE, "other", NULL, &changed), 0);
        assert(!changed);
        assert_result(store_identity_remove(store, ALICE, "corp", CORP, &changed), 0);
        assert(changed);
        assert_listed(store, UID_UNSET, "alice:club:2 bob:corp:3");
        assert_result(store_identity_remove(store, ALICE, "corp", CORP, &changed), 0);
        assert(!changed);
        /* the provider is called otherwise by now */
        assert_result(store_identity_remove(store, ALICE, "verein", CLUB, &changed), 0);
        assert(changed);
        /* and of one who only awaits it */
        assert_result(store_identity_remove(store, DAVE, "club", CLUB, &changed), 0);
        assert(!changed);
        assert_result(store_identity_remove(store, DAVE, "corp", CORP, &changed), 0);
        assert(changed);
        assert_awaits(store, "dave", NULL);
        assert_listed(store, UID_UNSET, "bob:corp:3");
}

/* Whoever comes under that name or uid again is nobody there; disabling takes nothing away. */
static void test_R6_identities_go_with_the_user(Store *store) {
        User alice = { .name = (char *) "alice", .uid = ALICE, .enabled = true };
        g_autoptr(GPtrArray) ended = NULL, revoked = NULL;
        bool changed;

        assert_result(link_to(store, ALICE, CORP, "1"), 0);
        assert_result(link_to(store, BOB, CORP, "2"), 0);
        assert_result(store_user_disable(store, "alice", "left", START, &changed, &ended), 0);
        assert_listed(store, ALICE, "alice:corp:1");
        assert_result(store_user_remove(store, "alice", "removed", START, &revoked), 0);
        assert_result(store_user_add(store, &alice), 0);
        assert_listed(store, UID_UNSET, "bob:corp:2");
}

/* Both or neither. */
static void test_user_with_an_identity(Store *store) {
        User dave = { .name = (char *) "dave", .uid = DAVE, .enabled = true }, alice = dave;
        UserIdentity identity = identity_of(DAVE, CORP, "1"), hers = identity_of(ALICE, CLUB, "1");
        g_autoptr(User) none = NULL, got = NULL;

        assert_result(link_to(store, ALICE, CORP, "1"), 0);
        assert_result(store_user_add_linked(store, &dave, &identity), STORE_E_EXISTS);
        assert_result(store_user_get(store, "dave", &none), STORE_E_NOT_FOUND);
        identity.subject = (char *) "2";
        assert_result(store_user_add_linked(store, &dave, &identity), 0);
        assert_result(store_user_get(store, "dave", &got), 0);
        alice.name = (char *) "alice";
        alice.uid = ALICE;
        assert_result(store_user_add_linked(store, &alice, &hers), STORE_E_EXISTS);
        assert_listed(store, UID_UNSET, "alice:corp:1 dave:corp:2");
}

/* Two people approve at once for one who awaits: one of them is linked. */

enum { N_THREADS = 8 };

typedef struct Approval {
        Store *store;
        char subject[2];
        int result;
} Approval;

static void *approve(void *data) {
        Approval *approval = data;
        UserIdentity identity = identity_of(DAVE, CORP, approval->subject);

        approval->result = store_identity_add(approval->store, &identity, /* awaiting= */ true);
        return NULL;
}

static void test_threads_link(Store *store) {
        Approval approvals[N_THREADS];
        pthread_t threads[N_THREADS];
        unsigned linked = 0;

        add_dave(store);
        for (unsigned i = 0; i < N_THREADS; i++) {
                approvals[i] = (Approval) { .store = store, .subject = { (char) ('a' + (int) i) } };
                assert(pthread_create(&threads[i], NULL, approve, &approvals[i]) == 0);
        }
        for (unsigned i = 0; i < N_THREADS; i++) {
                assert(pthread_join(threads[i], NULL) == 0);
                linked += approvals[i].result == 0;
                assert(approvals[i].result == 0 || approvals[i].result == STORE_E_STATE);
        }
        g_assert_cmpuint(linked, ==, 1);
}

const StoreTestRow store_identity_tests[] = {
        { "identity", test_identity },
        { "identities are listed", test_identities_are_listed },
        { "A3 one subject one user", test_A3_one_subject_one_user },
        { "R6 identity needs its user", test_R6_identity_needs_its_user },
        { "identities that cannot be", test_identities_that_cannot_be },
        { "awaiting", test_awaiting },
        { "awaiting what is taken", test_awaiting_what_is_taken },
        { "linking ends awaiting", test_linking_ends_awaiting },
        { "identity removed", test_identity_removed },
        { "R6 identities go with the user", test_R6_identities_go_with_the_user },
        { "user with an identity", test_user_with_an_identity },
        { "threads link", test_threads_link },
        {},
};
