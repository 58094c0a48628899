/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The contract suite, run as "test-store memory", "test-store sqlite" and "test-store redis". Here: users, main. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/store-memory.h"
#include "daemon/store/store-sqlite.h"
#include "daemon/store/test-redis-server.h"
#include "daemon/store/test-store.h"

static void add_user(Store *store, const char *name, uid_t uid) {
        User user = {
                .name = (char *) name,
                .uid = uid,
                .enabled = true,
                .password_hash = (char *) "$h$1",
                .created = START,
        };

        assert_result(store_user_add(store, &user), 0);
}

/* Meta and users */

static void test_meta(Store *store) {
        g_autofree char *first = NULL, *second = NULL, *none = NULL;

        assert_result(store_meta_get(store, "name", &none), STORE_E_NOT_FOUND);
        g_assert_null(none);
        assert_result(store_meta_set(store, "name", "web1"), 0);
        assert_result(store_meta_get(store, "name", &first), 0);
        g_assert_cmpstr(first, ==, "web1");
        assert_result(store_meta_set(store, "name", "web2"), 0);
        assert_result(store_meta_get(store, "name", &second), 0);
        g_assert_cmpstr(second, ==, "web2");
        assert_result(store_meta_set(store, "name", NULL), -EINVAL);
}

static void test_users(Store *store) {
        User carol = { .name = (char *) "carol", .uid = 1003 };
        User same_name = { .name = (char *) "alice", .uid = 1004 };
        User same_uid = { .name = (char *) "dave", .uid = ALICE };
        User no_uid = { .name = (char *) "eve", .uid = UID_UNSET };
        g_autoptr(User) alice = NULL, got = NULL, none = NULL;
        g_autoptr(GPtrArray) users = NULL;

        assert_result(store_user_get(store, "alice", &alice), 0);
        g_assert_cmpstr(alice->name, ==, "alice");
        g_assert_cmpuint(alice->uid, ==, ALICE);
        g_assert_true(alice->enabled);
        g_assert_cmpstr(alice->password_hash, ==, "$h$1");
        g_assert_cmpint(alice->created, ==, START);

        assert_result(store_user_get(store, "ALICE", &none), STORE_E_NOT_FOUND);
        assert_result(store_user_get(store, NULL, &none), STORE_E_NOT_FOUND);
        g_assert_null(none);

        assert_result(store_user_add(store, &carol), 0);
        assert_result(store_user_get(store, "carol", &got), 0);
        g_assert_null(got->password_hash);
        g_assert_false(got->enabled);
        assert_result(store_user_add(store, &same_name), STORE_E_EXISTS);
        assert_result(store_user_add(store, &same_uid), STORE_E_EXISTS);
        assert_result(store_user_add(store, &no_uid), -EINVAL);

        assert_result(store_user_list(store, &users), 0);
        g_assert_cmpuint(users->len, ==, 3);
        g_assert_cmpstr(((User *) users->pdata[0])->name, ==, "alice");
        g_assert_cmpstr(((User *) users->pdata[2])->name, ==, "carol");
}

static void test_user_rehash(Store *store) {
        g_autoptr(User) alice = NULL;

        assert_result(store_user_rehash(store, "nobody", "$h$1", "$h$2"), STORE_E_NOT_FOUND);
        assert_result(store_user_rehash(store, "alice", "$h$0", "$h$2"), STORE_E_STATE);
        assert_result(store_user_rehash(store, "alice", "$h$1", "$h$2"), 0);
        assert_result(store_user_rehash(store, "alice", "$h$1", "$h$3"), STORE_E_STATE);
        assert_result(store_user_get(store, "alice", &alice), 0);
        g_assert_cmpstr(alice->password_hash, ==, "$h$2");
}

/* Disabling and removing: the user and all its sessions, or neither. */
static void test_user_disable(Store *store) {
        g_autoptr(GPtrArray) ended = NULL, again = NULL, none = NULL;
        g_autoptr(User) alice = NULL;
        bool changed = false;

        test_open(store, 1, ALICE, 11);
        test_open(store, 2, ALICE, AUDIT_ID_UNSET);
        test_open(store, 3, BOB, 13);
        assert_result(store_user_disable(store, "alice", "left", START + 9, &changed, &ended), 0);
        g_assert_true(changed);
        g_assert_cmpuint(ended->len, ==, 2);
        g_assert_cmpstr(((Session *) ended->pdata[0])->end_reason, ==, "left");
        g_assert_cmpint(((Session *) ended->pdata[0])->ended, ==, START + 9);
        test_assert_state(store, 1, SESSION_REVOKED);
        test_assert_state(store, 2, SESSION_REVOKED);
        test_assert_state(store, 3, SESSION_ACTIVE);
        assert_result(store_user_get(store, "alice", &alice), 0);
        g_assert_false(alice->enabled);

        assert_result(store_user_disable(store, "alice", "left", START + 10, &changed, &again), 0);
        g_assert_false(changed);
        g_assert_cmpuint(again->len, ==, 0);
        assert_result(store_user_disable(store, "nobody", "left", START, &changed, &none), STORE_E_NOT_FOUND);
        g_assert_null(none);

        assert_result(store_user_enable(store, "alice", &changed), 0);
        g_assert_true(changed);
        assert_result(store_user_enable(store, "alice", &changed), 0);
        g_assert_false(changed);
        assert_result(store_user_enable(store, "nobody", &changed), STORE_E_NOT_FOUND);
        test_assert_state(store, 1, SESSION_REVOKED);
}

static void test_user_remove(Store *store) {
        g_autoptr(GPtrArray) ended = NULL, none = NULL;
        g_autoptr(User) alice = NULL;

        test_open(store, 1, ALICE, 11);
        assert_result(store_user_remove(store, "alice", "removed", START + 9, &ended), 0);
        g_assert_cmpuint(ended->len, ==, 1);
        test_assert_state(store, 1, SESSION_REVOKED);
        assert_result(store_user_get(store, "alice", &alice), STORE_E_NOT_FOUND);
        assert_result(store_user_remove(store, "alice", "removed", START + 9, &none), STORE_E_NOT_FOUND);
        add_user(store, "alice", ALICE);
}

static void test_R6_change_password(Store *store) {
        g_autofree char *except = test_id(2);
        g_autoptr(GPtrArray) ended = NULL, all = NULL, none = NULL;
        g_autoptr(User) alice = NULL;

        test_open(store, 1, ALICE, 11);
        test_open_child(store, 2, ALICE, 1);
        test_open(store, 3, ALICE, 13);
        test_open_child(store, 4, ALICE, 2);
        test_open(store, 5, BOB, 15);
        assert_result(store_user_change_password(store, "alice", "$h$2", except, "passwd", START + 9, &ended), 0);
        g_assert_cmpuint(ended->len, ==, 2);
        test_assert_state(store, 1, SESSION_ACTIVE); /* the parent of the one that is kept */
        test_assert_state(store, 2, SESSION_ACTIVE);
        test_assert_state(store, 3, SESSION_REVOKED);
        test_assert_state(store, 4, SESSION_REVOKED);
        test_assert_state(store, 5, SESSION_ACTIVE);
        assert_result(store_user_get(store, "alice", &alice), 0);
        g_assert_cmpstr(alice->password_hash, ==, "$h$2");

        assert_result(store_user_change_password(store, "alice", "$h$3", NULL, "passwd", START + 9, &all), 0);
        g_assert_cmpuint(all->len, ==, 2);
        assert_result(store_user_change_password(store, "x", "$h$3", NULL, "passwd", START, &none),
                      STORE_E_NOT_FOUND);
}

const StoreTestRow store_user_tests[] = {
        { "meta", test_meta },
        { "users", test_users },
        { "user rehash", test_user_rehash },
        { "user disable", test_user_disable },
        { "user remove", test_user_remove },
        { "R6 change password", test_R6_change_password },
        {},
};

/* Running */

static bool is_shared(const char *backend) {
        return strcmp(backend, "memory-shared") == 0 || strcmp(backend, "redis") == 0;
}

static Store *open_one(const char *backend, const char *path) {
        g_autofree char *message = NULL;
        Store *store = NULL;

        if (strcmp(backend, "memory") == 0)
                return store_memory_new();
        if (strcmp(backend, "memory-shared") == 0)
                return store_memory_new_shared();
        if (store_sqlite_open(path, /* must_exist= */ false, &store, &message) < 0)
                g_error("%s", message);
        return store;
}

/* With Redis each test has keys and a host of its own. */
static void run_one(const char *backend, RedisServer *server, const StoreTestRow *row) {
        static unsigned number;
        g_autofree char *folder = g_dir_make_tmp("test-store-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(folder, "tessera.db", NULL);
        g_autofree char *own = g_strdup_printf("test-%u", ++number);
        Store *store;

        printf("%s: %s\n", backend, row->name);
        store = server ? redis_server_open(server, own, own) : open_one(backend, path);
        add_user(store, "alice", ALICE);
        add_user(store, "bob", BOB);
        row->test(store);
        assert(store_free(store) == NULL);
        (void) unlink(path);
        g_assert_cmpint(rmdir(folder), ==, 0); /* nothing is left beside the database */
}

int main(int argc, char **argv) {
        const StoreTestRow *const suites[] = {
                store_user_tests,     store_session_tests, store_end_tests,      store_device_tests, store_assignment_tests,
                store_identity_tests, store_news_tests,    store_throttle_tests, store_thread_tests,
                is_shared(argc == 2 ? argv[1] : "") ? store_shared_tests : store_lone_tests,
        };
        _cleanup_server_ RedisServer *server = NULL;

        assert(argc == 2);
        setvbuf(stdout, NULL, _IOLBF, 0);
        assert(store_free(NULL) == NULL);
        if (strcmp(argv[1], "redis") == 0)
                server = redis_server_new(/* durable= */ false);
        for (size_t i = 0; i < G_N_ELEMENTS(suites); i++)
                for (const StoreTestRow *row = suites[i]; row->name; row++)
                        run_one(argv[1], server, row);
        return 0;
}
