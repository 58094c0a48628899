/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Ends the logins whose sessions were revoked. The daemon, which has no privilege, leaves an empty
 * file "session-ID" or "user-UID" in a folder of its own; tessera-end.path starts this program as
 * root. The daemon is not trusted here: all that it can bring about is the end of a login of an
 * account of uid 1000 or more, and nothing is read from what it leaves but the name.
 *
 * A file goes away once its question is settled, one way or the other. It stays only while logind
 * cannot be asked: any local user can stall the system bus, and must not outlive his revocation by
 * that. The unit starts again a second later then.
 *
 * logind asks processes to end, and systemd waits a minute and a half for those that do not listen:
 * what was ended is killed after a moment, so that nobody outlives his revocation by ignoring it.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/lib/logind.h"
#include "common/cleanup.h"
#include "common/name.h"
#include "daemon/end/marker.h"

#define FOLDER "/run/tessera/end"
#define SECONDS 10 /* for one answer of logind's */
#define MOMENT_MS 500 /* between the request to end and the end; a shell takes milliseconds */

/* The logins that were asked to end. */
typedef struct Asked {
        Marker *markers;
        size_t n;
} Asked;

static void cleanup_asked(Asked *asked) {
        free(asked->markers);
}

/* One that cannot be kept has been asked to end, and systemd will see to it in its own time. */
static void asked_add(Asked *asked, const Marker *marker) {
        Marker *grown = reallocarray(asked->markers, asked->n + 1, sizeof(*grown));

        if (!grown)
                return;
        asked->markers = grown;
        asked->markers[asked->n++] = *marker;
}

/* journald takes the level from the line's beginning. */
#define NOTICE "<5>"
#define WARNING "<4>"

static void cleanup_closedir(DIR **dir) {
        if (*dir)
                (void) closedir(*dir);
}

/* Ends the one login. 0, CLIENT_E_NOT_FOUND (over already) or another failure; -EPERM: not to be touched. */
static int end_session(Client *logind, const char *id) {
        LogindSession session;
        int r;

        r = logind_session_by_id(logind, id, &session);
        if (r == 0 && session.uid < MARKER_UID_MIN)
                return -EPERM;
        if (r == 0)
                r = logind_terminate_session(logind, id);
        return r;
}

static int end_login(const Marker *marker) {
        _cleanup_client_ Client *logind = NULL;
        int r;

        r = logind_connect(client_deadline(SECONDS), &logind);
        if (r != 0)
                return r;
        return marker->session[0] ? end_session(logind, marker->session) :
                                    logind_terminate_user(logind, marker->uid);
}

/* Whose it is was checked when it was asked to end, and logind gives no id twice in so short a time. */
static void kill_login(const Marker *marker) {
        _cleanup_client_ Client *logind = NULL;
        int r;

        r = logind_connect(client_deadline(SECONDS), &logind);
        if (r == 0)
                r = marker->session[0] ? logind_kill_session(logind, marker->session) :
                                         logind_kill_user(logind, marker->uid);
        if (r != 0 && r != CLIENT_E_NOT_FOUND)
                fprintf(stderr, WARNING "could not kill what is left of a login, ignoring: %s\n", client_strerror(r));
}

static void kill_asked(const Asked *asked) {
        const struct timespec moment = { .tv_nsec = MOMENT_MS * 1000000L };

        if (asked->n == 0)
                return;
        (void) nanosleep(&moment, NULL);
        for (size_t i = 0; i < asked->n; i++)
                kill_login(&asked->markers[i]);
}

/* Is it worth asking again? Everything else that logind said is its answer. */
static bool may_pass(int r) {
        return r == CLIENT_E_UNREACHABLE || r == CLIENT_E_TIMEOUT || r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

/* Returns true when @name is settled, whether a login was ended or not. */
static bool settle(const char *name, const struct stat *st, Asked *asked) {
        char shown[MARKER_SESSION_MAX * 2];
        Marker marker;
        int r;

        name_clean(name, shown, sizeof(shown));
        if (!S_ISREG(st->st_mode) || st->st_size != 0) {
                fprintf(stderr, WARNING "\"%s\" is no empty file, ignoring\n", shown);
                return true;
        }
        r = marker_parse(name, &marker);
        if (r == -EINVAL) {
                fprintf(stderr, WARNING "\"%s\" names no login, ignoring\n", shown);
                return true;
        }
        if (r == 0)
                r = end_login(&marker);
        if (r == 0)
                asked_add(asked, &marker);
        if (r == -EPERM)
                fprintf(stderr, WARNING "\"%s\" is a login of a system account, which is not ended from here\n", shown);
        else if (r != 0 && r != CLIENT_E_NOT_FOUND)
                fprintf(stderr, WARNING "could not end \"%s\": %s\n", shown, client_strerror(r));
        else
                fprintf(stderr, NOTICE "ended \"%s\"\n", shown);
        return !may_pass(r);
}

static int remove_marker(int folder, const char *name, const struct stat *st) {
        if (unlinkat(folder, name, S_ISDIR(st->st_mode) ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

/* Returns 0, or 1 when something is left to do. */
static int run(DIR *dir) {
        _cleanup_(cleanup_asked) Asked asked = { NULL, 0 };
        const struct dirent *entry;
        int left = 0, r;

        while ((entry = readdir(dir))) {
                struct stat st;
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (!settle(entry->d_name, &st, &asked)) {
                        left = 1;
                        continue;
                }
                r = remove_marker(dirfd(dir), entry->d_name, &st);
                if (r < 0) {
                        fprintf(stderr, WARNING "could not delete a file in " FOLDER ": %s\n", strerror(-r));
                        left = 1;
                }
        }
        kill_asked(&asked);
        return left;
}

int main(void) {
        _cleanup_(cleanup_closedir) DIR *dir = NULL;
        int fd;

        fd = open(FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
                dir = fdopendir(fd);
        if (!dir) {
                fprintf(stderr, WARNING "could not read " FOLDER ": %s\n", strerror(errno));
                return 1;
        }
        return run(dir);
}
