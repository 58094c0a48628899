/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * What Redis says, and what this host knows better: touches that are not written yet, and what was revoked,
 * whichever copy of its data Redis may have come back with.
 */

#include <string.h>

#include "daemon/store/redis-store.h"

static void mark_revoked(Session *session) {
        session->state = SESSION_REVOKED;
        session->ended = MAX(session->ended, session->seen);
        if (!session->end_reason)
                session->end_reason = g_strdup("revoked");
}

void redis_settle_session(RedisStore *redis, Session *session) {
        if (session->state == SESSION_ACTIVE && tombstones_has_session(redis->tombstones, session->id))
                mark_revoked(session);
        redis_notes_overlay(redis->notes, session);
}

/* A record without a time is as old as can be. */
static int64_t field_or_never(const RedisReply *flat, const char *name) {
        int64_t time;

        return redis_field_int(flat, name, 0, REDIS_SINCE_MAX, &time) == 0 ? time : 0;
}

static bool is_outdated(RedisStore *redis, TombstoneUser what, uid_t uid, const RedisReply *flat, const char *name) {
        return field_or_never(flat, name) < tombstones_get_user(redis->tombstones, what, uid);
}

void redis_settle_user(RedisStore *redis, User *user, const RedisReply *flat) {
        if (is_outdated(redis, TOMBSTONE_USER, user->uid, flat, "since"))
                user->enabled = false;
        if (user->password_hash && is_outdated(redis, TOMBSTONE_PASSWORD, user->uid, flat, "changed")) {
                explicit_bzero(user->password_hash, strlen(user->password_hash));
                g_clear_pointer(&user->password_hash, g_free);
        }
}

void redis_settle_device(RedisStore *redis, Device *device) {
        if (device->revoked != 0 || !tombstones_has_device(redis->tombstones, device->id))
                return;
        device->revoked = store_revoked_at(device->used);
        g_free(device->revoke_reason); /* a record that went back to unrevoked may have one */
        device->revoke_reason = g_strdup("revoked");
}

void redis_settle_ended(RedisStore *redis, GPtrArray *ended) {
        for (guint i = 0; i < ended->len; i++)
                redis_notes_ended(redis->notes, ended->pdata[i]);
        (void) tombstones_add_sessions(redis->tombstones, ended); /* done is done, and it is tried again; ignoring */
}
