/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>
#include <sys/stat.h>

#include "daemon/core/identity-cache.h"

#define ENTRIES_MAX 64
#define FILES_MAX 4

/* What tells one state of the files from another. Zeroed before it is filled: it is compared as bytes. */
typedef struct Stamp {
        struct {
                uint64_t device, inode;
                int64_t size;
                int64_t changed_sec, changed_nsec; /* by ctime, which nobody sets back */
        } files[FILES_MAX];
} Stamp;

typedef struct Entry {
        Identity *identity;
        int64_t until; /* clock_running() */
        Stamp stamp;
} Entry;

struct IdentityCache {
        IdentitySource source; /* first: what look_up() is given */
        const IdentitySource *origin;
        const Clock *clock;
        const char *const *files;
        GMutex lock;
        GHashTable *entries; /* name as asked → Entry */
};

static void entry_free(void *p) {
        Entry *entry = p;

        (void) identity_free(entry->identity);
        g_free(entry);
}

static bool take_stamp(const IdentityCache *cache, Stamp *ret) {
        Stamp stamp;

        memset(&stamp, 0, sizeof(stamp));
        for (size_t i = 0; cache->files[i]; i++) {
                struct stat st;

                g_assert(i < FILES_MAX);
                if (stat(cache->files[i], &st) < 0)
                        return false;
                stamp.files[i].device = st.st_dev;
                stamp.files[i].inode = st.st_ino;
                stamp.files[i].size = st.st_size;
                stamp.files[i].changed_sec = st.st_ctim.tv_sec;
                stamp.files[i].changed_nsec = st.st_ctim.tv_nsec;
        }
        *ret = stamp;
        return true;
}

static Identity *find(IdentityCache *cache, const char *name, const Stamp *stamp) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->lock);
        const Entry *entry = g_hash_table_lookup(cache->entries, name);

        if (!entry || entry->until <= clock_running(cache->clock) ||
            memcmp(&entry->stamp, stamp, sizeof(*stamp)) != 0)
                return NULL;
        return identity_copy(entry->identity);
}

static gboolean is_over(void *key, void *value, void *data) {
        return ((const Entry *) value)->until <= *(const int64_t *) data;
}

static void keep(IdentityCache *cache, const char *name, const Identity *identity, const Stamp *stamp) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->lock);
        int64_t now = clock_running(cache->clock);
        Entry *entry;

        if (g_hash_table_size(cache->entries) >= ENTRIES_MAX)
                (void) g_hash_table_foreach_remove(cache->entries, is_over, &now);
        if (g_hash_table_size(cache->entries) >= ENTRIES_MAX)
                return;
        entry = g_new(Entry, 1);
        *entry = (Entry) {
                .identity = identity_copy(identity),
                .until = now + IDENTITY_CACHE_MS,
                .stamp = *stamp,
        };
        (void) g_hash_table_replace(cache->entries, g_strdup(name), entry);
}

/* The stamp is from before the look-up: what changes meanwhile makes the answer old at once. */
static int cache_look_up(const IdentitySource *source, const char *name, uid_t uid, Identity **ret) {
        IdentityCache *cache = (IdentityCache *) source;
        Identity *identity;
        bool stamped;
        Stamp stamp;
        int r;

        stamped = name && take_stamp(cache, &stamp);
        identity = stamped ? find(cache, name, &stamp) : NULL;
        if (!identity) {
                r = cache->origin->look_up(cache->origin, name, uid, &identity);
                if (r != 0)
                        return r;
                if (stamped)
                        keep(cache, name, identity, &stamp);
        }
        *ret = identity;
        return 0;
}

IdentityCache *identity_cache_new(const IdentitySource *origin, const Clock *clock, const char *const *files) {
        IdentityCache *cache = g_new0(IdentityCache, 1);

        cache->source.look_up = cache_look_up;
        cache->origin = origin;
        cache->clock = clock;
        cache->files = files;
        g_mutex_init(&cache->lock);
        cache->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
        return cache;
}

IdentityCache *identity_cache_free(IdentityCache *cache) {
        if (!cache)
                return NULL;
        g_hash_table_unref(cache->entries);
        g_mutex_clear(&cache->lock);
        g_free(cache);
        return NULL;
}

const IdentitySource *identity_cache_source(const IdentityCache *cache) {
        return &cache->source;
}
