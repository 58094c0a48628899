/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The SQLite backend beyond the contract: the file, its form, what outlives a restart. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/store-sqlite.h"
#include "daemon/store/test-place.h"
#include "daemon/store/test-store.h"

/* Fixtures */

static void fill(Store *store, unsigned n_sessions) {
        User alice = { .name = (char *) "alice", .uid = ALICE, .enabled = true, .password_hash = (char *) "$h$1" };

        assert_result(store_user_add(store, &alice), 0);
        for (unsigned n = 1; n <= n_sessions; n++)
                test_open(store, n, ALICE, 100 + n);
}

static void make_good(const char *path) {
        g_autoptr(Store) store = place_open(path, false);

        fill(store, 10);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Every file below @folder with its content, mode and size, but SQLite's shared memory. */
static char *look_at(const char *folder) {
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const char *name;

        while ((name = g_dir_read_name(dir)))
                if (!g_str_has_suffix(name, "-shm"))
                        g_ptr_array_add(names, g_strdup(name));
        g_ptr_array_sort(names, compare_names);
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL), *content = NULL, *sum = NULL;
                struct stat st;
                gsize size;

                assert(lstat(path, &st) == 0);
                if (S_ISREG(st.st_mode) && g_file_get_contents(path, &content, &size, NULL))
                        sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (uint8_t *) content, size);
                g_string_append_printf(text, "%s %o %jd %s\n", (char *) names->pdata[i], st.st_mode,
                                       (intmax_t) st.st_size, sum ?: "-");
        }
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void write_at(const char *path, off_t offset, const void *data, size_t size) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert(fd >= 0);
        assert(pwrite(fd, data, size, offset) == (ssize_t) size);
        assert(close(fd) == 0);
}

/* R11: what is wrong with a database, and what is said about it */

static void make_empty(const Place *place) {
        assert(truncate(place->path, 0) == 0);
}

static void make_stump(const Place *place) {
        assert(truncate(place->path, 57) == 0);
}

static void make_first_page(const Place *place) {
        assert(truncate(place->path, 4096) == 0);
}

static void make_half(const Place *place) {
        assert(truncate(place->path, 9 * 4096 + 1000) == 0);
}

static void make_garbage(const Place *place) {
        for (off_t offset = 0; offset < 8192; offset += 16)
                write_at(place->path, offset, "no database here", 16);
}

static void make_bad_page(const Place *place) {
        uint8_t page[4096];

        memset(page, 0xa5, sizeof(page));
        write_at(place->path, 7 * 4096, page, sizeof(page));
}

static void make_bad_schema(const Place *place) {
        uint8_t bytes[512];

        memset(bytes, 0xff, sizeof(bytes));
        write_at(place->path, 100, bytes, sizeof(bytes)); /* behind the file's header */
}

static void make_foreign(const Place *place) {
        place_run_sql(place->path, "PRAGMA application_id = 1234");
}

static void make_any_database(const Place *place) {
        assert(unlink(place->path) == 0);
        place_run_sql(place->path, "CREATE TABLE t (a)");
        assert(chmod(place->path, 0600) == 0);
}

static void make_newer(const Place *place) {
        place_run_sql(place->path, "PRAGMA user_version = 99");
}

/* The newer program was killed: its version stands in the log alone. */
static void make_newer_in_log(const Place *place) {
        g_autofree char *other = g_build_filename(place->folder, "other", NULL), *log = g_strconcat(other, "-wal", NULL);
        g_autofree char *memory = g_strconcat(other, "-shm", NULL), *content = NULL, *wal = NULL;
        gsize size, wal_size;
        sqlite3 *db;

        assert(g_file_get_contents(place->path, &content, &size, NULL));
        assert(g_file_set_contents(other, content, (gssize) size, NULL));
        assert(sqlite3_open(other, &db) == SQLITE_OK);
        assert(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL) == SQLITE_OK);
        assert(g_file_get_contents(log, &wal, &wal_size, NULL));
        assert(wal_size > 0);
        assert(g_file_set_contents_full(place->log, wal, (gssize) wal_size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        assert(sqlite3_close(db) == SQLITE_OK);
        assert(unlink(other) == 0);
}

static void make_version_0(const Place *place) {
        place_run_sql(place->path, "PRAGMA user_version = 0");
}

static void make_readable(const Place *place) {
        assert(chmod(place->path, 0640) == 0);
}

static void make_writable(const Place *place) {
        assert(chmod(place->path, 0606) == 0);
}

static void make_read_only(const Place *place) {
        assert(chmod(place->path, 0400) == 0);
}

static void make_setuid(const Place *place) {
        assert(chmod(place->path, 04600) == 0);
}

static void make_others(const Place *place) {
        assert(chown(place->path, 65534, (gid_t) -1) == 0);
}

static void make_symlink(const Place *place) {
        g_autofree char *target = g_build_filename(place->folder, "elsewhere.db", NULL);

        assert(rename(place->path, target) == 0);
        assert(symlink(target, place->path) == 0);
}

static void make_dangling(const Place *place) {
        assert(unlink(place->path) == 0);
        assert(symlink("nowhere", place->path) == 0);
}

static void make_folder(const Place *place) {
        assert(unlink(place->path) == 0);
        assert(mkdir(place->path, 0700) == 0);
}

static void make_fifo(const Place *place) {
        assert(unlink(place->path) == 0);
        assert(mkfifo(place->path, 0600) == 0);
}

static void make_gone(const Place *place) {
        assert(unlink(place->path) == 0);
}

static void make_gone_but_log(const Place *place) {
        assert(rename(place->path, place->log) == 0);
}

static void make_log_a_link(const Place *place) {
        assert(unlink(place->log) == 0 || errno == ENOENT);
        assert(symlink("nowhere", place->log) == 0);
}

#define BACKUP "restore it from a backup"

static const struct {
        const char *name;
        void (*make)(const Place *place);
        bool must_exist;
        int result;
        const char *says, *remedy;
} refusals[] = {
        { "empty",           make_empty,        false, -EUCLEAN,    "cut off after 0 bytes",   BACKUP             },
        { "stump",           make_stump,        false, -EUCLEAN,    "cut off after 57 bytes",  BACKUP             },
        { "first page",      make_first_page,   false, -EUCLEAN,    "damaged",                 BACKUP             },
        { "half",            make_half,         false, -EUCLEAN,    "damaged",                 BACKUP             },
        { "garbage",         make_garbage,      false, -EUCLEAN,    "no SQLite header",        BACKUP             },
        { "bad page",        make_bad_page,     false, -EUCLEAN,    "damaged",                 BACKUP             },
        { "bad schema",      make_bad_schema,   false, -EUCLEAN,    "damaged",                 BACKUP             },
        { "version 0",       make_version_0,    false, -EUCLEAN,    "damaged",                 BACKUP             },
        { "foreign",         make_foreign,      false, -EMEDIUMTYPE, "another program",        "move it away"     },
        { "any database",    make_any_database, false, -EMEDIUMTYPE, "another program",        "move it away"     },
        { "newer",           make_newer,        false, -EPROTO,     "has version 99",          "newer tesserad"   },
        { "newer in log",    make_newer_in_log, false, -EPROTO,     "by a newer tesserad",     "install that one" },
        { "mode 0640",       make_readable,     false, -EPERM,      "mode 0640",               "chmod 0600"       },
        { "mode 0606",       make_writable,     false, -EPERM,      "mode 0606",               "chmod 0600"       },
        { "mode 0400",       make_read_only,    false, -EPERM,      "mode 0400",               "chmod 0600"       },
        { "mode 4600",       make_setuid,       false, -EPERM,      "mode 4600",               "chmod 0600"       },
        { "another's",       make_others,       false, -EPERM,      "belongs to uid 65534",    "chown"            },
        { "symlink",         make_symlink,      false, -ELOOP,      "symbolic link",           "the file itself"  },
        { "dangling symlink", make_dangling,    false, -ELOOP,      "symbolic link",           "the file itself"  },
        { "folder",          make_folder,       false, -EISDIR,     "not a regular file",      BACKUP             },
        { "fifo",            make_fifo,         false, -EISDIR,     "not a regular file",      BACKUP             },
        { "gone",            make_gone,         true,  -ENOENT,     "gone",                    BACKUP             },
        { "gone but log",    make_gone_but_log, false, -ENOENT,     "its log",                 BACKUP             },
        { "log a link",      make_log_a_link,   false, -ELOOP,      "-wal",                    "plain files"      },
};

/* Twice, because the first refusal must not make the second opening work. */
static void assert_refused(const Place *place, size_t row) {
        for (unsigned i = 0; i < 2; i++) {
                g_autofree char *message = NULL;
                Store *store = NULL;
                int r;

                r = store_sqlite_open(place->path, refusals[row].must_exist, &store, &message);
                printf("%s: %s\n", refusals[row].name, message ?: "was opened");
                assert_result(r, refusals[row].result);
                g_assert_null(store);
                g_assert_nonnull(strstr(message, place->path));
                g_assert_nonnull(strstr(message, refusals[row].says));
                g_assert_nonnull(strstr(message, refusals[row].remedy));
        }
}

static void test_R11_refused_and_untouched(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
                _cleanup_place_ Place place = place_new();
                g_autofree char *before = NULL, *after = NULL;

                if (refusals[i].make == make_others && geteuid() != 0)
                        continue;
                make_good(place.path);
                refusals[i].make(&place);
                before = look_at(place.folder);
                assert_refused(&place, i);
                after = look_at(place.folder);
                g_assert_cmpstr(before, ==, after);
        }
}

static void test_R11_folder(void) {
        _cleanup_place_ Place place = place_new();
        g_autofree char *missing = g_build_filename(place.folder, "none", "tessera.db", NULL), *message = NULL;
        g_autofree char *link = g_strconcat(place.folder, "-link", NULL), *through = NULL;
        Store *store = NULL;

        assert_result(store_sqlite_open(missing, false, &store, &message), -ENOENT);
        g_assert_nonnull(strstr(message, missing));

        /* a folder may be a link: an admin's, who moved the state to another disk */
        assert(symlink(place.folder, link) == 0);
        through = g_build_filename(link, "tessera.db", NULL);
        store = place_open(through, false);
        store = store_free(store);
        store = place_open(place.path, true);
        store = store_free(store);
        assert(unlink(link) == 0);
}

static void test_R11_mode_whatever_the_umask(void) {
        static const mode_t masks[] = { 0, 022, 0777 };

        for (size_t i = 0; i < G_N_ELEMENTS(masks); i++) {
                _cleanup_place_ Place place = place_new();
                g_autofree char *memory = g_strconcat(place.path, "-shm", NULL);
                const char *const files[] = { place.path, place.log, memory };
                mode_t before = umask(masks[i]);
                g_autoptr(Store) store = place_open(place.path, false);

                assert_result(store_meta_set(store, "name", "web1"), 0);
                for (size_t j = 0; j < G_N_ELEMENTS(files); j++) {
                        struct stat st;

                        assert(stat(files[j], &st) == 0);
                        g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
                }
                (void) umask(before);
        }
}

/* What a killed first start left is no database, and in nobody's way. */
static void test_R11_half_made(void) {
        _cleanup_place_ Place place = place_new();
        g_autofree char *building = g_strconcat(place.path, ".new", NULL), *log = g_strconcat(building, "-wal", NULL);
        g_autofree char *message = NULL;
        Store *store = NULL;

        assert(g_file_set_contents(building, "half", -1, NULL));
        assert(g_file_set_contents(log, "half", -1, NULL));
        assert_result(store_sqlite_open(place.path, true, &store, &message), -ENOENT);
        make_good(place.path);
        assert(access(building, F_OK) < 0 && access(log, F_OK) < 0);
}

/* What outlives a restart, and a kill */

static void copy_file(const char *from, const char *to) {
        g_autofree char *content = NULL;
        gsize size;

        assert(g_file_get_contents(from, &content, &size, NULL));
        assert(g_file_set_contents_full(to, content, (gssize) size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static void assert_filled(const char *path) {
        g_autoptr(Store) store = place_open(path, true);
        g_autoptr(GPtrArray) sessions = NULL;
        g_autoptr(User) alice = NULL;
        SessionFilter filter = { .uid = ALICE };

        assert_result(store_user_get(store, "alice", &alice), 0);
        assert_result(store_session_list(store, &filter, &sessions), 0);
        g_assert_cmpuint(sessions->len, ==, 300);
        for (guint i = 0; i < sessions->len; i++)
                g_assert_cmpuint(((Session *) sessions->pdata[i])->audit_id, ==, 101 + i);
}

static void test_R9_persistence(void) {
        _cleanup_place_ Place place = place_new(), copy = place_new();
        Store *store = place_open(place.path, false);

        /* what is on disk when a call has returned is enough */
        fill(store, 300);
        copy_file(place.path, copy.path);
        copy_file(place.log, copy.log);
        assert_filled(copy.path);

        store = store_free(store);
        assert(access(place.log, F_OK) < 0);
        assert_filled(place.path);
        assert_filled(place.path);
}

/* An orderly stop writes what was waiting: when sessions were seen, and events. */
static void test_stop_writes_notes(void) {
        _cleanup_place_ Place place = place_new();
        Event event = { .time = START, .event = (char *) "used" };
        g_autofree char *id = test_id(7);
        Store *store = place_open(place.path, false);
        g_autoptr(GPtrArray) events = NULL;
        g_autoptr(Session) session = NULL;

        fill(store, 300);
        memcpy(event.session, id, SESSION_ID_SIZE);
        store_event_add(store, &event);
        for (unsigned n = 1; n <= 300; n++) {
                g_autofree char *each = test_id(n);

                store_session_touch(store, each, START + 4000 + n);
        }
        store = store_free(store);

        store = place_open(place.path, true);
        session = test_get(store, 7);
        g_assert_cmpint(session->seen, ==, START + 4007);
        assert_result(store_event_list(store, id, &events), 0);
        g_assert_cmpuint(events->len, ==, 1);
        store = store_free(store);
}

/* More than can be written is let go and counted, never waited for, and memory stays bounded. */
static void test_notes_are_bounded(void) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) store = place_open(place.path, false);
        Event event = { .time = START, .event = (char *) "used" };
        g_autofree char *first = test_id(1);
        g_autoptr(Session) session = NULL;

        fill(store, 10);
        for (unsigned n = 0; n < 200000; n++) {
                g_autofree char *id = test_id(1000000 + n);

                store_session_touch(store, id, START);
                memcpy(event.session, id, SESSION_ID_SIZE);
                store_event_add(store, &event);
        }
        g_assert_cmpuint(store_dropped(store), >, 0);

        /* and it gets over it */
        for (unsigned i = 0;; i++) {
                g_clear_pointer(&session, session_free);
                store_session_touch(store, first, START + 9000);
                session = test_get(store, 1);
                if (session->seen == START + 9000)
                        break;
                g_assert_cmpuint(i, <, 1000);
                g_usleep(10000);
        }
}

/* The form of the database */

/* Whoever changes what version 5 is makes a version 6 instead: version 5 is on disks. */
static char *read_schema(const char *path) {
        g_autoptr(GString) text = g_string_new(NULL);
        sqlite3_stmt *statement;
        sqlite3 *db;

        assert(sqlite3_open(path, &db) == SQLITE_OK);
        assert(sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid", -1, &statement,
                                  NULL) == SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW)
                g_string_append_printf(text, "%s;\n", (const char *) sqlite3_column_text(statement, 0));
        assert(sqlite3_finalize(statement) == SQLITE_OK);
        assert(sqlite3_close(db) == SQLITE_OK);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_schema_is_the_stored_one(const char *stored) {
        _cleanup_place_ Place place = place_new();
        g_autofree char *expected = NULL, *schema = NULL;

        make_good(place.path);
        schema = read_schema(place.path);
        assert(g_file_get_contents(stored, &expected, NULL, NULL));
        g_assert_cmpstr(schema, ==, expected);
}

static void make_old(const char *path, const char *stored, unsigned version) {
        g_autofree char *schema = NULL, *number = g_strdup_printf("PRAGMA user_version = %u", version);

        assert(g_file_get_contents(stored, &schema, NULL, NULL));
        place_run_sql(path, schema);
        place_run_sql(path, number);
        place_run_sql(path, "PRAGMA application_id = 0x74737261;"
                      "INSERT INTO user (name, uid, enabled, created) VALUES ('bob', 1002, 1, 5);"
                      "INSERT INTO session (id, user, uid, host, service, auth_time, opened, seen, ends, ended, state)"
                      " VALUES ('000003e7000000000000000000000000', 'bob', 1002, 'web1.example.org', 'sshd', 0, 7, 8,"
                      " 1900000000, 0, 'active')");
        assert(chmod(path, 0600) == 0);
}

/* A database as an older version left it, made by that stored schema: becomes today's, keeps what is there, works. */
static void test_old_database_opens(char *const stored[], unsigned version) {
        _cleanup_place_ Place place = place_new();
        g_autofree char *expected = NULL, *schema = NULL;
        Assignment role = { .user = (char *) "bob", .uid = BOB, .role = (char *) "admin", .by = (char *) "root" };
        UserIdentity identity = { .issuer = (char *) "https://a", .subject = (char *) "1", .user = (char *) "bob", .uid = BOB,
                                  .provider = (char *) "corp", .by = (char *) "root" };
        g_autoptr(GPtrArray) roles = NULL;
        g_autoptr(Session) old = NULL;
        g_autoptr(User) bob = NULL;
        Store *store;
        bool changed;

        make_old(place.path, stored[version], version);
        store = place_open(place.path, true);
        fill(store, 10);
        test_open(store, 999, BOB, 999);
        test_add_device(store, 1, BOB);
        assert_result(store_assignment_set(store, &role, MANY, &changed), 0);
        assert_result(store_assignment_list(store, UID_UNSET, &roles), 0);
        g_assert_cmpuint(roles->len, ==, 1);
        assert_result(store_user_get(store, "bob", &bob), 0);
        g_assert_null(bob->awaits);
        assert_result(store_identity_add(store, &identity, /* awaiting= */ false), 0);
        assert_result(store_session_get(store, "000003e7000000000000000000000000", &old), 0);
        g_assert_cmpstr(old->device, ==, "");
        g_assert_null(old->granted.issuer);
        g_assert_null(old->granted.pairs);
        g_assert_null(old->role_cap); /* what had no cap must not get an empty one, nor the other way round */
        g_assert_cmpint(old->state, ==, SESSION_ACTIVE);
        store = store_free(store);

        schema = read_schema(place.path);
        assert(g_file_get_contents(stored[5], &expected, NULL, NULL));
        g_assert_cmpstr(schema, ==, expected);
}

/* R13: names are data */

static void test_R13_names(void) {
        static const char *const names[] = {
                "'", "''", "a'; DROP TABLE session; --", "\"", "`", "%", "_", "a%00b", "\\0", "\x01\x02", "?1", ":name", "@a", "$a",
                "x' OR '1'='1", "\xc3\xa4\xe2\x82\xac", "\xff\xfe", "-- ", "/*", "NULL", "1e5", " ", "",
        };
        _cleanup_place_ Place place = place_new();
        Store *store = place_open(place.path, false);

        for (int again = 0; again < 2; again++) {
                for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
                        User user = { .name = (char *) names[i], .uid = 2000 + i, .enabled = true };
                        g_autoptr(Session) session = test_session(1 + i, 2000 + i, 50 + i), got = NULL;
                        g_autoptr(GPtrArray) ended = NULL;
                        g_autoptr(User) found = NULL;
                        g_autofree char *value = NULL;
                        bool bound;

                        g_free(session->user);
                        session->user = g_strdup(names[i]);
                        session->tty = g_strdup(names[i]);
                        if (!again) {
                                assert_result(store_user_add(store, &user), 0);
                                assert_result(store_session_open(store, session, MANY, &bound, &ended), 0);
                                assert_result(store_meta_set(store, names[i], names[i]), 0);
                        }
                        assert_result(store_user_get(store, names[i], &found), 0);
                        g_assert_cmpuint(found->uid, ==, 2000 + i);
                        got = test_get(store, 1 + i);
                        g_assert_cmpstr(got->user, ==, names[i]);
                        g_assert_cmpstr(got->tty, ==, names[i]);
                        assert_result(store_meta_get(store, names[i], &value), 0);
                        g_assert_cmpstr(value, ==, names[i]);
                }
                store = store_free(store);
                store = place_open(place.path, true);
        }
        store = store_free(store);
}

/* A store that cannot write says so, and keeps answering. */
static void test_R10_locked(void) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) store = place_open(place.path, false);
        g_autoptr(Session) session = NULL;
        sqlite3 *other;

        fill(store, 10);
        assert(sqlite3_open(place.path, &other) == SQLITE_OK);
        assert(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
        assert_result(store_meta_set(store, "name", "web1"), -EBUSY);
        session = test_get(store, 1);
        assert(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK);
        assert(sqlite3_close(other) == SQLITE_OK);
        assert_result(store_meta_set(store, "name", "web1"), 0);
}

int main(int argc, char **argv) {
        assert(argc == 6); /* the stored schemas: versions 1 to 5 */
        setvbuf(stdout, NULL, _IOLBF, 0);
        test_R11_refused_and_untouched();
        test_R11_folder();
        test_R11_mode_whatever_the_umask();
        test_R11_half_made();
        test_R9_persistence();
        test_stop_writes_notes();
        test_notes_are_bounded();
        test_schema_is_the_stored_one(argv[5]);
        for (unsigned version = 1; version <= 5; version++)
                test_old_database_opens(argv, version);
        test_R13_names();
        test_R10_locked();
        return 0;
}
