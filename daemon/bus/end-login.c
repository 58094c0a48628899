/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>

#include "common/cleanup.h"
#include "daemon/bus/end-login.h"

#define ID_MAX 32

/* As logind makes them: "3", "c1". Everything else could name another file. */
static bool is_logind_id(const char *id) {
        size_t n = 0;

        while (n <= ID_MAX && g_ascii_isalnum(id[n]))
                n++;
        return n > 0 && n <= ID_MAX && id[n] == '\0';
}

static void leave_file(const EndLogin *end, const char *name) {
        const char *path = ((const EndLoginFolder *) end)->path;
        _cleanup_close_ int folder = -1, fd = -1;

        /* Opened anew each time: systemd-tmpfiles may have made it anew. */
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (folder < 0) {
                g_warning("cannot end the login \"%s\": \"%s\": %s", name, path, g_strerror(errno));
                return;
        }
        fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno != EEXIST) /* asked for already: the helper has not come to it yet */
                g_warning("cannot end the login \"%s\": %s", name, g_strerror(errno));
}

static void end_session(const EndLogin *end, const char *logind_id) {
        char name[sizeof("session-") + ID_MAX];

        if (!logind_id || !is_logind_id(logind_id))
                return;
        (void) g_snprintf(name, sizeof(name), "session-%s", logind_id);
        leave_file(end, name);
}

static void end_user(const EndLogin *end, uid_t uid) {
        char name[32];

        if (uid == 0 || uid == UID_UNSET)
                return;
        (void) g_snprintf(name, sizeof(name), "user-%u", (unsigned) uid);
        leave_file(end, name);
}

EndLoginFolder end_login_folder(const char *path) {
        return (EndLoginFolder) { .end_login = { .session = end_session, .user = end_user }, .path = path };
}
