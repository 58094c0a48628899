/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What the files of the SQLite backend share. */

#include <pthread.h>

#include "daemon/store/sqlite-db.h"
#include "daemon/store/sqlite-notes.h"
#include "daemon/store/sqlite-writer.h"
#include "daemon/store/store-internal.h"

/* A connection that one thread at a time reads with. */
typedef struct Reader {
        pthread_mutex_t mutex;
        Db *db;
} Reader;

typedef struct SqliteStore {
        Store store;
        Writer *writer;
        Notes *notes;
        Reader point; /* look-ups of one row: what decisions wait for */
        Reader range; /* lists, however long */
        char *path;
} SqliteStore;

/* The backend's table, by which a Store is known to be one. */
extern const StoreBackend sqlite_backend;

static inline SqliteStore *sqlite_store(Store *store) {
        return (SqliteStore *) store;
}

Reader *reader_lock(Reader *reader);
void reader_unlock(Reader **reader);

#define _cleanup_reader_ __attribute__((__cleanup__(reader_unlock)))

/* sqlite-check.c */

int sqlite_check(Store *store, int64_t limit, char **ret_problem);

/* Users, meta and this host's name: sqlite-user.c */

int sqlite_meta_get(Store *store, const char *key, char **ret);
int sqlite_meta_set(Store *store, const char *key, const char *value);
int sqlite_user_get(Store *store, const char *name, User **ret);
int sqlite_user_list(Store *store, GPtrArray **ret);
int sqlite_user_add(Store *store, const User *user, const Assignment *assignment, const UserIdentity *identity);
int sqlite_user_rehash(Store *store, const char *name, const char *expected, const char *hash);
int sqlite_user_enable(Store *store, const char *name, bool *ret_changed);
int sqlite_user_disable(Store *store, const char *name, const char *reason, int64_t now, bool *ret_changed,
                        GPtrArray **ret_ended);
int sqlite_user_remove(Store *store, const char *name, const char *reason, int64_t now, GPtrArray **ret_ended);
int sqlite_user_change_password(Store *store, const char *name, const char *hash, const char *except,
                                const char *reason, int64_t now, GPtrArray **ret_ended);

void sqlite_user_failed(Store *store, const char *name, const char *from, int64_t now);
int sqlite_rename_host(Store *store, const char *from, const char *to);

/* On a connection: 0 or STORE_E_NOT_FOUND or a negative errno. */
int user_load(Db *db, const char *name, User **ret);

/* Sessions, looking: sqlite-session.c */

int sqlite_session_get(Store *store, const char *id, Session **ret);
int sqlite_session_find(Store *store, const char *prefix, uid_t uid, Session **ret);
int sqlite_session_bound(Store *store, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret);
int sqlite_session_list(Store *store, const SessionFilter *filter, GPtrArray **ret);
int sqlite_event_list(Store *store, const char *session, GPtrArray **ret);

/* The columns that session_load() and session_load_all() read, in their order. */
#define SESSION_COLUMNS                                                                                       \
        "session.id, user, uid, host, service, rhost, tty, methods, auth_time, auth_method, opened, seen, ends, " \
        "ended, state, end_reason, parent, audit_id, boot_id, logind_id, roles, role_cap, device, " \
        "granted_issuer, granted_subject, granted"

/* Nothing for NULL; what is no id is -EUCLEAN. */
int session_copy_id(char id[SESSION_ID_SIZE], const char *text);
/* The query's only or first row (STORE_E_NOT_FOUND), or all its rows, added to @sessions. */
int session_load(Query *query, Session **ret);
int session_load_all(Query *query, GPtrArray *sessions);
int session_load_id(Db *db, const char *id, Session **ret);
int session_load_bound(Db *db, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret);

/* Sessions, opening: sqlite-open.c */

int sqlite_session_open(Store *store, const Session *session, unsigned max_per_user, bool *ret_bound,
                        GPtrArray **ret_ended);
int sqlite_session_open_login(Store *store, const Session *session, unsigned max_per_user, const char *network,
                              bool *ret_bound, GPtrArray **ret_ended, LoginNews *ret_news);

/* What the next login would be told, of what is in the database: 0, STORE_E_NOT_FOUND or a negative errno. */
int user_load_news(Db *db, const char *user, LoginNews *ret);

/* Sessions, changing: sqlite-change.c */

void sqlite_session_touch(Store *store, const char *id, int64_t now);
int sqlite_session_authenticated(Store *store, const char *id, int64_t auth_time, const char *method,
                                 const Granted *granted);
int sqlite_session_end(Store *store, const SessionSelector *selector, SessionEvent event, const char *reason,
                       int64_t now, GPtrArray **ret_ended);
void sqlite_event_add(Store *store, const Event *event);

/* How a session ends; with what is known about when it was seen. */
typedef struct Ending {
        Notes *notes;
        SessionEvent event;
        const char *reason;
        int64_t now;
} Ending;

/* Ends one, in the database and in @session; one that is over already stays as it is. */
int session_end_one(Db *db, const Ending *ending, Session *session, bool *ret_changed);
int session_end_selected(Db *db, const SessionSelector *selector, const Ending *ending, GPtrArray **ret_ended);

/* The ancestors of the id ?1 and itself: what is not selected. For WITH RECURSIVE. */
#define SESSION_SPARED \
        "spared (id) AS (SELECT ?1 WHERE ?1 IS NOT NULL UNION" \
        " SELECT parent FROM spared JOIN session ON session.id = spared.id WHERE parent IS NOT NULL)"

/* Assignments of roles: sqlite-assignment.c */

int sqlite_assignment_set(Store *store, const Assignment *assignment, unsigned max, bool *ret_changed);
int sqlite_assignment_remove(Store *store, uid_t uid, const char *role, bool *ret_changed);
int sqlite_assignment_list(Store *store, uid_t uid, GPtrArray **ret);
int sqlite_assignment_sweep(Store *store, int64_t now, GPtrArray **ret_ended);

/* Puts it in the place of the one that this user has of this role, if any. */
int assignment_write(Db *db, const Assignment *assignment);
int assignment_drop_of(Db *db, uid_t uid);

/* Identities: sqlite-identity.c */

int sqlite_identity_add(Store *store, const UserIdentity *identity, bool awaiting);
int sqlite_identity_find(Store *store, const char *issuer, const char *subject, UserIdentity **ret);
int sqlite_identity_list(Store *store, uid_t uid, GPtrArray **ret);
int sqlite_identity_remove(Store *store, uid_t uid, const char *provider, const char *issuer, bool *ret_changed);

/* 0, STORE_E_EXISTS or a negative errno. */
int identity_write(Db *db, const UserIdentity *identity);
int identity_drop_of(Db *db, uid_t uid);

/* Devices: sqlite-device.c */

int sqlite_device_add(Store *store, const Device *device, unsigned max);
int sqlite_device_get(Store *store, const char *id, Device **ret);
int sqlite_device_list(Store *store, uid_t uid, GPtrArray **ret);
int sqlite_device_use(Store *store, const char *id, uint32_t counter, const char *from, int64_t now,
                      int64_t steady, DeviceUse *ret_use, Device **ret, GPtrArray **ret_ended);
int sqlite_device_revoke(Store *store, const char *id, const char *reason, int64_t now, bool *ret_changed,
                         GPtrArray **ret_ended);

int device_load(Db *db, const char *id, Device **ret);
/* Revokes what the user has, but the devices that @except and its ancestors came from; not their sessions. */
int device_revoke_of(Db *db, uid_t uid, const char *except, const char *reason, int64_t now);

/* Tickets: sqlite-ticket.c */

int sqlite_ticket_use(Store *store, const char *issuer, const char *jti, int64_t until);
int sqlite_ticket_used(Store *store, const char *issuer, const char *jti, bool *ret);

/* What users owe, and where they were: sqlite-throttle.c */

int sqlite_known_network(Store *store, uid_t uid, const char *network, int64_t since, bool *ret);
void sqlite_debt_set(Store *store, const UserDebt *debt);
int sqlite_debt_list(Store *store, GPtrArray **ret);

int network_remember(Db *db, uid_t uid, const char *network, int64_t now);
/* Of a user who is removed: the uid may be another's next. */
int throttle_forget(Db *db, uid_t uid);

/* sqlite-sweep.c */

int sqlite_device_sweep(Store *store, int64_t now, int64_t idle, int64_t keep);

int sqlite_session_sweep(Store *store, const char *host, const char *boot_id, int64_t now, int64_t idle, int64_t keep,
                         unsigned limit, GPtrArray **ret_ended, bool *ret_more);
