/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * bench-growth fill BACKEND PLACE SESSIONS — puts so many live sessions there, a hundred of each user.
 * bench-growth measure BACKEND SMALL BIG ROUNDS — what a check and a refresh cost in both.
 *
 * BACKEND is sqlite (a PLACE is a file), redis (PORT:FOLDER, on loopback, and the state folder of the
 * host that uses it) or memory (a PLACE is a number of sessions, made at once). A check is what the
 * daemon asks the store about an access token: its session and its user. A refresh is the use of a
 * device's counter and the session that it gives. The two stores take turns; a line "NAME
 * MICROSECONDS" is one call.
 */

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/store/store-memory.h"
#include "daemon/store/store-redis.h"
#include "daemon/store/store-sqlite.h"
#include "policy/store-settings.h"
#include "tests/bench/growth.h"

#define FILLERS 256 /* at once: what they write is committed together */
#define LIFETIME (INT64_C(10) * 365 * 24 * 3600)
#define CALLS_PER_ROUND 50
#define DEADLINE (30 * G_USEC_PER_SEC) /* so many at once wait for each other */

_Noreturn static void die(const char *what) {
        growth_die("bench-growth", what);
}

static Store *open_redis(const char *place) {
        g_auto(GStrv) parts = g_strsplit(place, ":", 2);
        g_autofree char *message = NULL;
        Store *store = NULL;

        if (g_strv_length(parts) != 2)
                die("a place of redis is PORT:FOLDER");
        if (store_redis_open(&(StoreRedisSettings) {
                                     .link = {
                                             .host = "127.0.0.1",
                                             .port = (uint16_t) atoi(parts[0]),
                                             .deadline = DEADLINE,
                                     },
                                     .prefix = STORE_KEY_PREFIX,
                                     .state_folder = parts[1],
                             },
                             &store, &message) < 0)
                die(message);
        return store;
}

static Store *open_store(const char *backend, const char *place) {
        g_autofree char *message = NULL;
        Store *store = NULL;

        if (g_str_equal(backend, "memory"))
                return store_memory_new();
        if (g_str_equal(backend, "redis"))
                return open_redis(place);
        if (!g_str_equal(backend, "sqlite"))
                die("there is no such backend");
        if (store_sqlite_open(place, /* must_exist= */ false, &store, &message) < 0)
                die(message);
        return store;
}

/* As the daemon names it (setup_state()); a session of another boot would be over. */
static char *boot_id(void) {
        g_autofree char *boot = NULL, *stat = NULL;
        g_auto(GStrv) fields = NULL;
        const char *end;

        if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL) ||
            !g_file_get_contents("/proc/1/stat", &stat, NULL, NULL) || !(end = strrchr(stat, ')')))
                die("/proc cannot be read");
        fields = g_strsplit(end + 2, " ", 0);
        if (g_strv_length(fields) < 20)
                die("/proc/1/stat cannot be read");
        return g_strdup_printf("%s/%s", g_strchomp(boot), fields[19]);
}

static void add_user(Store *store, unsigned number) {
        g_autoptr(User) user = user_new();

        user->name = growth_user(number);
        user->uid = GROWTH_UID_FIRST + number;
        user->enabled = true;
        user->created = time(NULL);
        if (store_user_add(store, user) != 0)
                die("a user could not be added");
}

static void add_device(Store *store, unsigned number) {
        g_autoptr(Device) device = device_new();
        unsigned char seed[REFRESH_SEED_SIZE];

        growth_id('d', number, device->id);
        growth_seed(number, seed);
        refresh_key_public(seed, device->public_key);
        device->name = g_strdup("laptop");
        device->user = growth_user(number);
        device->uid = GROWTH_UID_FIRST + number;
        device->audience = g_strdup(GROWTH_HOST);
        device->created = time(NULL);
        device->ends = device->created + LIFETIME;
        if (store_device_add(store, device, 1) != 0)
                die("a device could not be added");
}

static void open_session(Store *store, const char *boot, char kind, unsigned n, unsigned user) {
        g_autoptr(Session) session = session_new();
        g_autoptr(GPtrArray) ended = NULL;
        bool bound;

        growth_id(kind, n, session->id);
        session->user = growth_user(user);
        session->uid = GROWTH_UID_FIRST + user;
        session->service = g_strdup("sshd");
        session->host = g_strdup(GROWTH_HOST);
        session->boot_id = g_strdup(boot);
        session->state = SESSION_ACTIVE;
        session->opened = session->seen = time(NULL);
        session->ends = session->opened + LIFETIME;
        if (store_session_open(store, session, 100 * GROWTH_SESSIONS_PER_USER, &bound, &ended) != 0)
                die("a session could not be opened");
}

typedef struct Filler {
        Store *store;
        const char *boot;
        unsigned first, users, step;
} Filler;

/* Each user's sessions lie far from one another, as those do that were opened on different days. */
static gpointer fill_part(gpointer data) {
        const Filler *filler = data;

        for (unsigned user = filler->first; user < filler->users; user += filler->step) {
                add_user(filler->store, user);
                add_device(filler->store, user);
        }
        for (unsigned i = 0; i < GROWTH_SESSIONS_PER_USER; i++)
                for (unsigned user = filler->first; user < filler->users; user += filler->step)
                        open_session(filler->store, filler->boot, 's', user * GROWTH_SESSIONS_PER_USER + i, user);
        return NULL;
}

static void fill(Store *store, unsigned sessions) {
        g_autofree char *boot = boot_id();
        GThread *threads[FILLERS];
        Filler fillers[FILLERS];

        for (unsigned i = 0; i < FILLERS; i++) {
                fillers[i] = (Filler) { store, boot, i, sessions / GROWTH_SESSIONS_PER_USER, FILLERS };
                threads[i] = g_thread_new("filler", fill_part, &fillers[i]);
        }
        for (unsigned i = 0; i < FILLERS; i++)
                (void) g_thread_join(threads[i]);
}

typedef struct Place {
        const char *name;
        Store *store;
        char *boot;
        unsigned sessions, refreshed;
} Place;

static unsigned count_users(Store *store) {
        g_autoptr(GPtrArray) users = NULL;

        if (store_user_list(store, &users) != 0 || users->len == 0)
                die("there is nothing to measure");
        return users->len;
}

static Place open_place(const char *name, const char *backend, const char *where) {
        Place place = { .name = name, .store = open_store(backend, where), .boot = boot_id() };

        if (g_str_equal(backend, "memory"))
                fill(place.store, (unsigned) atoi(where));
        place.sessions = count_users(place.store) * GROWTH_SESSIONS_PER_USER;
        return place;
}

static void check(Place *place, unsigned user) {
        unsigned n = user * GROWTH_SESSIONS_PER_USER + (unsigned) g_random_int_range(0, GROWTH_SESSIONS_PER_USER);
        g_autoptr(Session) session = NULL;
        g_autoptr(User) found = NULL;
        char id[GROWTH_ID_SIZE];

        growth_id('s', n, id);
        if (store_session_get(place->store, id, &session) != 0 || session->state != SESSION_ACTIVE ||
            store_user_get(place->store, session->user, &found) != 0)
                die("a session is not there");
}

static void refresh(Place *place, unsigned user) {
        g_autoptr(Device) device = NULL, now = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        int64_t time_now = time(NULL);
        char id[GROWTH_ID_SIZE];
        DeviceUse use;

        growth_id('d', user, id);
        if (store_device_get(place->store, id, &device) != 0 ||
            store_device_use(place->store, id, device->window.highest + 1, NULL, time_now, time_now, &use, &now,
                             &ended) != 0 ||
            use != DEVICE_USE_NEXT)
                die("a device does not count");
        /* an id that no run before this one has used */
        open_session(place->store, place->boot, 'r', g_random_int() ^ place->refreshed++, user);
}

static void measure(Place *place, const char *what, void (*call)(Place *place, unsigned user)) {
        for (int i = 0; i < CALLS_PER_ROUND; i++) {
                unsigned user = (unsigned) g_random_int_range(0, (gint32) (place->sessions / GROWTH_SESSIONS_PER_USER));
                double begin = growth_now_usec();

                call(place, user);
                printf("%s-%s %.2f\n", what, place->name, growth_now_usec() - begin);
        }
}

static void measure_both(const char *backend, const char *small, const char *big, int rounds) {
        Place places[] = { open_place("small", backend, small), open_place("big", backend, big) };

        for (int round = 0; round < rounds; round++)
                for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
                        Place *place = &places[(i + (size_t) round) % G_N_ELEMENTS(places)];

                        measure(place, "check", check);
                        measure(place, "refresh", refresh);
                }
        for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
                (void) store_free(places[i].store);
                g_free(places[i].boot);
        }
}

int main(int argc, char **argv) {
        if (sodium_init() < 0)
                die("libsodium cannot be used");
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
