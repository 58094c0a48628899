/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * bench-calls ROUNDS {NAME RUN-FOLDER KEY-FOLDER USERS}… — what a check and a refresh cost whoever asks
 * a daemon for them, over its private socket on a connection that is kept.
 *
 * The store behind each was filled by bench-growth for so many users. A check is Tokens.Verify of an
 * access token of any of their sessions, a refresh Tokens.Refresh by their devices, which were never used
 * before. Only ten users ask, the same number of every daemon, evenly spread over its store: what a
 * look-up of an account costs is not the store's, and alike for ten. Their sessions are a thousand, far
 * from one another. The daemons take turns; a line "NAME MICROSECONDS" is one call.
 */

#include <stdbool.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "common/cleanup.h"
#include "common/memfd.h"
#include "daemon/core/token.h"
#include "tests/bench/growth.h"

#define ASKING 10
#define CALLS_PER_ROUND 50
#define DAEMONS_MAX 4
#define TIMEOUT (10 * G_USEC_PER_SEC)

typedef struct Daemon {
        const char *name;
        sd_bus *bus;
        KeyRing *keys;
        unsigned users;
        uint32_t used[ASKING]; /* of each one's device */
} Daemon;

_Noreturn static void die(const char *what) {
        growth_die("bench-calls", what);
}

static sd_bus *connect_daemon(const char *folder) {
        g_autofree char *address = g_strdup_printf("unix:path=%s/private", folder);
        sd_bus *bus = NULL;

        if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, address) < 0 || sd_bus_negotiate_fds(bus, true) < 0 ||
            sd_bus_start(bus) < 0)
                die("a daemon cannot be reached");
        return bus;
}

static KeyRing *open_keys(const char *folder) {
        g_autofree char *message = NULL;
        KeyRing *keys = NULL;

        if (key_ring_open(folder, /* create= */ false, time(NULL), &keys, &message) < 0)
                die(message);
        return keys;
}

static unsigned user_at(const Daemon *daemon, unsigned n) {
        return n * (daemon->users / ASKING);
}

static unsigned anybody(void) {
        return (unsigned) g_random_int_range(0, ASKING);
}

/* Tokens.@method of @text, timed; the caller frees the reply. */
static sd_bus_message *call(const Daemon *daemon, const char *what, const char *method, const char *text) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        double begin = growth_now_usec();
        _cleanup_close_ int fd = -1;
        int r;

        r = memfd_new_sealed(text, strlen(text), &fd);
        if (r >= 0)
                r = sd_bus_message_new_method_call(daemon->bus, &message, NULL, "/org/tessera/Tessera1",
                                                   "org.tessera.Tessera1.Tokens", method);
        if (r >= 0)
                r = sd_bus_message_append(message, "ha{sv}", fd, 0);
        if (r >= 0)
                r = sd_bus_call(daemon->bus, message, TIMEOUT, &error, &reply);
        if (r < 0)
                die(error.message ?: "a call failed");
        printf("%s-%s %.2f\n", what, daemon->name, growth_now_usec() - begin);
        return reply;
}

static char *make_token(const Daemon *daemon, unsigned user) {
        unsigned n = user * GROWTH_SESSIONS_PER_USER + (unsigned) g_random_int_range(0, GROWTH_SESSIONS_PER_USER);
        g_autoptr(TokenClaims) claims = g_new0(TokenClaims, 1);
        char *token = NULL;

        claims->issuer = g_strdup(GROWTH_HOST);
        claims->audience = g_strdup(GROWTH_HOST);
        claims->subject = growth_user(user);
        claims->issued_at = time(NULL);
        claims->expires = claims->issued_at + TOKEN_LIFETIME_MAX;
        token_new_id(&clock_system, claims->jti);
        growth_id('s', n, claims->session);
        if (token_sign(key_ring_signing(daemon->keys, KEY_TOKEN), claims, &token) < 0)
                die("a token could not be made");
        return token;
}

static void check(Daemon *daemon) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        char *token = make_token(daemon, user_at(daemon, anybody()));
        const char *reason;

        reply = call(daemon, "check", "Verify", token);
        if (sd_bus_message_read(reply, "s", &reason) < 0 || !g_str_equal(reason, "valid"))
                die(reason);
        (void) token_free(token);
}

static void refresh(Daemon *daemon) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        unsigned char seed[REFRESH_SEED_SIZE], device[REFRESH_DEVICE_SIZE];
        char id[GROWTH_ID_SIZE], text[REFRESH_TOKEN_LENGTH + 1];
        unsigned n = anybody(), user = user_at(daemon, n);

        growth_id('d', user, id);
        growth_seed(user, seed);
        if (!refresh_device_from_text(id, device) ||
            !refresh_token_make(device, ++daemon->used[n], GROWTH_HOST, seed, text))
                die("a refresh token could not be made");
        reply = call(daemon, "refresh", "Refresh", text);
}

static void measure(Daemon *daemon) {
        for (int i = 0; i < CALLS_PER_ROUND; i++)
                check(daemon);
        for (int i = 0; i < CALLS_PER_ROUND; i++)
                refresh(daemon);
}

int main(int argc, char **argv) {
        size_t n = argc > 2 ? (size_t) (argc - 2) / 4 : 0;
        Daemon daemons[DAEMONS_MAX];

        if (n == 0 || n > DAEMONS_MAX || argc != 2 + 4 * (int) n || sodium_init() < 0)
                die("usage: bench-calls ROUNDS {NAME RUN-FOLDER KEY-FOLDER USERS}…");
        for (size_t i = 0; i < n; i++) {
                char **words = argv + 2 + 4 * i;

                daemons[i] = (Daemon) {
                        .name = words[0],
                        .bus = connect_daemon(words[1]),
                        .keys = open_keys(words[2]),
                        .users = (unsigned) atoi(words[3]),
                };
                if (daemons[i].users < ASKING)
                        die("there are too few users");
        }
        for (int round = 0; round < atoi(argv[1]); round++)
                for (size_t i = 0; i < n; i++)
                        measure(&daemons[(i + (size_t) round) % n]);
        for (size_t i = 0; i < n; i++) {
                (void) sd_bus_close_unref(daemons[i].bus);
                (void) key_ring_unref(daemons[i].keys);
        }
        return EXIT_SUCCESS;
}
