/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What the files of the memory backend share. */

#include <pthread.h>

#include "common/cleanup.h"
#include "daemon/store/store-internal.h"
#include "daemon/store/store-memory.h"

/* GLib's mutex would do, but ThreadSanitizer understands only pthread's. */
typedef struct MemoryStore {
        Store store;
        pthread_mutex_t mutex; /* over everything below */
        GHashTable *meta;
        GHashTable *users;   /* name → User * */
        GHashTable *news;    /* name → LoginNews * */
        GPtrArray *sessions; /* in the order of opening: a parent comes before its children */
        GHashTable *by_id;   /* id → Session *, not owned */
        GHashTable *events;  /* session id → GPtrArray of Event * */
        GPtrArray *devices;  /* in the order of adding */
        GPtrArray *assignments; /* by user and role */
        GPtrArray *identities;  /* by user and provider */
        GHashTable *tickets; /* issuer and jti → int64_t *, until when */
        GHashTable *networks; /* uid and network → MemoryNetwork * */
        GHashTable *debts;    /* uid, limit and key → UserDebt * */
        GHashTable *shared_debts; /* the same → MemorySharedDebt * */
        uint64_t shared_version;
        StoreBackend shared; /* the table of one that is shared */
} MemoryStore;

MemoryStore *memory_lock(Store *store);
void memory_unlock(MemoryStore **memory);

#define _cleanup_unlock_ _cleanup_(memory_unlock)

/* Sessions: store-memory.c */

/* @except and its ancestors: a set of ids that are not selected. */
GHashTable *memory_find_spared(MemoryStore *memory, const char *except);
GPtrArray *memory_end_selected(MemoryStore *memory, const SessionSelector *selector, SessionEvent event,
                               const char *reason, int64_t now);

/* Users, meta and this host's name: memory-user.c */

int memory_meta_get(Store *store, const char *key, char **ret);
int memory_meta_set(Store *store, const char *key, const char *value);
int memory_rename_host(Store *store, const char *from, const char *to);
int memory_user_get(Store *store, const char *name, User **ret);
int memory_user_list(Store *store, GPtrArray **ret);
int memory_user_add(Store *store, const User *user, const Assignment *assignment, const UserIdentity *identity);
int memory_user_rehash(Store *store, const char *name, const char *expected, const char *hash);
int memory_user_enable(Store *store, const char *name, bool *ret_changed);
int memory_user_disable(Store *store, const char *name, const char *reason, int64_t now, bool *ret_changed,
                        GPtrArray **ret_ended);
int memory_user_remove(Store *store, const char *name, const char *reason, int64_t now, GPtrArray **ret_ended);
int memory_user_change_password(Store *store, const char *name, const char *hash, const char *except,
                                const char *reason, int64_t now, GPtrArray **ret_ended);
void memory_user_failed(Store *store, const char *name, const char *from, int64_t now);
/* Gives them away, and begins anew with this login. */
void memory_tell_news(MemoryStore *memory, const Session *session, LoginNews *ret);

/* Assignments of roles: memory-assignment.c */

void memory_add_assignment(MemoryStore *memory, const Assignment *assignment);
void memory_drop_assignments(MemoryStore *memory, uid_t uid);
int memory_assignment_set(Store *store, const Assignment *assignment, unsigned max, bool *ret_changed);
int memory_assignment_remove(Store *store, uid_t uid, const char *role, bool *ret_changed);
int memory_assignment_list(Store *store, uid_t uid, GPtrArray **ret);
int memory_assignment_sweep(Store *store, int64_t now, GPtrArray **ret_ended);

/* Identities: memory-identity.c */

/* 0 or STORE_E_EXISTS. */
int memory_add_identity(MemoryStore *memory, const UserIdentity *identity);
void memory_drop_identities(MemoryStore *memory, uid_t uid);
int memory_identity_add(Store *store, const UserIdentity *identity, bool awaiting);
int memory_identity_find(Store *store, const char *issuer, const char *subject, UserIdentity **ret);
int memory_identity_list(Store *store, uid_t uid, GPtrArray **ret);
int memory_identity_remove(Store *store, uid_t uid, const char *provider, const char *issuer, bool *ret_changed);

/* Devices and tickets: memory-device.c */

Device *memory_find_device(MemoryStore *memory, const char *id);
/* What the user has, but the devices that @except and its ancestors came from; not their sessions. */
void memory_revoke_devices(MemoryStore *memory, uid_t uid, const char *except, const char *reason, int64_t now);
int memory_device_add(Store *store, const Device *device, unsigned max);
int memory_device_get(Store *store, const char *id, Device **ret);
int memory_device_list(Store *store, uid_t uid, GPtrArray **ret);
int memory_device_use(Store *store, const char *id, uint32_t counter, const char *from, int64_t now,
                      int64_t steady, DeviceUse *ret_use, Device **ret, GPtrArray **ret_ended);
int memory_device_revoke(Store *store, const char *id, const char *reason, int64_t now, bool *ret_changed,
                         GPtrArray **ret_ended);
int memory_device_sweep(Store *store, int64_t now, int64_t idle, int64_t keep);
int memory_ticket_use(Store *store, const char *issuer, const char *jti, int64_t until);
int memory_ticket_used(Store *store, const char *issuer, const char *jti, bool *ret);

/* What users owe, and where they were: memory-throttle.c */

void memory_throttle_init(MemoryStore *memory);
void memory_throttle_deinit(MemoryStore *memory);
void memory_throttle_forget(MemoryStore *memory, uid_t uid);
void memory_remember_network(MemoryStore *memory, uid_t uid, const char *network, int64_t now);
int memory_known_network(Store *store, uid_t uid, const char *network, int64_t since, bool *ret);
void memory_debt_set(Store *store, const UserDebt *debt);
int memory_debt_list(Store *store, GPtrArray **ret);
int memory_shared_debt_get(Store *store, uid_t uid, const char *limit, const char *key, int64_t now, SharedDebt *ret);
int memory_shared_debt_swap(Store *store, SharedDebt *debt, int64_t now);
int memory_shared_debt_list(Store *store, uid_t uid, int64_t now, GPtrArray **ret);
