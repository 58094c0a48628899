/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/bus/offline.h"
#include "daemon/bus/setup-store.h"
#include "daemon/bus/state-lock.h"
#include "daemon/core/throttle.h"
#include "daemon/store/adopt.h"
#include "daemon/store/store-move.h"
#include "daemon/store/store-sqlite.h"

/* Both */

static int G_GNUC_PRINTF(3, 4) complain(int r, char **ret_message, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        *ret_message = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return r;
}

static int read_config(const Options *options, Config *config, char **ret_message) {
        if (!setup_config(options, /* host= */ NULL, /* store= */ NULL, config, ret_message))
                return -EINVAL;
        if (!config->settings->store.redis)
                return complain(-EINVAL, ret_message, "tessera.conf says that this host's store is its own; write "
                                "backend=redis and url= into its [store] first");
        return 0;
}

/* -EWOULDBLOCK: a daemon runs. */
static int lock(const Options *options, char **ret_message) {
        int r;

        r = setup_folder(options->state_dir, ret_message);
        return r < 0 ? r : state_lock(options->state_dir, /* alone= */ true, ret_message);
}

static int open_redis(const Options *options, const Config *config, bool only_look, Store **ret, char **ret_message) {
        return setup_store_redis(&config->settings->store, options->state_dir, only_look, clock_wall(&clock_system), ret,
                                 ret_message);
}

static int look(Store *store, StoreFound *ret, char **ret_message) {
        g_autofree char *problem = NULL;
        int r;

        r = store_look(store, ret);
        if (r == 0)
                return 0;
        problem = store_problem(store);
        return complain(r, ret_message, "what is in Redis cannot be read: %s", problem ?: g_strerror(-r));
}

static void tell_found(const StoreFound *found) {
        (void) printf("id=%s\nknown=%s\n", found->id, found->known);
        (void) printf("there-users=%" PRIu64 "\nthere-active=%" PRIu64 "\n", found->users, found->active);
        (void) printf("lost=%" PRIu64 "\n", found->lost);
}

static int finish(int r, const char *message) {
        if (r < 0)
                g_warning("%s", message ?: g_strerror(-r));
        if (fflush(stdout) != 0)
                return EXIT_FAILURE;
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Moving */

typedef struct Migration {
        const Options *options;
        const Config *config;
        bool dry;
        char *database; /* where it is now */
        char *moving, *moved;
        char *name; /* of this host */
} Migration;

static void migration_deinit(Migration *migration) {
        g_free(migration->database);
        g_free(migration->moving);
        g_free(migration->moved);
        g_free(migration->name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Migration, migration_deinit)

static bool is_there(const char *path) {
        return access(path, F_OK) == 0 || errno != ENOENT;
}

/* 1: it is done already. */
static int find_database(Migration *migration, char **ret_message) {
        const char *folder = migration->options->state_dir;
        g_autofree char *own = g_build_filename(folder, SETUP_DATABASE, NULL);

        migration->moving = g_build_filename(folder, SETUP_DATABASE_MOVING, NULL);
        migration->moved = g_build_filename(folder, SETUP_DATABASE_MOVED, NULL);
        if (is_there(own) && is_there(migration->moving))
                return complain(-EEXIST, ret_message, "\"%s\" is half moved, and there is \"%s\", too; move away which of "
                                "the two is not this host's", migration->moving, own);
        migration->database = g_strdup(is_there(own) ? own : migration->moving);
        if (is_there(migration->database))
                return 0;
        if (is_there(migration->moved))
                return 1;
        return complain(-ENOENT, ret_message, "there is no \"%s\": this host has nothing to move", own);
}

static int open_own(Migration *migration, Store **ret, char **ret_message) {
        g_autofree char *keys = g_build_filename(migration->options->state_dir, "keys", NULL), *name = NULL;
        g_autoptr(Store) store = NULL;
        bool with_keys = false;
        int r;

        r = store_sqlite_open(migration->database, /* must_exist= */ true, &store, ret_message);
        if (r < 0)
                return r;
        r = setup_find_keys(keys, &with_keys);
        if (r == 0)
                r = store_meta_get(store, STORE_META_NAME, &name);
        if (r < 0)
                return complain(r, ret_message, "\"%s\": %s", migration->options->state_dir, g_strerror(-r));
        if (r == STORE_E_NOT_FOUND || !with_keys)
                return complain(-ENOENT, ret_message, "\"%s\" has no name, or no keys belong to it: its daemon has never "
                                "come up; move it away", migration->database);
        g_free(migration->name);
        migration->name = g_steal_pointer(&name);
        *ret = g_steal_pointer(&store);
        return 0;
}

/* Of a host that has been a member already. */
static int check_name(const Migration *migration, Store *to, char **ret_message) {
        g_autofree char *name = NULL;
        int r;

        r = store_meta_get(to, STORE_META_NAME, &name);
        if (r < 0)
                return complain(r, ret_message, "\"" SETUP_STORE_REDIS_FILE "\": %s", g_strerror(-r));
        if (r == 0 && !g_str_equal(name, migration->name))
                return complain(-EINVAL, ret_message, "this host is called \"%s\" in its fleet, and \"%s\" in \"%s\"", name,
                                migration->name, migration->database);
        return 0;
}

static bool share_debt(const UserDebt *debt, int64_t now, void *data, SharedDebt *ret) {
        return throttle_share_kept(&((const Settings *) data)->throttle, debt, now, ret);
}

static StoreMove move_of(const Migration *migration, Store *from, Store *to) {
        return (StoreMove) {
                .from = from,
                .to = to,
                .dry = migration->dry,
                .now = clock_wall(&clock_system),
                .share_debt = share_debt,
                .data = migration->config->settings,
        };
}

static int fail_redis(int r, Store *to, const char *at, const char *rest, char **ret_message) {
        g_autofree char *problem = r < 0 && to ? store_problem_of(to, r) : NULL;

        return complain(r < 0 ? r : -EEXIST, ret_message, "%s: %s%s", at,
                        r == STORE_E_EXISTS ? "another one has come there meanwhile"
                        : r > 0 ? "its user is not there any more" : problem ?: g_strerror(-r), rest);
}

/* Is there room for all in what stands there? Nothing is changed. 1: no, which was told. */
static int check(const Migration *migration, Store *from, char **ret_message) {
        g_autoptr(GPtrArray) conflicts = NULL;
        g_autoptr(Store) to = NULL;
        StoreFound found = { .users = 0 };
        StoreMove move;
        int r;

        r = open_redis(migration->options, migration->config, /* only_look= */ true, &to, ret_message);
        if (r == 0)
                r = look(to, &found, ret_message);
        if (r == 0)
                r = check_name(migration, to, ret_message);
        if (r < 0)
                return r;
        if (found.known[0] && !g_str_equal(found.known, found.id))
                return complain(-ESTALE, ret_message, "the Redis at this address is not the one that this host knows; if it "
                                "is to be: tessera store adopt");
        tell_found(&found);
        move = move_of(migration, from, found.id[0] ? to : NULL);
        r = store_move_check(&move, &conflicts);
        if (r < 0)
                return fail_redis(r, to, "what is in Redis", "", ret_message);
        for (guint i = 0; i < conflicts->len; i++)
                (void) printf("conflict=%s\n", (const char *) conflicts->pdata[i]);
        return conflicts->len > 0;
}

static void tell_moved(const StoreMoved *moved) {
        (void) printf("users=%u %u\nroles=%u %u\n", moved->users.all, moved->users.new, moved->roles.all, moved->roles.new);
        (void) printf("identities=%u %u\ndevices=%u %u\n", moved->identities.all, moved->identities.new, moved->devices.all,
                      moved->devices.new);
        (void) printf("sessions=%u %u\ntickets=%u %u\n", moved->sessions.all, moved->sessions.new, moved->tickets.all,
                      moved->tickets.new);
        (void) printf("debts=%u %u\n", moved->debts.all, moved->debts.new);
        for (guint i = 0; i < moved->kept->len; i++)
                (void) printf("kept=%s\n", (const char *) moved->kept->pdata[i]);
}

/*
 * Durable. Nothing is put in the place of another file. SQLite's log goes by the database's name: what stands in it
 * would be lost, a revocation too, so it has to be written back, which who closes it last has done, if he could.
 */
static int rename_database(Migration *migration, const char *to, char **ret_message) {
        _cleanup_close_ int folder = open(migration->options->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_autofree char *log = g_strconcat(migration->database, "-wal", NULL);
        bool is_new = !g_str_equal(migration->database, to);

        if (is_new && is_there(log))
                return complain(-EBUSY, ret_message, "\"%s\" is not written back; end what has it open, such as sqlite3, "
                                "make room on its disk, and run it again", log);
        if (folder < 0 || (is_new && renameat2(AT_FDCWD, migration->database, AT_FDCWD, to, RENAME_NOREPLACE) < 0) ||
            fsync(folder) < 0)
                return complain(-errno, ret_message, "\"%s\" cannot be called \"%s\": %s", migration->database, to,
                                g_strerror(errno));
        g_free(migration->database);
        migration->database = g_strdup(to);
        return 0;
}

/* The name last: with it the daemon starts. */
static int move_all(Migration *migration, char **ret_message) {
        static const char rest[] = "; run it again, what was moved stays moved";
        g_autoptr(Store) from = NULL, to = NULL;
        g_auto(StoreMoved) moved = { .kept = NULL };
        g_autofree char *at = NULL;
        StoreMove move;
        int r;

        r = open_own(migration, &from, ret_message);
        if (r == 0)
                r = open_redis(migration->options, migration->config, /* only_look= */ false, &to, ret_message);
        if (r < 0)
                return r;
        move = move_of(migration, from, to);
        r = store_move_run(&move, &moved, &at);
        if (r != 0)
                return fail_redis(r, to, at, rest, ret_message);
        r = store_meta_set(to, STORE_META_NAME, migration->name);
        if (r < 0)
                return fail_redis(r, NULL, "\"" SETUP_STORE_REDIS_FILE "\"", rest, ret_message);
        tell_moved(&moved);
        return 0;
}

static int count_all(const Migration *migration, Store *from, char **ret_message) {
        g_auto(StoreMoved) moved = { .kept = NULL };
        StoreMove move = move_of(migration, from, /* to= */ NULL);
        g_autofree char *at = NULL;
        int r;

        r = store_move_run(&move, &moved, &at);
        if (r != 0)
                return fail_redis(r, /* to= */ NULL, at, "", ret_message);
        tell_moved(&moved);
        return 0;
}

/* Between the two names no daemon starts with either store: what was copied cannot be overtaken. */
static int migrate(Migration *migration, char **ret_message) {
        g_autoptr(Store) from = NULL;
        int r;

        r = find_database(migration, ret_message);
        if (r != 0) {
                if (r > 0)
                        (void) printf("state=again\n");
                return MIN(r, 0);
        }
        r = open_own(migration, &from, ret_message);
        if (r == 0)
                r = check(migration, from, ret_message);
        if (r > 0)
                (void) printf("state=conflicts\n");
        if (r == 0 && migration->dry) {
                r = count_all(migration, from, ret_message);
                if (r == 0)
                        (void) printf("state=dry\n");
                return r;
        }
        from = store_free(from); /* into one file */
        if (r != 0)
                return r;
        r = rename_database(migration, migration->moving, ret_message);
        if (r == 0)
                r = move_all(migration, ret_message);
        if (r == 0)
                r = rename_database(migration, migration->moved, ret_message);
        if (r == 0)
                (void) printf("state=done\n");
        return r;
}

int offline_migrate(const Options *options, bool dry) {
        g_auto(Config) config = { .settings = NULL };
        g_auto(Migration) migration = { .options = options, .config = &config, .dry = dry };
        g_autofree char *message = NULL;
        int r;

        r = read_config(options, &config, &message);
        if (r == 0)
                r = lock(options, &message);
        if (r == 0)
                r = migrate(&migration, &message);
        return finish(r, message);
}

/* Adopting */

static int adopt(const Options *options, const Config *config, const char *wanted, char **ret_message) {
        bool only_look = g_str_equal(wanted, OFFLINE_LOOK), changed = false;
        StoreFound found = { .users = 0 };
        g_autoptr(Store) store = NULL;
        int r;

        r = open_redis(options, config, only_look, &store, ret_message);
        if (r < 0)
                return r;
        if (only_look) {
                r = look(store, &found, ret_message);
                if (r < 0)
                        return r;
                tell_found(&found);
                (void) printf("state=%s\n", store_is_adopted(&found) ? "again" : "look");
                return 0;
        }
        r = store_adopt(store, g_str_equal(wanted, OFFLINE_EMPTY) ? "" : wanted, &found, &changed);
        if (r == STORE_E_NOT_FOUND)
                return complain(-EAGAIN, ret_message, "another store has come to this address meanwhile; nothing was changed");
        if (r < 0)
                return fail_redis(r, store, "the store cannot be adopted", "", ret_message);
        tell_found(&found);
        (void) printf("state=%s\n", changed ? "done" : "again");
        return 0;
}

int offline_adopt(const Options *options, const char *wanted) {
        g_auto(Config) config = { .settings = NULL };
        g_autofree char *message = NULL;
        int r;

        r = lock(options, &message);
        if (r == -EWOULDBLOCK) {
                (void) printf("state=running\n"); /* it is asked over the bus */
                return finish(STORE_E_STATE, /* message= */ NULL);
        }
        if (r == 0)
                r = read_config(options, &config, &message);
        if (r == 0)
                r = adopt(options, &config, wanted, &message);
        return finish(r, message);
}
