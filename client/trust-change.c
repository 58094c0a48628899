/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/errors.h"
#include "client/output.h"
#include "client/request.h"
#include "client/service-host.h"
#include "client/trust-change.h"
#include "common/cleanup.h"

#define LOCK TRUST_FOLDER "/.lock"
#define SYSTEMCTL "/usr/bin/systemctl"
#define UNIT "tesserad.service"
#define REFUSAL "the old configuration stays: " /* in the unit's status: daemon/bus/run.c */

#define LOOK_USEC (50 * 1000)
#define WAIT_SECONDS 10
#define STALE_SECONDS 3 /* a refusal in the same words as one from before us is ours after that */

/*
 * A file that only root can open: the folder is everybody's to read, and so to lock, which would keep root from
 * trusting a host no longer. It is there while it is held; who had waited for one that is gone takes another.
 */
static int take_lock(int *ret_fd) {
        for (;;) {
                _cleanup_close_ int fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                struct stat st;

                if (fd < 0)
                        return -errno;
                while (flock(fd, LOCK_EX) < 0)
                        if (errno != EINTR)
                                return -errno;
                if (fstat(fd, &st) < 0)
                        return -errno;
                if (st.st_nlink > 0) {
                        *ret_fd = steal_fd(&fd);
                        return 0;
                }
        }
}

int trust_change_open(Cli *cli, TrustChange *change) {
        _cleanup_close_ int folder = -1;
        struct stat st;
        int r;

        change->mistakes = conf_mistakes_new();
        if (mkdir(TRUST_FOLDER, 0755) < 0 && errno != EEXIST)
                return cli_fail(cli, CLI_FAILED, "failed", "is the package tesserad installed?",
                                TRUST_FOLDER " could not be made: %s", g_strerror(errno));
        folder = open(TRUST_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (folder < 0 || fstat(folder, &st) < 0)
                return cli_fail(cli, CLI_FAILED, "failed", NULL, TRUST_FOLDER " could not be opened: %s",
                                g_strerror(errno));
        if (st.st_uid != 0 || (st.st_mode & 0022) != 0)
                return cli_fail(cli, CLI_FAILED, "failed", "chown root: " TRUST_FOLDER "; chmod go-w " TRUST_FOLDER,
                                TRUST_FOLDER " is not root's alone");
        r = take_lock(&change->lock);
        if (r < 0)
                return cli_fail(cli, CLI_FAILED, "failed", NULL, LOCK " could not be locked: %s", g_strerror(-r));
        change->files = trust_files_read(TRUST_FOLDER, change->mistakes);
        return 0;
}

void trust_change_close(TrustChange *change) {
        g_clear_pointer(&change->files, g_ptr_array_unref);
        g_clear_pointer(&change->mistakes, g_ptr_array_unref);
        if (change->lock >= 0)
                (void) unlink(LOCK);
        change->lock = safe_close(change->lock);
}

char *trust_change_path(const char *host) {
        return g_strdup_printf(TRUST_FOLDER "/%s.conf", host);
}

const TrustFile *trust_change_find(const TrustChange *change, const char *host) {
        for (guint i = 0; change->files && i < change->files->len; i++) {
                const TrustFile *file = g_ptr_array_index(change->files, i);
                if (strcmp(file->name, host) == 0)
                        return file;
        }
        return NULL;
}

const ConfMistake *trust_change_mistake(const TrustChange *change, const char *path) {
        for (guint i = 0; i < change->mistakes->len; i++) {
                const ConfMistake *mistake = g_ptr_array_index(change->mistakes, i);
                if (g_strcmp0(mistake->file, path) != 0)
                        return mistake;
        }
        return NULL;
}

/* What tesserad goes by */

static bool has(const json_t *list, const char *word) {
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
                if (g_strcmp0(json_string_value(item), word) == 0)
                        return true;
        return false;
}

/* The order is nobody's promise. */
static bool same(const json_t *a, const json_t *b) {
        const json_t *item;
        size_t i;

        if (json_array_size(a) != json_array_size(b))
                return false;
        json_array_foreach(a, i, item)
                if (!has(b, json_string_value(item)))
                        return false;
        return true;
}

static bool matches(const json_t *hosts, const TrustWish *wish) {
        const json_t *host;
        size_t i;

        json_array_foreach(hosts, i, host)
                if (g_strcmp0(json_string_value(json_object_get(host, "host")), wish->host) == 0)
                        return wish->keys && same(json_object_get(host, "users"), wish->users) &&
                               same(json_object_get(host, "roles"), wish->roles) &&
                               same(json_object_get(host, "keys"), wish->keys);
        return !wish->keys;
}

/* Does tesserad go by it? 0 and *@ret, or the exit code of what was told. */
static int look(Cli *cli, const TrustWish *wish, bool *ret) {
        static const Request request = { .interface = WIRE_INTERFACE_TRUST, .method = "List", .reply = "aa{sv}" };
        json_auto_t *hosts = NULL;
        int r;

        r = request_array(cli, &request, shape_trust, &hosts);
        if (r == 0)
                *ret = matches(hosts, wish);
        return r;
}

/* Why its last reload came to nothing, or NULL; g_free. */
static char *refusal(void) {
        static const char *const argv[] = { SYSTEMCTL, "show", "--property=StatusText", "--value", UNIT, NULL };
        g_autofree char *status = NULL, *ignored = NULL;
        const char *words;

        if (!service_host_run(argv, &status, &ignored))
                return NULL;
        words = strstr(status, REFUSAL);
        return words ? g_strchomp(g_strdup(words + strlen(REFUSAL))) : NULL;
}

static bool reload(char **ret_problem) {
        static const char *const argv[] = { SYSTEMCTL, "try-reload-or-restart", UNIT, NULL };

        return service_host_run(argv, NULL, ret_problem);
}

/* A unit of somebody's own may not wait for it: looks until one of both can be seen. */
static int wait_for(Cli *cli, const TrustWish *wish, const char *words_before, bool *ret_holds, char **ret_words) {
        gint64 begun = g_get_monotonic_time(), waited;
        int r;

        do {
                g_autofree char *words = NULL;

                r = look(cli, wish, ret_holds);
                if (r != 0 || *ret_holds)
                        return r;
                words = refusal();
                waited = (g_get_monotonic_time() - begun) / G_USEC_PER_SEC;
                if (words && (waited >= STALE_SECONDS || g_strcmp0(words, words_before) != 0)) {
                        *ret_words = g_steal_pointer(&words);
                        return 0;
                }
                g_usleep(LOOK_USEC);
        } while (waited < WAIT_SECONDS);
        *ret_words = g_strdup_printf("it has not read its configuration within %d s", WAIT_SECONDS);
        return 0;
}

static int have_it_read(Cli *cli, const TrustWish *wish, bool *ret_holds, char **ret_words) {
        g_autofree char *words_before = refusal();

        *ret_holds = false;
        if (!reload(ret_words))
                return 0;
        return wait_for(cli, wish, words_before, ret_holds, ret_words);
}

/* Changing it */

static void take_back(GPtrArray *edits, GString *hint) {
        g_autofree char *problem = NULL, *ignored = NULL;

        if (file_edits_revert(edits, &problem))
                g_string_append(hint, "nothing was changed");
        else
                g_string_append(hint, problem);
        (void) reload(&ignored); /* it reads what it goes by anyhow, and no longer says that it refused */
}

static int apply(Cli *cli, GPtrArray *edits, const TrustWish *wish, bool loaded) {
        g_autoptr(GString) hint = g_string_new(NULL);
        g_autofree char *problem = NULL, *words = NULL;
        bool holds = false;
        int r = 0;

        if (!file_edits_apply(edits, &problem))
                return cli_fail(cli, CLI_FAILED, "failed", "nothing was changed", "%s", problem);
        if (!loaded)
                return 0;
        r = have_it_read(cli, wish, &holds, &words);
        if (holds)
                return 0;
        if (!wish->keys)
                return r != 0 ? r : cli_fail(cli, CLI_FAILED, "invalid", "tessera policy check tells every mistake",
                                             "the file is gone, but tesserad still trusts \"%s\": %s", wish->host,
                                             words);
        take_back(edits, hint);
        if (r != 0) {
                output_note(cli, "  %s", hint->str);
                return r;
        }
        return cli_fail(cli, CLI_FAILED, "invalid", hint->str, "tesserad does not take it: %s", words);
}

static void free_edit(gpointer edit) {
        file_edit_free(edit);
}

int trust_change_make(Cli *cli, FileEdit *edit, const TrustWish *wish, TrustResult *ret) {
        g_autoptr(GPtrArray) edits = g_ptr_array_new_with_free_func(free_edit);
        bool changes = file_edit_changes(edit), holds = true;
        sigset_t ending, before;
        int r = 0;

        g_ptr_array_add(edits, edit);
        *ret = (TrustResult) { .loaded = service_host_is_booted() };
        if (!changes && ret->loaded)
                r = look(cli, wish, &holds);
        if (r != 0 || (!changes && holds))
                return r;
        ret->changed = true;
        /* Who is interrupted between writing and taking back would leave what keeps the daemon from starting. */
        (void) sigemptyset(&ending);
        (void) sigaddset(&ending, SIGHUP);
        (void) sigaddset(&ending, SIGINT);
        (void) sigaddset(&ending, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &ending, &before);
        r = apply(cli, edits, wish, ret->loaded);
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}
