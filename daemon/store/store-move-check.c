/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What has no place in the other store. */

#include <string.h>

#include "common/error.h"
#include "common/name.h"
#include "daemon/store/store-internal.h"
#include "daemon/store/store-move.h"

/* One line, whatever the names are that others put into the store. */
static void G_GNUC_PRINTF(2, 3) add(GPtrArray *conflicts, const char *format, ...) {
        g_autofree char *text = NULL;
        char *clean;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        clean = g_malloc(strlen(text) + 1);
        name_clean(text, clean, strlen(text) + 1);
        g_ptr_array_add(conflicts, clean);
}

static const User *find_user(const GPtrArray *users, const char *name, uid_t uid) {
        for (guint i = 0; i < users->len; i++) {
                const User *user = users->pdata[i];

                if (name ? g_str_equal(user->name, name) : user->uid == uid)
                        return user;
        }
        return NULL;
}

static void check_user(const User *user, const GPtrArray *there, GPtrArray *conflicts) {
        const User *named = find_user(there, user->name, UID_UNSET), *owner = find_user(there, NULL, user->uid);

        if (named && named->uid != user->uid)
                add(conflicts, "user \"%s\" has uid %u here and %u there", user->name, (unsigned) user->uid,
                    (unsigned) named->uid);
        else if (named && g_strcmp0(named->password_hash, user->password_hash) != 0)
                add(conflicts, "user \"%s\" has another password there", user->name);
        else if (named && named->enabled && !user->enabled)
                add(conflicts, "user \"%s\" is disabled here and enabled there", user->name);
        else if (!named && owner)
                add(conflicts, "uid %u is user \"%s\" here and \"%s\" there", (unsigned) user->uid, user->name, owner->name);
}

static int check_users(const StoreMove *move, GPtrArray *conflicts) {
        g_autoptr(GPtrArray) here = NULL, there = NULL;
        int r;

        r = store_user_list(move->from, &here);
        if (r == 0)
                r = store_user_list(move->to, &there);
        if (r < 0)
                return error_trace(r);
        for (guint i = 0; i < here->len; i++)
                check_user(here->pdata[i], there, conflicts);
        return 0;
}

static int check_identities(const StoreMove *move, GPtrArray *conflicts) {
        g_autoptr(GPtrArray) here = NULL;
        int r;

        r = store_identity_list(move->from, UID_UNSET, &here);
        for (guint i = 0; r == 0 && i < here->len; i++) {
                const UserIdentity *identity = here->pdata[i];
                g_autoptr(UserIdentity) there = NULL;

                r = store_identity_find(move->to, identity->issuer, identity->subject, &there);
                if (r == 0 && there->uid != identity->uid)
                        add(conflicts, "subject \"%s\" of \"%s\" is user \"%s\" here and \"%s\" there", identity->subject,
                            identity->issuer, identity->user, there->user);
                if (r == STORE_E_NOT_FOUND)
                        r = 0;
        }
        return r < 0 ? error_trace(r) : 0;
}

static bool may_be_used(const Device *device, int64_t now) {
        return device->revoked == 0 && device->ends > now;
}

static void check_device(const Device *device, const GPtrArray *there, int64_t now, GPtrArray *conflicts) {
        for (guint i = 0; may_be_used(device, now) && i < there->len; i++) {
                const Device *other = there->pdata[i];

                if (other->uid == device->uid && g_str_equal(other->name, device->name) && may_be_used(other, now) &&
                    !g_str_equal(other->id, device->id))
                        add(conflicts, "user \"%s\" has another device \"%s\" there", device->user, device->name);
        }
}

static int check_devices(const StoreMove *move, GPtrArray *conflicts) {
        g_autoptr(GPtrArray) here = NULL, there = NULL;
        int r;

        r = store_device_list(move->from, UID_UNSET, &here);
        if (r == 0)
                r = store_device_list(move->to, UID_UNSET, &there);
        if (r < 0)
                return error_trace(r);
        for (guint i = 0; i < here->len; i++)
                check_device(here->pdata[i], there, move->now, conflicts);
        return 0;
}

int store_move_check(const StoreMove *move, GPtrArray **ret_conflicts) {
        g_autoptr(GPtrArray) conflicts = g_ptr_array_new_with_free_func(g_free);
        int r = 0;

        if (move->to)
                r = check_users(move, conflicts);
        if (r == 0 && move->to)
                r = check_identities(move, conflicts);
        if (r == 0 && move->to)
                r = check_devices(move, conflicts);
        if (r == 0)
                *ret_conflicts = g_steal_pointer(&conflicts);
        return r;
}
