/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/error.h"
#include "daemon/store/sqlite-file.h"
#include "daemon/store/sqlite-store.h"
#include "daemon/store/store-sqlite.h"

Reader *reader_lock(Reader *reader) {
        pthread_mutex_lock(&reader->mutex);
        return reader;
}

void reader_unlock(Reader **reader) {
        pthread_mutex_unlock(&(*reader)->mutex);
}

static void reader_deinit(Reader *reader) {
        db_free(reader->db);
        pthread_mutex_destroy(&reader->mutex);
}

/* The writer goes last: the last connection that closes leaves one file, without a log. */
static void sqlite_free(Store *store) {
        SqliteStore *sqlite = sqlite_store(store);

        reader_deinit(&sqlite->point);
        reader_deinit(&sqlite->range);
        writer_free(sqlite->writer);
        notes_free(sqlite->notes);
        g_free(sqlite->path);
        g_free(sqlite);
}

static uint64_t sqlite_dropped(Store *store) {
        return notes_dropped(sqlite_store(store)->notes);
}

const StoreBackend sqlite_backend = {
        .free = sqlite_free,
        .dropped = sqlite_dropped,
        .check = sqlite_check,
        .meta_get = sqlite_meta_get,
        .meta_set = sqlite_meta_set,
        .user_get = sqlite_user_get,
        .user_list = sqlite_user_list,
        .user_add = sqlite_user_add,
        .user_rehash = sqlite_user_rehash,
        .user_enable = sqlite_user_enable,
        .user_disable = sqlite_user_disable,
        .user_remove = sqlite_user_remove,
        .user_change_password = sqlite_user_change_password,
        .user_failed = sqlite_user_failed,
        .rename_host = sqlite_rename_host,
        .session_get = sqlite_session_get,
        .session_find = sqlite_session_find,
        .session_bound = sqlite_session_bound,
        .session_list = sqlite_session_list,
        .session_open = sqlite_session_open,
        .session_open_login = sqlite_session_open_login,
        .session_touch = sqlite_session_touch,
        .session_authenticated = sqlite_session_authenticated,
        .session_end = sqlite_session_end,
        .session_sweep = sqlite_session_sweep,
        .assignment_set = sqlite_assignment_set,
        .assignment_remove = sqlite_assignment_remove,
        .assignment_list = sqlite_assignment_list,
        .assignment_sweep = sqlite_assignment_sweep,
        .identity_add = sqlite_identity_add,
        .identity_find = sqlite_identity_find,
        .identity_list = sqlite_identity_list,
        .identity_remove = sqlite_identity_remove,
        .device_add = sqlite_device_add,
        .device_get = sqlite_device_get,
        .device_list = sqlite_device_list,
        .device_use = sqlite_device_use,
        .device_revoke = sqlite_device_revoke,
        .device_sweep = sqlite_device_sweep,
        .ticket_use = sqlite_ticket_use,
        .ticket_used = sqlite_ticket_used,
        .known_network = sqlite_known_network,
        .debt_set = sqlite_debt_set,
        .debt_list = sqlite_debt_list,
        .event_add = sqlite_event_add,
        .event_list = sqlite_event_list,
};

int store_sqlite_open(const char *path, bool must_exist, Store **ret, char **ret_message) {
        g_autoptr(Db) db = NULL;
        g_autoptr(Store) store = NULL;
        g_autofree char *real = NULL;
        SqliteStore *sqlite;
        int r;

        r = sqlite_file_open(path, must_exist, &db, &real, ret_message);
        if (r < 0)
                return r;

        sqlite = g_new0(SqliteStore, 1);
        store = &sqlite->store;
        store->backend = &sqlite_backend;
        pthread_mutex_init(&sqlite->point.mutex, NULL);
        pthread_mutex_init(&sqlite->range.mutex, NULL);
        sqlite->notes = notes_new();
        r = writer_new(g_steal_pointer(&db), sqlite->notes, &sqlite->writer);
        if (r == 0)
                r = db_open(real, DB_READ, &sqlite->point.db);
        if (r == 0)
                r = db_open(real, DB_READ, &sqlite->range.db);
        if (r < 0) {
                *ret_message = g_strdup_printf("database \"%s\" cannot be opened: %s", path, g_strerror(-r));
                return error_trace(r);
        }
        sqlite->path = g_steal_pointer(&real);
        *ret = g_steal_pointer(&store);
        return 0;
}
