/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/service-change.h"
#include "client/service-host.h"
#include "common/cleanup.h"
#include "common/file.h"

static void edit_free(void *p) {
        file_edit_free(p);
}

void service_change_init(ServiceChange *change) {
        *change = (ServiceChange) {
                .specs = g_ptr_array_new(),
                .changed = g_ptr_array_new(),
                .edits = g_ptr_array_new_with_free_func(edit_free),
                .lock = -1,
        };
}

void service_change_deinit(ServiceChange *change) {
        g_clear_pointer(&change->specs, g_ptr_array_unref);
        g_clear_pointer(&change->changed, g_ptr_array_unref);
        g_clear_pointer(&change->edits, g_ptr_array_unref);
        change->pending = pending_free(change->pending);
        change->lock = safe_close(change->lock);
}

static int open_folder(bool write, int *ret) {
        _cleanup_close_ int fd = -1;
        struct stat st;

        if (write && mkdir(SERVICE_FOLDER, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = open(SERVICE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT && !write ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        /* What lies in there says what PAM's files are to be. */
        if (st.st_uid != 0 || (st.st_mode & 0022) != 0)
                return -EPERM;
        if (write && flock(fd, LOCK_EX) < 0)
                return -errno;
        *ret = steal_fd(&fd);
        return 0;
}

bool service_change_open(ServiceChange *change, bool write, char **ret_problem) {
        int r = open_folder(write, &change->lock);

        if (r < 0) {
                *ret_problem = g_strdup_printf("could not open " SERVICE_FOLDER ": %s",
                                               r == -EPERM ? "it is not root's alone" : g_strerror(-r));
                return false;
        }
        change->pending = pending_read(SERVICE_FOLDER, ret_problem);
        return change->pending;
}

bool service_change_plan(ServiceChange *change, const ServiceState *wanted, char **ret_problem) {
        for (guint i = 0; i < change->specs->len; i++) {
                const ServiceSpec *spec = g_ptr_array_index(change->specs, i);
                guint before = change->edits->len;

                if (!service_plan(spec, /* root= */ "", wanted, change->edits, ret_problem))
                        return false;
                if (change->edits->len > before)
                        g_ptr_array_add(change->changed, (void *) spec);
        }
        return true;
}

/* Where the file that was at @path before tessera is kept. */
static char *backup_path(const char *path) {
        g_autofree char *flat = g_strdelimit(g_strdup(path + 1), "/", '-');

        return g_build_filename(SERVICE_FOLDER, flat, NULL);
}

static bool keep_backups(const ServiceChange *change, char **ret_problem) {
        for (guint i = 0; i < change->edits->len; i++) {
                const FileEdit *edit = g_ptr_array_index(change->edits, i);
                g_autofree char *path = backup_path(edit->path), *group = NULL;
                int r;

                /* One with our lines in it is not what was there before them. */
                if (!edit->before || service_pam_is_enabled(edit->before, &group))
                        continue;
                r = file_write_atomic(AT_FDCWD, path, edit->before, strlen(edit->before), 0600);
                if (r < 0) {
                        *ret_problem = g_strdup_printf("could not write %s: %s", path, g_strerror(-r));
                        return false;
                }
        }
        return true;
}

int64_t service_change_since(const ServiceSpec *spec) {
        g_autofree char *path = backup_path(spec->pam[0].path);
        struct stat st;

        return stat(path, &st) < 0 ? 0 : st.st_mtim.tv_sec;
}

typedef bool (*SpecCheck)(const ServiceSpec *spec, char **ret_problem);

static bool check_all(const ServiceChange *change, SpecCheck check, char **ret_problem) {
        for (guint i = 0; i < change->changed->len; i++)
                if (!check(g_ptr_array_index(change->changed, i), ret_problem))
                        return false;
        return true;
}

static bool check_candidate(const ServiceSpec *spec, char **ret_problem) {
        return service_host_check_candidate(spec, SERVICE_FOLDER, ret_problem);
}

static bool reload(const ServiceSpec *spec, char **ret_problem) {
        return service_host_reload(spec, /* wait= */ true, ret_problem);
}

/* Takes the edits back; what fails in that is added to @problem. */
static void take_back(const ServiceChange *change, char **problem) {
        g_autofree char *worse = NULL, *ignored = NULL;

        if (!file_edits_revert(change->edits, &worse)) {
                g_autofree char *first = *problem;
                *problem = g_strdup_printf("%s; and %s", first, worse);
        }
        (void) check_all(change, reload, &ignored);
}

/* Makes the edits, has them checked and taken; takes them back where that fails. */
static bool make_edits(const ServiceChange *change, SpecCheck check, char **ret_problem) {
        if (!file_edits_apply(change->edits, ret_problem))
                return false;
        if (check_all(change, check, ret_problem) && check_all(change, reload, ret_problem))
                return true;
        take_back(change, ret_problem);
        return false;
}

/*
 * Puts back what was pending before a change that failed. Where a file could not be put back the undo
 * stays: it may be able to when its time comes.
 */
static void restore_pending(const ServiceChange *change) {
        g_autofree char *ignored = NULL;

        if (!file_edits_untouched(change->edits))
                return;
        (void) pending_write(change->pending, SERVICE_FOLDER, &ignored);
        if (change->pending->services->len == 0)
                undo_disarm();
}

/* What is to be pending once this change is made: the services that it changes, and those from before. */
static Pending *next_pending(const ServiceChange *change, int64_t undo_after, char **ret_problem) {
        g_autoptr(Pending) next = pending_new();

        for (guint i = 0; i < change->pending->services->len; i++) {
                const PendingService *service = g_ptr_array_index(change->pending->services, i);
                g_auto(ServiceState) before = {
                        .enabled = service->before.enabled,
                        .roles = service->before.roles,
                        .breakglass = g_strdup(service->before.breakglass),
                };
                pending_add(next, service->spec, &before);
        }
        for (guint i = 0; i < change->changed->len; i++) {
                const ServiceSpec *spec = g_ptr_array_index(change->changed, i);
                g_auto(ServiceState) before = { 0 };
                /* One that is enabled in part only is undone to disabled: nobody has confirmed the whole. */
                if (!service_state_read(spec, /* root= */ "", &before, ret_problem))
                        return NULL;
                pending_add(next, spec, &before);
        }
        if (!pending_stamp(next, ret_problem))
                return NULL;
        next->undo_at = g_get_real_time() / G_USEC_PER_SEC + undo_after;
        return g_steal_pointer(&next);
}

/* The undo is ready before anything changes: who dies in the middle leaves it behind. */
static bool enable_with_undo(ServiceChange *change, int64_t undo_after, char **ret_problem) {
        g_autoptr(Pending) next = next_pending(change, undo_after, ret_problem);

        if (!next)
                return false;
        if (!pending_write(next, SERVICE_FOLDER, ret_problem) || !undo_arm(undo_after, ret_problem) ||
            !make_edits(change, service_host_check_effect, ret_problem)) {
                restore_pending(change);
                return false;
        }
        /* Only a login that began when all was in place shows that one can log in. */
        if (!pending_stamp(next, ret_problem) || !pending_write(next, SERVICE_FOLDER, ret_problem)) {
                take_back(change, ret_problem);
                restore_pending(change);
                return false;
        }
        pending_free(change->pending);
        change->pending = g_steal_pointer(&next);
        return true;
}

bool service_change_enable(ServiceChange *change, int64_t undo_after, char **ret_problem) {
        if (!check_all(change, service_host_check, ret_problem) || !check_all(change, check_candidate, ret_problem) ||
            !keep_backups(change, ret_problem))
                return false;
        if (undo_after > 0)
                return enable_with_undo(change, undo_after, ret_problem);
        return make_edits(change, service_host_check_effect, ret_problem) &&
               service_change_settle(change, ret_problem);
}

bool service_change_disable(ServiceChange *change, char **ret_problem) {
        g_autofree char *before = NULL, *ignored = NULL;

        if (check_all(change, service_host_check, &before))
                return make_edits(change, service_host_check, ret_problem) &&
                       service_change_settle(change, ret_problem);
        if (!file_edits_apply(change->edits, ret_problem))
                return false;
        (void) check_all(change, reload, &ignored);
        return service_change_settle(change, ret_problem);
}

/* What a write that was cut off has left beside the service's files. */
static void sweep(const ServiceSpec *spec) {
        if (spec->drop_in)
                file_remove_unfinished(AT_FDCWD, spec->drop_in);
        for (size_t i = 0; i < SERVICE_PAM_FILES_MAX && spec->pam[i].path; i++)
                file_remove_unfinished(AT_FDCWD, spec->pam[i].path);
}

bool service_change_settle(ServiceChange *change, char **ret_problem) {
        bool had = change->pending->services->len > 0;

        for (guint i = 0; i < change->specs->len; i++) {
                const ServiceSpec *spec = g_ptr_array_index(change->specs, i);
                sweep(spec);
                pending_remove(change->pending, spec);
        }
        if (!had)
                return true;
        if (!pending_write(change->pending, SERVICE_FOLDER, ret_problem))
                return false;
        if (change->pending->services->len == 0)
                undo_disarm();
        return true;
}

static bool undo_service(const PendingService *service, char **ret_problem) {
        g_autoptr(GPtrArray) edits = g_ptr_array_new_with_free_func(edit_free);
        g_autofree char *ignored = NULL;

        if (!service_plan(service->spec, /* root= */ "", &service->before, edits, ret_problem) ||
            !file_edits_apply(edits, ret_problem))
                return false;
        sweep(service->spec);
        /* Not waited for: the undo's unit stands before ssh.service, so the reload begins when we have ended. */
        (void) service_host_reload(service->spec, /* wait= */ false, &ignored);
        return true;
}

bool service_change_undo(ServiceChange *change, char **ret_problem) {
        g_autoptr(GPtrArray) services = g_ptr_array_copy(change->pending->services, NULL, NULL);
        g_autoptr(GString) problems = g_string_new(NULL);

        g_ptr_array_set_free_func(services, NULL);
        for (guint i = 0; i < services->len; i++) {
                const PendingService *service = g_ptr_array_index(services, i);
                g_autofree char *problem = NULL;
                if (undo_service(service, &problem))
                        pending_remove(change->pending, service->spec);
                else
                        g_string_append_printf(problems, "%s%s", problems->len > 0 ? "; " : "", problem);
        }
        if (problems->len > 0)
                *ret_problem = g_strdup(problems->str);
        else if (pending_write(change->pending, SERVICE_FOLDER, ret_problem))
                undo_disarm();
        return !*ret_problem;
}
