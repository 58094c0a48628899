/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/store/redis-feed-entry.h"

static Session *read_session(const RedisReply *flat) {
        g_autoptr(Session) session = session_new();
        const char *id = redis_field(flat, "id"), *audit = redis_field(flat, "audit_id");
        int64_t uid = 0, audit_id = AUDIT_ID_UNSET;

        if (!id || !redis_is_id(id) ||
            redis_field_int(flat, "uid", 0, (int64_t) UID_UNSET - 1, &uid) < 0 ||
            redis_field_int(flat, "ends", INT64_MIN, INT64_MAX, &session->ends) < 0 ||
            redis_field_int(flat, "ended", INT64_MIN, INT64_MAX, &session->ended) < 0 ||
            (audit && audit[0] && redis_field_int(flat, "audit_id", 0, AUDIT_ID_UNSET - 1, &audit_id) < 0))
                return NULL;
        memcpy(session->id, id, SESSION_ID_SIZE);
        session->uid = (uid_t) uid;
        session->audit_id = (uint32_t) audit_id;
        session->state = session_state_from_string(redis_field(flat, "state"));
        session->user = g_strdup(redis_field(flat, "user"));
        session->host = g_strdup(redis_field(flat, "host"));
        if (!session->user || !session->host || session->state == _SESSION_STATE_INVALID)
                return NULL;
        return g_steal_pointer(&session);
}

static char *dup_set(const char *text) {
        return text && text[0] ? g_strdup(text) : NULL;
}

static bool tell_session(const FeedHearer *hearer, const RedisReply *flat, StoreFeedEntry *entry) {
        g_autoptr(Session) session = read_session(flat);
        g_autoptr(GPtrArray) sessions = g_ptr_array_new();

        if (!session)
                return false;
        session->boot_id = dup_set(redis_field(flat, "boot_id"));
        session->logind_id = dup_set(redis_field(flat, "logind_id"));
        session->end_reason = dup_set(redis_field(flat, "reason"));
        g_ptr_array_add(sessions, session);
        (void) tombstones_add_sessions(hearer->redis->tombstones, sessions); /* tried again, and told by the check; ignoring */
        entry->session = session;
        entry->keep_login = g_strcmp0(redis_field(flat, "manner"), "keep") == 0;
        entry->everybody = g_strcmp0(redis_field(flat, "manner"), "all") == 0;
        hearer->handler.entry(entry, hearer->handler.data);
        return true;
}

static bool tell_device(const FeedHearer *hearer, const RedisReply *flat, StoreFeedEntry *entry) {
        int64_t ends;

        entry->device = redis_field(flat, "id");
        if (!entry->device || !redis_is_id(entry->device) || redis_field_int(flat, "ends", INT64_MIN, INT64_MAX, &ends) < 0)
                return false;
        (void) tombstones_add_device(hearer->redis->tombstones, entry->device, ends); /* the same; ignoring */
        hearer->handler.entry(entry, hearer->handler.data);
        return true;
}

static bool tell_user(const FeedHearer *hearer, const RedisReply *flat, StoreFeedEntry *entry) {
        TombstoneUser what = entry->what == STORE_FEED_PASSWORD ? TOMBSTONE_PASSWORD : TOMBSTONE_USER;
        int64_t since;

        if (redis_field_int(flat, "since", 1, REDIS_SINCE_MAX, &since) < 0)
                return false;
        (void) tombstones_add_user(hearer->redis->tombstones, what, entry->uid, since); /* the same; ignoring */
        if (entry->what == STORE_FEED_REMOVED)
                (void) tombstones_unsee_user(hearer->redis->tombstones, entry->user); /* else an outage for him; ignoring */
        hearer->handler.entry(entry, hearer->handler.data);
        return true;
}

/* Else a host where he never was would take him for a stranger, once the store has lost him. */
static bool tell_added(const FeedHearer *hearer, const RedisReply *flat, StoreFeedEntry *entry) {
        (void) tombstones_see_user(hearer->redis->tombstones, entry->user); /* the same; ignoring */
        hearer->handler.entry(entry, hearer->handler.data);
        return true;
}

static bool tell_revoked(const FeedHearer *hearer, const RedisReply *flat, StoreFeedEntry *entry) {
        entry->keep_login = g_strcmp0(redis_field(flat, "manner"), "keep") == 0;
        entry->spares = g_strcmp0(redis_field(flat, "spares"), "1") == 0;
        hearer->handler.entry(entry, hearer->handler.data);
        return true;
}

static bool tell_everybody(const FeedHearer *hearer, const RedisReply *flat, StoreFeedEntry *entry) {
        entry->keep_login = g_strcmp0(redis_field(flat, "manner"), "keep") == 0;
        hearer->handler.entry(entry, hearer->handler.data);
        return true;
}

static bool read_user(const RedisReply *flat, StoreFeedEntry *entry) {
        int64_t uid;

        entry->user = redis_field(flat, "user");
        if (!entry->user || redis_field_int(flat, "uid", 0, (int64_t) UID_UNSET - 1, &uid) < 0)
                return false;
        entry->uid = (uid_t) uid;
        return true;
}

bool feed_tell(const FeedHearer *hearer, const RedisReply *flat) {
        static const struct {
                const char *what;
                bool (*tell)(const FeedHearer *hearer, const RedisReply *flat, StoreFeedEntry *entry);
        } rows[_STORE_FEED_MAX] = {
                [STORE_FEED_SESSION] = { "session", tell_session }, [STORE_FEED_DEVICE] = { "device", tell_device },
                [STORE_FEED_ADDED] = { "add", tell_added },         [STORE_FEED_DISABLED] = { "disable", tell_user },
                [STORE_FEED_REMOVED] = { "remove", tell_user },     [STORE_FEED_PASSWORD] = { "password", tell_user },
                [STORE_FEED_REVOKED] = { "revoke", tell_revoked },  [STORE_FEED_EVERYBODY] = { "everybody", tell_everybody },
        };
        const char *what = redis_field(flat, "what"), *by = redis_field(flat, "by");
        StoreFeedEntry entry = { .uid = UID_UNSET };

        if (!what || !by)
                return false;
        entry.own = strcmp(by, hearer->redis->daemon) == 0;
        for (size_t i = 0; i < _STORE_FEED_MAX; i++)
                if (strcmp(what, rows[i].what) == 0) {
                        entry.what = (StoreFeedWhat) i;
                        return (i == STORE_FEED_EVERYBODY || read_user(flat, &entry)) && rows[i].tell(hearer, flat, &entry);
                }
        return false;
}
