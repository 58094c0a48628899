/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The way from the contract to a backend: arguments that can never be right stop here, so that all
 * backends agree on them and none meets an id with a quote or a wildcard in it.
 */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/store-internal.h"

#define ID_DIGITS (SESSION_ID_SIZE - 1)

static bool is_prefix(const char *text) {
        size_t n = text ? strspn(text, "0123456789abcdef") : 0;

        return n >= 1 && n <= ID_DIGITS && text[n] == '\0';
}

static bool is_id(const char *text) {
        return is_prefix(text) && strlen(text) == ID_DIGITS;
}

static void free_user(void *user) {
        user_free(user);
}

static void free_session(void *session) {
        session_free(session);
}

static void free_event(void *event) {
        event_free(event);
}

static void free_device(void *device) {
        device_free(device);
}

static void free_assignment(void *assignment) {
        assignment_free(assignment);
}

static void free_identity(void *identity) {
        user_identity_free(identity);
}

static void free_debt(void *debt) {
        user_debt_free(debt);
}

GPtrArray *store_user_array(void) {
        return g_ptr_array_new_with_free_func(free_user);
}

GPtrArray *store_session_array(void) {
        return g_ptr_array_new_with_free_func(free_session);
}

GPtrArray *store_event_array(void) {
        return g_ptr_array_new_with_free_func(free_event);
}

GPtrArray *store_device_array(void) {
        return g_ptr_array_new_with_free_func(free_device);
}

GPtrArray *store_assignment_array(void) {
        return g_ptr_array_new_with_free_func(free_assignment);
}

GPtrArray *store_identity_array(void) {
        return g_ptr_array_new_with_free_func(free_identity);
}

static void free_shared_debt(void *debt) {
        shared_debt_free(debt);
}

GPtrArray *store_shared_debt_array(void) {
        return g_ptr_array_new_with_free_func(free_shared_debt);
}

GPtrArray *store_debt_array(void) {
        return g_ptr_array_new_with_free_func(free_debt);
}

/* Methods and roles are words without line breaks; NULL stays NULL, and no word at all is "". */
char *store_pack_words(char **words) {
        return words ? g_strjoinv("\n", words) : NULL;
}

char **store_unpack_words(const char *text) {
        return text ? g_strsplit(text, "\n", -1) : NULL;
}

Store *store_free(Store *store) {
        if (store)
                store->backend->free(store);
        return NULL;
}

uint64_t store_dropped(Store *store) {
        return store->backend->dropped(store);
}

int store_check(Store *store, int64_t limit, char **ret_problem) {
        return store->backend->check(store, limit, ret_problem);
}

int store_probe(Store *store, int64_t now, char ***ret_faults, char ***ret_warnings) {
        if (store->backend->probe)
                return store->backend->probe(store, now, ret_faults, ret_warnings);
        *ret_faults = g_new0(char *, 1);
        *ret_warnings = g_new0(char *, 1);
        return 0;
}

/* Meta */

int store_meta_get(Store *store, const char *key, char **ret) {
        return store->backend->meta_get(store, key, ret);
}

int store_meta_set(Store *store, const char *key, const char *value) {
        if (!key || !value)
                return error_trace(-EINVAL);
        return store->backend->meta_set(store, key, value);
}

int store_rename_host(Store *store, const char *from, const char *to) {
        if (!from || !to || !to[0])
                return error_trace(-EINVAL);
        return store->backend->rename_host(store, from, to);
}

/* Users */

int store_user_get(Store *store, const char *name, User **ret) {
        return name ? store->backend->user_get(store, name, ret) : STORE_E_NOT_FOUND;
}

int store_user_list(Store *store, GPtrArray **ret) {
        return store->backend->user_list(store, ret);
}

int store_user_add(Store *store, const User *user) {
        if (!user->name || user->uid == UID_UNSET)
                return error_trace(-EINVAL);
        return store->backend->user_add(store, user, /* assignment= */ NULL, /* identity= */ NULL);
}

int store_user_rehash(Store *store, const char *name, const char *expected, const char *hash) {
        if (!expected || !hash)
                return error_trace(-EINVAL);
        return store->backend->user_rehash(store, name, expected, hash);
}

int store_user_enable(Store *store, const char *name, bool *ret_changed) {
        return store->backend->user_enable(store, name, ret_changed);
}

int store_user_disable(Store *store, const char *name, const char *reason, int64_t now, bool *ret_changed,
                       GPtrArray **ret_ended) {
        return store->backend->user_disable(store, name, reason, now, ret_changed, ret_ended);
}

int store_user_remove(Store *store, const char *name, const char *reason, int64_t now, GPtrArray **ret_ended) {
        return store->backend->user_remove(store, name, reason, now, ret_ended);
}

static bool is_assignable(const Assignment *assignment) {
        return assignment->user && assignment->uid != UID_UNSET && assignment->role && assignment->role[0] &&
               assignment->by && assignment->until >= 0;
}

int store_user_add_assigned(Store *store, const User *user, const Assignment *assignment) {
        if (!user->name || user->uid == UID_UNSET || !is_assignable(assignment))
                return error_trace(-EINVAL);
        if (strcmp(user->name, assignment->user) != 0 || user->uid != assignment->uid)
                return error_trace(-EINVAL);
        return store->backend->user_add(store, user, assignment, /* identity= */ NULL);
}

static bool is_linkable(const UserIdentity *identity) {
        return identity->issuer && identity->issuer[0] && identity->subject && identity->subject[0] &&
               identity->user && identity->uid != UID_UNSET && identity->provider && identity->provider[0] &&
               identity->by;
}

int store_user_add_linked(Store *store, const User *user, const UserIdentity *identity) {
        if (!user->name || user->uid == UID_UNSET || !is_linkable(identity))
                return error_trace(-EINVAL);
        if (strcmp(user->name, identity->user) != 0 || user->uid != identity->uid)
                return error_trace(-EINVAL);
        return store->backend->user_add(store, user, /* assignment= */ NULL, identity);
}

int store_user_change_password(Store *store, const char *name, const char *hash, const char *except,
                               const char *reason, int64_t now, GPtrArray **ret_ended) {
        if (!hash)
                return error_trace(-EINVAL);
        return store->backend->user_change_password(store, name, hash, except, reason, now, ret_ended);
}

void store_user_failed(Store *store, const char *name, const char *from, int64_t now) {
        if (name)
                store->backend->user_failed(store, name, from, now);
}

/* Sessions */

int store_session_get(Store *store, const char *id, Session **ret) {
        return is_id(id) ? store->backend->session_get(store, id, ret) : STORE_E_NOT_FOUND;
}

int store_session_find(Store *store, const char *prefix, uid_t uid, Session **ret) {
        return is_prefix(prefix) ? store->backend->session_find(store, prefix, uid, ret) : STORE_E_NOT_FOUND;
}

int store_session_bound(Store *store, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret) {
        if (!boot_id || audit_id == AUDIT_ID_UNSET || uid == UID_UNSET)
                return STORE_E_NOT_FOUND;
        return store->backend->session_bound(store, boot_id, audit_id, uid, ret);
}

int store_session_list(Store *store, const SessionFilter *filter, GPtrArray **ret) {
        g_assert(!filter->device || filter->uid != UID_UNSET);
        return store->backend->session_list(store, filter, ret);
}

static bool is_openable(const Session *session) {
        return session->state == SESSION_ACTIVE && is_id(session->id) && session->uid != UID_UNSET && session->user &&
               session->host && session->service && (!session->parent[0] || is_id(session->parent)) &&
               (!session->device[0] || is_id(session->device));
}

int store_session_open(Store *store, const Session *session, unsigned max_per_user, bool *ret_bound,
                       GPtrArray **ret_ended) {
        if (!is_openable(session))
                return error_trace(-EINVAL);
        return store->backend->session_open(store, session, max_per_user, ret_bound, ret_ended);
}

int store_session_open_login(Store *store, const Session *session, unsigned max_per_user, const char *network,
                             bool *ret_bound, GPtrArray **ret_ended, LoginNews *ret_news) {
        if (!is_openable(session) || (network && !network[0]))
                return error_trace(-EINVAL);
        return store->backend->session_open_login(store, session, max_per_user, network, ret_bound, ret_ended,
                                                  ret_news);
}

void store_session_touch(Store *store, const char *id, int64_t now) {
        if (is_id(id))
                store->backend->session_touch(store, id, now);
}

int store_session_authenticated(Store *store, const char *id, int64_t auth_time, const char *method,
                                const Granted *granted) {
        if (!method)
                return error_trace(-EINVAL);
        if (!is_id(id))
                return STORE_E_NOT_FOUND;
        return store->backend->session_authenticated(store, id, auth_time, method, granted);
}

int store_session_end(Store *store, const SessionSelector *selector, SessionEvent event, const char *reason,
                      int64_t now, GPtrArray **ret_ended) {
        if (session_transition(SESSION_ACTIVE, event) == _SESSION_STATE_INVALID)
                return error_trace(-EINVAL);
        if ((selector->id && !is_id(selector->id)) || (!selector->id && selector->device && !is_id(selector->device))) {
                *ret_ended = store_session_array();
                return 0;
        }
        return store->backend->session_end(store, selector, event, reason, now, ret_ended);
}

int store_session_sweep(Store *store, const char *host, const char *boot_id, int64_t now, int64_t idle, int64_t keep,
                        unsigned limit, GPtrArray **ret_ended, bool *ret_more) {
        if (!host || !boot_id || limit == 0)
                return error_trace(-EINVAL);
        return store->backend->session_sweep(store, host, boot_id, now, idle, keep, limit, ret_ended, ret_more);
}

/* Assignments of roles */

int store_assignment_set(Store *store, const Assignment *assignment, unsigned max, bool *ret_changed) {
        if (!is_assignable(assignment) || max == 0)
                return error_trace(-EINVAL);
        return store->backend->assignment_set(store, assignment, max, ret_changed);
}

int store_assignment_remove(Store *store, uid_t uid, const char *role, bool *ret_changed) {
        if (uid == UID_UNSET || !role)
                return error_trace(-EINVAL);
        return store->backend->assignment_remove(store, uid, role, ret_changed);
}

int store_assignment_list(Store *store, uid_t uid, GPtrArray **ret) {
        return store->backend->assignment_list(store, uid, ret);
}

int store_assignment_sweep(Store *store, int64_t now, GPtrArray **ret_ended) {
        return store->backend->assignment_sweep(store, now, ret_ended);
}

bool store_assignment_says_same(const Assignment *a, const Assignment *b) {
        return strcmp(a->user, b->user) == 0 && a->until == b->until && strcmp(a->by, b->by) == 0 &&
               g_strcmp0(a->reason, b->reason) == 0;
}

/* Identities */

int store_identity_add(Store *store, const UserIdentity *identity, bool awaiting) {
        if (!is_linkable(identity))
                return error_trace(-EINVAL);
        return store->backend->identity_add(store, identity, awaiting);
}

int store_identity_find(Store *store, const char *issuer, const char *subject, UserIdentity **ret) {
        if (!issuer || !issuer[0] || !subject || !subject[0])
                return STORE_E_NOT_FOUND;
        return store->backend->identity_find(store, issuer, subject, ret);
}

int store_identity_list(Store *store, uid_t uid, GPtrArray **ret) {
        return store->backend->identity_list(store, uid, ret);
}

int store_identity_remove(Store *store, uid_t uid, const char *provider, const char *issuer, bool *ret_changed) {
        if (uid == UID_UNSET || !provider || !provider[0])
                return error_trace(-EINVAL);
        return store->backend->identity_remove(store, uid, provider, issuer, ret_changed);
}

/* Devices */

int store_device_add(Store *store, const Device *device, unsigned max) {
        if (!is_id(device->id) || device->uid == UID_UNSET || device->revoked != 0 || max == 0)
                return error_trace(-EINVAL);
        if (!device->name || !device->user || !device->audience)
                return error_trace(-EINVAL);
        return store->backend->device_add(store, device, max);
}

int store_device_get(Store *store, const char *id, Device **ret) {
        return is_id(id) ? store->backend->device_get(store, id, ret) : STORE_E_NOT_FOUND;
}

int store_device_list(Store *store, uid_t uid, GPtrArray **ret) {
        return store->backend->device_list(store, uid, ret);
}

int store_device_use(Store *store, const char *id, uint32_t counter, const char *from, int64_t now, int64_t steady,
                     DeviceUse *ret_use, Device **ret, GPtrArray **ret_ended) {
        if (!is_id(id))
                return STORE_E_NOT_FOUND;
        return store->backend->device_use(store, id, counter, from, now, steady, ret_use, ret, ret_ended);
}

int store_device_revoke(Store *store, const char *id, const char *reason, int64_t now, bool *ret_changed,
                        GPtrArray **ret_ended) {
        if (!is_id(id))
                return STORE_E_NOT_FOUND;
        return store->backend->device_revoke(store, id, reason, now, ret_changed, ret_ended);
}

int store_device_sweep(Store *store, int64_t now, int64_t idle, int64_t keep) {
        return store->backend->device_sweep(store, now, idle, keep);
}

/* Tickets */

int store_ticket_use(Store *store, const char *issuer, const char *jti, int64_t until) {
        if (!issuer || !jti || !jti[0])
                return error_trace(-EINVAL);
        return store->backend->ticket_use(store, issuer, jti, until);
}

/* Here nothing would be a yes: what cannot have been used is an error instead. */
int store_ticket_used(Store *store, const char *issuer, const char *jti, bool *ret) {
        if (!issuer || !jti || !jti[0])
                return error_trace(-EINVAL);
        return store->backend->ticket_used(store, issuer, jti, ret);
}

/* Events */

void store_event_add(Store *store, const Event *event) {
        if (is_id(event->session) && event->event)
                store->backend->event_add(store, event);
}

int store_event_list(Store *store, const char *session, GPtrArray **ret) {
        if (is_id(session))
                return store->backend->event_list(store, session, ret);
        *ret = store_event_array();
        return 0;
}

/* What users owe, and where they were */

int store_known_network(Store *store, uid_t uid, const char *network, int64_t since, bool *ret) {
        if (!network || !network[0] || uid == UID_UNSET)
                return error_trace(-EINVAL);
        return store->backend->known_network(store, uid, network, since, ret);
}

void store_debt_set(Store *store, const UserDebt *debt) {
        if (debt->uid != UID_UNSET && debt->limit && debt->key && !store_is_shared(store))
                store->backend->debt_set(store, debt);
}

int store_debt_list(Store *store, GPtrArray **ret) {
        return store_is_shared(store) ? error_trace(-EOPNOTSUPP) : store->backend->debt_list(store, ret);
}

bool store_is_shared(Store *store) {
        return store->backend->shared_debt_get;
}

int store_shared_debt_get(Store *store, uid_t uid, const char *limit, const char *key, int64_t now, SharedDebt *ret) {
        if (!store_is_shared(store))
                return error_trace(-EOPNOTSUPP);
        if (uid == UID_UNSET || !limit || !key)
                return error_trace(-EINVAL);
        return store->backend->shared_debt_get(store, uid, limit, key, now, ret);
}

int store_shared_debt_swap(Store *store, SharedDebt *debt, int64_t now) {
        if (!store_is_shared(store))
                return error_trace(-EOPNOTSUPP);
        if (debt->uid == UID_UNSET || !debt->limit || !debt->key || debt->keep < 0)
                return error_trace(-EINVAL);
        return store->backend->shared_debt_swap(store, debt, now);
}

int store_shared_debt_list(Store *store, uid_t uid, int64_t now, GPtrArray **ret) {
        return store_is_shared(store) ? store->backend->shared_debt_list(store, uid, now, ret) : error_trace(-EOPNOTSUPP);
}
