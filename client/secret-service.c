/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <dlfcn.h>
#include <glib.h>
#include <string.h>

#include "client/secret-service.h"

#define LIBRARY "libsecret-1.so.0"
#define ATTRIBUTE "device"

/* libsecret's ABI, which is stable since 0.12: <libsecret/secret-schema.h>, <libsecret/secret-password.h>. */
typedef struct SecretSchema {
        const char *name;
        int flags;
        struct {
                const char *name;
                int type; /* 0: a string */
        } attributes[32];
        int reserved;
        void *reserved_pointers[7];
} SecretSchema;

typedef struct Library {
        void *handle;
        gboolean (*store)(const SecretSchema *schema, const char *collection, const char *label, const char *password,
                          void *cancellable, GError **error, ...);
        char *(*lookup)(const SecretSchema *schema, void *cancellable, GError **error, ...);
        gboolean (*clear)(const SecretSchema *schema, void *cancellable, GError **error, ...);
        void (*release)(char *password); /* which it wipes */
} Library;

static const SecretSchema schema = {
        .name = "org.tessera.Device",
        .attributes = { { ATTRIBUTE, 0 } },
};

/* Stays loaded: GObject's types cannot be taken back. */
static bool load(Library *ret) {
        ret->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (!ret->handle)
                return false;
        *(void **) &ret->store = dlsym(ret->handle, "secret_password_store_sync");
        *(void **) &ret->lookup = dlsym(ret->handle, "secret_password_lookup_nonpageable_sync");
        *(void **) &ret->clear = dlsym(ret->handle, "secret_password_clear_sync");
        *(void **) &ret->release = dlsym(ret->handle, "secret_password_free");
        return ret->store && ret->lookup && ret->clear && ret->release;
}

int secret_service_store(const DeviceFile *file) {
        g_autofree char *label = g_strdup_printf("tessera: %s@%s", file->user, file->host);
        char seed[REFRESH_PUBLIC_LENGTH + 1];
        Library library;
        gboolean stored;

        if (!load(&library))
                return DEVICE_E_NO_SERVICE;
        refresh_key_to_text(file->seed, seed);
        stored = library.store(&schema, NULL, label, seed, NULL, NULL, ATTRIBUTE, file->device, NULL);
        explicit_bzero(seed, sizeof(seed));
        return stored ? 0 : DEVICE_E_LOCKED_KEY;
}

int secret_service_load(const DeviceFile *file, unsigned char ret_seed[REFRESH_SEED_SIZE]) {
        g_autoptr(GError) error = NULL;
        Library library;
        char *seed;
        bool good;

        if (!load(&library))
                return DEVICE_E_NO_SERVICE;
        seed = library.lookup(&schema, NULL, &error, ATTRIBUTE, file->device, NULL);
        if (!seed)
                return error ? DEVICE_E_LOCKED_KEY : DEVICE_E_NO_KEY;
        good = refresh_key_from_text(seed, ret_seed);
        library.release(seed);
        return good ? 0 : DEVICE_E_NO_KEY;
}

void secret_service_forget(const DeviceFile *file) {
        Library library;

        if (file->in_service && load(&library))
                (void) library.clear(&schema, NULL, NULL, ATTRIBUTE, file->device, NULL);
}
