/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * bench-refresh FOLDER ROUNDS — what a refresh token's use costs, beside the disk that it waits for.
 *
 * A use is what the daemon does with one: take the text apart, look the device up, check the
 * signature ("whole-N", of N clients at once), and commit that the counter is spent (SQLite,
 * synchronous=FULL; "commit-N" is that alone). The reference is as many writes of one page to a file
 * of its own on the same disk, each followed by fdatasync(). They take turns; a line "NAME
 * MICROSECONDS" is one round's time for one use.
 */

#include <fcntl.h>
#include <glib.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/refresh-token.h"
#include "daemon/store/store-sqlite.h"

#define AUDIENCE "web1.example.org"
#define CLIENTS_MAX 64
#define USES_PER_ROUND 64 /* of each client */
#define PAGE 4096
#define RAW_PAGES 256

typedef char Text[REFRESH_TOKEN_LENGTH + 1];

typedef struct Client {
        Store *store;
        Device *device;
        unsigned char id[REFRESH_DEVICE_SIZE], seed[REFRESH_SEED_SIZE];
        uint32_t counter;
        Text tokens[USES_PER_ROUND];
        bool whole;
} Client;

_Noreturn static void die(const char *what) {
        (void) fprintf(stderr, "bench-refresh: %s\n", what);
        exit(EXIT_FAILURE);
}

static void add_user(Store *store) {
        g_autoptr(User) user = user_new();

        user->name = g_strdup("alice");
        user->uid = 1000;
        user->enabled = true;
        user->created = 1;
        if (store_user_add(store, user) != 0)
                die("the user could not be added");
}

static void client_init(Client *client, Store *store, unsigned number) {
        Device *device = device_new();

        client->store = store;
        client->device = device;
        randombytes_buf(client->id, sizeof(client->id));
        refresh_key_new(client->seed, device->public_key);
        refresh_device_to_text(client->id, device->id);
        device->name = g_strdup_printf("machine%u", number);
        device->user = g_strdup("alice");
        device->uid = 1000;
        device->audience = g_strdup(AUDIENCE);
        device->created = 1;
        device->ends = G_MAXINT32;
        if (store_device_add(store, device, CLIENTS_MAX) != 0)
                die("a device could not be added");
}

/* The device's part, which is not measured. */
static void make_tokens(Client *client) {
        for (size_t i = 0; i < USES_PER_ROUND; i++)
                if (!refresh_token_make(client->id, ++client->counter, AUDIENCE, client->seed, client->tokens[i]))
                        die("a token could not be made");
}

static void use_one(Client *client, const char *text) {
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) known = NULL, now = NULL;
        char id[2 * REFRESH_DEVICE_SIZE + 1];
        RefreshToken token;
        DeviceUse use;

        if (!refresh_token_parse(text, REFRESH_TOKEN_LENGTH, &token))
                die("a token is none");
        refresh_device_to_text(token.device, id);
        if (client->whole && (store_device_get(client->store, id, &known) != 0 ||
                              !refresh_token_verify(&token, known->audience, known->public_key)))
                die("a token is not genuine");
        if (store_device_use(client->store, id, token.counter, NULL, 2, 2, &use, &now, &ended) != 0 ||
            use != DEVICE_USE_NEXT)
                die("a token did not count");
}

static gpointer use_all(gpointer data) {
        Client *client = data;

        for (size_t i = 0; i < USES_PER_ROUND; i++)
                use_one(client, client->tokens[i]);
        return NULL;
}

static void measure_uses(const char *name, Client *clients, unsigned n, bool whole) {
        GThread *threads[CLIENTS_MAX];
        gint64 begin;

        for (unsigned i = 0; i < n; i++) {
                clients[i].whole = whole;
                make_tokens(&clients[i]);
        }
        begin = g_get_monotonic_time();
        for (unsigned i = 0; i < n; i++)
                threads[i] = g_thread_new("client", use_all, &clients[i]);
        for (unsigned i = 0; i < n; i++)
                (void) g_thread_join(threads[i]);
        printf("%s %.2f\n", name, (double) (g_get_monotonic_time() - begin) / (n * USES_PER_ROUND));
}

static void measure_raw(int fd) {
        static const char page[PAGE];
        gint64 begin = g_get_monotonic_time();

        for (unsigned i = 0; i < USES_PER_ROUND; i++)
                if (pwrite(fd, page, PAGE, (off_t) (i % RAW_PAGES) * PAGE) != PAGE || fdatasync(fd) < 0)
                        die("the reference could not be written");
        printf("raw %.2f\n", (double) (g_get_monotonic_time() - begin) / USES_PER_ROUND);
}

static int open_raw(const char *folder) {
        g_autofree char *path = g_build_filename(folder, "raw", NULL);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (fd < 0 || posix_fallocate(fd, 0, RAW_PAGES * PAGE) != 0 || fsync(fd) < 0)
                die("the reference's file could not be made");
        return fd;
}

static Store *open_store(const char *folder) {
        g_autofree char *path = g_build_filename(folder, "tessera.db", NULL);
        g_autofree char *message = NULL;
        Store *store = NULL;

        if (store_sqlite_open(path, /* must_exist= */ false, &store, &message) < 0)
                die(message);
        return store;
}

int main(int argc, char **argv) {
        g_autofree Client *clients = g_new0(Client, CLIENTS_MAX);
        _cleanup_close_ int raw = -1;
        Store *store;

        if (argc != 3 || sodium_init() < 0)
                die("usage: bench-refresh FOLDER ROUNDS");
        raw = open_raw(argv[1]);
        store = open_store(argv[1]);
        add_user(store);
        for (unsigned i = 0; i < CLIENTS_MAX; i++)
                client_init(&clients[i], store, i);
        for (int round = 0; round < atoi(argv[2]); round++) {
                measure_raw(raw);
                measure_uses("commit-1", clients, 1, /* whole= */ false);
                measure_uses("commit-64", clients, CLIENTS_MAX, /* whole= */ false);
                measure_uses("whole-1", clients, 1, /* whole= */ true);
                measure_uses("whole-64", clients, CLIENTS_MAX, /* whole= */ true);
        }
        for (unsigned i = 0; i < CLIENTS_MAX; i++)
                clients[i].device = device_free(clients[i].device);
        (void) store_free(store);
        return EXIT_SUCCESS;
}
