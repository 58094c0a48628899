/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What the files of the Redis backend share. Keys and promises: store-redis.h, lua/. */

#include <pthread.h>

#include "daemon/store/local-facts.h"
#include "daemon/store/redis-call.h"
#include "daemon/store/redis-link.h"
#include "daemon/store/redis-notes.h"
#include "daemon/store/redis-settings.h"
#include "daemon/store/store-internal.h"
#include "daemon/store/tombstones.h"

#define FACT_STORE "store" /* among the local facts: the id of the store that this host knows */

typedef struct RedisStore {
        Store store;
        RedisLink *link;
        RedisLinkSettings settings; /* its own copy, for the feed's connection */
        char *base; /* what all keys begin with */
        LocalFacts *facts;
        Tombstones *tombstones;
        RedisNotes *notes;
        bool only_looks; /* leaves no trace on this host */
        char daemon[REDIS_ID_SIZE]; /* this process, among all that use the store */
        char digests[_SCRIPT_MAX][REDIS_DIGEST_SIZE];
        pthread_mutex_t mutex;      /* over what follows */
        char id[REDIS_ID_SIZE];     /* the store's; "": not known yet */
        unsigned adopted;           /* how often it became another one since this process began */
        char *problem;
        int problem_errno;          /* what that came to */
} RedisStore;

static inline RedisStore *redis_store(Store *store) {
        return (RedisStore *) store;
}

/* For the backend's table, with the rest of redis-probe.h. */
int redis_store_probe(Store *store, int64_t now, char ***ret_faults, char ***ret_warnings);

/* The backend's table, by which a Store is known to be one. */
extern const StoreBackend redis_backend;

/* Records: redis-record.c */

/* The value of a field in what to_flat() made (lua/common.lua); NULL. Bytes behind a NUL are not seen. */
const char *redis_field(const RedisReply *flat, const char *name);
/* -EUCLEAN where it is not there, or no number between the two. */
int redis_field_int(const RedisReply *flat, const char *name, int64_t min, int64_t max, int64_t *ret);

/* The latest time that a user may have been changed at: lua/user.lua. */
#define REDIS_SINCE_MAX (INT64_C(1) << 53)

/*
 * Is that the id of a session, a device or a store? Whatever writes to Redis can put anything there, and it ends up in
 * lines of a file.
 */
bool redis_is_id(const char *text);

int redis_read_session(const RedisReply *flat, Session **ret);
int redis_read_user(const char *name, const RedisReply *flat, User **ret);
int redis_read_device(const char *id, const RedisReply *flat, Device **ret);
void redis_add_session(RedisCall *call, const Session *session);
void redis_add_granted(RedisCall *call, const Granted *granted);
void redis_add_device(RedisCall *call, const Device *device);

/* Sessions as they are now: with what this host knows and Redis may not, noted or revoked. */
void redis_settle_session(RedisStore *redis, Session *session);
void redis_settle_user(RedisStore *redis, User *user, const RedisReply *flat);
void redis_settle_device(RedisStore *redis, Device *device);

/* An array of sessions as a script returned it, added to @sessions; not settled. */
int redis_read_sessions(const RedisReply *array, GPtrArray *sessions);

/*
 * Sessions that this call ended: with when they were last seen, and remembered as revoked before anybody hears
 * of it.
 */
void redis_settle_ended(RedisStore *redis, GPtrArray *ended);

/* Packed texts: redis-pack.c */

/* All of @n texts, NULL for what is unset; bytes that are the caller's. */
GString *redis_pack(size_t n, const char *const *texts);
/* Into an array of @n texts (g_strfreev()'s but for NULLs in between: redis_unpack_free()); -EUCLEAN. */
int redis_unpack(const RedisReply *packed, size_t n, char **ret);
void redis_unpack_free(size_t n, char **texts);

/* What an event says but for its session. */
GString *redis_pack_event(const Event *event);

/* Users and meta: redis-user.c */

int redis_meta_get(Store *store, const char *key, char **ret);
int redis_meta_set(Store *store, const char *key, const char *value);
int redis_user_get(Store *store, const char *name, User **ret);
int redis_user_list(Store *store, GPtrArray **ret);
int redis_user_add(Store *store, const User *user, const Assignment *assignment, const UserIdentity *identity);
int redis_user_rehash(Store *store, const char *name, const char *expected, const char *hash);
int redis_user_enable(Store *store, const char *name, bool *ret_changed);
int redis_user_disable(Store *store, const char *name, const char *reason, int64_t now, bool *ret_changed,
                       GPtrArray **ret_ended);
int redis_user_remove(Store *store, const char *name, const char *reason, int64_t now, GPtrArray **ret_ended);
int redis_user_change_password(Store *store, const char *name, const char *hash, const char *except,
                               const char *reason, int64_t now, GPtrArray **ret_ended);
void redis_user_failed(Store *store, const char *name, const char *from, int64_t now);
int redis_rename_host(Store *store, const char *from, const char *to);

/* As fields and values; how many of both together. */
void redis_add_user(RedisCall *call, const User *user);
unsigned redis_count_user(const User *user);

/* Remembers which users are disabled, and since when passwords count, as the store says now. */
int redis_bury_users(RedisStore *redis);

/* Many records: redis-load.c */

/* The names of all users, as a set. */
int redis_user_names(RedisStore *redis, GHashTable **ret);
/* The uids of all users as texts, or @uid alone where it is set. */
int redis_user_uids(RedisStore *redis, uid_t uid, GPtrArray **ret);

typedef struct RedisLoad {
        RedisScript script; /* asked for some names at a time, answers with rows */
        const char *kind;   /* of SCRIPT_HASHES: what the names' keys begin with; else NULL */
        int (*row)(RedisStore *redis, const RedisReply *row, void *data); /* called for each until it is not 0 */
        void *data;
} RedisLoad;

int redis_load(RedisStore *redis, const RedisLoad *load, size_t n, void *const *names);
/* Whose row of SCRIPT_HASHES it is; the record is the element behind. NULL: it is none. */
const char *redis_row_name(const RedisReply *row);

/* Sessions, looking: redis-session.c */

int redis_session_get(Store *store, const char *id, Session **ret);
int redis_session_find(Store *store, const char *prefix, uid_t uid, Session **ret);
int redis_session_bound(Store *store, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret);
int redis_session_list(Store *store, const SessionFilter *filter, GPtrArray **ret);
int redis_event_list(Store *store, const char *session, GPtrArray **ret);
int redis_check(Store *store, int64_t limit, char **ret_problem);

/* Sessions, opening: redis-open.c */

int redis_session_open(Store *store, const Session *session, unsigned max_per_user, bool *ret_bound,
                       GPtrArray **ret_ended);
int redis_session_open_login(Store *store, const Session *session, unsigned max_per_user, const char *network,
                             bool *ret_bound, GPtrArray **ret_ended, LoginNews *ret_news);

/* Sessions, changing: redis-change.c */

void redis_session_touch(Store *store, const char *id, int64_t now);
int redis_session_authenticated(Store *store, const char *id, int64_t auth_time, const char *method,
                                const Granted *granted);
int redis_session_end(Store *store, const SessionSelector *selector, SessionEvent event, const char *reason,
                      int64_t now, GPtrArray **ret_ended);
int redis_session_sweep(Store *store, const char *host, const char *boot_id, int64_t now, int64_t idle, int64_t keep,
                        unsigned limit, GPtrArray **ret_ended, bool *ret_more);
void redis_event_add(Store *store, const Event *event);

/* What is left of more than one script ends at once: added to @ended, which is settled then. */
int redis_end_rest(RedisStore *redis, const RedisReply *more, const SessionSelector *selector, SessionEvent event,
                   const char *reason, int64_t now, GPtrArray *ended);

/* Assignments and identities: redis-assignment.c, redis-identity.c */

int redis_assignment_set(Store *store, const Assignment *assignment, unsigned max, bool *ret_changed);
int redis_assignment_remove(Store *store, uid_t uid, const char *role, bool *ret_changed);
int redis_assignment_list(Store *store, uid_t uid, GPtrArray **ret);
int redis_assignment_sweep(Store *store, int64_t now, GPtrArray **ret_ended);
/* Role, until and packed. */
void redis_add_assignment(RedisCall *call, const Assignment *assignment);

int redis_identity_add(Store *store, const UserIdentity *identity, bool awaiting);
int redis_identity_find(Store *store, const char *issuer, const char *subject, UserIdentity **ret);
int redis_identity_list(Store *store, uid_t uid, GPtrArray **ret);
int redis_identity_remove(Store *store, uid_t uid, const char *provider, const char *issuer, bool *ret_changed);
/* Issuer, subject, their packed name and packed. */
void redis_add_identity(RedisCall *call, const UserIdentity *identity);

/* Devices and tickets: redis-device.c */

int redis_device_add(Store *store, const Device *device, unsigned max);
int redis_device_get(Store *store, const char *id, Device **ret);
int redis_device_list(Store *store, uid_t uid, GPtrArray **ret);
int redis_device_use(Store *store, const char *id, uint32_t counter, const char *from, int64_t now,
                     int64_t steady, DeviceUse *ret_use, Device **ret, GPtrArray **ret_ended);
int redis_device_revoke(Store *store, const char *id, const char *reason, int64_t now, bool *ret_changed,
                        GPtrArray **ret_ended);
int redis_device_sweep(Store *store, int64_t now, int64_t idle, int64_t keep);
int redis_ticket_use(Store *store, const char *issuer, const char *jti, int64_t until);
int redis_ticket_used(Store *store, const char *issuer, const char *jti, bool *ret);

/* What users owe, and where they were: redis-throttle.c */

int redis_known_network(Store *store, uid_t uid, const char *network, int64_t since, bool *ret);
int redis_shared_debt_get(Store *store, uid_t uid, const char *limit, const char *key, int64_t now, SharedDebt *ret);
int redis_shared_debt_swap(Store *store, SharedDebt *debt, int64_t now);
int redis_shared_debt_list(Store *store, uid_t uid, int64_t now, GPtrArray **ret);
