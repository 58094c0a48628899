/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/local-facts.h"
#include "daemon/store/test-store.h"
#include "daemon/store/tombstones.h"

typedef struct Place {
        char *folder, *path;
        Tombstones *tombstones;
} Place;

static void reopen(Place *place) {
        g_autofree char *message = NULL;

        place->tombstones = tombstones_free(place->tombstones);
        if (tombstones_open(place->folder, &place->tombstones, &message) < 0)
                g_error("%s", message);
}

static Place place_new(void) {
        Place place = { .folder = g_dir_make_tmp("test-tombstones-XXXXXX", NULL) };

        place.path = g_build_filename(place.folder, TOMBSTONES_FILE, NULL);
        reopen(&place);
        return place;
}

static void place_deinit(Place *place) {
        (void) tombstones_free(place->tombstones);
        assert(unlink(place->path) == 0);
        assert(rmdir(place->folder) == 0); /* nothing else was left */
        g_free(place->path);
        g_free(place->folder);
}

#define _cleanup_place_ __attribute__((__cleanup__(place_deinit)))

static int add_session(Place *place, unsigned n, SessionState state, uint32_t audit_id, int64_t ends) {
        g_autoptr(GPtrArray) sessions = g_ptr_array_new();
        g_autoptr(Session) session = test_session(n, ALICE, audit_id);

        session->state = state;
        session->ends = ends;
        g_ptr_array_add(sessions, session);
        return tombstones_add_sessions(place->tombstones, sessions);
}

static bool has_session(Place *place, unsigned n) {
        g_autofree char *id = test_id(n);

        return tombstones_has_session(place->tombstones, id);
}

static off_t size_of(const Place *place) {
        struct stat st;

        assert(stat(place->path, &st) == 0);
        return st.st_size;
}

static void test_all_kinds_outlast_a_restart(void) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Session) login = NULL, none = NULL;
        g_autofree char *device = test_id(7), *other = test_id(8), *position = NULL;
        int64_t number;

        assert_result(add_session(&place, 1, SESSION_REVOKED, 11, START), 0);
        assert_result(add_session(&place, 2, SESSION_CLOSED, 12, START), 0);
        assert_result(add_session(&place, 3, SESSION_REVOKED, AUDIT_ID_UNSET, START), 0);
        assert_result(tombstones_add_device(place.tombstones, device, START), 0);
        assert_result(tombstones_add_ticket(place.tombstones, "web 2", "a\nb", START), 0);
        assert_result(tombstones_add_user(place.tombstones, TOMBSTONE_USER, ALICE, 70), 0);
        assert_result(tombstones_add_user(place.tombstones, TOMBSTONE_USER, ALICE, 60), 0); /* came late */
        assert_result(tombstones_add_user(place.tombstones, TOMBSTONE_PASSWORD, BOB, 80), 0);
        assert_result(tombstones_set_position(place.tombstones, "5-1", 9), 0);
        assert_result(tombstones_set_position(place.tombstones, "4-1", 3), 0); /* a feed may begin anew */
        for (int i = 0; i < 2; i++) {
                assert(has_session(&place, 1) && !has_session(&place, 2) && has_session(&place, 3));
                assert(tombstones_has_device(place.tombstones, device) && !tombstones_has_device(place.tombstones, other));
                assert(tombstones_has_ticket(place.tombstones, "web 2", "a\nb"));
                assert(!tombstones_has_ticket(place.tombstones, "web", "2 a\nb"));
                g_assert_cmpint(tombstones_get_user(place.tombstones, TOMBSTONE_USER, ALICE), ==, 70);
                g_assert_cmpint(tombstones_get_user(place.tombstones, TOMBSTONE_PASSWORD, ALICE), ==, 0);
                g_assert_cmpint(tombstones_get_user(place.tombstones, TOMBSTONE_PASSWORD, BOB), ==, 80);
                reopen(&place);
        }
        position = tombstones_get_position(place.tombstones, &number);
        g_assert_cmpstr(position, ==, "4-1");
        g_assert_cmpint(number, ==, 3);
        login = tombstones_get_login(place.tombstones, BOOT, 11, ALICE);
        g_assert_cmpstr(login->user, ==, "alice");
        g_assert_cmpint(login->state, ==, SESSION_REVOKED);
        none = tombstones_get_login(place.tombstones, BOOT, 11, BOB);
        assert(!none);
        none = tombstones_get_login(place.tombstones, OTHER_BOOT, 11, ALICE);
        assert(!none);
}

static void test_a_line_that_was_cut_off(void) {
        for (unsigned cut = 1; cut < 40; cut += 4) {
                _cleanup_place_ Place place = place_new();
                off_t whole;

                assert_result(add_session(&place, 1, SESSION_REVOKED, 11, START), 0);
                whole = size_of(&place);
                assert_result(add_session(&place, 2, SESSION_REVOKED, 12, START), 0);
                assert(truncate(place.path, size_of(&place) - (off_t) cut) == 0);
                reopen(&place);
                assert(has_session(&place, 1) && !has_session(&place, 2));
                g_assert_cmpint(size_of(&place), ==, whole);
                assert_result(add_session(&place, 3, SESSION_REVOKED, 13, START), 0);
                reopen(&place);
                assert(has_session(&place, 1) && has_session(&place, 3));
        }
}

/* Nothing is guessed: who may let in says no instead. */
static void test_damage_is_an_error(void) {
        static const char *const damages[] = {
                "nonsense\n",      "session\n",       "session x\n",         "session x y\n",      "grave x 1\n",
                "session x 1 2\n", "device x 1 2 3\n", "session x 1 1 2 3\n", "user  1\n",          "feed position 1\n",
                "session x 99999999999999999999\n",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(damages); i++) {
                _cleanup_place_ Place place = place_new();
                g_autofree char *message = NULL;
                Tombstones *none = NULL;

                place.tombstones = tombstones_free(place.tombstones);
                assert(g_file_set_contents(place.path, damages[i], -1, NULL));
                assert_result(tombstones_open(place.folder, &none, &message), -EUCLEAN);
                assert(!none && strstr(message, place.path));
        }
}

/* Whoever writes to the store can say that anything is a user: what is no name becomes no line. */
static void test_R12_only_names_are_remembered(void) {
        static const char *const others[] = { "", "a b", "a\nnonsense", "\xff" };
        _cleanup_place_ Place place = place_new();

        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
                assert_result(tombstones_see_user(place.tombstones, others[i]), 0);
        assert_result(tombstones_see_user(place.tombstones, "alice"), 0);
        reopen(&place);
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
                assert(!tombstones_saw_user(place.tombstones, others[i]));
        assert(tombstones_saw_user(place.tombstones, "alice"));
}

/* A full disk: it counts all the same, who may refuse is told, and the next one that works writes all. */
static void test_a_full_disk(void) {
        _cleanup_place_ Place place = place_new();
        struct rlimit old, none;

        assert_result(add_session(&place, 1, SESSION_REVOKED, 11, START), 0);
        assert(getrlimit(RLIMIT_FSIZE, &old) == 0);
        none = (struct rlimit) { .rlim_cur = (rlim_t) size_of(&place) + 10, .rlim_max = old.rlim_max };
        assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        assert(setrlimit(RLIMIT_FSIZE, &none) == 0);
        for (unsigned n = 2; n <= 4; n++) {
                g_assert_cmpint(add_session(&place, n, SESSION_REVOKED, 10 + n, START), <, 0);
                assert(has_session(&place, n));
                assert(!tombstones_is_saved(place.tombstones));
        }
        assert(setrlimit(RLIMIT_FSIZE, &old) == 0);
        assert_result(add_session(&place, 5, SESSION_REVOKED, 15, START), 0);
        assert(tombstones_is_saved(place.tombstones));
        reopen(&place);
        for (unsigned n = 1; n <= 5; n++)
                assert(has_session(&place, n));
}

static void free_session(void *session) {
        (void) session_free(session);
}

static void test_sweep(void) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(GPtrArray) many = g_ptr_array_new_with_free_func(free_session);
        g_autoptr(Session) login = NULL;
        g_autofree char *device = test_id(7);
        off_t full;

        for (unsigned n = 1; n <= 3000; n++) {
                Session *session = test_session(n, ALICE, n);

                session->state = SESSION_REVOKED;
                session->ends = START + n;
                g_ptr_array_add(many, session);
        }
        assert_result(tombstones_add_sessions(place.tombstones, many), 0);
        assert_result(tombstones_add_device(place.tombstones, device, START + 5000), 0);
        assert_result(tombstones_add_ticket(place.tombstones, "a", "b", START), 0);
        assert_result(tombstones_add_user(place.tombstones, TOMBSTONE_USER, ALICE, 1), 0);
        full = size_of(&place);
        tombstones_sweep(place.tombstones, START + 3000);
        g_assert_cmpint(size_of(&place), <, full / 100);
        assert(!has_session(&place, 2999) && has_session(&place, 3000));
        assert(tombstones_has_ticket(place.tombstones, "a", "b"));
        login = tombstones_get_login(place.tombstones, BOOT, 2999, ALICE);
        assert(!login);
        tombstones_sweep_tickets(place.tombstones, START + 1);
        assert(!tombstones_has_ticket(place.tombstones, "a", "b"));
        reopen(&place);
        assert(has_session(&place, 3000) && tombstones_has_device(place.tombstones, device));
        g_assert_cmpint(tombstones_get_user(place.tombstones, TOMBSTONE_USER, ALICE), ==, 1);
}

/* As a million sessions make it that were revoked at once, in fewer lines. */
static void test_a_large_file(void) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(GPtrArray) sessions = g_ptr_array_new_with_free_func(free_session);
        const unsigned n = 130;

        for (unsigned i = 1; i <= n; i++) {
                Session *session = test_session(i, ALICE, i);

                session->state = SESSION_REVOKED;
                g_free(session->user);
                session->user = g_strnfill(1024 * 1024, 'a');
                g_ptr_array_add(sessions, session);
        }
        assert_result(tombstones_add_sessions(place.tombstones, sessions), 0);
        reopen(&place);
        assert(has_session(&place, 1) && has_session(&place, n));
}

static void test_local_facts(void) {
        g_autofree char *folder = g_dir_make_tmp("test-facts-XXXXXX", NULL), *path = g_build_filename(folder, LOCAL_FACTS_FILE, NULL);
        static const char *const damages[] = { "", "a", "a=b", "=b\n", "a\n", "a=b\na=c\n" };
        g_autofree char *message = NULL, *value = NULL, *other = NULL;
        LocalFacts *facts = NULL;

        assert_result(local_facts_open(folder, &facts, &message), 0);
        assert(!local_facts_get(facts, "a"));
        assert_result(local_facts_set(facts, "a", "1"), 0);
        assert_result(local_facts_set(facts, "b", "x=y\nz\\"), 0);
        assert_result(local_facts_set(facts, "a", ""), 0);
        facts = local_facts_free(facts);
        assert_result(local_facts_open(folder, &facts, &message), 0);
        value = local_facts_get(facts, "a");
        other = local_facts_get(facts, "b");
        g_assert_cmpstr(value, ==, "");
        g_assert_cmpstr(other, ==, "x=y\nz\\");
        facts = local_facts_free(facts);
        for (size_t i = 0; i < G_N_ELEMENTS(damages); i++) {
                g_autofree char *wrong = NULL;

                assert(g_file_set_contents(path, damages[i], -1, NULL));
                assert_result(local_facts_open(folder, &facts, &wrong), -EUCLEAN);
                assert(!facts && strstr(wrong, path));
        }
        assert(unlink(path) == 0);
        assert(rmdir(folder) == 0);
}

int main(void) {
        test_all_kinds_outlast_a_restart();
        test_a_line_that_was_cut_off();
        test_damage_is_an_error();
        test_R12_only_names_are_remembered();
        test_a_full_disk();
        test_sweep();
        test_a_large_file();
        test_local_facts();
        return 0;
}
