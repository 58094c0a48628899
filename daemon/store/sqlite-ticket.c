/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/error.h"
#include "daemon/store/sqlite-store.h"

typedef struct TicketUse {
        Job job;
        const char *issuer, *jti;
        int64_t until;
} TicketUse;

static int run_ticket_use(Job *job, Db *db) {
        const TicketUse *use = (TicketUse *) job;
        _cleanup_query_ Query query = db_query(db, "INSERT INTO ticket (issuer, jti, until) VALUES (?, ?, ?)"
                                                   " ON CONFLICT DO NOTHING");
        int r;

        query_text(&query, use->issuer);
        query_text(&query, use->jti);
        query_int(&query, use->until);
        r = query_run(&query);
        if (r < 0)
                return error_trace(r);
        return db_changes(db) > 0 ? 0 : STORE_E_EXISTS;
}

int sqlite_ticket_use(Store *store, const char *issuer, const char *jti, int64_t until) {
        TicketUse use = { .job.run = run_ticket_use, .issuer = issuer, .jti = jti, .until = until };

        return writer_run(sqlite_store(store)->writer, &use.job);
}

int sqlite_ticket_used(Store *store, const char *issuer, const char *jti, bool *ret) {
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite_store(store)->point);
        _cleanup_query_ Query query = db_query(reader->db, "SELECT 1 FROM ticket WHERE issuer = ? AND jti = ?");
        int r;

        query_text(&query, issuer);
        query_text(&query, jti);
        r = query_step(&query);
        if (r < 0)
                return error_trace(r);
        *ret = r > 0;
        return 0;
}
