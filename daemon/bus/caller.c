/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "daemon/bus/caller.h"

#define PROC_FILE_MAX 8192

/*
 * Reads a file of one process. Its folder is open, and an open folder in /proc stays with the
 * process: when that is gone, reads fail, and never give another process's answer. These files come
 * in one piece: a read that leaves room was the last.
 */
static int read_proc(int process, const char *name, char *buffer, size_t size) {
        _cleanup_close_ int fd = -1;
        size_t done = 0;

        fd = openat(process, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        while (done < size - 1) {
                size_t room = size - 1 - done;
                ssize_t n = read(fd, buffer + done, room);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                done += (size_t) n;
                if ((size_t) n < room)
                        break;
        }
        buffer[done] = '\0';
        return 0;
}

static int open_process(int proc, pid_t pid, int *ret_fd) {
        char name[16];
        int fd;

        (void) g_snprintf(name, sizeof(name), "%d", (int) pid);
        fd = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        *ret_fd = fd;
        return 0;
}

/* Behind @n of the fields that a @separator ends; NULL where there are fewer. */
static const char *skip_fields(const char *text, unsigned n, char separator) {
        while (text && n-- > 0) {
                text = strchr(text, separator);
                if (text)
                        text++;
        }
        return text;
}

/* The number that fills the field at @text. */
static bool read_number(const char *text, char separator, guint64 max, guint64 *ret) {
        guint64 number;
        char *end;

        if (!text || !g_ascii_isdigit(*text)) /* no sign, no white space */
                return false;
        errno = 0;
        number = g_ascii_strtoull(text, &end, 10);
        if (errno != 0 || number > max || (*end != separator && *end != '\n' && *end != '\0'))
                return false;
        *ret = number;
        return true;
}

bool caller_parse_stat(const char *stat, pid_t *ret_parent, uint64_t *ret_start) {
        guint64 parent, start;
        const char *state;

        /* The program's name stands in parentheses and may hold more of them: the last one counts. */
        state = strrchr(stat, ')');
        if (!state || state[1] != ' ')
                return false;
        state += 2;
        if (!read_number(skip_fields(state, 1, ' '), ' ', G_MAXINT, &parent) ||
            !read_number(skip_fields(state, 19, ' '), ' ', G_MAXUINT64, &start))
                return false;
        *ret_parent = (pid_t) parent;
        *ret_start = start;
        return true;
}

static int read_stat(int folder, const char *name, pid_t *ret_parent, uint64_t *ret_start) {
        char text[PROC_FILE_MAX];
        int r;

        r = read_proc(folder, name, text, sizeof(text));
        if (r < 0)
                return r;
        return caller_parse_stat(text, ret_parent, ret_start) ? 0 : error_trace(-EPROTO);
}

/* "Uid:" of /proc/PID/status: the real one, the effective one, and two more. */
static int read_uids(int process, uid_t *ret_real, uid_t *ret_effective) {
        char text[PROC_FILE_MAX];
        guint64 real, effective;
        const char *line;
        int r;

        r = read_proc(process, "status", text, sizeof(text));
        if (r < 0)
                return r;
        line = strstr(text, "\nUid:\t"); /* the kernel escapes newlines in the name before it */
        if (!line)
                return error_trace(-EPROTO);
        line += strlen("\nUid:\t");
        if (!read_number(line, '\t', G_MAXUINT32, &real) ||
            !read_number(skip_fields(line, 1, '\t'), '\t', G_MAXUINT32, &effective))
                return error_trace(-EPROTO);
        *ret_real = (uid_t) real;
        *ret_effective = (uid_t) effective;
        return 0;
}

/* The effective uid: what the process may do, and what it had when it connected. */
static int check_uid(int process, uid_t uid, uid_t *ret_real) {
        uid_t effective;
        int r;

        r = read_uids(process, ret_real, &effective);
        if (r < 0)
                return r;
        return effective == uid ? 0 : -EPERM;
}

uid_t caller_real_uid(int proc, pid_t pid) {
        _cleanup_close_ int process = -1;
        uid_t real, effective;

        if (pid <= 0 || open_process(proc, pid, &process) < 0 || read_uids(process, &real, &effective) < 0)
                return UID_UNSET;
        return real;
}

static int read_audit_id(int process, uint32_t *ret_id) {
        char text[32];
        guint64 id;
        int r;

        r = read_proc(process, "sessionid", text, sizeof(text));
        if (r < 0)
                return r;
        if (!g_ascii_string_to_unsigned(g_strchomp(text), 10, 0, G_MAXUINT32, &id, NULL))
                return error_trace(-EPROTO);
        *ret_id = (uint32_t) id;
        return 0;
}

static bool is_session_scope(const char *path, const char **ret_id, size_t *ret_size, uid_t *ret_uid) {
        g_autofree char *digits = NULL;
        guint64 uid;
        size_t n;

        if (!g_str_has_prefix(path, "/user.slice/user-"))
                return false;
        path += strlen("/user.slice/user-");
        n = strspn(path, "0123456789");
        if (n == 0 || !g_str_has_prefix(path + n, ".slice/session-"))
                return false;
        digits = g_strndup(path, n);
        if (!g_ascii_string_to_unsigned(digits, 10, 0, UID_UNSET - 1, &uid, NULL))
                return false;
        path += n + strlen(".slice/session-");
        for (n = 0; g_ascii_isalnum(path[n]);)
                n++;
        if (n == 0 || !g_str_has_prefix(path + n, ".scope"))
                return false;
        if (path[n + strlen(".scope")] != '\0' && path[n + strlen(".scope")] != '/')
                return false;
        *ret_id = path;
        *ret_size = n;
        *ret_uid = (uid_t) uid;
        return true;
}

bool caller_logind_id(const char *cgroup, char *ret_id, size_t size, uid_t *ret_uid) {
        g_auto(GStrv) lines = g_strsplit(cgroup, "\n", 0);

        for (size_t i = 0; lines[i]; i++) {
                const char *controllers = strchr(lines[i], ':'), *id;
                const char *path = controllers ? strchr(controllers + 1, ':') : NULL;
                uid_t uid;
                size_t n;

                /* systemd's own tree: the unified one, or the named one of a hybrid set-up */
                if (!path ||
                    !(g_str_has_prefix(controllers, "::") || g_str_has_prefix(controllers, ":name=systemd:")))
                        continue;
                if (is_session_scope(path + 1, &id, &n, &uid) && n < size) {
                        memcpy(ret_id, id, n);
                        ret_id[n] = '\0';
                        *ret_uid = uid;
                        return true;
                }
        }
        return false;
}

/* A parent that is gone is none: then only the caller itself can be recognised later. */
static void read_parent(int proc, pid_t pid, Process *ret) {
        char name[sizeof("/stat") + 16];
        uint64_t start;
        pid_t parent;

        (void) g_snprintf(name, sizeof(name), "%d/stat", (int) pid);
        if (pid > 0 && read_stat(proc, name, &parent, &start) == 0)
                *ret = (Process) { .pid = pid, .start = start };
}

bool caller_is_alive(int proc, const Process *process) {
        char name[sizeof("/stat") + 16];
        uint64_t start;
        pid_t parent;
        int r;

        (void) g_snprintf(name, sizeof(name), "%d/stat", (int) process->pid);
        r = read_stat(proc, name, &parent, &start);
        return r == 0 ? start == process->start : r != -ESRCH;
}

/* When the process and its parent began, and its logind session. */
static int read_login(int proc, int process, Caller *found) {
        char cgroup[PROC_FILE_MAX];
        pid_t parent;
        int r;

        r = read_stat(process, "stat", &parent, &found->process.start);
        if (r < 0)
                return r;
        read_parent(proc, parent, &found->parent);
        r = read_proc(process, "cgroup", cgroup, sizeof(cgroup));
        if (r < 0)
                return r;
        (void) caller_logind_id(cgroup, found->logind_id, sizeof(found->logind_id), &found->logind_uid);
        return 0;
}

int caller_read_process(Caller *caller, int proc, pid_t pid, CallerDepth depth) {
        Caller found = {
                .uid = caller->uid,
                .real_uid = UID_UNSET,
                .audit_id = AUDIT_ID_UNSET,
                .logind_uid = UID_UNSET,
        };
        _cleanup_close_ int process = -1;
        int r;

        if (pid <= 0) /* in a pid namespace that we do not see */
                return -ESRCH;
        r = open_process(proc, pid, &process);
        if (r < 0)
                return r;
        r = read_audit_id(process, &found.audit_id);
        if (r < 0)
                return r;
        if (depth == CALLER_DEPTH_LOGIN) {
                found.process.pid = pid;
                r = read_login(proc, process, &found);
                if (r < 0)
                        return r;
        }
        /* Last, so that it holds for all that was read before: the same process, alive, with this uid. */
        r = check_uid(process, caller->uid, &found.real_uid);
        if (r < 0)
                return r;
        *caller = found;
        return 0;
}
