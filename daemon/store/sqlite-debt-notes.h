/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What users owe, until the writer takes it: the part of sqlite-notes.h that is never let go, for it
 * holds no more than real users can owe. The owner's lock is held in every call but write.
 */

#include "daemon/core/types.h"
#include "daemon/store/sqlite-db.h"

typedef struct DebtNotes DebtNotes;

DebtNotes *debt_notes_new(void);
DebtNotes *debt_notes_free(DebtNotes *notes);

/* The latest of each uid, limit and key counts. */
void debt_notes_add(DebtNotes *notes, const UserDebt *debt);
bool debt_notes_any(const DebtNotes *notes);

/* Copies of all that is waiting (UserDebt *), which settle is then about. */
GPtrArray *debt_notes_collect(DebtNotes *notes);
int debt_notes_write(Db *db, const GPtrArray *debts);
/* What came meanwhile waits on, and all does that was not @committed. */
void debt_notes_settle(DebtNotes *notes, bool committed);
