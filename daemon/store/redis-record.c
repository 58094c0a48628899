/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Records as Redis keeps them, and as the store shows them: with what only this host knows. */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

/* Reading */

const char *redis_field(const RedisReply *flat, const char *name) {
        if (flat->type != REPLY_ARRAY)
                return NULL;
        for (size_t i = 0; i + 1 < flat->size; i += 2)
                if (redis_reply_is_text(flat->elements[i], name) && flat->elements[i + 1]->type == REPLY_TEXT)
                        return flat->elements[i + 1]->data;
        return NULL;
}

int redis_field_int(const RedisReply *flat, const char *name, int64_t min, int64_t max, int64_t *ret) {
        const char *text = redis_field(flat, name);
        gint64 number;

        if (!text || !g_ascii_string_to_signed(text, 10, min, max, &number, NULL))
                return error_trace(-EUCLEAN);
        *ret = number;
        return 0;
}

static int read_text(const RedisReply *flat, const char *name, char **ret) {
        const char *text = redis_field(flat, name);

        *ret = g_strdup(text);
        return text ? 0 : error_trace(-EUCLEAN);
}

bool redis_is_id(const char *text) {
        return strlen(text) == SESSION_ID_SIZE - 1 && strspn(text, "0123456789abcdef") == SESSION_ID_SIZE - 1;
}

static int read_id(const RedisReply *flat, const char *name, char ret[SESSION_ID_SIZE]) {
        const char *text = redis_field(flat, name);

        if (text && !redis_is_id(text))
                return error_trace(-EUCLEAN);
        if (text)
                memcpy(ret, text, SESSION_ID_SIZE);
        return 0;
}

static int read_uid(const RedisReply *flat, uid_t *ret) {
        int64_t uid = 0;
        int r;

        r = redis_field_int(flat, "uid", 0, (int64_t) UID_UNSET - 1, &uid);
        if (r == 0)
                *ret = (uid_t) uid;
        return r;
}

static int read_times(const RedisReply *flat, size_t n, const char *const *names, int64_t *const *rets) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = redis_field_int(flat, names[i], INT64_MIN, INT64_MAX, rets[i]);
        return r;
}

static int read_login(const RedisReply *flat, Session *session) {
        int64_t audit_id = AUDIT_ID_UNSET;
        int r = 0;

        if (redis_field(flat, "audit_id"))
                r = redis_field_int(flat, "audit_id", 0, (int64_t) AUDIT_ID_UNSET - 1, &audit_id);
        session->audit_id = (uint32_t) audit_id;
        session->boot_id = g_strdup(redis_field(flat, "boot_id"));
        session->logind_id = g_strdup(redis_field(flat, "logind_id"));
        return r;
}

int redis_read_session(const RedisReply *flat, Session **ret) {
        static const char *const times[] = { "auth_time", "opened", "seen", "ends", "ended" };
        g_autoptr(Session) session = session_new();
        int64_t *const values[] = {
                &session->auth_time, &session->opened, &session->seen, &session->ends, &session->ended,
        };
        int r;

        r = read_id(flat, "id", session->id);
        if (r == 0)
                r = read_text(flat, "user", &session->user);
        if (r == 0)
                r = read_uid(flat, &session->uid);
        if (r == 0)
                r = read_text(flat, "host", &session->host);
        if (r == 0)
                r = read_text(flat, "service", &session->service);
        if (r == 0)
                r = read_times(flat, G_N_ELEMENTS(times), times, values);
        if (r == 0)
                r = read_id(flat, "parent", session->parent);
        if (r == 0)
                r = read_id(flat, "device", session->device);
        if (r == 0)
                r = read_login(flat, session);
        session->state = session_state_from_string(redis_field(flat, "state"));
        if (r < 0 || !session->id[0] || session->state == _SESSION_STATE_INVALID || session->state == SESSION_PENDING)
                return error_trace(-EUCLEAN);
        session->rhost = g_strdup(redis_field(flat, "rhost"));
        session->tty = g_strdup(redis_field(flat, "tty"));
        session->methods = store_unpack_words(redis_field(flat, "methods"));
        session->auth_method = g_strdup(redis_field(flat, "auth_method"));
        session->end_reason = g_strdup(redis_field(flat, "end_reason"));
        session->roles = store_unpack_words(redis_field(flat, "roles"));
        session->role_cap = store_unpack_words(redis_field(flat, "role_cap"));
        session->granted.issuer = g_strdup(redis_field(flat, "granted_issuer"));
        session->granted.subject = g_strdup(redis_field(flat, "granted_subject"));
        session->granted.pairs = store_unpack_words(redis_field(flat, "granted"));
        *ret = g_steal_pointer(&session);
        return 0;
}

int redis_read_sessions(const RedisReply *array, GPtrArray *sessions) {
        int r = array->type == REPLY_ARRAY ? 0 : error_trace(-EUCLEAN);

        for (size_t i = 0; r == 0 && i < array->size; i++) {
                Session *session;

                r = redis_read_session(array->elements[i], &session);
                if (r == 0)
                        g_ptr_array_add(sessions, session);
                else if (r == -EUCLEAN)
                        r = 0; /* it lets nobody in, and the others have ended */
        }
        return r;
}

int redis_read_user(const char *name, const RedisReply *flat, User **ret) {
        g_autoptr(User) user = user_new();
        int64_t enabled = 0;
        int r;

        user->name = g_strdup(name);
        r = read_uid(flat, &user->uid);
        if (r == 0)
                r = redis_field_int(flat, "enabled", 0, 1, &enabled);
        if (r == 0)
                r = redis_field_int(flat, "created", INT64_MIN, INT64_MAX, &user->created);
        if (r < 0)
                return r;
        user->enabled = enabled == 1;
        user->password_hash = g_strdup(redis_field(flat, "hash"));
        user->awaits = g_strdup(redis_field(flat, "awaits"));
        *ret = g_steal_pointer(&user);
        return 0;
}

static int read_key(const char *text, unsigned char key[DEVICE_PUBLIC_SIZE]) {
        g_autofree guchar *bytes = NULL;
        gsize size = 0;

        bytes = text && text[0] ? g_base64_decode(text, &size) : NULL;
        if (size != DEVICE_PUBLIC_SIZE)
                return error_trace(-EUCLEAN);
        memcpy(key, bytes, DEVICE_PUBLIC_SIZE);
        return 0;
}

static int read_window(const RedisReply *flat, DeviceWindow *window) {
        int64_t highest;
        int r;

        r = redis_field_int(flat, "highest", 0, UINT32_MAX, &highest);
        if (r < 0)
                return r;
        return device_window_gaps_from_string(redis_field(flat, "gaps"), (uint32_t) highest, window)
                       ? 0 : error_trace(-EUCLEAN);
}

int redis_read_device(const char *id, const RedisReply *flat, Device **ret) {
        static const char *const times[] = { "auth_time", "created", "used", "ends", "revoked" };
        g_autoptr(Device) device = device_new();
        int64_t *const values[] = {
                &device->auth_time, &device->created, &device->used, &device->ends, &device->revoked,
        };
        int r;

        if (!redis_is_id(id))
                return error_trace(-EUCLEAN);
        memcpy(device->id, id, SESSION_ID_SIZE);
        r = read_text(flat, "name", &device->name);
        if (r == 0)
                r = read_text(flat, "user", &device->user);
        if (r == 0)
                r = read_uid(flat, &device->uid);
        if (r == 0)
                r = read_text(flat, "audience", &device->audience);
        if (r == 0)
                r = read_times(flat, G_N_ELEMENTS(times), times, values);
        if (r == 0)
                r = read_key(redis_field(flat, "public_key"), device->public_key);
        if (r == 0)
                r = read_window(flat, &device->window);
        if (r < 0)
                return r;
        device->auth_method = g_strdup(redis_field(flat, "auth_method"));
        device->role_cap = store_unpack_words(redis_field(flat, "role_cap"));
        device->from = g_strdup(redis_field(flat, "from"));
        device->revoke_reason = g_strdup(redis_field(flat, "revoke_reason"));
        *ret = g_steal_pointer(&device);
        return 0;
}

/* Writing */

static void take_field(RedisCall *call, const char *name, char *value) {
        if (!value)
                return;
        redis_call_text(call, name);
        redis_call_take(call, g_string_new(value));
        g_free(value);
}

void redis_add_granted(RedisCall *call, const Granted *granted) {
        redis_call_field(call, "granted_issuer", granted->issuer);
        redis_call_field(call, "granted_subject", granted->subject);
        take_field(call, "granted", store_pack_words(granted->pairs));
}

static const char *or_unset(const char *id) {
        return id[0] ? id : NULL;
}

void redis_add_session(RedisCall *call, const Session *session) {
        redis_call_field(call, "id", session->id);
        redis_call_field(call, "user", session->user);
        redis_call_field_int(call, "uid", session->uid);
        redis_call_field(call, "host", session->host);
        redis_call_field(call, "service", session->service);
        redis_call_field(call, "rhost", session->rhost);
        redis_call_field(call, "tty", session->tty);
        take_field(call, "methods", store_pack_words(session->methods));
        redis_call_field_int(call, "auth_time", session->auth_time);
        redis_call_field(call, "auth_method", session->auth_method);
        redis_call_field_int(call, "opened", session->opened);
        redis_call_field_int(call, "seen", session->seen);
        redis_call_field_int(call, "ends", session->ends);
        redis_call_field_int(call, "ended", session->ended);
        redis_call_field(call, "state", session_state_to_string(session->state));
        redis_call_field(call, "end_reason", session->end_reason);
        redis_call_field(call, "parent", or_unset(session->parent));
        if (session->audit_id != AUDIT_ID_UNSET)
                redis_call_field_int(call, "audit_id", session->audit_id);
        redis_call_field(call, "boot_id", session->boot_id);
        redis_call_field(call, "logind_id", session->logind_id);
        take_field(call, "roles", store_pack_words(session->roles));
        take_field(call, "role_cap", store_pack_words(session->role_cap));
        redis_call_field(call, "device", or_unset(session->device));
        redis_add_granted(call, &session->granted);
}

void redis_add_device(RedisCall *call, const Device *device) {
        redis_call_field(call, "id", device->id);
        redis_call_field(call, "name", device->name);
        redis_call_field(call, "user", device->user);
        redis_call_field_int(call, "uid", device->uid);
        redis_call_field(call, "audience", device->audience);
        take_field(call, "public_key", g_base64_encode(device->public_key, DEVICE_PUBLIC_SIZE));
        redis_call_field_int(call, "highest", device->window.highest);
        take_field(call, "gaps", device_window_gaps_to_string(&device->window));
        redis_call_field_int(call, "auth_time", device->auth_time);
        redis_call_field(call, "auth_method", device->auth_method);
        take_field(call, "role_cap", store_pack_words(device->role_cap));
        redis_call_field_int(call, "created", device->created);
        redis_call_field_int(call, "used", device->used);
        redis_call_field(call, "from", device->from);
        redis_call_field_int(call, "ends", device->ends);
        redis_call_field_int(call, "revoked", device->revoked);
        redis_call_field(call, "revoke_reason", device->revoke_reason);
}
