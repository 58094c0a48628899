/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/store/memory-store.h"

/* Meta */

int memory_meta_get(Store *store, const char *key, char **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        const char *value = g_hash_table_lookup(memory->meta, key);

        if (!value)
                return STORE_E_NOT_FOUND;
        *ret = g_strdup(value);
        return 0;
}

int memory_meta_set(Store *store, const char *key, const char *value) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);

        g_hash_table_replace(memory->meta, g_strdup(key), g_strdup(value));
        return 0;
}

int memory_rename_host(Store *store, const char *from, const char *to) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);

        g_hash_table_replace(memory->meta, g_strdup(STORE_META_NAME), g_strdup(to));
        for (guint i = 0; i < memory->sessions->len; i++) {
                Session *session = memory->sessions->pdata[i];

                if (strcmp(session->host, from) != 0)
                        continue;
                g_free(session->host);
                session->host = g_strdup(to);
        }
        return 0;
}

/* Users */

/* Devices and sessions. */
static GPtrArray *revoke_user(MemoryStore *memory, const User *user, const char *except, const char *reason,
                              int64_t now) {
        SessionSelector selector = { .uid = user->uid, .except = except };

        memory_revoke_devices(memory, user->uid, except, reason, now);
        return memory_end_selected(memory, &selector, SESSION_EVENT_REVOKE, reason, now);
}

int memory_user_get(Store *store, const char *name, User **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        const User *user = g_hash_table_lookup(memory->users, name);

        if (!user)
                return STORE_E_NOT_FOUND;
        *ret = user_copy(user);
        return 0;
}

static int compare_users(const void *a, const void *b) {
        return strcmp((*(User *const *) a)->name, (*(User *const *) b)->name);
}

int memory_user_list(Store *store, GPtrArray **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        GPtrArray *users = store_user_array();
        GHashTableIter i;
        void *user;

        g_hash_table_iter_init(&i, memory->users);
        while (g_hash_table_iter_next(&i, NULL, &user))
                g_ptr_array_add(users, user_copy(user));
        g_ptr_array_sort(users, compare_users);
        *ret = users;
        return 0;
}

int memory_user_add(Store *store, const User *user, const Assignment *assignment, const UserIdentity *identity) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        GHashTableIter i;
        void *other;
        User *copy;

        g_hash_table_iter_init(&i, memory->users);
        while (g_hash_table_iter_next(&i, NULL, &other))
                if (((User *) other)->uid == user->uid || strcmp(((User *) other)->name, user->name) == 0)
                        return STORE_E_EXISTS;
        if (identity && memory_add_identity(memory, identity) != 0)
                return STORE_E_EXISTS;
        copy = user_copy(user);
        g_hash_table_insert(memory->users, copy->name, copy);
        if (assignment)
                memory_add_assignment(memory, assignment);
        return 0;
}

static void replace_hash(User *user, const char *hash) {
        g_free(user->password_hash);
        user->password_hash = g_strdup(hash);
}

int memory_user_rehash(Store *store, const char *name, const char *expected, const char *hash) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        User *user = g_hash_table_lookup(memory->users, name);

        if (!user)
                return STORE_E_NOT_FOUND;
        if (g_strcmp0(user->password_hash, expected) != 0)
                return STORE_E_STATE;
        replace_hash(user, hash);
        return 0;
}

int memory_user_enable(Store *store, const char *name, bool *ret_changed) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        User *user = g_hash_table_lookup(memory->users, name);

        if (!user)
                return STORE_E_NOT_FOUND;
        *ret_changed = !user->enabled;
        user->enabled = true;
        return 0;
}

int memory_user_disable(Store *store, const char *name, const char *reason, int64_t now, bool *ret_changed,
                        GPtrArray **ret_ended) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        User *user = g_hash_table_lookup(memory->users, name);

        if (!user)
                return STORE_E_NOT_FOUND;
        *ret_changed = user->enabled;
        user->enabled = false;
        *ret_ended = revoke_user(memory, user, /* except= */ NULL, reason, now);
        return 0;
}

int memory_user_remove(Store *store, const char *name, const char *reason, int64_t now,
                       GPtrArray **ret_ended) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        User *user = g_hash_table_lookup(memory->users, name);

        if (!user)
                return STORE_E_NOT_FOUND;
        *ret_ended = revoke_user(memory, user, /* except= */ NULL, reason, now);
        memory_drop_assignments(memory, user->uid);
        memory_drop_identities(memory, user->uid);
        memory_throttle_forget(memory, user->uid);
        g_hash_table_remove(memory->news, name);
        g_hash_table_remove(memory->users, name);
        return 0;
}

int memory_user_change_password(Store *store, const char *name, const char *hash, const char *except,
                                const char *reason, int64_t now, GPtrArray **ret_ended) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        User *user = g_hash_table_lookup(memory->users, name);

        if (!user)
                return STORE_E_NOT_FOUND;
        replace_hash(user, hash);
        *ret_ended = revoke_user(memory, user, except, reason, now);
        return 0;
}

/* What is told at the next login */

static LoginNews *find_news(MemoryStore *memory, const char *name) {
        LoginNews *news = g_hash_table_lookup(memory->news, name);

        if (!news) {
                news = g_new0(LoginNews, 1);
                g_hash_table_insert(memory->news, g_strdup(name), news);
        }
        return news;
}

void memory_user_failed(Store *store, const char *name, const char *from, int64_t now) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        LoginNews *news;

        if (!g_hash_table_contains(memory->users, name))
                return;
        news = find_news(memory, name);
        news->failures++;
        news->failed = now;
        g_free(news->failed_from);
        news->failed_from = g_strdup(from);
}

void memory_tell_news(MemoryStore *memory, const Session *session, LoginNews *ret) {
        LoginNews *news = find_news(memory, session->user);

        *ret = *news;
        *news = (LoginNews) { .last = session->opened, .last_from = g_strdup(session->rhost) };
}
