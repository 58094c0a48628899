/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/core/pending.h"

/* A pending session, who authenticated it, and until when it waits. */
typedef struct Entry {
        Session *session;
        Process process, parent;
        int64_t until; /* milliseconds of clock_running() */
} Entry;

/* How often everything of a user was ended, and how many changes of that kind are under way. */
typedef struct Fence {
        uint64_t passed;
        unsigned barred;
} Fence;

struct Pending {
        const Clock *clock;
        GMutex lock;
        GHashTable *entries; /* id in Entry's session → Entry */
        GHashTable *fences;  /* uid → Fence, of users that were ever changed */
        Fence everybody;
};

static void entry_free(void *p) {
        Entry *entry = p;

        session_free(entry->session);
        g_free(entry);
}

Pending *pending_new(const Clock *clock) {
        Pending *pending = g_new0(Pending, 1);

        pending->clock = clock;
        g_mutex_init(&pending->lock);
        pending->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
        pending->fences = g_hash_table_new_full(NULL, NULL, NULL, g_free);
        return pending;
}

Pending *pending_free(Pending *pending) {
        if (!pending)
                return NULL;
        g_hash_table_unref(pending->entries);
        g_hash_table_unref(pending->fences);
        g_mutex_clear(&pending->lock);
        g_free(pending);
        return NULL;
}

static uint64_t mark_now(Pending *pending, uid_t uid) {
        const Fence *fence = g_hash_table_lookup(pending->fences, GUINT_TO_POINTER(uid));

        /* Both only ever grow, so the sum is another one whenever either is. */
        return pending->everybody.passed + (fence ? fence->passed : 0);
}

static bool is_barred(Pending *pending, uid_t uid) {
        const Fence *fence = g_hash_table_lookup(pending->fences, GUINT_TO_POINTER(uid));

        return pending->everybody.barred > 0 || (fence && fence->barred > 0);
}

uint64_t pending_mark(Pending *pending, uid_t uid) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pending->lock);

        return mark_now(pending, uid);
}

bool pending_mark_holds(Pending *pending, uid_t uid, uint64_t mark) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pending->lock);

        return !is_barred(pending, uid) && mark_now(pending, uid) == mark;
}

static gboolean entry_is_user(void *key, void *value, void *data) {
        const Entry *entry = value;
        uid_t uid = GPOINTER_TO_UINT(data);

        return uid == UID_UNSET || entry->session->uid == uid;
}

static Fence *fence_get(Pending *pending, uid_t uid) {
        Fence *fence;

        if (uid == UID_UNSET)
                return &pending->everybody;
        fence = g_hash_table_lookup(pending->fences, GUINT_TO_POINTER(uid));
        if (!fence) {
                fence = g_new0(Fence, 1);
                (void) g_hash_table_insert(pending->fences, GUINT_TO_POINTER(uid), fence);
        }
        return fence;
}

void pending_bar(Pending *pending, uid_t uid) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pending->lock);

        fence_get(pending, uid)->barred++;
        (void) g_hash_table_foreach_remove(pending->entries, entry_is_user, GUINT_TO_POINTER(uid));
}

/* Counts only now: a mark taken while it was barred is older than the change as well. */
void pending_unbar(Pending *pending, uid_t uid) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pending->lock);
        Fence *fence = fence_get(pending, uid);

        g_assert(fence->barred > 0);
        fence->barred--;
        fence->passed++;
}

static gboolean entry_is_over(void *key, void *value, void *data) {
        const Entry *entry = value;

        return entry->until <= *(const int64_t *) data;
}

int pending_add(Pending *pending, const Session *session, const Caller *caller, uint64_t mark) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pending->lock);
        int64_t now = clock_running(pending->clock);
        Entry *entry;

        if (is_barred(pending, session->uid) || mark_now(pending, session->uid) != mark)
                return PENDING_E_CHANGED;
        (void) g_hash_table_foreach_remove(pending->entries, entry_is_over, &now);
        if (g_hash_table_size(pending->entries) >= PENDING_MAX)
                return PENDING_E_FULL;
        entry = g_new0(Entry, 1);
        entry->session = session_copy(session);
        entry->process = caller->process;
        entry->parent = caller->parent;
        entry->until = now + PENDING_LIFETIME_MS;
        (void) g_hash_table_replace(pending->entries, entry->session->id, entry);
        return 0;
}

/* The entry, when it is this caller's to open. */
static Entry *find(Pending *pending, const char *id, uid_t uid, const char *service, const char *rhost,
                   const Caller *caller) {
        Entry *entry = g_hash_table_lookup(pending->entries, id);
        const Session *session;

        if (!entry || entry_is_over(NULL, entry, &(int64_t) { clock_running(pending->clock) }))
                return NULL;
        session = entry->session;
        if (caller->uid != 0 || session->uid != uid || g_strcmp0(session->service, service) != 0 ||
            g_strcmp0(session->rhost, rhost) != 0)
                return NULL;
        if (!process_equal(&caller->process, &entry->process) && !process_equal(&caller->process, &entry->parent))
                return NULL;
        return entry;
}

Session *pending_take(Pending *pending, const char *id, uid_t uid, const char *service, const char *rhost,
                      const Caller *caller) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pending->lock);
        Entry *entry = find(pending, id, uid, service, rhost, caller);
        Session *session;

        if (!entry)
                return NULL;
        session = entry->session;
        (void) g_hash_table_steal(pending->entries, session->id);
        g_free(entry);
        return session;
}

Session *pending_look(Pending *pending, const char *id, uid_t uid, const char *service, const char *rhost,
                      const Caller *caller) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pending->lock);
        const Entry *entry = find(pending, id, uid, service, rhost, caller);

        return entry ? session_copy(entry->session) : NULL;
}

static gboolean entry_is_child(void *key, void *value, void *data) {
        const Entry *entry = value;

        return strcmp(entry->session->parent, data) == 0;
}

void pending_drop_children(Pending *pending, const char *id) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pending->lock);
        g_autofree char *parent = g_strdup(id);

        (void) g_hash_table_foreach_remove(pending->entries, entry_is_child, parent);
}

static gboolean entry_is_of_device(void *key, void *value, void *data) {
        const Entry *entry = value;

        return strcmp(entry->session->device, data) == 0;
}

void pending_drop_device(Pending *pending, const char *id) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pending->lock);
        g_autofree char *device = g_strdup(id);

        (void) g_hash_table_foreach_remove(pending->entries, entry_is_of_device, device);
}
