/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/error.h"
#include "daemon/store/sqlite-debt-notes.h"
#include "daemon/store/store-internal.h"

typedef struct Waiting {
        UserDebt *debt;
        bool writing;
} Waiting;

struct DebtNotes {
        GHashTable *waiting; /* uid, limit and key → Waiting * */
};

static void free_waiting(void *data) {
        Waiting *waiting = data;

        (void) user_debt_free(waiting->debt);
        g_free(waiting);
}

DebtNotes *debt_notes_new(void) {
        DebtNotes *notes = g_new(DebtNotes, 1);

        notes->waiting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_waiting);
        return notes;
}

DebtNotes *debt_notes_free(DebtNotes *notes) {
        g_hash_table_unref(notes->waiting);
        g_free(notes);
        return NULL;
}

void debt_notes_add(DebtNotes *notes, const UserDebt *debt) {
        char *name = g_strdup_printf("%u %s %s", (unsigned) debt->uid, debt->limit, debt->key);
        Waiting *waiting = g_new0(Waiting, 1);

        waiting->debt = user_debt_copy(debt);
        (void) g_hash_table_replace(notes->waiting, name, waiting);
}

bool debt_notes_any(const DebtNotes *notes) {
        return g_hash_table_size(notes->waiting) > 0;
}

GPtrArray *debt_notes_collect(DebtNotes *notes) {
        GPtrArray *debts = store_debt_array();
        GHashTableIter iter;
        void *value;

        g_hash_table_iter_init(&iter, notes->waiting);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Waiting *waiting = value;

                waiting->writing = true;
                g_ptr_array_add(debts, user_debt_copy(waiting->debt));
        }
        return debts;
}

static int delete_debt(Db *db, const UserDebt *debt) {
        _cleanup_query_ Query query = db_query(db, "DELETE FROM debt WHERE uid = ? AND name = ? AND key = ?");

        query_int(&query, debt->uid);
        query_text(&query, debt->limit);
        query_text(&query, debt->key);
        return query_run(&query);
}

/* Not of a user who was removed meanwhile: the uid may be another's next. */
static int insert_debt(Db *db, const UserDebt *debt) {
        _cleanup_query_ Query query = db_query(
                db, "INSERT INTO debt (uid, name, key, until, failures) SELECT ?1, ?2, ?3, ?4, ?5"
                    " WHERE EXISTS (SELECT 1 FROM user WHERE uid = ?1)"
                    " ON CONFLICT (uid, name, key) DO UPDATE SET until = excluded.until, failures = excluded.failures");

        query_int(&query, debt->uid);
        query_text(&query, debt->limit);
        query_text(&query, debt->key);
        query_int(&query, debt->until);
        query_int(&query, debt->failures);
        return query_run(&query);
}

int debt_notes_write(Db *db, const GPtrArray *debts) {
        int r = 0;

        for (guint i = 0; r == 0 && i < debts->len; i++) {
                const UserDebt *debt = debts->pdata[i];

                r = debt->failures > 0 ? insert_debt(db, debt) : delete_debt(db, debt);
        }
        return error_trace(r);
}

static gboolean is_settled(void *name, void *value, void *committed) {
        Waiting *waiting = value;
        bool written = committed && waiting->writing;

        waiting->writing = false;
        return written;
}

void debt_notes_settle(DebtNotes *notes, bool committed) {
        (void) g_hash_table_foreach_remove(notes->waiting, is_settled, committed ? notes : NULL);
}
