/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "daemon/store/sqlite-file.h"
#include "daemon/store/sqlite-schema.h"

/* SQLite's file header, as far as it says who made the file: https://www.sqlite.org/fileformat2.html */
#define HEADER_SIZE 100
#define HEADER_MAGIC "SQLite format 3" /* and its NUL */
#define HEADER_USER_VERSION 60
#define HEADER_APPLICATION_ID 68

#define RESTORE_OR "restore it from a backup, or, to begin anew without users and sessions, move "
#define RESTORE RESTORE_OR "it and the signing keys away"

/* Says why not, and returns @r. */
G_GNUC_PRINTF(4, 5)
static int refuse(int r, const char *path, char **ret_message, const char *format, ...) {
        g_autofree char *reason = NULL;
        va_list arguments;

        va_start(arguments, format);
        reason = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        *ret_message = g_strdup_printf("database \"%s\" %s", path, reason);
        return error_trace(r);
}

static int refuse_errno(int r, const char *path, char **ret_message, const char *what) {
        return refuse(r, path, ret_message, "%s: %s", what, g_strerror(-r));
}

/* SQLite is told to follow no symlink, not even in the folders, where an admin may well have one. */
static int find_path(const char *path, char **ret, char **ret_message) {
        g_autofree char *folder = g_path_get_dirname(path);
        g_autofree char *name = g_path_get_basename(path);
        _cleanup_free_ char *real = realpath(folder, NULL);

        if (!real)
                return refuse(-errno, path, ret_message, "cannot be reached: folder \"%s\": %s", folder,
                              g_strerror(errno));
        *ret = g_build_filename(real, name, NULL);
        return 0;
}

static int check_owner(const struct stat *st, const char *path, char **ret_message) {
        if (!S_ISREG(st->st_mode))
                return refuse(-EISDIR, path, ret_message, "is not a regular file: move it away and " RESTORE);
        if (st->st_uid != geteuid())
                return refuse(-EPERM, path, ret_message,
                              "belongs to uid %u instead of %u, so somebody else may have written to it: if its "
                              "content can be trusted, run \"chown %u %s\"",
                              st->st_uid, geteuid(), geteuid(), path);
        if ((st->st_mode & 07777) != 0600)
                return refuse(-EPERM, path, ret_message,
                              "has mode %04o instead of 0600: if its content can be trusted, run \"chmod 0600 %s\"",
                              st->st_mode & 07777, path);
        return 0;
}

static uint32_t header_number(const uint8_t *header, size_t offset) {
        uint32_t n;

        memcpy(&n, header + offset, sizeof(n));
        return be32toh(n);
}

static int refuse_foreign(const char *path, char **ret_message) {
        return refuse(-EMEDIUMTYPE, path, ret_message,
                      "belongs to another program: move it away, and put tessera's own back in its place");
}

static int refuse_newer(uint32_t version, const char *path, char **ret_message) {
        return refuse(-EPROTO, path, ret_message,
                      "has version %u, and this tesserad knows versions up to %u: install the newer tesserad "
                      "that wrote it, or restore the backup made before the upgrade",
                      version, SCHEMA_VERSION);
}

/* What the write-ahead log may add to the header, schema_check() sees. */
static int check_header(const uint8_t *header, const char *path, char **ret_message) {
        uint32_t version = header_number(header, HEADER_USER_VERSION);

        if (memcmp(header, HEADER_MAGIC, sizeof(HEADER_MAGIC)) != 0)
                return refuse(-EUCLEAN, path, ret_message, "is damaged (no SQLite header): " RESTORE);
        if (header_number(header, HEADER_APPLICATION_ID) != SCHEMA_APPLICATION_ID)
                return refuse_foreign(path, ret_message);
        if (version > SCHEMA_VERSION)
                return refuse_newer(version, path, ret_message);
        return 0;
}

/* -ENOENT without a message: nothing is there. */
static int check_file(const char *path, char **ret_message) {
        _cleanup_close_ int fd = -1;
        uint8_t header[HEADER_SIZE];
        struct stat st;
        ssize_t n;
        int r;

        /* O_NONBLOCK: a fifo in its place must not hold us up. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 && errno == ENOENT)
                return -ENOENT;
        if (fd < 0 && errno == ELOOP)
                return refuse(-ELOOP, path, ret_message,
                              "is a symbolic link: put the file itself there (its folder may be a link)");
        if (fd < 0)
                return refuse_errno(-errno, path, ret_message, "cannot be opened");
        if (fstat(fd, &st) < 0)
                return refuse_errno(-errno, path, ret_message, "cannot be looked at");
        r = check_owner(&st, path, ret_message);
        if (r < 0)
                return r;
        /* SQLite would say of a read-only file system that its log is not found. */
        if (access(path, W_OK) < 0)
                return refuse_errno(-errno, path, ret_message, "cannot be written to");
        n = pread(fd, header, sizeof(header), 0);
        if (n < 0)
                return refuse_errno(-errno, path, ret_message, "cannot be read");
        if ((size_t) n < sizeof(header))
                return refuse(-EUCLEAN, path, ret_message, "is cut off after %zd bytes: " RESTORE, n);
        return check_header(header, path, ret_message);
}

/* An empty database with today's schema, whole on disk, without a log beside it. */
static int build(const char *path) {
        _cleanup_close_ int fd = -1;
        g_autoptr(Db) db = NULL;
        int r;

        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return error_trace(-errno);
        if (fchmod(fd, 0600) < 0) /* the umask does not decide */
                return error_trace(-errno);
        fd = safe_close(fd); /* now: closing it later would drop SQLite's locks */
        r = db_open(path, DB_WRITE, &db);
        if (r == 0)
                r = db_settle(db);
        if (r == 0)
                r = schema_upgrade(db);
        if (r == 0)
                r = db_checkpoint(db);
        return error_trace(r);
}

static int sync_path(const char *path, int flags) {
        _cleanup_close_ int fd = open(path, flags | O_RDONLY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
                return error_trace(-errno);
        return 0;
}

/*
 * The new database is made under another name and appears complete or not at all: an empty or half
 * made file at @path is always a loss, never a beginning.
 */
static int create(const char *path) {
        static const char *const left_over[] = { "", "-wal", "-shm", "-journal" };
        g_autofree char *building = g_strconcat(path, ".new", NULL);
        g_autofree char *folder = g_path_get_dirname(path);
        int r;

        for (size_t i = 0; i < G_N_ELEMENTS(left_over); i++) {
                g_autofree char *name = g_strconcat(building, left_over[i], NULL);

                if (unlink(name) < 0 && errno != ENOENT)
                        return error_trace(-errno);
        }
        r = build(building);
        if (r == 0)
                r = sync_path(building, 0);
        if (r == 0 && renameat2(AT_FDCWD, building, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
                r = -errno;
        if (r == 0)
                r = sync_path(folder, O_DIRECTORY);
        if (r < 0)
                (void) unlink(building); /* the next attempt would; ignoring */
        return error_trace(r);
}

static int find_or_create(const char *path, bool must_exist, char **ret_message) {
        g_autofree char *log = NULL;
        int r;

        r = check_file(path, ret_message);
        if (r != -ENOENT)
                return r;
        /* SQLite would replay a log that an old database left behind into the new one. */
        log = g_strconcat(path, "-wal", NULL);
        if (faccessat(AT_FDCWD, log, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return refuse(-ENOENT, path, ret_message,
                              "is gone, but its log \"%s\" is there: " RESTORE_OR "the log and the signing keys away",
                              log);
        if (must_exist)
                return refuse(-ENOENT, path, ret_message,
                              "is gone, but the signing keys are there: " RESTORE_OR "the signing keys away");
        r = create(path);
        if (r < 0)
                return refuse_errno(r, path, ret_message, "cannot be created");
        return check_file(path, ret_message);
}

static int refuse_content(int r, const char *problem, const char *path, char **ret_message) {
        switch (r) {
        case -EMEDIUMTYPE:
                return refuse_foreign(path, ret_message);
        case -EPROTO:
                return refuse(r, path, ret_message,
                              "was written by a newer tesserad (this one knows versions up to %u): install that one, "
                              "or restore the backup made before the upgrade",
                              SCHEMA_VERSION);
        case -EUCLEAN:
                return refuse(r, path, ret_message, "is damaged (%s): " RESTORE, problem);
        default:
                return refuse(r, path, ret_message, "cannot be used: %s (%s)", g_strerror(-r), problem);
        }
}

static int open_checked(const char *path, Db **ret, char **ret_message) {
        g_autoptr(Db) db = NULL;
        g_autofree char *problem = NULL;
        int64_t version;
        int r;

        r = db_open(path, DB_WRITE, &db);
        if (r < 0)
                return refuse_content(r, "it, or the file with -wal, -shm or -journal behind its name, cannot be "
                                      "opened; those that are there must be plain files of the daemon's user",
                                      path, ret_message);
        r = schema_check(db, &version, &problem);
        if (r < 0)
                return refuse_content(r, problem, path, ret_message);
        r = db_settle(db);
        if (r < 0)
                return refuse_errno(r, path, ret_message, "cannot be written to");
        if (version < SCHEMA_VERSION)
                r = schema_upgrade(db);
        if (r < 0)
                return refuse_errno(r, path, ret_message, "cannot be brought up to date (it stays as it was)");
        *ret = g_steal_pointer(&db);
        return 0;
}

int sqlite_file_open(const char *path, bool must_exist, Db **ret, char **ret_path, char **ret_message) {
        g_autofree char *real = NULL;
        int r;

        r = find_path(path, &real, ret_message);
        if (r == 0)
                r = find_or_create(real, must_exist, ret_message);
        if (r == 0)
                r = open_checked(real, ret, ret_message);
        if (r == 0)
                *ret_path = g_steal_pointer(&real);
        return r;
}
