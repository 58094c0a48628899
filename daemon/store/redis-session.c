/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Sessions, looking. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/adopt.h"
#include "daemon/store/redis-store.h"
#include "daemon/store/store-redis.h"

#define PAGE 500

/* One */

static int run_one(RedisStore *redis, RedisCall *call, Session **ret) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        Session *session;
        int r;

        r = redis_call_outcome(redis, call, 2, &reply);
        if (r != 0)
                return r;
        r = redis_read_session(reply->elements[1], &session);
        if (r < 0)
                return r;
        redis_settle_session(redis, session);
        *ret = session;
        return 0;
}

int redis_session_get(Store *store, const char *id, Session **ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_GET);

        redis_call_text(&call, id);
        return run_one(redis_store(store), &call, ret);
}

int redis_session_find(Store *store, const char *prefix, uid_t uid, Session **ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_FIND);
        g_autofree char *text = uid == UID_UNSET ? NULL : g_strdup_printf("%u", (unsigned) uid);

        redis_call_text(&call, prefix);
        redis_call_optional(&call, text);
        return run_one(redis_store(store), &call, ret);
}

/* A login that was revoked stays so, also where the store has never heard of it. */
int redis_session_bound(Store *store, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_BOUND);
        RedisStore *redis = redis_store(store);
        g_autoptr(Session) session = NULL, revoked = NULL;
        int r;

        redis_call_int(&call, audit_id);
        redis_call_int(&call, uid);
        redis_call_text(&call, boot_id);
        r = run_one(redis, &call, &session);
        if (r < 0)
                return r;
        if (r != 0 || session->state != SESSION_REVOKED)
                revoked = tombstones_get_login(redis->tombstones, boot_id, audit_id, uid);
        if (!revoked && r != 0)
                return r;
        *ret = revoked ? g_steal_pointer(&revoked) : g_steal_pointer(&session);
        return 0;
}

/* Many */

typedef struct Found {
        int64_t n; /* its number: in this order they were opened */
        Session *session;
} Found;

typedef struct Listing {
        RedisStore *redis;
        const SessionFilter *filter;
        GArray *found;    /* Found */
        GHashTable *seen; /* ids: one that ends meanwhile is met twice */
} Listing;

static void free_found(void *found) {
        (void) session_free(((Found *) found)->session);
}

static int add_one(Listing *listing, const RedisReply *flat) {
        g_autoptr(Session) session = NULL;
        Found found;
        int r;

        r = redis_field_int(flat, "n", 1, INT64_MAX, &found.n);
        if (r == 0)
                r = redis_read_session(flat, &session);
        if (r < 0)
                return r == -EUCLEAN ? 0 : r; /* one that is damaged hides no others */
        redis_settle_session(listing->redis, session);
        if (!listing->filter->ended && session->state != SESSION_ACTIVE)
                return 0;
        if (!g_hash_table_add(listing->seen, g_strdup(session->id)))
                return 0;
        found.session = g_steal_pointer(&session);
        g_array_append_val(listing->found, found);
        return 0;
}

/* @before: a number, "+inf" at first; the next one, "" at the end. */
static int add_page(Listing *listing, const char *state, char **before) {
        const SessionFilter *filter = listing->filter;
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_LIST);
        g_autofree char *uid = filter->uid == UID_UNSET ? NULL : g_strdup_printf("%u", (unsigned) filter->uid);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        redis_call_text(&call, state);
        redis_call_optional(&call, uid);
        redis_call_optional(&call, filter->host);
        redis_call_text(&call, *before);
        redis_call_int(&call, filter->limit > 0 ? MIN(filter->limit, PAGE) : PAGE);
        redis_call_optional(&call, filter->device);
        r = redis_call_run(listing->redis, &call, &reply);
        if (r < 0)
                return r;
        if (reply->type != REPLY_ARRAY || reply->size != 2 || reply->elements[0]->type != REPLY_TEXT ||
            reply->elements[1]->type != REPLY_ARRAY)
                return error_trace(-EUCLEAN);
        for (size_t i = 0; r == 0 && i < reply->elements[1]->size; i++)
                r = add_one(listing, reply->elements[1]->elements[i]);
        g_free(*before);
        *before = g_strdup(reply->elements[0]->data);
        return r;
}

static int add_state(Listing *listing, const char *state) {
        g_autofree char *before = g_strdup("+inf");
        guint wanted = listing->filter->limit > 0 ? listing->found->len + listing->filter->limit : UINT_MAX;
        int r = 0;

        while (r == 0 && before[0] && listing->found->len < wanted)
                r = add_page(listing, state, &before);
        return r;
}

static int compare_found(const void *a, const void *b) {
        const Found *x = a, *y = b;

        return x->n < y->n ? -1 : x->n > y->n;
}

/* Active ones first: one that ends meanwhile is then met among the ended, and none is missed. */
int redis_session_list(Store *store, const SessionFilter *filter, GPtrArray **ret) {
        Listing listing = { .redis = redis_store(store), .filter = filter };
        g_autoptr(GArray) found = listing.found = g_array_new(FALSE, FALSE, sizeof(Found));
        g_autoptr(GHashTable) seen = listing.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        GPtrArray *sessions;
        guint first;
        int r;

        g_array_set_clear_func(found, free_found);
        r = add_state(&listing, "active");
        if (r == 0 && filter->ended)
                r = add_state(&listing, "ended");
        if (r < 0)
                return r;
        g_array_sort(found, compare_found);
        first = filter->limit > 0 && found->len > filter->limit ? found->len - filter->limit : 0;
        sessions = store_session_array();
        for (guint i = first; i < found->len; i++)
                g_ptr_array_add(sessions, g_steal_pointer(&g_array_index(found, Found, i).session));
        *ret = sessions;
        return 0;
}

/* Events */

static int read_event(const char *session, const RedisReply *packed, Event **ret) {
        char *texts[4];
        gint64 time;
        int r;

        r = redis_unpack(packed, G_N_ELEMENTS(texts), texts);
        if (r < 0)
                return r;
        if (!texts[0] || !texts[1] || !g_ascii_string_to_signed(texts[0], 10, INT64_MIN, INT64_MAX, &time, NULL)) {
                r = error_trace(-EUCLEAN);
        } else {
                Event event = { .time = time, .event = texts[1], .service = texts[2], .detail = texts[3] };

                memcpy(event.session, session, SESSION_ID_SIZE);
                *ret = event_copy(&event);
        }
        redis_unpack_free(G_N_ELEMENTS(texts), texts);
        return r;
}

int redis_event_list(Store *store, const char *session, GPtrArray **ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_EVENTS);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        g_autoptr(GPtrArray) events = store_event_array();
        RedisStore *redis = redis_store(store);
        int r;

        r = redis_notes_flush(redis->notes, /* seen= */ false);
        if (r < 0)
                return r;
        redis_call_text(&call, session);
        r = redis_call_run(redis, &call, &reply);
        if (r == 0 && reply->type != REPLY_ARRAY)
                r = error_trace(-EUCLEAN);
        for (size_t i = 0; r == 0 && i < reply->size; i++) {
                Event *event;

                r = read_event(session, reply->elements[i], &event);
                if (r == 0)
                        g_ptr_array_add(events, event);
        }
        if (r == 0)
                *ret = g_steal_pointer(&events);
        return r;
}

/* Reading all of it through */

static int check_page(RedisStore *redis, const char *state, char **after, char **ret_problem) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_CHECK);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        redis_call_text(&call, state);
        redis_call_text(&call, *after);
        redis_call_int(&call, PAGE);
        r = redis_call_run(redis, &call, &reply);
        if (r < 0)
                return r;
        if (reply->type != REPLY_ARRAY || reply->size != 2 || reply->elements[0]->type != REPLY_TEXT ||
            reply->elements[1]->type != REPLY_TEXT)
                return error_trace(-EUCLEAN);
        if (reply->elements[1]->size > 0) {
                *ret_problem = g_strdup(reply->elements[1]->data);
                return error_trace(-EUCLEAN);
        }
        g_free(*after);
        *after = g_strdup(reply->elements[0]->data);
        return 0;
}

int redis_check(Store *store, int64_t limit, char **ret_problem) {
        static const char *const states[] = { "active", "ended" };
        int64_t until = g_get_monotonic_time() + limit;
        RedisStore *redis = redis_store(store);

        if (!tombstones_is_saved(redis->tombstones)) {
                *ret_problem = g_strdup("what was revoked cannot be written to the file \"" TOMBSTONES_FILE "\"");
                return error_trace(-EUCLEAN);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
                g_autofree char *after = g_strdup("-inf");

                while (after[0]) {
                        int r;

                        if (g_get_monotonic_time() >= until)
                                return error_trace(-EINTR);
                        r = check_page(redis, states[i], &after, ret_problem);
                        if (r == -EUCLEAN && !*ret_problem)
                                *ret_problem = store_problem(store) ?: g_strdup("a record cannot be read");
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}
