/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/service-host.h"
#include "client/service-undo.h"
#include "common/cleanup.h"
#include "common/file.h"

#define PENDING "pending"
#define PENDING_SIZE_MAX (16 * 1024)
#define GROUP "pending"

#define SYSTEMCTL "/usr/bin/systemctl"
#define TIMER "tessera-undo.timer"
#define UNIT "tessera-undo.service"
#define TIMER_FOLDER "/run/systemd/system/tessera-undo.timer.d"
#define TIMER_DROP_IN TIMER_FOLDER "/after.conf"

static void pending_service_free(void *p) {
        PendingService *service = p;

        service_state_deinit(&service->before);
        g_free(service);
}

Pending *pending_new(void) {
        Pending *pending = g_new0(Pending, 1);

        pending->services = g_ptr_array_new_with_free_func(pending_service_free);
        return pending;
}

Pending *pending_new_all_disabled(void) {
        Pending *pending = pending_new();

        for (const ServiceSpec *spec = service_specs; spec->name; spec++)
                pending_add(pending, spec, &(ServiceState) { .enabled = false });
        return pending;
}

Pending *pending_free(Pending *pending) {
        if (!pending)
                return NULL;
        g_ptr_array_unref(pending->services);
        g_free(pending->boot);
        g_free(pending);
        return NULL;
}

const PendingService *pending_find(const Pending *pending, const ServiceSpec *spec) {
        for (guint i = 0; i < pending->services->len; i++) {
                const PendingService *service = g_ptr_array_index(pending->services, i);
                if (service->spec == spec)
                        return service;
        }
        return NULL;
}

void pending_add(Pending *pending, const ServiceSpec *spec, ServiceState *before) {
        PendingService *service;

        /* What was before the first change that nobody confirmed is what the undo goes back to. */
        if (pending_find(pending, spec))
                return;
        service = g_new0(PendingService, 1);
        *service = (PendingService) {
                .spec = spec,
                .before = {
                        .enabled = before->enabled,
                        .roles = before->roles,
                        .breakglass = g_steal_pointer(&before->breakglass),
                },
        };
        g_ptr_array_add(pending->services, service);
}

void pending_remove(Pending *pending, const ServiceSpec *spec) {
        const PendingService *service = pending_find(pending, spec);

        if (service)
                g_ptr_array_remove(pending->services, (void *) service);
}

static char *read_boot_id(char **ret_problem) {
        g_autoptr(GError) error = NULL;
        char *id = NULL;

        if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &id, NULL, &error)) {
                *ret_problem = g_strdup_printf("could not read the boot id: %s", error->message);
                return NULL;
        }
        return g_strstrip(id);
}

bool pending_stamp(Pending *pending, char **ret_problem) {
        char *boot = read_boot_id(ret_problem);

        if (!boot)
                return false;
        g_free(pending->boot);
        pending->boot = boot;
        pending->since = (uint64_t) g_get_monotonic_time();
        return true;
}

bool pending_is_older(const Pending *pending, uint64_t began) {
        g_autofree char *problem = NULL, *boot = read_boot_id(&problem);

        return boot && g_strcmp0(boot, pending->boot) == 0 && began > pending->since;
}

static bool parse_pending(GKeyFile *file, Pending *pending, GError **error) {
        g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);

        pending->since = g_key_file_get_uint64(file, GROUP, "since", error);
        if (pending->since == 0)
                return false;
        pending->undo_at = g_key_file_get_int64(file, GROUP, "undo-at", NULL);
        pending->boot = g_key_file_get_string(file, GROUP, "boot", error);
        if (!pending->boot)
                return false;
        for (char **group = groups; *group; group++) {
                const ServiceSpec *spec = service_spec_by_name(*group);
                g_auto(ServiceState) before = { 0 };
                if (!spec)
                        continue;
                before.enabled = g_key_file_get_boolean(file, *group, "enabled", NULL);
                before.roles = g_key_file_get_boolean(file, *group, "roles", NULL);
                before.breakglass = g_key_file_get_string(file, *group, "breakglass", NULL);
                pending_add(pending, spec, &before);
        }
        return true;
}

Pending *pending_read(const char *folder, char **ret_problem) {
        g_autofree char *path = g_build_filename(folder, PENDING, NULL);
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autoptr(Pending) pending = pending_new();
        g_autoptr(GError) error = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = file_read_trusted(AT_FDCWD, path, PENDING_SIZE_MAX, geteuid(), /* secret= */ 0, &text, &size);
        if (r == -ENOENT)
                return g_steal_pointer(&pending);
        if (r < 0) {
                *ret_problem = g_strdup_printf("could not read %s: %s", path, g_strerror(-r));
                return NULL;
        }
        if (!g_key_file_load_from_data(file, text, size, G_KEY_FILE_NONE, &error) ||
            !parse_pending(file, pending, &error)) {
                *ret_problem = g_strdup_printf("%s is damaged: %s", path, error ? error->message : "since=0");
                return NULL;
        }
        return g_steal_pointer(&pending);
}

static GKeyFile *pending_to_file(const Pending *pending) {
        GKeyFile *file = g_key_file_new();

        g_key_file_set_uint64(file, GROUP, "since", pending->since);
        g_key_file_set_int64(file, GROUP, "undo-at", pending->undo_at);
        g_key_file_set_string(file, GROUP, "boot", pending->boot);
        for (guint i = 0; i < pending->services->len; i++) {
                const PendingService *service = g_ptr_array_index(pending->services, i);
                g_key_file_set_boolean(file, service->spec->name, "enabled", service->before.enabled);
                if (service->before.roles)
                        g_key_file_set_boolean(file, service->spec->name, "roles", true);
                if (service->before.breakglass)
                        g_key_file_set_string(file, service->spec->name, "breakglass", service->before.breakglass);
        }
        return file;
}

bool pending_write(const Pending *pending, const char *folder, char **ret_problem) {
        g_autofree char *path = g_build_filename(folder, PENDING, NULL), *text = NULL;
        int r;

        if (pending->services->len == 0) {
                r = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        } else {
                g_autoptr(GKeyFile) file = pending_to_file(pending);
                text = g_key_file_to_data(file, NULL, NULL);
                r = file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600);
        }
        if (r < 0)
                *ret_problem = g_strdup_printf("could not write %s: %s", path, g_strerror(-r));
        return r == 0;
}

bool undo_arm(int64_t seconds, char **ret_problem) {
        static const char *const enable[] = { SYSTEMCTL, "enable", "--quiet", UNIT, NULL };
        static const char *const start[] = { SYSTEMCTL, "restart", TIMER, NULL };
        /* The empty assignment drops the unit's own time; they would add up to the earlier one. */
        g_autofree char *text = g_strdup_printf("[Timer]\nOnActiveSec=\nOnActiveSec=%" G_GINT64_FORMAT "s\n", seconds);
        int r;

        if (!service_host_is_booted()) {
                *ret_problem = g_strdup("systemd does not run here, so nothing could undo this");
                return false;
        }
        r = mkdir(TIMER_FOLDER, 0755) < 0 && errno != EEXIST ? -errno : 0;
        if (r == 0)
                r = file_write_atomic(AT_FDCWD, TIMER_DROP_IN, text, strlen(text), 0644);
        if (r < 0) {
                *ret_problem = g_strdup_printf("could not write " TIMER_DROP_IN ": %s", g_strerror(-r));
                return false;
        }
        return service_host_run(enable, NULL, ret_problem) && service_host_run(start, NULL, ret_problem);
}

void undo_disarm(void) {
        static const char *const stop[] = { SYSTEMCTL, "stop", TIMER, NULL };
        static const char *const disable[] = { SYSTEMCTL, "disable", "--quiet", "--no-reload", UNIT, NULL };
        g_autofree char *problem = NULL, *other = NULL;

        /* Without its file neither would do anything, so what fails here is no failure. */
        if (service_host_is_booted())
                (void) service_host_run(stop, NULL, &problem);
        (void) service_host_run(disable, NULL, &other);
        (void) unlink(TIMER_DROP_IN);
        (void) rmdir(TIMER_FOLDER);
}
