/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/device-file-private.h"
#include "client/state-folder.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/name.h"

#define SSH_PORT 22
#define UNFINISHED ".new" /* as common/file.c names a file that is being written */
#define MACHINE_ID_MAX 64

static const struct {
        const char *text, *hint;
} meanings[_DEVICE_E_MAX] = {
        [DEVICE_E_NONE] = { "there is no device for it on this machine", "tessera login HOST makes one" },
        [DEVICE_E_UNTRUSTED] = { "its file or folder could be read or changed by others, or is a link",
                                 "look who had access; then: chmod 700 of the folders, 600 of the file" },
        [DEVICE_E_DAMAGED] = { "its file is damaged", "tessera logout --forget HOST, then tessera login HOST" },
        [DEVICE_E_COPIED] = { "its file was made on another machine, which acts with this key",
                              "tessera logout --forget HOST, then tessera login HOST: a device of its own" },
        [DEVICE_E_NO_MACHINE] = { "this machine has no id in " DEVICE_MACHINE_ID_PATH,
                                  "systemd-machine-id-setup makes one" },
        [DEVICE_E_ANSWERED] = { "its answer was not accepted", NULL },
        [DEVICE_E_BUSY] = { "too many logins are under way at a time", "try again when some are done" },
        [DEVICE_E_LOCKED] = { "another process holds its lock", "try again in a moment" },
        [DEVICE_E_NO_SERVICE] = { "its key is in the Secret Service, and libsecret is not installed here",
                                  "install libsecret-1-0" },
        [DEVICE_E_LOCKED_KEY] = { "the Secret Service did not answer, or its keyring stays locked",
                                  "it belongs to a desktop's session; tessera login without --secret-service needs none" },
        [DEVICE_E_NO_KEY] = { "the Secret Service has lost its key", "tessera login HOST makes a new one" },
        [DEVICE_E_EXHAUSTED] = { "it has made all the tokens that it can", "tessera login HOST makes a new one" },
};

const char *device_strerror(int r, const char **ret_hint) {
        bool known = r > 0 && r < _DEVICE_E_MAX;

        if (ret_hint)
                *ret_hint = known ? meanings[r].hint : NULL;
        return known ? meanings[r].text : g_strerror(-r);
}

void device_file_wipe(DeviceFile *file) {
        explicit_bzero(file, sizeof(*file));
}

/* What stands in the file and in its name: nothing that needs quoting, or leads elsewhere. */
static bool host_is_plain(const char *host) {
        size_t size = strlen(host);

        if (size == 0 || size > DEVICE_HOST_MAX || host[0] == '.' || host[0] == '-')
                return false;
        return strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.:_%-") == size;
}

bool device_file_name(const char *user, const char *host, uint16_t port, char ret[DEVICE_FILE_NAME_MAX]) {
        int n;

        if (!name_is_user(user) || !host_is_plain(host) || port == 0)
                return false;
        /* "alice@web.new" is what "alice@web" is called while it is written. */
        if (port == SSH_PORT && !g_str_has_suffix(host, UNFINISHED))
                n = snprintf(ret, DEVICE_FILE_NAME_MAX, "%s@%s", user, host);
        else
                n = snprintf(ret, DEVICE_FILE_NAME_MAX, "%s@[%s]:%u", user, host, port);
        return n > 0 && n < DEVICE_FILE_NAME_MAX;
}

static bool is_hex(const char *text) {
        return strspn(text, "0123456789abcdef") == DEVICE_MACHINE_ID_LENGTH && strlen(text) == DEVICE_MACHINE_ID_LENGTH;
}

int device_machine_id(const char *path, char ret[DEVICE_MACHINE_ID_LENGTH + 1]) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = file_read_trusted(AT_FDCWD, path, MACHINE_ID_MAX, /* owner= */ 0, /* secret= */ 0, &text, &size);
        if (r == -ENOENT)
                return DEVICE_E_NO_MACHINE;
        if (r < 0)
                return r;
        if (size > 0 && text[size - 1] == '\n')
                text[size - 1] = '\0';
        if (!is_hex(text)) /* "uninitialized", too */
                return DEVICE_E_NO_MACHINE;
        memcpy(ret, text, DEVICE_MACHINE_ID_LENGTH + 1);
        return 0;
}

bool device_file_new_key(DeviceFile *file) {
        unsigned char id[REFRESH_DEVICE_SIZE], public_key[REFRESH_PUBLIC_SIZE];

        if (sodium_init() < 0)
                return false;
        randombytes_buf(id, sizeof(id));
        refresh_device_to_text(id, file->device);
        refresh_key_new(file->seed, public_key);
        return true;
}

/* Results of the system that have a meaning here. */
static int fold(int r) {
        switch (r) {
        case -ENOENT:
                return DEVICE_E_NONE;
        case -EPERM:
        case -ELOOP:
        case -EISDIR:
                return DEVICE_E_UNTRUSTED;
        case -EFBIG:
                return DEVICE_E_DAMAGED;
        case -ETIMEDOUT:
                return DEVICE_E_LOCKED;
        default:
                return r;
        }
}

static const char *folder_of(bool pending) {
        return pending ? "pending" : "devices";
}

int device_file_load(const char *below, const char *name, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int folder = -1;
        int r;

        r = state_folder_open(below, /* create= */ false, &folder);
        if (r == 0)
                r = file_read_trusted(folder, name, max, getuid(), /* secret= */ 1, ret, ret_size);
        return fold(r);
}

int device_file_store(const char *below, const char *name, const char *text, size_t size) {
        _cleanup_close_ int folder = -1;
        int r;

        r = state_folder_open(below, /* create= */ true, &folder);
        return fold(r == 0 ? file_write_atomic(folder, name, text, size, 0600) : r);
}

int device_file_unlink(const char *below, const char *name) {
        _cleanup_close_ int folder = -1;
        int r;

        r = state_folder_open(below, /* create= */ false, &folder);
        if (r < 0)
                return fold(r);
        file_remove_unfinished(folder, name);
        if (unlinkat(folder, name, 0) < 0)
                return fold(-errno);
        return fsync(folder) < 0 ? -errno : 0;
}

static int read_below(bool pending, const char *name, DeviceFile *ret) {
        _cleanup_device_file_ DeviceFile file = { .pending = pending };
        _cleanup_free_ char *text = NULL;
        char own[DEVICE_FILE_NAME_MAX];
        size_t size;
        int r;

        r = device_file_load(folder_of(pending), name, DEVICE_FILE_MAX, &text, &size);
        if (r != 0)
                return r;
        r = device_file_parse(text, size, &file);
        explicit_bzero(text, size);
        if (r != 0)
                return r;
        /* A file under another's name would be the right key for the wrong host. */
        if (!device_file_name(file.user, file.host, file.port, own) || strcmp(own, name) != 0)
                return DEVICE_E_DAMAGED;
        *ret = file;
        return 0;
}

int device_file_read_name(const char *name, DeviceFile *ret) {
        int r = read_below(/* pending= */ false, name, ret);

        return r == DEVICE_E_NONE ? read_below(/* pending= */ true, name, ret) : r;
}

int device_file_read(const char *user, const char *host, uint16_t port, DeviceFile *ret) {
        _cleanup_device_file_ DeviceFile file = { 0 };
        char name[DEVICE_FILE_NAME_MAX], machine_id[DEVICE_MACHINE_ID_LENGTH + 1];
        int r;

        if (!device_file_name(user, host, port, name))
                return DEVICE_E_NONE;
        r = device_file_read_name(name, &file);
        if (r == 0)
                r = device_machine_id(DEVICE_MACHINE_ID_PATH, machine_id);
        if (r != 0)
                return r;
        if (strcmp(machine_id, file.machine_id) != 0)
                return DEVICE_E_COPIED;
        *ret = file;
        return 0;
}

int device_file_write(DeviceFile *file) {
        char name[DEVICE_FILE_NAME_MAX], text[DEVICE_FILE_MAX];
        size_t size;
        int r;

        r = device_machine_id(DEVICE_MACHINE_ID_PATH, file->machine_id);
        if (r != 0)
                return r;
        if (!device_file_name(file->user, file->host, file->port, name) ||
            !device_file_format(file, text, &size))
                return DEVICE_E_DAMAGED;
        r = device_file_store(folder_of(file->pending), name, text, size);
        explicit_bzero(text, sizeof(text));
        return r;
}

int device_file_remove(const char *user, const char *host, uint16_t port) {
        char name[DEVICE_FILE_NAME_MAX];
        int r, pending;

        if (!device_file_name(user, host, port, name))
                return DEVICE_E_NONE;
        pending = device_file_unlink(folder_of(/* pending= */ true), name);
        r = device_file_unlink(folder_of(/* pending= */ false), name);
        return r == DEVICE_E_NONE ? pending : r;
}

int device_file_remove_pending(const DeviceFile *file) {
        char name[DEVICE_FILE_NAME_MAX];

        if (!device_file_name(file->user, file->host, file->port, name))
                return DEVICE_E_NONE;
        return device_file_unlink(folder_of(/* pending= */ true), name);
}

int device_file_lock(const char *user, const char *host, uint16_t port, int seconds, int *ret_fd) {
        char name[DEVICE_FILE_NAME_MAX];

        if (!device_file_name(user, host, port, name))
                return DEVICE_E_NONE;
        return fold(state_lock(name, state_now_ms() + seconds * 1000, ret_fd));
}

static void cleanup_closedir(DIR **dir) {
        if (*dir)
                (void) closedir(*dir);
}

int device_file_each_in(const char *below, int (*found)(const char *name, void *data), void *data) {
        _cleanup_(cleanup_closedir) DIR *dir = NULL;
        _cleanup_close_ int folder = -1;
        int r;

        r = state_folder_open(below, /* create= */ false, &folder);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return fold(r);
        dir = fdopendir(folder);
        if (!dir)
                return -errno;
        folder = -1;
        for (const struct dirent *entry; (entry = readdir(dir));) {
                if (entry->d_name[0] == '.' || g_str_has_suffix(entry->d_name, UNFINISHED))
                        continue;
                r = found(entry->d_name, data);
                if (r != 0)
                        return r;
        }
        return 0;
}

int device_file_each(int (*found)(const char *name, void *data), void *data) {
        int r = device_file_each_in(folder_of(/* pending= */ false), found, data);

        return r != 0 ? r : device_file_each_in(folder_of(/* pending= */ true), found, data);
}
