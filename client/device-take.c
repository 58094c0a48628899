/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/device-alias.h"
#include "client/device-take.h"
#include "client/process.h"
#include "client/secret-service.h"
#include "client/state-folder.h"
#include "common/cleanup.h"

#define POLL_US 50000

static bool is_same(const DeviceOwner *a, const DeviceOwner *b) {
        return a->pid == b->pid && a->start == b->start;
}

static bool owner_is_alive(const DeviceOwner *owner) {
        uint64_t start;

        return process_start((pid_t) owner->pid, &start) == 0 && start == owner->start;
}

/* A clock that was set back makes nothing younger than it is for long: the future is over as well. */
static bool is_under_way(const DeviceTaken *taken, int64_t now, bool (*is_alive)(const DeviceOwner *owner)) {
        int64_t age = now - taken->time;

        return age >= -DEVICE_IN_FLIGHT_TIME && age < DEVICE_IN_FLIGHT_TIME && is_alive(&taken->owner);
}

static void forget(DeviceFile *file, int64_t now, bool (*is_alive)(const DeviceOwner *owner)) {
        size_t n = 0;

        for (size_t i = 0; i < file->n_in_flight; i++)
                if (is_under_way(&file->in_flight[i], now, is_alive))
                        file->in_flight[n++] = file->in_flight[i];
        file->n_in_flight = n;
}

int device_take_next(DeviceFile *file, const DeviceOwner *owner, int64_t now,
                     bool (*is_alive)(const DeviceOwner *owner)) {
        uint32_t oldest = file->counter;

        forget(file, now, is_alive);
        if (file->counter == UINT32_MAX)
                return DEVICE_E_EXHAUSTED;
        for (size_t i = 0; i < file->n_in_flight; i++) {
                if (is_same(&file->in_flight[i].owner, owner))
                        return DEVICE_E_ANSWERED;
                if (file->in_flight[i].counter < oldest)
                        oldest = file->in_flight[i].counter;
        }
        if (file->n_in_flight == DEVICE_IN_FLIGHT_MAX)
                return DEVICE_E_BUSY;
        if (file->n_in_flight > 0 && file->counter + 1 - oldest > DEVICE_SPREAD_MAX)
                return DEVICE_E_BUSY;
        file->counter++;
        file->in_flight[file->n_in_flight++] = (DeviceTaken) {
                .counter = file->counter,
                .time = now,
                .owner = *owner,
        };
        return 0;
}

/* Under the lock from the reading to the disk. */
static int take_locked(const DeviceFile *which, const DeviceOwner *owner, int64_t deadline, DeviceFile *ret) {
        int64_t left = deadline - state_now_ms();
        _cleanup_close_ int lock = -1;
        int r;

        r = device_file_lock(which->user, which->host, which->port, left > 0 ? (int) (left / 1000) + 1 : 0, &lock);
        if (r == 0)
                r = device_file_read(which->user, which->host, which->port, ret);
        if (r == 0)
                r = device_take_next(ret, owner, time(NULL), owner_is_alive);
        return r == 0 ? device_file_write(ret) : r;
}

int device_take(const char *user, const char *host, uint16_t port, const DeviceOwner *owner,
                char ret[REFRESH_TOKEN_LENGTH + 1]) {
        int64_t deadline = state_now_ms() + DEVICE_TAKE_SECONDS * 1000;
        _cleanup_device_file_ DeviceFile file = { 0 };
        unsigned char device[REFRESH_DEVICE_SIZE], seed[REFRESH_SEED_SIZE] = { 0 };
        _cleanup_device_file_ DeviceFile before = { 0 };
        int r;

        /* Without a device there is nothing to lock, and no folder to be made. */
        r = device_find(user, host, port, &before);
        if (r == 0 && before.in_service) /* before the lock: a human may have to unlock a keyring */
                r = secret_service_load(&before, seed);
        if (r != 0)
                return r;
        do {
                r = take_locked(&before, owner, deadline, &file);
        } while (r == DEVICE_E_BUSY && state_now_ms() < deadline && usleep(POLL_US) == 0);
        if (r == 0 && file.in_service)
                (void) memcpy(file.seed, seed, sizeof(seed));
        explicit_bzero(seed, sizeof(seed));
        if (r != 0)
                return r;
        /* Replaced meanwhile: the key is another one's; or what it signs is for others than this host is of. */
        if ((file.in_service && (!before.in_service || strcmp(before.device, file.device) != 0)) ||
            strcmp(before.audience, file.audience) != 0 || before.fleet != file.fleet)
                return DEVICE_E_LOCKED;
        if (!refresh_device_from_text(file.device, device) ||
            !refresh_token_make(device, file.counter, file.audience, file.seed, ret))
                return DEVICE_E_DAMAGED;
        return 0;
}
