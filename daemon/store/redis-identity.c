/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

enum { PROVIDER, ISSUER, SUBJECT, USER, UID, LINKED, BY, N_TEXTS }; /* packed; the provider first: lua/identity_remove.lua */

static GString *pack_name(const char *issuer, const char *subject) {
        const char *const name[] = { issuer, subject };

        return redis_pack(G_N_ELEMENTS(name), name);
}

void redis_add_identity(RedisCall *call, const UserIdentity *identity) {
        g_autofree char *uid = g_strdup_printf("%u", (unsigned) identity->uid);
        g_autofree char *linked = g_strdup_printf("%" PRIi64, identity->linked);
        const char *const texts[N_TEXTS] = {
                identity->provider, identity->issuer, identity->subject, identity->user, uid, linked, identity->by,
        };

        redis_call_text(call, identity->issuer);
        redis_call_text(call, identity->subject);
        redis_call_take(call, pack_name(identity->issuer, identity->subject));
        redis_call_take(call, redis_pack(N_TEXTS, texts));
}

static int read_identity(const RedisReply *packed, UserIdentity **ret) {
        char *texts[N_TEXTS];
        gint64 uid, linked;
        bool good = true;
        int r;

        r = redis_unpack(packed, N_TEXTS, texts);
        if (r < 0)
                return r;
        for (size_t i = 0; i < N_TEXTS; i++)
                good = good && texts[i];
        good = good && g_ascii_string_to_signed(texts[UID], 10, 0, (gint64) UID_UNSET - 1, &uid, NULL) &&
               g_ascii_string_to_signed(texts[LINKED], 10, INT64_MIN, INT64_MAX, &linked, NULL);
        if (good)
                *ret = user_identity_copy(&(UserIdentity) {
                        .issuer = texts[ISSUER],
                        .subject = texts[SUBJECT],
                        .user = texts[USER],
                        .uid = (uid_t) uid,
                        .provider = texts[PROVIDER],
                        .linked = linked,
                        .by = texts[BY],
                });
        redis_unpack_free(N_TEXTS, texts);
        return good ? 0 : error_trace(-EUCLEAN);
}

int redis_identity_add(Store *store, const UserIdentity *identity, bool awaiting) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_IDENTITY_ADD);

        redis_call_text(&call, identity->user);
        redis_call_int(&call, identity->uid);
        redis_call_text(&call, identity->provider);
        redis_call_int(&call, awaiting);
        redis_add_identity(&call, identity);
        return redis_call_outcome(redis_store(store), &call, 1, NULL);
}

int redis_identity_find(Store *store, const char *issuer, const char *subject, UserIdentity **ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_IDENTITY_FIND);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        redis_call_take(&call, pack_name(issuer, subject));
        r = redis_call_run(redis_store(store), &call, &reply);
        if (r < 0)
                return r;
        return reply->type == REPLY_NIL ? STORE_E_NOT_FOUND : read_identity(reply, ret);
}

static int compare(const void *a, const void *b) {
        const UserIdentity *first = *(UserIdentity *const *) a, *second = *(UserIdentity *const *) b;
        int order = strcmp(first->user, second->user);

        if (order == 0)
                order = strcmp(first->provider, second->provider);
        return order != 0 ? order : strcmp(first->issuer, second->issuer);
}

static int read_row(RedisStore *redis, const RedisReply *row, void *identities) {
        UserIdentity *identity;
        int r;

        r = read_identity(row, &identity);
        if (r == 0)
                g_ptr_array_add(identities, identity);
        return r;
}

int redis_identity_list(Store *store, uid_t uid, GPtrArray **ret) {
        g_autoptr(GPtrArray) uids = NULL, identities = store_identity_array();
        const RedisLoad load = { .script = SCRIPT_IDENTITY_LIST, .row = read_row, .data = identities };
        int r;

        r = redis_user_uids(redis_store(store), uid, &uids);
        if (r == 0)
                r = redis_load(redis_store(store), &load, uids->len, uids->pdata);
        if (r < 0)
                return r;
        g_ptr_array_sort(identities, compare);
        *ret = g_steal_pointer(&identities);
        return 0;
}

int redis_identity_remove(Store *store, uid_t uid, const char *provider, const char *issuer, bool *ret_changed) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_IDENTITY_REMOVE);

        redis_call_int(&call, uid);
        redis_call_text(&call, provider);
        redis_call_optional(&call, issuer);
        return redis_call_bool(redis_store(store), &call, ret_changed);
}
