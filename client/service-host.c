/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/service-host.h"
#include "common/file.h"
#include "common/name.h"

#define SSHD "/usr/sbin/sshd"
#define SSHD_CONFIG "/etc/ssh/sshd_config"
#define SSHD_FOLDER "/run/sshd" /* without which sshd -t does not even look; the unit makes it */
#define SSHD_PID_FILE "/run/sshd.pid"
#define SSHD_WAITS 100
#define SSHD_WAIT_USEC (20 * 1000)
#define VISUDO "/usr/sbin/visudo"
#define SYSTEMCTL "/usr/bin/systemctl"

#define MODULE PAM_MODULE_FOLDER "/pam_tessera.so"
#define PAMS_OWN_MODULE PAM_MODULE_FOLDER "/pam_unix.so"

bool service_host_is_booted(void) {
        return access("/run/systemd/system", F_OK) == 0;
}

/* The first line of what a program printed; it may be long. */
static char *first_line(const char *output) {
        return g_strndup(output, strcspn(output, "\n"));
}

bool service_host_run(const char *const *argv, char **ret_output, char **ret_problem) {
        static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
        g_autofree char *output = NULL, *errors = NULL, *why = NULL;
        g_autoptr(GError) error = NULL;
        int status;

        if (!g_spawn_sync("/", (char **) argv, (char **) environment, G_SPAWN_DEFAULT, NULL, NULL, &output, &errors,
                          &status, &error)) {
                *ret_problem = g_strdup_printf("%s could not be run: %s", argv[0], error->message);
                return false;
        }
        if (!g_spawn_check_wait_status(status, &error)) {
                why = first_line(*errors ? errors : output);
                *ret_problem = g_strdup_printf("\"%s%s%s\" failed: %s", argv[0], argv[1] ? " " : "", argv[1] ?: "",
                                               *why ? why : error->message);
                return false;
        }
        if (ret_output)
                *ret_output = g_steal_pointer(&output);
        return true;
}

static bool is_sshd(const ServiceSpec *spec) {
        return strcmp(spec->name, "sshd") == 0;
}

static bool run_check(const char *const *argv, char **ret_output, char **ret_problem) {
        /* Where sshd was never started since boot its folder is missing; that is no mistake in its files. */
        if (strcmp(argv[0], SSHD) == 0 && mkdir(SSHD_FOLDER, 0755) < 0 && errno != EEXIST) {
                *ret_problem = g_strdup_printf("could not make %s: %s", SSHD_FOLDER, g_strerror(errno));
                return false;
        }
        return service_host_run(argv, ret_output, ret_problem);
}

/* su, login and passwd have nothing beside PAM's files, and PAM has no checker. */
static bool has_checker(const ServiceSpec *spec) {
        return spec->drop_in;
}

bool service_host_check(const ServiceSpec *spec, char **ret_problem) {
        static const char *const sshd[] = { SSHD, "-t", NULL }, *const visudo[] = { VISUDO, "-c", NULL };

        if (!has_checker(spec))
                return true;
        return run_check(is_sshd(spec) ? sshd : visudo, NULL, ret_problem);
}

/* sshd reads ours before its own file, as it will; sudoers' parts can be read alone. */
static char *candidate_text(const ServiceSpec *spec) {
        return is_sshd(spec) ? g_strconcat(spec->drop_in_text, "Include " SSHD_CONFIG "\n", NULL)
                             : service_drop_in(spec, /* roles= */ true);
}

bool service_host_check_candidate(const ServiceSpec *spec, const char *folder, char **ret_problem) {
        g_autofree char *path = g_build_filename(folder, "candidate", NULL), *text = NULL;
        const char *sshd[] = { SSHD, "-t", "-f", path, NULL }, *visudo[] = { VISUDO, "-c", "-f", path, NULL };
        bool good;
        int r;

        if (!has_checker(spec))
                return true;
        text = candidate_text(spec);
        r = file_write_atomic(AT_FDCWD, path, text, strlen(text), 0400);
        if (r < 0) {
                *ret_problem = g_strdup_printf("%s could not be written: %s", path, g_strerror(-r));
                return false;
        }
        good = run_check(is_sshd(spec) ? sshd : visudo, NULL, ret_problem);
        (void) unlink(path);
        return good;
}

static bool sshd_has(const char *settings, const char *setting, char **ret_problem) {
        g_auto(GStrv) lines = g_strsplit(settings, "\n", -1);

        if (g_strv_contains((const char *const *) lines, setting))
                return true;
        *ret_problem = g_strdup_printf("sshd does not take \"%s\" from its drop-in: " SSHD_CONFIG " needs the line "
                                       "\"Include /etc/ssh/sshd_config.d/*.conf\" before any setting", setting);
        return false;
}

bool service_host_show(const ServiceSpec *spec, char **ret_output, char **ret_problem) {
        static const char *const sshd[] = { SSHD, "-T", NULL }, *const visudo[] = { VISUDO, "-c", NULL };

        return run_check(is_sshd(spec) ? sshd : visudo, ret_output, ret_problem);
}

bool service_host_check_effect(const ServiceSpec *spec, char **ret_problem) {
        g_autofree char *output = NULL;

        if (!has_checker(spec))
                return true;
        if (!service_host_show(spec, &output, ret_problem))
                return false;
        if (is_sshd(spec))
                return sshd_has(output, "usepam yes", ret_problem) &&
                       sshd_has(output, "kbdinteractiveauthentication yes", ret_problem);
        /* visudo names each file that it came to. */
        if (strstr(output, spec->drop_in))
                return true;
        *ret_problem = g_strdup_printf("sudo does not read %s: /etc/sudoers needs the line "
                                       "\"@includedir /etc/sudoers.d\"", spec->drop_in);
        return false;
}

/* What tells one writing of sshd's pid file from the next. */
static struct timespec pid_file_written(void) {
        struct stat st;

        return stat(SSHD_PID_FILE, &st) < 0 ? (struct timespec) { 0 } : st.st_mtim;
}

/*
 * A reloaded sshd closes its sockets, executes itself and listens again, after which it writes its
 * pid file; systemctl does not wait for that. Whoever logs in right after us would be refused.
 */
static void wait_for_sshd(struct timespec before) {
        if (before.tv_sec == 0)
                return;
        for (int i = 0; i < SSHD_WAITS; i++) {
                struct timespec now = pid_file_written();
                if (now.tv_sec != 0 && (now.tv_sec != before.tv_sec || now.tv_nsec != before.tv_nsec))
                        return;
                g_usleep(SSHD_WAIT_USEC);
        }
}

bool service_host_reload(const ServiceSpec *spec, bool wait, char **ret_problem) {
        static const char *const waiting[] = { SYSTEMCTL, "try-reload-or-restart", "ssh.service", NULL };
        static const char *const later[] = { SYSTEMCTL, "try-reload-or-restart", "--no-block", "ssh.service", NULL };

        struct timespec before;

        /* The others read their files at each call. */
        if (!is_sshd(spec) || !service_host_is_booted())
                return true;
        before = pid_file_written();
        if (!service_host_run(wait ? waiting : later, NULL, ret_problem))
                return false;
        if (wait)
                wait_for_sshd(before);
        return true;
}

bool service_host_check_module(char **ret_problem) {
        struct stat st;

        if (access(PAMS_OWN_MODULE, F_OK) < 0) {
                *ret_problem = g_strdup("PAM does not look for its modules in " PAM_MODULE_FOLDER);
                return false;
        }
        if (stat(MODULE, &st) < 0 || !S_ISREG(st.st_mode)) {
                *ret_problem = g_strdup(MODULE " is not installed");
                return false;
        }
        return true;
}

bool service_host_check_group(const char *group, char **ret_problem) {
        errno = 0;
        /* The characters of an account's name have no meaning in a PAM line. */
        if (name_is_user(group) && getgrnam(group))
                return true;
        *ret_problem = errno == 0 ? g_strdup_printf("there is no group \"%s\"", group)
                                  : g_strdup_printf("could not look up the group \"%s\": %s", group, g_strerror(errno));
        return false;
}
