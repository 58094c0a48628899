/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "daemon/core/key-file.h"
#include "daemon/core/key.h"

#define TEMPORARY ".new" /* what file_write_atomic() puts behind a name */
#define RESTORE "restore it from a backup"

struct KeyRing {
        GPtrArray *keys; /* Key *, in order of creation */
};

/* Where the ring is being read from, and what to say when that fails. */
typedef struct Folder {
        const char *path;
        int fd;
        char *message;
} Folder;

static int complain(Folder *folder, int r, const char *name, const char *problem, const char *remedy) {
        folder->message = name ? g_strdup_printf("key \"%s/%s\" %s; %s", folder->path, name, problem, remedy)
                               : g_strdup_printf("key folder \"%s\" %s; %s", folder->path, problem, remedy);
        return error_trace(r);
}

static int complain_errno(Folder *folder, int r, const char *name) {
        g_autofree char *problem = g_strdup_printf("cannot be used: %s", g_strerror(-r));

        switch (r) {
        case -ELOOP:
                return complain(folder, r, name, "is a symbolic link", "put the file itself there");
        case -ENOTDIR:
        case -EISDIR:
                return complain(folder, r, name, "is neither a file nor the folder it must be", "move it away");
        case -EFBIG:
                return complain(folder, r, name, "is too large for a key", RESTORE);
        case -EPERM:
                return complain(folder, r, name, "belongs to somebody else, or others may read or change it",
                                "chown it to the daemon's user and chmod it 600 (the folder 700), "
                                "and ask who could have read it");
        default:
                return complain(folder, r, name, problem, "see to its owner, mode and disk, or " RESTORE);
        }
}

static void destroy_key(gpointer key) {
        (void) key_free(key);
}

static KeyRing *key_ring_new(void) {
        KeyRing *ring = g_new0(KeyRing, 1);

        ring->keys = g_ptr_array_new_with_free_func(destroy_key);
        return ring;
}

KeyRing *key_ring_free(KeyRing *ring) {
        if (!ring)
                return NULL;
        g_ptr_array_unref(ring->keys);
        g_free(ring);
        return NULL;
}

/* The new folder must be there after a power cut, as the key in it will be. */
static int make_folder(const char *path) {
        g_autofree char *parent = g_path_get_dirname(path);
        _cleanup_close_ int fd = -1;

        if (mkdir(path, 0700) < 0)
                return errno == EEXIST ? 0 : -errno;
        fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

static int open_folder(Folder *folder, bool create) {
        struct stat st;
        int r;

        r = create ? make_folder(folder->path) : 0;
        if (r < 0)
                return complain_errno(folder, r, NULL);
        folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder->fd < 0 || fstat(folder->fd, &st) < 0)
                return complain_errno(folder, -errno, NULL);
        if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 0022))
                return complain_errno(folder, -EPERM, NULL);
        return 0;
}

static int read_key(KeyRing *ring, Folder *folder, const char *kid) {
        _cleanup_free_ char *text = NULL;
        const char *problem;
        Key *key = NULL;
        size_t size;
        int r;

        r = file_read_trusted(folder->fd, kid, KEY_FILE_SIZE_MAX, geteuid(), /* secret= */ 1, &text, &size);
        if (r < 0)
                return complain_errno(folder, r, kid);
        problem = key_parse(kid, text, size, &key);
        sodium_memzero(text, size);
        if (problem)
                return complain(folder, -EBADMSG, kid, problem, RESTORE);
        g_ptr_array_add(ring->keys, key);
        return 0;
}

/* A crash while a key was being written leaves one of these; it never was a key. */
static bool is_left_over(const char *name) {
        g_autofree char *stem = g_str_has_suffix(name, TEMPORARY) ? g_strndup(name, strlen(name) - strlen(TEMPORARY))
                                                                  : NULL;

        return stem && key_kid_is_valid(stem);
}

static int read_entry(KeyRing *ring, Folder *folder, const char *name) {
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return 0;
        if (is_left_over(name))
                return unlinkat(folder->fd, name, 0) < 0 ? complain_errno(folder, -errno, name) : 0;
        if (!key_kid_is_valid(name))
                return complain(folder, -EINVAL, name, "has a name that is not 1 to 8 of a-z and 0-9",
                                "move it out of the folder");
        return read_key(ring, folder, name);
}

static int compare_keys(gconstpointer a, gconstpointer b) {
        const Key *first = *(const Key *const *) a, *second = *(const Key *const *) b;

        if (first->created != second->created)
                return first->created < second->created ? -1 : 1;
        return strcmp(first->kid, second->kid);
}

static void cleanup_closedir(DIR **d) {
        if (*d)
                (void) closedir(*d);
}

static int read_folder(KeyRing *ring, Folder *folder) {
        _cleanup_(cleanup_closedir) DIR *entries = NULL;
        int fd = fcntl(folder->fd, F_DUPFD_CLOEXEC, 3), r;

        entries = fd < 0 ? NULL : fdopendir(fd);
        if (!entries) {
                r = -errno;
                safe_close(fd);
                return complain_errno(folder, r, NULL);
        }
        for (;;) {
                const struct dirent *entry;

                errno = 0;
                entry = readdir(entries);
                if (!entry)
                        break;
                r = read_entry(ring, folder, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (errno > 0)
                return complain_errno(folder, -errno, NULL);
        g_ptr_array_sort(ring->keys, compare_keys);
        return 0;
}

static int make_first_key(KeyRing *ring, Folder *folder, int64_t now) {
        g_autoptr(Key) key = key_generate(now);
        char text[KEY_FILE_SIZE_MAX];
        size_t size;
        int r;

        if (!key)
                return complain_errno(folder, -ENOMEM, NULL);
        size = key_format(key, text);
        r = file_write_atomic(folder->fd, key->kid, text, size, 0600);
        sodium_memzero(text, sizeof(text));
        if (r < 0)
                return complain_errno(folder, r, key->kid);
        g_ptr_array_add(ring->keys, g_steal_pointer(&key));
        return 0;
}

/* What no single file can say: one key signs, and none is there twice. */
static int check_ring(const KeyRing *ring, Folder *folder) {
        const Key *signing = NULL;

        for (guint i = 0; i < ring->keys->len; i++) {
                const Key *key = ring->keys->pdata[i];

                for (guint j = 0; j < i; j++) {
                        const Key *other = ring->keys->pdata[j];
                        if (sodium_memcmp(key->secret, other->secret, KEY_HS256_SIZE) == 0)
                                return complain(folder, -EBADMSG, key->kid, "holds the secret of another key",
                                                "move the copy out of the folder");
                }
                if (key->state != KEY_SIGNING)
                        continue;
                if (signing)
                        return complain(folder, -EBADMSG, key->kid, "is the second in the state \"signing\"",
                                        "move one out of the folder, the older if in doubt");
                signing = key;
        }
        if (ring->keys->len == 0)
                return complain(folder, -ENOENT, NULL, "holds no key, and this host is not new", RESTORE);
        if (!signing)
                return complain(folder, -ENOENT, NULL, "holds no key in the state \"signing\"", RESTORE);
        return 0;
}

static int fill_ring(KeyRing *ring, Folder *folder, bool create, int64_t now) {
        int r;

        if (sodium_init() < 0)
                return complain_errno(folder, -ENOSYS, NULL);
        r = open_folder(folder, create);
        if (r < 0)
                return r;
        r = read_folder(ring, folder);
        if (r == 0 && create && ring->keys->len == 0)
                r = make_first_key(ring, folder, now);
        if (r < 0)
                return r;
        return check_ring(ring, folder);
}

int key_ring_open(const char *path, bool create, int64_t now, KeyRing **ret, char **ret_message) {
        g_autoptr(KeyRing) ring = key_ring_new();
        Folder folder = { .path = path, .fd = -1 };
        int r;

        r = fill_ring(ring, &folder, create, now);
        folder.fd = safe_close(folder.fd);
        if (r < 0) {
                *ret_message = folder.message;
                return r;
        }
        *ret = g_steal_pointer(&ring);
        return 0;
}

const Key *key_ring_signing(const KeyRing *ring) {
        for (guint i = 0; i < ring->keys->len; i++) {
                const Key *key = ring->keys->pdata[i];
                if (key->state == KEY_SIGNING)
                        return key;
        }
        g_assert_not_reached(); /* check_ring() */
}

const Key *key_ring_by_header(const KeyRing *ring, const char *header, size_t size) {
        for (guint i = 0; i < ring->keys->len; i++) {
                const Key *key = ring->keys->pdata[i];
                if (strlen(key->header) == size && memcmp(key->header, header, size) == 0)
                        return key;
        }
        return NULL;
}

const Key *key_ring_at(const KeyRing *ring, size_t index) {
        return index < ring->keys->len ? ring->keys->pdata[index] : NULL;
}
