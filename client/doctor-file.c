/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Files and folders: whose they are, who may write them, whether there is room, and whether the database is whole. */

#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "client/doctor-ask.h"
#include "client/doctor-service.h"
#include "client/output.h"
#include "client/service-undo.h"
#include "common/wire.h"

#define STATE "/var/lib/tessera"
#define DATABASE STATE "/tessera.db"
#define STORE_REMEDY "man 5 tessera.conf: [store]"
#define KEYS STATE "/keys"
#define CONFIGURATION "/etc/tessera"

#define DEPTH_MAX 4
#define SPACE_LOW (64LL << 20) /* some 100,000 sessions */
#define SPACE_NONE (4LL << 20) /* the log beside the database alone may take that */

/* What a file has to be like. */
typedef struct Rule {
        const char *owner;
        uid_t uid;
        mode_t mask, mode; /* of what mask covers, mode must be set and nothing else */
        const char *chmod; /* the argument that makes it so */
        const char *why;
} Rule;

static void judge_file(Doctor *doctor, const char *path, const Rule *rule) {
        g_autofree char *quoted = doctor_quote(path), *remedy = NULL;
        struct stat st;

        if (lstat(path, &st) < 0 || S_ISLNK(st.st_mode)) /* what a link leads to counts, and chmod follows it */
                return;
        if (st.st_uid != rule->uid) {
                remedy = g_strdup_printf("chown %s %s", rule->owner, quoted);
                doctor_fail(doctor, remedy, "%s belongs to uid %u, not to %s: %s", path, (unsigned) st.st_uid,
                            rule->owner, rule->why);
        }
        g_clear_pointer(&remedy, g_free);
        if ((st.st_mode & rule->mask) != rule->mode) {
                remedy = g_strdup_printf("chmod %s %s", rule->chmod, quoted);
                doctor_fail(doctor, remedy, "%s has mode %04o: %s", path, (unsigned) st.st_mode & 07777, rule->why);
        }
}

static void judge_folder(Doctor *doctor, const char *path, const Rule *rule, unsigned depth) {
        g_autoptr(GDir) dir = depth > 0 ? g_dir_open(path, 0, NULL) : NULL;
        const char *name;

        judge_file(doctor, path, rule);
        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *child = g_build_filename(path, name, NULL);
                judge_folder(doctor, child, rule, depth - 1);
        }
}

static void look_at_state(Doctor *doctor) {
        const struct passwd *daemon = getpwnam(WIRE_DAEMON_USER);
        uid_t uid = daemon ? daemon->pw_uid : 0;
        const char *why = "it holds keys and passwords";
        const Rule folder = { WIRE_DAEMON_USER, uid, 07777, 0700, "0700", why };
        const Rule file = { WIRE_DAEMON_USER, uid, 07777, 0600, "0600", why };
        g_autoptr(GDir) keys = NULL;
        guint before = doctor->findings->len;
        const char *name;

        if (!doctor_needs_root(doctor, STATE))
                return;
        if (!daemon) {
                doctor_fail(doctor, "systemd-sysusers tessera.conf", "there is no user \"" WIRE_DAEMON_USER "\"");
                return;
        }
        judge_file(doctor, STATE, &folder);
        judge_file(doctor, DATABASE, &file);
        judge_file(doctor, KEYS, &folder);
        /* The folder is the daemon's to change, and root must not be sent anywhere else by a link in its place. */
        if (g_file_test(KEYS, G_FILE_TEST_IS_SYMLINK))
                doctor_fail(doctor, "systemctl stop tesserad; ls -l " STATE, KEYS " is a link, which tesserad never makes");
        else
                keys = g_dir_open(KEYS, 0, NULL);
        while (keys && (name = g_dir_read_name(keys))) {
                g_autofree char *path = g_build_filename(KEYS, name, NULL);
                judge_file(doctor, path, &file);
        }
        doctor_ok_unless(doctor, before, "database and keys are the daemon's alone");
}

static void look_at_configuration(Doctor *doctor) {
        const Rule rule = { "root", 0, 0022, 0, "go-w", "it says who may what, and the daemon would not read it" };
        guint before = doctor->findings->len;

        judge_folder(doctor, CONFIGURATION, &rule, DEPTH_MAX);
        doctor_ok_unless(doctor, before, CONFIGURATION " is root's alone to write");
}

static void look_for_space(Doctor *doctor) {
        static const char remedy[] = "make room on that file system: df -h " STATE "; du -xh --threshold=100M /var";
        struct statvfs fs;
        int64_t space;

        if (statvfs(STATE, &fs) < 0) {
                doctor_skip(doctor, "room for the database: " STATE " cannot be looked at");
                return;
        }
        space = (int64_t) fs.f_bavail * (int64_t) fs.f_frsize;
        if (space < SPACE_NONE || fs.f_favail == 0)
                doctor_fail(doctor, remedy, "there is no room for the database in " STATE ": no login can be "
                            "recorded, so none is let in");
        else if (space < SPACE_LOW)
                doctor_warn(doctor, remedy, "there are %lld MiB left for the database in " STATE,
                            (long long) (space >> 20));
        else
                doctor_ok(doctor, "there is room for the database");
}

/* How to mend it, and where to read all of it: of a fleet's server neither is a matter of a file of this host's. */
static const struct {
        const char *damaged, *large;
} database_remedies[] = {
        { "systemctl stop tesserad.socket tesserad.service; put a backup of " DATABASE " in its place; systemctl start "
          "tesserad.socket tesserad.service", ": sqlite3 " DATABASE " 'PRAGMA quick_check'" },
        { "look at the server's disk and log, and for room in " STATE "; put a copy of the server's data back: "
          "/usr/share/doc/tesserad/redis.md", "" },
};

static void look_at_database(Doctor *doctor) {
        const ClientDict *dict = doctor_ask_check(doctor);
        const char *damage;
        bool shared;

        if (!dict) {
                doctor_skip(doctor, "the database: %s", doctor->unsaid);
                return;
        }
        damage = client_dict_get_string(dict, "database");
        shared = client_dict_get_bool(dict, "shared");
        if (damage && *damage)
                doctor_fail(doctor, database_remedies[shared].damaged, "the database is damaged: %s", damage);
        else if (!client_dict_get_bool(dict, "finished") && *client_dict_get_strings(dict, "store-faults"))
                doctor_skip(doctor, "the database: what keeps it is not fit for it (store)");
        else if (!client_dict_get_bool(dict, "finished"))
                doctor_skip(doctor, "the database is too large to be read through while somebody waits%s",
                            database_remedies[shared].large);
        else
                doctor_ok(doctor, "the database is whole");
}

/* A server that keeps the store of a fleet; a host of its own has none. */
static void look_at_store(Doctor *doctor) {
        const ClientDict *dict = doctor_ask_check(doctor);
        const char *const *faults, *const *warnings;

        if (!dict) {
                doctor_skip(doctor, "the store: %s", doctor->unsaid);
                return;
        }
        faults = client_dict_get_strings(dict, "store-faults");
        warnings = client_dict_get_strings(dict, "store-warnings");
        for (const char *const *fault = faults; *fault; fault++)
                doctor_fail(doctor, STORE_REMEDY, "%s", *fault);
        for (const char *const *warning = warnings; *warning; warning++)
                doctor_warn(doctor, STORE_REMEDY, "%s", *warning);
        if (!*faults && !*warnings)
                doctor_ok(doctor, "what keeps the store is fit for it");
}

static void look_for_undo(Doctor *doctor) {
        g_autoptr(Pending) pending = NULL;
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_autofree char *problem = NULL, *text = NULL, *when = NULL;

        if (!doctor_needs_root(doctor, SERVICE_FOLDER))
                return;
        pending = pending_read(SERVICE_FOLDER, &problem);
        if (!pending) {
                doctor_fail(doctor, "rm " SERVICE_FOLDER "/pending; systemctl disable --now tessera-undo.timer "
                            "tessera-undo.service", "%s; at the next boot every service will be disabled", problem);
                return;
        }
        if (pending->services->len == 0) {
                doctor_ok(doctor, "nothing waits for a confirmation");
                return;
        }
        for (guint i = 0; i < pending->services->len; i++)
                g_ptr_array_add(names, (void *) ((const PendingService *) pending->services->pdata[i])->spec->name);
        text = doctor_names(names);
        when = output_time(pending->undo_at, doctor->now);
        doctor_warn(doctor, "sudo tessera service confirm", "%s will be undone %s; confirm it in a login made "
                    "after it", text, when);
}

const DoctorCheck doctor_file_checks[] = {
        { "state-files",         look_at_state },
        { "configuration-files", look_at_configuration },
        { "space",               look_for_space },
        { "database",            look_at_database },
        { "store",               look_at_store },
        { "undo",                look_for_undo },
        { NULL },
};
