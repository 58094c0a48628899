/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "common/error.h"
#include "daemon/store/sqlite-store.h"
#include "daemon/store/store-export.h"

#define KEY_COLUMN 26 /* behind SESSION_COLUMNS */

static Reader *lock(Store *store) {
        return reader_lock(&sqlite_store(store)->range);
}

static int check_backend(Store *store) {
        return store->backend == &sqlite_backend ? 0 : error_trace(-EOPNOTSUPP);
}

int store_export_sessions(Store *store, int64_t *after, unsigned max, GPtrArray **ret) {
        g_autoptr(GPtrArray) sessions = store_session_array();
        int r;

        r = check_backend(store);
        if (r == 0) {
                _cleanup_reader_ Reader *reader = lock(store);
                _cleanup_query_ Query query = db_query(
                        reader->db, "SELECT " SESSION_COLUMNS ", key FROM session WHERE key > ? ORDER BY key LIMIT ?");
                Session *session;

                query_int(&query, *after);
                query_int(&query, max);
                while ((r = session_load(&query, &session)) == 0) {
                        notes_overlay(sqlite_store(store)->notes, session);
                        g_ptr_array_add(sessions, session);
                        *after = query_column_int(&query, KEY_COLUMN);
                }
        }
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&sessions);
        return 0;
}

int store_export_news(Store *store, const char *user, LoginNews *ret) {
        int r;

        r = check_backend(store);
        if (r == 0 && notes_any_failed(sqlite_store(store)->notes))
                r = writer_write_notes(sqlite_store(store)->writer);
        if (r == 0) {
                _cleanup_reader_ Reader *reader = lock(store);

                r = user_load_news(reader->db, user, ret);
        }
        return r < 0 ? error_trace(r) : r;
}

static void free_network(void *data) {
        g_free(((KnownNetwork *) data)->network);
        g_free(data);
}

int store_export_networks(Store *store, uid_t uid, GPtrArray **ret) {
        g_autoptr(GPtrArray) networks = g_ptr_array_new_with_free_func(free_network);
        int r;

        r = check_backend(store);
        if (r == 0) {
                _cleanup_reader_ Reader *reader = lock(store);
                _cleanup_query_ Query query = db_query(reader->db, "SELECT network, seen FROM network WHERE uid = ?");

                query_int(&query, uid);
                while ((r = query_step(&query)) > 0) {
                        KnownNetwork *network = g_new0(KnownNetwork, 1);

                        network->network = g_strdup(query_column_text(&query, 0));
                        network->seen = query_column_int(&query, 1);
                        g_ptr_array_add(networks, network);
                }
        }
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&networks);
        return 0;
}

static void free_ticket(void *data) {
        SpentTicket *ticket = data;

        g_free(ticket->issuer);
        g_free(ticket->jti);
        g_free(ticket);
}

int store_export_tickets(Store *store, GPtrArray **ret) {
        g_autoptr(GPtrArray) tickets = g_ptr_array_new_with_free_func(free_ticket);
        int r;

        r = check_backend(store);
        if (r == 0) {
                _cleanup_reader_ Reader *reader = lock(store);
                _cleanup_query_ Query query = db_query(reader->db, "SELECT issuer, jti, until FROM ticket");

                while ((r = query_step(&query)) > 0) {
                        SpentTicket *ticket = g_new0(SpentTicket, 1);

                        ticket->issuer = g_strdup(query_column_text(&query, 0));
                        ticket->jti = g_strdup(query_column_text(&query, 1));
                        ticket->until = query_column_int(&query, 2);
                        g_ptr_array_add(tickets, ticket);
                }
        }
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&tickets);
        return 0;
}
