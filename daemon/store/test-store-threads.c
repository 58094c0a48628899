/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The contract suite: many callers at once. */

#undef NDEBUG
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "daemon/store/test-store.h"

#define N_THREADS 32
#define N_ROUNDS 12

typedef struct Worker {
        pthread_t thread;
        Store *store;
        unsigned number;
        unsigned won;
} Worker;

static void run_workers(Store *store, void *(*body)(void *), Worker workers[N_THREADS]) {
        for (unsigned i = 0; i < N_THREADS; i++) {
                workers[i] = (Worker) { .store = store, .number = i };
                assert(pthread_create(&workers[i].thread, NULL, body, &workers[i]) == 0);
        }
        for (unsigned i = 0; i < N_THREADS; i++)
                assert(pthread_join(workers[i].thread, NULL) == 0);
}

static unsigned sum_won(const Worker workers[N_THREADS]) {
        unsigned sum = 0;

        for (unsigned i = 0; i < N_THREADS; i++)
                sum += workers[i].won;
        return sum;
}

/* Each opens sessions of its own, sees them at once, revokes every second one, and reads everybody's. */
static void *open_and_revoke(void *data) {
        Worker *worker = data;

        for (unsigned i = 0; i < N_ROUNDS; i++) {
                unsigned n = 1 + worker->number * N_ROUNDS + i;
                g_autofree char *id = test_id(n);
                g_autoptr(GPtrArray) sessions = NULL, events = NULL;
                SessionFilter filter = { .uid = ALICE, .limit = 5 };
                Event event = { .time = START, .event = (char *) "opened" };

                test_open(worker->store, n, worker->number % 2 ? ALICE : BOB, 100 + n);
                test_assert_state(worker->store, n, SESSION_ACTIVE);
                store_session_touch(worker->store, id, START + 5000);
                memcpy(event.session, id, SESSION_ID_SIZE);
                store_event_add(worker->store, &event);
                if (i % 2) {
                        g_assert_cmpuint(test_end(worker->store, n, SESSION_EVENT_REVOKE), ==, 1);
                        test_assert_state(worker->store, n, SESSION_REVOKED);
                }
                assert_result(store_session_list(worker->store, &filter, &sessions), 0);
                assert_result(store_event_list(worker->store, id, &events), 0);
                g_assert_cmpuint(events->len, ==, 1);
        }
        return NULL;
}

static void test_threads_open_and_revoke(Store *store) {
        Worker workers[N_THREADS];
        g_autoptr(GPtrArray) active = NULL, all = NULL;
        SessionFilter filter = { .uid = UID_UNSET };

        run_workers(store, open_and_revoke, workers);
        assert_result(store_session_list(store, &filter, &active), 0);
        g_assert_cmpuint(active->len, ==, N_THREADS * N_ROUNDS / 2);
        filter.ended = true;
        assert_result(store_session_list(store, &filter, &all), 0);
        g_assert_cmpuint(all->len, ==, N_THREADS * N_ROUNDS);
        for (guint i = 0; i < active->len; i++)
                g_assert_cmpint(((Session *) active->pdata[i])->seen, ==, START + 5000);
}

/* One login, many processes that open a session for it: one is bound, the others are its children. */
static void *bind_same_login(void *data) {
        Worker *worker = data;
        g_autoptr(Session) session = test_session(1 + worker->number, ALICE, 77);
        g_autoptr(GPtrArray) ended = NULL;
        bool bound;

        assert_result(store_session_open(worker->store, session, MANY, &bound, &ended), 0);
        worker->won = bound;
        return NULL;
}

static void test_threads_one_binding(Store *store) {
        Worker workers[N_THREADS];
        g_autoptr(Session) bound = NULL;

        run_workers(store, bind_same_login, workers);
        g_assert_cmpuint(sum_won(workers), ==, 1);
        assert_result(store_session_bound(store, BOOT, 77, ALICE, &bound), 0);
        for (unsigned i = 0; i < N_THREADS; i++) {
                g_autoptr(Session) session = test_get(store, 1 + i);

                g_assert_cmpstr(session->parent, ==, workers[i].won ? "" : bound->id);
                g_assert_cmpuint(session->audit_id, ==, workers[i].won ? 77 : AUDIT_ID_UNSET);
        }
}

/* Everybody revokes the same sessions: each ends once, for one of them. */
static void *revoke_all(void *data) {
        Worker *worker = data;
        g_autoptr(GPtrArray) ended = NULL;
        SessionSelector selector = { .uid = ALICE };

        assert_result(store_session_end(worker->store, &selector, SESSION_EVENT_REVOKE, "all", START, &ended), 0);
        worker->won = ended->len;
        return NULL;
}

static void test_threads_end_once(Store *store) {
        Worker workers[N_THREADS];

        for (unsigned n = 1; n <= 50; n++)
                test_open(store, n, ALICE, 10 + n);
        run_workers(store, revoke_all, workers);
        g_assert_cmpuint(sum_won(workers), ==, 50);
}

/* Logins that race with the user being disabled: afterwards none is alive. */
static void *open_or_disable(void *data) {
        Worker *worker = data;
        g_autoptr(Session) session = test_session(1 + worker->number, ALICE, 100 + worker->number);
        g_autoptr(GPtrArray) ended = NULL;
        bool flag;
        int r;

        if (worker->number == N_THREADS / 2) {
                assert_result(store_user_disable(worker->store, "alice", "left", START, &flag, &ended), 0);
                return NULL;
        }
        r = store_session_open(worker->store, session, MANY, &flag, &ended);
        assert(r == 0 || r == STORE_E_STATE);
        return NULL;
}

static void test_R6_threads_disable(Store *store) {
        Worker workers[N_THREADS];
        g_autoptr(GPtrArray) active = NULL;
        SessionFilter filter = { .uid = ALICE };

        run_workers(store, open_or_disable, workers);
        assert_result(store_session_list(store, &filter, &active), 0);
        g_assert_cmpuint(active->len, ==, 0);
}

const StoreTestRow store_thread_tests[] = {
        { "threads open and revoke", test_threads_open_and_revoke },
        { "threads one binding", test_threads_one_binding },
        { "threads end once", test_threads_end_once },
        { "R6 threads disable", test_R6_threads_disable },
        {},
};
