/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/error.h"
#include "common/name.h"
#include "daemon/core/admin.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/key-admin.h"
#include "daemon/core/ticket.h"
#include "daemon/core/token.h"

/* A request that began before the rotation signs by the old key for as long. */
#define UNDER_WAY_S 60

KeyRing *key_admin_ring(Core *core) {
        g_autoptr(CoreConfig) config = core_config(core);

        return key_ring_ref(config->keys);
}

/* What went wrong with a file of keys is for the journal; who asked is told that it failed. */
static int report_failure(Core *core, int r, char *message) {
        g_autofree char *clean = core_clean(message, 1024);

        g_free(message);
        core_audit(core, &(AuditEvent) { .event = "keys-failed", .message = clean });
        return error_trace(r);
}

static int prepare(Core *core, const char *by, bool *ret_changed) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&core->changing);
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(KeyRing) ring = NULL;
        char *message = NULL;
        bool changed = false;
        int r;

        r = key_ring_prepare(config->keys, clock_wall(core->clock), &ring, &changed, &message);
        if (r < 0)
                return report_failure(core, r, message);
        core_replace(core, &(CoreConfig) { .keys = g_steal_pointer(&ring) });
        if (changed)
                core_audit(core, &(AuditEvent) {
                        .event = "keys-prepared",
                        .message = "the next keys are made",
                        .by = by,
                });
        *ret_changed = changed;
        return 0;
}

int key_admin_prepare(Core *core, const Caller *caller, bool *ret_changed) {
        g_autofree char *by = admin_name(core, caller);
        int r;

        r = admin_check(core, caller);
        return r == 0 ? prepare(core, by, ret_changed) : r;
}

/*
 * The old keys verify until the longest token that they could sign has expired, not the longest of
 * today's settings: those may have been others a minute ago.
 */
static int rotate(Core *core, const char *by) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&core->changing);
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(KeyRing) ring = NULL;
        char *message = NULL;
        int r;

        r = key_ring_rotate(config->keys, clock_wall(core->clock), TOKEN_LIFETIME_MAX + UNDER_WAY_S,
                            TICKET_LIFETIME_MAX + TICKET_LEEWAY + UNDER_WAY_S, &ring, &message);
        if (r < 0)
                return report_failure(core, r, message);
        if (r == KEY_E_NOT_PREPARED)
                return CORE_E_NOT_PREPARED;
        core_replace(core, &(CoreConfig) { .keys = g_steal_pointer(&ring) });
        core_audit(core, &(AuditEvent) {
                .event = "keys-rotated",
                .message = "the next keys sign from now on",
                .by = by,
        });
        return 0;
}

int key_admin_rotate(Core *core, const Caller *caller) {
        g_autofree char *by = admin_name(core, caller);
        int r;

        r = admin_check(core, caller);
        return r == 0 ? rotate(core, by) : r;
}

int core_drop_keys(Core *core) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&core->changing);
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(KeyRing) ring = NULL;
        char *message = NULL;
        int r;

        r = key_ring_drop(config->keys, clock_wall(core->clock), &ring, &message);
        if (r < 0)
                return report_failure(core, r, message);
        if (ring == config->keys)
                return 0;
        core_replace(core, &(CoreConfig) { .keys = g_steal_pointer(&ring) });
        core_audit(core, &(AuditEvent) { .event = "keys-dropped", .message = "keys whose time is over are removed" });
        return 0;
}

static int rename_host(Core *core, const char *by, const char *name, bool *ret_changed) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&core->changing);
        g_autoptr(CoreConfig) config = core_config(core);
        g_autofree char *message = NULL;
        int r;

        if (!name_is_host(name))
                return CORE_E_INVALID;
        if (g_str_equal(name, config->host)) {
                *ret_changed = false;
                return 0;
        }
        if (config->settings->name)
                return CORE_E_DENIED;
        if (g_strcmp0(name, config->settings->fleet) == 0)
                return CORE_E_EXISTS;
        r = store_rename_host(core->store, config->host, name);
        if (r < 0)
                return error_trace(r);
        core_replace(core, &(CoreConfig) { .host = g_strdup(name) });
        message = g_strdup_printf("this host is called \"%s\" from now on, no longer \"%s\"", name, config->host);
        core_audit(core, &(AuditEvent) { .event = "host-renamed", .message = message, .by = by });
        *ret_changed = true;
        return 0;
}

int key_admin_rename(Core *core, const Caller *caller, const char *name, bool *ret_changed) {
        g_autofree char *by = admin_name(core, caller);
        int r;

        r = admin_check(core, caller);
        return r == 0 ? rename_host(core, by, name, ret_changed) : r;
}
