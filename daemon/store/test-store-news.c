/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The contract suite: what is told at a login, tickets, the host's name. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "daemon/store/test-store.h"

/* News */

static LoginNews login(Store *store, unsigned n, const char *rhost) {
        g_autoptr(Session) session = test_session(n, ALICE, 100 + n);
        g_autoptr(GPtrArray) ended = NULL;
        LoginNews news = {};
        bool bound = false;

        session->rhost = g_strdup(rhost);
        assert_result(store_session_open_login(store, session, MANY, NULL, &bound, &ended, &news), 0);
        assert(bound);
        g_assert_cmpuint(ended->len, ==, 0);
        test_assert_state(store, n, SESSION_ACTIVE);
        return news;
}

static void assert_news(const LoginNews *news, int64_t last, const char *last_from, unsigned failures, int64_t failed,
                        const char *failed_from) {
        g_assert_cmpint(news->last, ==, last);
        g_assert_cmpstr(news->last_from, ==, last_from);
        g_assert_cmpuint(news->failures, ==, failures);
        g_assert_cmpint(news->failed, ==, failed);
        g_assert_cmpstr(news->failed_from, ==, failed_from);
}

static void test_news(Store *store) {
        g_auto(LoginNews) first = login(store, 1, "192.0.2.1"), second = {}, third = {}, fourth = {};

        assert_news(&first, 0, NULL, 0, 0, NULL);
        second = login(store, 2, NULL);
        assert_news(&second, START + 1, "192.0.2.1", 0, 0, NULL);

        store_user_failed(store, "alice", "203.0.113.1", START + 50);
        store_user_failed(store, "alice", "203.0.113.2", START + 51);
        store_user_failed(store, "alice", NULL, START + 52);
        store_user_failed(store, "bob", "203.0.113.3", START + 53);
        store_user_failed(store, "nobody", "203.0.113.4", START + 54);
        store_user_failed(store, NULL, "203.0.113.4", START + 54);
        third = login(store, 3, "192.0.2.3");
        assert_news(&third, START + 2, NULL, 3, START + 52, NULL);
        fourth = login(store, 4, "192.0.2.4");
        assert_news(&fourth, START + 3, "192.0.2.3", 0, 0, NULL);
}

/* A session that no person opens, or that could not be opened, is no login. */
static void test_news_of_logins_only(Store *store) {
        g_autoptr(Session) refused = test_session(9, ALICE, AUDIT_ID_UNSET);
        g_autofree char *nowhere = test_id(99);
        g_autoptr(GPtrArray) ended = NULL;
        g_auto(LoginNews) first = login(store, 1, NULL), none = {}, again = {};
        bool bound;

        store_user_failed(store, "alice", "203.0.113.1", START + 50);
        test_open(store, 2, ALICE, 12);
        g_strlcpy(refused->parent, nowhere, SESSION_ID_SIZE);
        assert_result(store_session_open_login(store, refused, MANY, NULL, &bound, &ended, &none), STORE_E_STATE);
        assert_news(&none, 0, NULL, 0, 0, NULL);
        refused->state = SESSION_PENDING;
        assert_result(store_session_open_login(store, refused, MANY, NULL, &bound, &ended, &none), -EINVAL);
        g_assert_null(ended);

        again = login(store, 3, NULL);
        assert_news(&again, START + 1, NULL, 1, START + 50, "203.0.113.1");
}

static void test_news_go_with_the_user(Store *store) {
        User alice = { .name = (char *) "alice", .uid = ALICE, .enabled = true };
        g_auto(LoginNews) first = login(store, 1, NULL), second = {};
        g_autoptr(GPtrArray) ended = NULL;

        assert_result(store_user_remove(store, "alice", "left", START, &ended), 0);
        assert_result(store_user_add(store, &alice), 0);
        second = login(store, 2, NULL);
        assert_news(&second, 0, NULL, 0, 0, NULL);
}

#define N_THREADS 16

typedef struct Failer {
        pthread_t thread;
        Store *store;
        unsigned number;
        unsigned told;
} Failer;

/* Every second one fails, the others log in meanwhile. */
static void *fail_or_login(void *data) {
        Failer *failer = data;

        for (unsigned i = 0; i < 20; i++) {
                if (failer->number % 2) {
                        store_user_failed(failer->store, "alice", "203.0.113.1", START + 50);
                } else {
                        g_auto(LoginNews) news = login(failer->store, 1 + failer->number * 100 + i, NULL);

                        failer->told += news.failures;
                }
        }
        return NULL;
}

/* Each failure is told at exactly one login. */
static void test_threads_news(Store *store) {
        Failer failers[N_THREADS];
        g_auto(LoginNews) last = {};
        unsigned told = 0;

        for (unsigned i = 0; i < N_THREADS; i++) {
                failers[i] = (Failer) { .store = store, .number = i };
                assert(pthread_create(&failers[i].thread, NULL, fail_or_login, &failers[i]) == 0);
        }
        for (unsigned i = 0; i < N_THREADS; i++) {
                assert(pthread_join(failers[i].thread, NULL) == 0);
                told += failers[i].told;
        }
        last = login(store, 90000, NULL);
        g_assert_cmpuint(told + last.failures, ==, N_THREADS / 2 * 20);
}

/* Tickets */

static void test_tickets(Store *store) {
        bool used = true;

        assert_result(store_ticket_used(store, "web2", "jti-1", &used), 0);
        assert(!used);
        assert_result(store_ticket_use(store, "web2", "jti-1", START + 60), 0);
        assert_result(store_ticket_use(store, "web2", "jti-1", START + 90), STORE_E_EXISTS);
        assert_result(store_ticket_used(store, "web2", "jti-1", &used), 0);
        assert(used);
        assert_result(store_ticket_use(store, "web3", "jti-1", START + 60), 0);
        assert_result(store_ticket_use(store, "web2", "JTI-1", START + 60), 0);
        assert_result(store_ticket_use(store, "web2 jti", "-1", START + 60), 0);
        assert_result(store_ticket_use(store, "web2", "jti -1", START + 60), 0);

        assert_result(store_ticket_use(store, NULL, "jti-1", START), -EINVAL);
        assert_result(store_ticket_use(store, "web2", NULL, START), -EINVAL);
        assert_result(store_ticket_use(store, "web2", "", START), -EINVAL);
        assert_result(store_ticket_used(store, "web2", NULL, &used), -EINVAL);
}

static void test_tickets_are_forgotten(Store *store) {
        bool used;

        for (unsigned n = 0; n < 1203; n++) {
                g_autofree char *jti = test_id(n);

                assert_result(store_ticket_use(store, "web2", jti, START + n), 0);
        }
        assert_result(store_device_sweep(store, START + 1202, DAY, DAY), 0);
        for (unsigned n = 0; n < 1203; n++) {
                g_autofree char *jti = test_id(n);

                assert_result(store_ticket_used(store, "web2", jti, &used), 0);
                g_assert_cmpint(used, ==, n == 1202);
        }
}

static void *use_same_ticket(void *data) {
        Failer *failer = data;

        for (unsigned n = 0; n < 20; n++) {
                g_autofree char *jti = test_id(n);
                int r = store_ticket_use(failer->store, "web2", jti, START);

                assert(r == 0 || r == STORE_E_EXISTS);
                failer->told += r == 0;
        }
        return NULL;
}

static void test_threads_ticket_once(Store *store) {
        Failer failers[N_THREADS];
        unsigned won = 0;

        for (unsigned i = 0; i < N_THREADS; i++) {
                failers[i] = (Failer) { .store = store };
                assert(pthread_create(&failers[i].thread, NULL, use_same_ticket, &failers[i]) == 0);
        }
        for (unsigned i = 0; i < N_THREADS; i++) {
                assert(pthread_join(failers[i].thread, NULL) == 0);
                won += failers[i].told;
        }
        g_assert_cmpuint(won, ==, 20);
}

/* The host's name */

static void test_rename_host(Store *store) {
        g_autoptr(Session) elsewhere = test_session(3, ALICE, 13), first = NULL, second = NULL, third = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        g_autofree char *name = NULL;
        bool bound;

        test_open(store, 1, ALICE, 11);
        test_open(store, 2, ALICE, 12);
        g_free(elsewhere->host);
        elsewhere->host = g_strdup("web2.example.org");
        assert_result(store_session_open(store, elsewhere, MANY, &bound, &ended), 0);
        assert(test_end(store, 2, SESSION_EVENT_CLOSE) == 1);

        assert_result(store_rename_host(store, HOST, ""), -EINVAL);
        assert_result(store_rename_host(store, HOST, NULL), -EINVAL);
        assert_result(store_rename_host(store, NULL, "new.example.org"), -EINVAL);
        assert_result(store_meta_get(store, "name", &name), STORE_E_NOT_FOUND);
        assert_result(store_rename_host(store, HOST, "new.example.org"), 0);
        assert_result(store_meta_get(store, "name", &name), 0);
        g_assert_cmpstr(name, ==, "new.example.org");
        first = test_get(store, 1);
        g_assert_cmpstr(first->host, ==, "new.example.org");
        second = test_get(store, 2);
        g_assert_cmpstr(second->host, ==, "new.example.org");
        third = test_get(store, 3);
        g_assert_cmpstr(third->host, ==, "web2.example.org");
}

const StoreTestRow store_news_tests[] = {
        { "news", test_news },
        { "news of logins only", test_news_of_logins_only },
        { "news go with the user", test_news_go_with_the_user },
        { "threads news", test_threads_news },
        { "tickets", test_tickets },
        { "tickets are forgotten", test_tickets_are_forgotten },
        { "threads ticket once", test_threads_ticket_once },
        { "rename host", test_rename_host },
        {},
};
