/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Reading the database through while it is in use: what is found, how long it takes, whom it disturbs. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/store/store-memory.h"
#include "daemon/store/store-sqlite.h"
#include "daemon/store/test-place.h"
#include "daemon/store/test-store.h"

#define LONG (60 * G_TIME_SPAN_SECOND)
#define PAGE 4096
#define MANY_ROWS "200000"

/* Closed once, so that all of it is in the file and nothing in the log. */
static Store *open_with_sessions(const Place *place) {
        g_autoptr(Store) store = place_open(place->path, false);
        User alice = { .name = (char *) "alice", .uid = ALICE, .enabled = true, .password_hash = (char *) "$h$1" };

        assert_result(store_user_add(store, &alice), 0);
        for (unsigned n = 1; n <= 40; n++)
                test_open(store, n, ALICE, 100 + n);
        store = store_free(store);
        return place_open(place->path, true);
}

static void overwrite(const char *path, off_t page) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        char bytes[PAGE];

        memset(bytes, 0xa5, sizeof(bytes));
        assert(fd >= 0);
        assert(pwrite(fd, bytes, sizeof(bytes), page * PAGE) == PAGE);
        assert(close(fd) == 0);
}

static void test_whole(void) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) store = open_with_sessions(&place), memory = store_memory_new();
        g_autofree char *problem = NULL;

        assert_result(store_check(store, LONG, &problem), 0);
        assert_result(store_check(memory, LONG, &problem), 0);
        g_assert_null(problem);
        /* and it goes on as before */
        assert_result(store_meta_set(store, "name", "web1"), 0);
        assert_result(store_check(store, LONG, &problem), 0);
}

static void test_damage_is_found_while_in_use(void) {
        unsigned found = 0;

        for (off_t page = 1; page < 20; page++) {
                _cleanup_place_ Place place = place_new();
                g_autoptr(Store) store = open_with_sessions(&place);
                g_autofree char *problem = NULL;
                int r;

                overwrite(place.path, page);
                r = store_check(store, LONG, &problem);
                if (r == 0)
                        continue; /* a page that nothing uses */
                assert_result(r, -EUCLEAN);
                g_assert_nonnull(problem);
                found++;
        }
        g_assert_cmpuint(found, >, 9);
}

static void test_ends_in_time(void) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) store = open_with_sessions(&place);
        g_autofree char *problem = NULL;
        gint64 begun;

        /* Past the store: opening so many would take minutes. */
        place_run_sql(place.path, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " MANY_ROWS
                                  ") INSERT INTO event SELECT i, 1, i, hex(randomblob(100)), 'sshd', '' FROM n");
        begun = g_get_monotonic_time();
        assert_result(store_check(store, 1000, &problem), -EINTR);
        g_assert_cmpint(g_get_monotonic_time() - begun, <, 2 * G_TIME_SPAN_SECOND);
        g_assert_null(problem);
        assert_result(store_check(store, LONG, &problem), 0);
}

int main(void) {
        test_whole();
        test_damage_is_found_while_in_use();
        test_ends_in_time();
        return 0;
}
