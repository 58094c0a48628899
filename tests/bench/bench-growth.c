/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * bench-growth fill BACKEND PLACE SESSIONS — puts so many live sessions there, a hundred of each user.
 * bench-growth measure BACKEND SMALL BIG ROUNDS — what a check and a refresh cost in both.
 *
 * BACKEND is sqlite (a PLACE is a file) or memory (a PLACE is a number of sessions, made at once). A
 * check is what the daemon asks the store about an access token: its session and its user. A refresh
 * is the use of a device's counter and the session that it gives. The two stores take turns; a line
 * "NAME MICROSECONDS" is one of them, and "rss KIB" what the process holds at the end.
 */

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/store-memory.h"
#include "daemon/store/store-sqlite.h"

#define SESSIONS_PER_USER 100
#define FILLERS 64 /* at once: what they write is committed together */
#define UID_FIRST 10000
#define START INT64_C(1700000000)
#define END (START + INT64_C(10) * 365 * 24 * 3600)
#define HOST "web1.example.org"
#define CALLS_PER_ROUND 50

_Noreturn static void die(const char *what) {
        (void) fprintf(stderr, "bench-growth: %s\n", what);
        exit(EXIT_FAILURE);
}

static Store *open_store(const char *backend, const char *place) {
        g_autofree char *message = NULL;
        Store *store = NULL;

        if (g_str_equal(backend, "memory"))
                return store_memory_new();
        if (!g_str_equal(backend, "sqlite"))
                die("there is no such backend");
        if (store_sqlite_open(place, /* must_exist= */ false, &store, &message) < 0)
                die(message);
        return store;
}

/* Ids that look like the random ones, and can be found again. */
static void id_of(char kind, unsigned n, char ret[33]) {
        g_autofree char *name = g_strdup_printf("%c%u", kind, n);
        g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_MD5, name, -1);

        (void) g_strlcpy(ret, hex, 33);
}

static void add_user(Store *store, unsigned number) {
        g_autoptr(User) user = user_new();

        user->name = g_strdup_printf("user%u", number);
        user->uid = UID_FIRST + number;
        user->enabled = true;
        user->created = START;
        if (store_user_add(store, user) != 0)
                die("a user could not be added");
}

static void add_device(Store *store, unsigned number) {
        g_autoptr(Device) device = device_new();

        id_of('d', number, device->id);
        device->name = g_strdup("laptop");
        device->user = g_strdup_printf("user%u", number);
        device->uid = UID_FIRST + number;
        device->audience = g_strdup(HOST);
        device->created = START;
        device->ends = END;
        if (store_device_add(store, device, 1) != 0)
                die("a device could not be added");
}

static void open_session(Store *store, char kind, unsigned n, unsigned user) {
        g_autoptr(Session) session = session_new();
        g_autoptr(GPtrArray) ended = NULL;
        bool bound;

        id_of(kind, n, session->id);
        session->user = g_strdup_printf("user%u", user);
        session->uid = UID_FIRST + user;
        session->service = g_strdup("sshd");
        session->host = g_strdup(HOST);
        session->state = SESSION_ACTIVE;
        session->opened = session->seen = START + n / 100;
        session->ends = END;
        if (store_session_open(store, session, 100 * SESSIONS_PER_USER, &bound, &ended) != 0)
                die("a session could not be opened");
}

typedef struct Filler {
        Store *store;
        unsigned first, users, step;
} Filler;

static gpointer fill_part(gpointer data) {
        const Filler *filler = data;

        for (unsigned user = filler->first; user < filler->users; user += filler->step) {
                add_user(filler->store, user);
                add_device(filler->store, user);
                for (unsigned i = 0; i < SESSIONS_PER_USER; i++)
                        open_session(filler->store, 's', user * SESSIONS_PER_USER + i, user);
        }
        return NULL;
}

static void fill(Store *store, unsigned sessions) {
        GThread *threads[FILLERS];
        Filler fillers[FILLERS];

        for (unsigned i = 0; i < FILLERS; i++) {
                fillers[i] = (Filler) { store, i, sessions / SESSIONS_PER_USER, FILLERS };
                threads[i] = g_thread_new("filler", fill_part, &fillers[i]);
        }
        for (unsigned i = 0; i < FILLERS; i++)
                (void) g_thread_join(threads[i]);
}

typedef struct Place {
        const char *name;
        Store *store;
        unsigned sessions, refreshed;
} Place;

static unsigned count_users(Store *store) {
        g_autoptr(GPtrArray) users = NULL;

        if (store_user_list(store, &users) != 0 || users->len == 0)
                die("there is nothing to measure");
        return users->len;
}

static Place open_place(const char *name, const char *backend, const char *where) {
        Place place = { .name = name, .store = open_store(backend, where) };

        if (g_str_equal(backend, "memory"))
                fill(place.store, (unsigned) atoi(where));
        place.sessions = count_users(place.store) * SESSIONS_PER_USER;
        return place;
}

static void check(const Place *place, unsigned n) {
        g_autoptr(Session) session = NULL;
        g_autoptr(User) user = NULL;
        char id[33];

        id_of('s', n, id);
        if (store_session_get(place->store, id, &session) != 0 || session->state != SESSION_ACTIVE ||
            store_user_get(place->store, session->user, &user) != 0)
                die("a session is not there");
}

static void refresh(Place *place, unsigned user) {
        g_autoptr(Device) device = NULL, now = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        char id[33];
        DeviceUse use;

        id_of('d', user, id);
        if (store_device_get(place->store, id, &device) != 0 ||
            store_device_use(place->store, id, device->window.highest + 1, NULL, START, START, &use, &now, &ended) != 0 ||
            use != DEVICE_USE_NEXT)
                die("a device does not count");
        /* an id that no run before this one has used */
        open_session(place->store, 'r', g_random_int() ^ place->refreshed++, user);
}

static void measure(Place *place) {
        gint64 begin;

        begin = g_get_monotonic_time();
        for (int i = 0; i < CALLS_PER_ROUND; i++)
                check(place, (unsigned) g_random_int_range(0, (gint32) place->sessions));
        printf("check-%s %.2f\n", place->name, (double) (g_get_monotonic_time() - begin) / CALLS_PER_ROUND);
        begin = g_get_monotonic_time();
        for (int i = 0; i < CALLS_PER_ROUND; i++)
                refresh(place, (unsigned) g_random_int_range(0, (gint32) (place->sessions / SESSIONS_PER_USER)));
        printf("refresh-%s %.2f\n", place->name, (double) (g_get_monotonic_time() - begin) / CALLS_PER_ROUND);
}

static void print_rss(void) {
        g_autofree char *status = NULL;
        const char *line;

        if (!g_file_get_contents("/proc/self/status", &status, NULL, NULL) || !(line = strstr(status, "VmRSS:")))
                die("/proc/self/status cannot be read");
        printf("rss %ld\n", strtol(line + strlen("VmRSS:"), NULL, 10));
}

static void measure_both(const char *backend, const char *small, const char *big, int rounds) {
        Place places[] = { open_place("small", backend, small), open_place("big", backend, big) };

        for (int round = 0; round < rounds; round++)
                for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
                        measure(&places[(i + (size_t) round) % G_N_ELEMENTS(places)]);
        print_rss();
        for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
                (void) store_free(places[i].store);
}

int main(int argc, char **argv) {
        if (argc == 5 && g_str_equal(argv[1], "fill")) {
                Store *store = open_store(argv[2], argv[3]);
                fill(store, (unsigned) atoi(argv[4]));
                (void) store_free(store);
        } else if (argc == 6 && g_str_equal(argv[1], "measure")) {
                measure_both(argv[2], argv[3], argv[4], atoi(argv[5]));
        } else {
                die("usage: bench-growth fill BACKEND PLACE SESSIONS | measure BACKEND SMALL BIG ROUNDS");
        }
        return EXIT_SUCCESS;
}
