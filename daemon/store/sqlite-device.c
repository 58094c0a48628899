/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/sqlite-store.h"

#define DEVICE_COLUMNS                                                                               \
        "id, name, user, uid, audience, public_key, highest, gaps, auth_time, auth_method, role_cap, " \
        "created, used, rhost, ends, revoked, revoke_reason"

/* Rows */

static int read_key(const char *text, unsigned char key[DEVICE_PUBLIC_SIZE]) {
        g_autofree unsigned char *bytes = NULL;
        gsize size = 0;

        if (text)
                bytes = g_base64_decode(text, &size);
        if (size != DEVICE_PUBLIC_SIZE)
                return error_trace(-EUCLEAN);
        memcpy(key, bytes, size);
        return 0;
}

/* A window that cannot be read must not become one in which everything counts again. */
static int read_window(int64_t highest, const char *gaps, DeviceWindow *window) {
        if (highest < 0 || highest > UINT32_MAX || !device_window_gaps_from_string(gaps, (uint32_t) highest, window))
                return error_trace(-EUCLEAN);
        return 0;
}

static int read_device(const Query *query, Device **ret) {
        g_autoptr(Device) device = device_new();
        int r, i = 0;

        r = session_copy_id(device->id, query_column_text(query, i++));
        device->name = g_strdup(query_column_text(query, i++));
        device->user = g_strdup(query_column_text(query, i++));
        device->uid = (uid_t) query_column_int(query, i++);
        device->audience = g_strdup(query_column_text(query, i++));
        if (r == 0)
                r = read_key(query_column_text(query, i), device->public_key);
        i++;
        if (r == 0)
                r = read_window(query_column_int(query, i), query_column_text(query, i + 1), &device->window);
        i += 2;
        if (r < 0)
                return error_trace(r);
        device->auth_time = query_column_int(query, i++);
        device->auth_method = g_strdup(query_column_text(query, i++));
        device->role_cap = store_unpack_words(query_column_text(query, i++));
        device->created = query_column_int(query, i++);
        device->used = query_column_int(query, i++);
        device->from = g_strdup(query_column_text(query, i++));
        device->ends = query_column_int(query, i++);
        device->revoked = query_column_int(query, i++);
        device->revoke_reason = g_strdup(query_column_text(query, i++));
        *ret = g_steal_pointer(&device);
        return 0;
}

/* Looking */

int device_load(Db *db, const char *id, Device **ret) {
        _cleanup_query_ Query query = db_query(db, "SELECT " DEVICE_COLUMNS " FROM device WHERE id = ?");
        int r;

        query_text(&query, id);
        r = query_step(&query);
        if (r < 0)
                return error_trace(r);
        return r == 0 ? STORE_E_NOT_FOUND : read_device(&query, ret);
}

int sqlite_device_get(Store *store, const char *id, Device **ret) {
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite_store(store)->point);

        return device_load(reader->db, id, ret);
}

static int load_devices(Query query, GPtrArray *devices) {
        int r;

        while ((r = query_step(&query)) > 0) {
                Device *device;

                r = read_device(&query, &device);
                if (r < 0)
                        break;
                g_ptr_array_add(devices, device);
        }
        query_done(&query);
        return error_trace(r);
}

static Query query_of_user(Db *db, uid_t uid) {
        Query query = db_query(db, "SELECT " DEVICE_COLUMNS " FROM device INDEXED BY device_user"
                                   " WHERE uid = ? ORDER BY created, key");

        query_int(&query, uid);
        return query;
}

int sqlite_device_list(Store *store, uid_t uid, GPtrArray **ret) {
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite_store(store)->range);
        g_autoptr(GPtrArray) devices = store_device_array();
        int r;

        if (uid == UID_UNSET)
                r = load_devices(db_query(reader->db, "SELECT " DEVICE_COLUMNS " FROM device ORDER BY created, key"),
                                 devices);
        else
                r = load_devices(query_of_user(reader->db, uid), devices);
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&devices);
        return 0;
}

/* Adding */

typedef struct DeviceAdd {
        Job job;
        const Device *device;
        unsigned max;
} DeviceAdd;

static int check_id_unused(Db *db, const char *id) {
        _cleanup_query_ Query query = db_query(db, "SELECT 1 FROM device WHERE id = ?");
        int r;

        query_text(&query, id);
        r = query_step(&query);
        return r > 0 ? STORE_E_EXISTS : r;
}

static int check_user(Db *db, const Device *device) {
        g_autoptr(User) user = NULL;
        int r;

        r = user_load(db, device->user, &user);
        if (r < 0)
                return error_trace(r);
        return r == 0 && user->uid == device->uid && user->enabled ? 0 : STORE_E_STATE;
}

/* Among those of the user that may still be used: is the name free, and are there fewer than the maximum? */
static int check_others(Db *db, const Device *device, unsigned max) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT count(*), count(*) FILTER (WHERE name = ?) FROM device INDEXED BY device_live"
                    " WHERE uid = ? AND revoked = 0 AND ends > ?");
        int r;

        query_text(&query, device->name);
        query_int(&query, device->uid);
        query_int(&query, device->created);
        r = query_step(&query);
        if (r < 0)
                return error_trace(r);
        if (r == 0 || query_column_int(&query, 1) > 0)
                return STORE_E_EXISTS;
        return query_column_int(&query, 0) >= max ? STORE_E_STATE : 0;
}

static int insert_device(Db *db, const Device *device) {
        g_autofree char *key = g_base64_encode(device->public_key, DEVICE_PUBLIC_SIZE);
        g_autofree char *gaps = device_window_gaps_to_string(&device->window);
        g_autofree char *role_cap = store_pack_words(device->role_cap);
        _cleanup_query_ Query query = db_query(
                db, "INSERT INTO device (" DEVICE_COLUMNS ")"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

        query_text(&query, device->id);
        query_text(&query, device->name);
        query_text(&query, device->user);
        query_int(&query, device->uid);
        query_text(&query, device->audience);
        query_text(&query, key);
        query_int(&query, device->window.highest);
        query_text(&query, gaps);
        query_int(&query, device->auth_time);
        query_text(&query, device->auth_method);
        query_text(&query, role_cap);
        query_int(&query, device->created);
        query_int(&query, device->used);
        query_text(&query, device->from);
        query_int(&query, device->ends);
        query_int(&query, device->revoked);
        query_text(&query, device->revoke_reason);
        return query_run(&query);
}

/* What somebody adds and revokes all day must not pile up, nor keep those from being told that were copied. */
static int forget_revoked(Db *db, uid_t uid, unsigned max) {
        _cleanup_query_ Query query = db_query(
                db, "DELETE FROM device WHERE key IN (SELECT key FROM device INDEXED BY device_user"
                    " WHERE uid = ? AND revoked <> 0"
                    " ORDER BY revoke_reason IS '" DEVICE_REASON_REUSE "' DESC, revoked DESC, key DESC"
                    " LIMIT -1 OFFSET ?)");

        query_int(&query, uid);
        query_int(&query, max);
        return query_run(&query);
}

static int run_device_add(Job *job, Db *db) {
        const DeviceAdd *add = (DeviceAdd *) job;
        int r;

        r = check_id_unused(db, add->device->id);
        if (r == 0)
                r = check_user(db, add->device);
        if (r == 0)
                r = check_others(db, add->device, add->max);
        if (r == 0)
                r = insert_device(db, add->device);
        return r == 0 ? forget_revoked(db, add->device->uid, add->max) : r;
}

int sqlite_device_add(Store *store, const Device *device, unsigned max) {
        DeviceAdd add = { .job.run = run_device_add, .device = device, .max = max };

        return writer_run(sqlite_store(store)->writer, &add.job);
}

/* Revoking */

int device_revoke_of(Db *db, uid_t uid, const char *except, const char *reason, int64_t now) {
        _cleanup_query_ Query query = db_query(
                db, "WITH RECURSIVE " SESSION_SPARED
                    " UPDATE device INDEXED BY device_live SET revoked = ?2, revoke_reason = ?3"
                    " WHERE uid = ?4 AND revoked = 0 AND id NOT IN"
                    " (SELECT device FROM spared JOIN session ON session.id = spared.id WHERE device IS NOT NULL)");

        query_text(&query, except);
        query_int(&query, store_revoked_at(now));
        query_text(&query, reason);
        query_int(&query, uid);
        return query_run(&query);
}

static int update_revoked(Db *db, const Device *device) {
        _cleanup_query_ Query query = db_query(db, "UPDATE device SET revoked = ?, revoke_reason = ? WHERE id = ?");

        query_int(&query, device->revoked);
        query_text(&query, device->revoke_reason);
        query_text(&query, device->id);
        return query_run(&query);
}

/* The device, in the database and in @device, unless it is already; and whatever session there is of it. */
static int revoke_device(Db *db, Device *device, const Ending *ending, GPtrArray **ret_ended) {
        SessionSelector selector = { .device = device->id, .uid = UID_UNSET };
        int r = 0;

        if (device->revoked == 0) {
                device->revoked = store_revoked_at(ending->now);
                device->revoke_reason = g_strdup(ending->reason);
                r = update_revoked(db, device);
        }
        return r < 0 ? error_trace(r) : session_end_selected(db, &selector, ending, ret_ended);
}

typedef struct DeviceRevoke {
        Job job;
        const char *id;
        Ending ending;
        bool changed;
        GPtrArray **ret_ended;
} DeviceRevoke;

static int run_device_revoke(Job *job, Db *db) {
        DeviceRevoke *call = (DeviceRevoke *) job;
        g_autoptr(Device) device = NULL;
        int r;

        r = device_load(db, call->id, &device);
        if (r != 0)
                return r;
        call->changed = device->revoked == 0;
        return revoke_device(db, device, &call->ending, call->ret_ended);
}

int sqlite_device_revoke(Store *store, const char *id, const char *reason, int64_t now, bool *ret_changed,
                         GPtrArray **ret_ended) {
        SqliteStore *sqlite = sqlite_store(store);
        g_autoptr(GPtrArray) ended = NULL;
        DeviceRevoke call = {
                .job.run = run_device_revoke,
                .id = id,
                .ending = { .notes = sqlite->notes, .event = SESSION_EVENT_REVOKE, .reason = reason, .now = now },
                .ret_ended = &ended,
        };
        int r;

        r = writer_run(sqlite->writer, &call.job);
        if (r != 0)
                return r;
        *ret_changed = call.changed;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}

/* Using */

typedef struct DeviceUsing {
        Job job;
        const char *id, *from;
        uint32_t counter;
        int64_t steady;
        Ending ending; /* of a device that is used again */
        DeviceUse use;
        Device **ret;
        GPtrArray **ret_ended;
} DeviceUsing;

static int update_used(Db *db, const Device *device) {
        g_autofree char *gaps = device_window_gaps_to_string(&device->window);
        _cleanup_query_ Query query = db_query(
                db, "UPDATE device SET highest = ?, gaps = ?, used = ?, rhost = ? WHERE id = ?");

        query_int(&query, device->window.highest);
        query_text(&query, gaps);
        query_int(&query, device->used);
        query_text(&query, device->from);
        query_text(&query, device->id);
        return query_run(&query);
}

static int use_counter(Db *db, const DeviceUsing *using, Device *device) {
        *using->ret_ended = store_session_array();
        device->used = MAX(device->used, using->ending.now);
        g_free(device->from);
        device->from = g_strdup(using->from);
        return update_used(db, device);
}

static int run_device_use(Job *job, Db *db) {
        DeviceUsing *using = (DeviceUsing *) job;
        g_autoptr(Device) device = NULL;
        int r;

        r = device_load(db, using->id, &device);
        if (r != 0)
                return r;
        if (device->revoked != 0)
                return STORE_E_STATE;
        using->use = device_window_use(&device->window, using->counter, using->steady);
        if (using->use == DEVICE_USE_AGAIN)
                r = revoke_device(db, device, &using->ending, using->ret_ended);
        else
                r = use_counter(db, using, device);
        if (r == 0)
                *using->ret = g_steal_pointer(&device);
        return r;
}

int sqlite_device_use(Store *store, const char *id, uint32_t counter, const char *from, int64_t now,
                      int64_t steady, DeviceUse *ret_use, Device **ret, GPtrArray **ret_ended) {
        SqliteStore *sqlite = sqlite_store(store);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) device = NULL;
        DeviceUsing using = {
                .job.run = run_device_use,
                .id = id,
                .from = from,
                .counter = counter,
                .steady = steady,
                .ending = {
                        .notes = sqlite->notes,
                        .event = SESSION_EVENT_REVOKE,
                        .reason = DEVICE_REASON_REUSE,
                        .now = now,
                },
                .ret = &device,
                .ret_ended = &ended,
        };
        int r;

        r = writer_run(sqlite->writer, &using.job);
        if (r != 0)
                return r;
        *ret_use = using.use;
        *ret = g_steal_pointer(&device);
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}
