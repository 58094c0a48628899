/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What a backend is to store.c: a table with the functions of store.h, called with arguments that
 * store.c has checked. A backend's own struct begins with a Store.
 */

#include "daemon/store/store.h"

#define STORE_EVENTS_KEPT 64

typedef struct StoreBackend {
        void (*free)(Store *store);
        uint64_t (*dropped)(Store *store);
        int (*check)(Store *store, int64_t limit, char **ret_problem);
        int (*probe)(Store *store, int64_t now, char ***ret_faults, char ***ret_warnings); /* NULL: nothing to say */

        int (*meta_get)(Store *store, const char *key, char **ret);
        int (*meta_set)(Store *store, const char *key, const char *value);

        int (*user_get)(Store *store, const char *name, User **ret);
        int (*user_list)(Store *store, GPtrArray **ret);
        /* The last two may be NULL. */
        int (*user_add)(Store *store, const User *user, const Assignment *assignment, const UserIdentity *identity);
        int (*user_rehash)(Store *store, const char *name, const char *expected, const char *hash);
        int (*user_enable)(Store *store, const char *name, bool *ret_changed);
        int (*user_disable)(Store *store, const char *name, const char *reason, int64_t now, bool *ret_changed,
                            GPtrArray **ret_ended);
        int (*user_remove)(Store *store, const char *name, const char *reason, int64_t now, GPtrArray **ret_ended);
        int (*user_change_password)(Store *store, const char *name, const char *hash, const char *except,
                                    const char *reason, int64_t now, GPtrArray **ret_ended);
        void (*user_failed)(Store *store, const char *name, const char *from, int64_t now);
        int (*rename_host)(Store *store, const char *from, const char *to);

        int (*session_get)(Store *store, const char *id, Session **ret);
        int (*session_find)(Store *store, const char *prefix, uid_t uid, Session **ret);
        int (*session_bound)(Store *store, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret);
        int (*session_list)(Store *store, const SessionFilter *filter, GPtrArray **ret);
        int (*session_open)(Store *store, const Session *session, unsigned max_per_user, bool *ret_bound,
                            GPtrArray **ret_ended);
        int (*session_open_login)(Store *store, const Session *session, unsigned max_per_user, const char *network,
                                  bool *ret_bound, GPtrArray **ret_ended, LoginNews *ret_news);
        void (*session_touch)(Store *store, const char *id, int64_t now);
        int (*session_authenticated)(Store *store, const char *id, int64_t auth_time, const char *method,
                                     const Granted *granted);
        int (*session_end)(Store *store, const SessionSelector *selector, SessionEvent event, const char *reason,
                           int64_t now, GPtrArray **ret_ended);
        int (*session_sweep)(Store *store, const char *host, const char *boot_id, int64_t now, int64_t idle,
                             int64_t keep, unsigned limit, GPtrArray **ret_ended, bool *ret_more);

        int (*assignment_set)(Store *store, const Assignment *assignment, unsigned max, bool *ret_changed);
        int (*assignment_remove)(Store *store, uid_t uid, const char *role, bool *ret_changed);
        int (*assignment_list)(Store *store, uid_t uid, GPtrArray **ret);
        int (*assignment_sweep)(Store *store, int64_t now, GPtrArray **ret_ended);

        int (*identity_add)(Store *store, const UserIdentity *identity, bool awaiting);
        int (*identity_find)(Store *store, const char *issuer, const char *subject, UserIdentity **ret);
        int (*identity_list)(Store *store, uid_t uid, GPtrArray **ret);
        int (*identity_remove)(Store *store, uid_t uid, const char *provider, const char *issuer, bool *ret_changed);

        int (*device_add)(Store *store, const Device *device, unsigned max);
        int (*device_get)(Store *store, const char *id, Device **ret);
        int (*device_list)(Store *store, uid_t uid, GPtrArray **ret);
        int (*device_use)(Store *store, const char *id, uint32_t counter, const char *from, int64_t now,
                          int64_t steady, DeviceUse *ret_use, Device **ret, GPtrArray **ret_ended);
        int (*device_revoke)(Store *store, const char *id, const char *reason, int64_t now, bool *ret_changed,
                             GPtrArray **ret_ended);
        int (*device_sweep)(Store *store, int64_t now, int64_t idle, int64_t keep);

        int (*ticket_use)(Store *store, const char *issuer, const char *jti, int64_t until);
        int (*ticket_used)(Store *store, const char *issuer, const char *jti, bool *ret);

        int (*known_network)(Store *store, uid_t uid, const char *network, int64_t since, bool *ret);
        void (*debt_set)(Store *store, const UserDebt *debt);
        int (*debt_list)(Store *store, GPtrArray **ret);

        /* All three or none: then hosts share nothing. */
        int (*shared_debt_get)(Store *store, uid_t uid, const char *limit, const char *key, int64_t now,
                               SharedDebt *ret);
        int (*shared_debt_swap)(Store *store, SharedDebt *debt, int64_t now);
        int (*shared_debt_list)(Store *store, uid_t uid, int64_t now, GPtrArray **ret);

        void (*event_add)(Store *store, const Event *event);
        int (*event_list)(Store *store, const char *session, GPtrArray **ret);
} StoreBackend;

struct Store {
        const StoreBackend *backend;
};

/* Array elements' free functions, in the form that GPtrArray wants. */
GPtrArray *store_user_array(void);
GPtrArray *store_session_array(void);
GPtrArray *store_event_array(void);
GPtrArray *store_device_array(void);
GPtrArray *store_assignment_array(void);
GPtrArray *store_identity_array(void);

/* Words as one text, and back: see there. */
char *store_pack_words(char **words);
char **store_unpack_words(const char *text);

/* Of one user and role: would putting one in the place of the other change anything? */
bool store_assignment_says_same(const Assignment *a, const Assignment *b);
GPtrArray *store_debt_array(void);
GPtrArray *store_shared_debt_array(void);

/* Can this session be bound to, or found by, a login? */
static inline bool store_session_has_login(const Session *session) {
        return session->audit_id != AUDIT_ID_UNSET && session->boot_id;
}

/* When a device was revoked, as it is kept: never the 0 that says that it was not. */
static inline int64_t store_revoked_at(int64_t now) {
        return MAX(now, 1);
}
