/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * One SQLite connection, and statements on it. sqlite-db.c is the only file that includes sqlite3.h,
 * so that these are the only ways to the library: every statement is a string literal, every value
 * is bound.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A connection with its cache of prepared statements. One thread at a time. */
typedef struct Db Db;

typedef enum DbRole {
        DB_WRITE, /* durable commits; checkpoints only when db_checkpoint() is called; 1 MiB of cache */
        DB_READ,  /* sees what has been committed; 512 KiB of cache */
} DbRole;

/*
 * Opens the existing file @path, which must be no symlink nor reached through one. Nothing is
 * written by opening, nor by db_free() before db_settle().
 */
int db_open(const char *path, DbRole role, Db **ret);
Db *db_free(Db *db);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Db, db_free)

/* The file is ours: switches to WAL, and from now on db_free() of the last connection tidies it up. */
int db_settle(Db *db);

/* Ends what another thread runs on @db now, with -EINTR. */
void db_interrupt(Db *db);

/* What went wrong last, in SQLite's words. */
const char *db_error_text(Db *db);

/* A literal without parameters or rows. */
int db_run(Db *db, const char *sql);
/* The same, but not kept prepared, and rows are dropped: schema, pragmas. */
int db_run_once(Db *db, const char *sql);

bool db_in_transaction(Db *db);
int64_t db_changes(Db *db);  /* rows changed by the last statement */

/* Pages in the write-ahead log after the last commit. */
unsigned db_wal_pages(Db *db);

/* Moves the log into the database as far as no reader is in the way. Waits for nobody. */
int db_checkpoint(Db *db);

/*
 * A statement in use. Values are bound in order; a mistake or an error on the way is reported by
 * the next step:
 *
 *         _cleanup_query_ Query query = db_query(db, "SELECT uid FROM user WHERE name = ?");
 *
 *         query_text(&query, name);
 *         r = query_step(&query);
 */
typedef struct Query {
        Db *db;
        void *statement;
        int bound; /* values so far */
        int r;     /* the first error */
} Query;

/* @sql: a string literal; the statement stays prepared under its address. */
Query db_query(Db *db, const char *sql);
void query_done(Query *query);

#define _cleanup_query_ __attribute__((__cleanup__(query_done)))

void query_text(Query *query, const char *text); /* not copied: it outlives the query; NULL is NULL */
void query_int(Query *query, int64_t value);
void query_null(Query *query);

/* 1: a row; 0: no more; or a negative errno. */
int query_step(Query *query);
/* For what returns no rows: 0 or a negative errno. */
int query_run(Query *query);

const char *query_column_text(const Query *query, int column); /* NULL for NULL; valid until the next step */
int64_t query_column_int(const Query *query, int column);
bool query_column_null(const Query *query, int column);
