/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <string.h>

#include "client/device-register.h"
#include "common/cleanup.h"

#define LOCK_SECONDS 15

static int activate_locked(DeviceFile *file) {
        int r;

        file->pending = false;
        r = device_file_write(file);
        if (r == 0)
                (void) device_file_remove_pending(file);
        return r;
}

int device_register_begin(DeviceFile *file) {
        _cleanup_device_file_ DeviceFile old = { 0 };
        _cleanup_close_ int lock = -1;
        int r;

        r = device_file_lock(file->user, file->host, file->port, LOCK_SECONDS, &lock);
        if (r != 0)
                return r;
        r = device_file_read(file->user, file->host, file->port, &old);
        if (r == 0 && old.pending)
                r = activate_locked(&old);
        if (r != 0 && r != DEVICE_E_NONE)
                return r;
        file->pending = true;
        return device_file_write(file);
}

int device_register_end(DeviceFile *file) {
        _cleanup_device_file_ DeviceFile now = { 0 };
        _cleanup_close_ int lock = -1;
        int r;

        r = device_file_lock(file->user, file->host, file->port, LOCK_SECONDS, &lock);
        if (r != 0)
                return r;
        r = device_file_read(file->user, file->host, file->port, &now);
        if (r == 0 && strcmp(now.device, file->device) == 0) {
                file->counter = now.counter;
                memcpy(file->in_flight, now.in_flight, sizeof(file->in_flight));
                file->n_in_flight = now.n_in_flight;
        }
        return activate_locked(file);
}

typedef struct Search {
        const char *id, *except;
        char *found;
} Search;

static int look_at(const char *name, void *data) {
        _cleanup_device_file_ DeviceFile file = { 0 };
        Search *search = data;

        if (g_strcmp0(name, search->except) == 0 || device_file_read_name(name, &file) != 0 ||
            strcmp(file.device, search->id) != 0)
                return 0;
        search->found = g_strdup(name);
        return 1;
}

char *device_register_find(const char *id, const char *except) {
        Search search = { .id = id, .except = except };

        (void) device_file_each(look_at, &search);
        return search.found;
}
