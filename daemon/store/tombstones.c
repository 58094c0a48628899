/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/name.h"
#include "daemon/store/tombstone-file.h"
#include "daemon/store/tombstones.h"

#define ENROLLED "enrolled"
#define POSITION "feed position"
#define LINES_SPARE 1000 /* a file is written anew when it has twice as many lines as needed, and this */

/*
 * A line is "KIND NAME NUMBER" or "KIND NAME NUMBER REST":
 *
 *      session ID ENDS [UID AUDIT BOOT USER]      with the login that it was bound to
 *      device ID ENDS
 *      ticket DIGEST UNTIL
 *      user UID SINCE, password UID SINCE
 *      enrolled NAME 1, or 0 when he was removed
 *      feed position NUMBER ID
 */
typedef struct Tombstone {
        char *name; /* "KIND NAME" */
        int64_t number;
        char *rest; /* NULL: nothing */
} Tombstone;

struct Tombstones {
        pthread_mutex_t mutex; /* over everything below */
        GHashTable *all;       /* name → Tombstone * */
        GHashTable *logins;    /* "UID AUDIT BOOT" → Tombstone * of a session */
        TombstoneFile file;
};

static Tombstones *tombstones_lock(Tombstones *tombstones) {
        pthread_mutex_lock(&tombstones->mutex);
        return tombstones;
}

static void tombstones_unlock(Tombstones **tombstones) {
        pthread_mutex_unlock(&(*tombstones)->mutex);
}

#define _cleanup_unlock_ _cleanup_(tombstones_unlock) G_GNUC_UNUSED

/* In memory */

static void free_tombstone(void *data) {
        Tombstone *tombstone = data;

        g_free(tombstone->name);
        g_free(tombstone->rest);
        g_free(tombstone);
}

/* "UID AUDIT BOOT" of "UID AUDIT BOOT USER". */
static char *login_of(const Tombstone *tombstone) {
        const char *user = tombstone->rest ? strrchr(tombstone->rest, ' ') : NULL;

        return user && g_str_has_prefix(tombstone->name, "session ")
                       ? g_strndup(tombstone->rest, (gsize) (user - tombstone->rest)) : NULL;
}

static void forget_login(Tombstones *tombstones, const Tombstone *tombstone) {
        g_autofree char *login = login_of(tombstone);

        if (login && g_hash_table_lookup(tombstones->logins, login) == tombstone)
                (void) g_hash_table_remove(tombstones->logins, login); /* it was there; ignoring */
}

static bool is_latest_of_its_kind(const Tombstone *old, const Tombstone *new) {
        return g_str_has_prefix(new->name, "feed ") || new->number > old->number ||
               (g_str_has_prefix(new->name, ENROLLED " ") && new->number != old->number) || g_strcmp0(new->rest, old->rest) != 0;
}

/* Takes it. false: nothing new. */
static bool keep(Tombstones *tombstones, Tombstone *tombstone) {
        Tombstone *old = g_hash_table_lookup(tombstones->all, tombstone->name);
        char *login;

        if (old && !is_latest_of_its_kind(old, tombstone)) {
                free_tombstone(tombstone);
                return false;
        }
        if (old)
                forget_login(tombstones, old);
        (void) g_hash_table_replace(tombstones->all, tombstone->name, tombstone); /* new or not; ignoring */
        login = login_of(tombstone);
        if (login)
                (void) g_hash_table_replace(tombstones->logins, login, tombstone); /* the same; ignoring */
        return true;
}

static Tombstone *make(const char *kind, const char *name, int64_t number, char *rest) {
        Tombstone *tombstone = g_new(Tombstone, 1);

        *tombstone = (Tombstone) { .name = g_strconcat(kind, " ", name, NULL), .number = number, .rest = rest };
        return tombstone;
}

/* As lines */

static void append_line(GString *text, const Tombstone *tombstone) {
        g_string_append_printf(text, "%s %" PRIi64 "%s%s\n", tombstone->name, tombstone->number,
                               tombstone->rest ? " " : "", tombstone->rest ?: "");
}

static bool is_rest_right(const char *kind, const char *rest) {
        g_auto(GStrv) words = rest ? g_strsplit(rest, " ", -1) : NULL;
        guint n = words ? g_strv_length(words) : 0;

        if (strcmp(kind, "session") == 0)
                return n == 0 || n == 4;
        return n == (strcmp(kind, "feed") == 0 ? 1 : 0);
}

static int read_line(const char *line, void *data) {
        static const char *const kinds[] = { "session", "device", "ticket", "user", "password", ENROLLED, "feed", NULL };
        g_auto(GStrv) words = g_strsplit(line, " ", 4);
        gint64 number;

        if (g_strv_length(words) < 3 || !g_strv_contains(kinds, words[0]) || !words[1][0] ||
            !g_ascii_string_to_signed(words[2], 10, INT64_MIN, INT64_MAX, &number, NULL) ||
            !is_rest_right(words[0], words[3]))
                return error_trace(-EUCLEAN);
        (void) keep(data, make(words[0], words[1], number, g_strdup(words[3]))); /* the latest counts; ignoring */
        return 0;
}

static int replace_file(Tombstones *tombstones) {
        g_autoptr(GString) text = g_string_new(NULL);
        GHashTableIter i;
        void *tombstone;

        g_hash_table_iter_init(&i, tombstones->all);
        while (g_hash_table_iter_next(&i, NULL, &tombstone))
                append_line(text, tombstone);
        return tombstone_file_replace(&tombstones->file, text, g_hash_table_size(tombstones->all));
}

/* All at once: one wait for the disk, however many they are. Takes them; NULLs are none. */
static int add(Tombstones *tombstones, size_t n, Tombstone **new) {
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);
        g_autoptr(GString) text = g_string_new(NULL);
        unsigned added = 0;

        for (size_t i = 0; i < n; i++)
                if (new[i] && keep(tombstones, new[i])) {
                        append_line(text, new[i]);
                        added++;
                }
        if (tombstones->file.unsaved)
                return replace_file(tombstones);
        return added > 0 ? tombstone_file_append(&tombstones->file, text, added) : 0;
}

/* Adding */

static char *escape(const char *text) {
        return g_uri_escape_string(text, NULL, FALSE);
}

static char *login_name(const char *boot_id, uint32_t audit_id, uid_t uid) {
        g_autofree char *boot = escape(boot_id);

        return g_strdup_printf("%u %u %s", (unsigned) uid, audit_id, boot);
}

static Tombstone *make_session(const Session *session) {
        g_autofree char *login = NULL, *user = escape(session->user);
        char *rest = NULL;

        if (session->audit_id != AUDIT_ID_UNSET && session->boot_id) {
                login = login_name(session->boot_id, session->audit_id, session->uid);
                rest = g_strconcat(login, " ", user, NULL);
        }
        return make("session", session->id, session->ends, rest);
}

int tombstones_add_sessions(Tombstones *tombstones, const GPtrArray *sessions) {
        g_autofree Tombstone **new = g_new0(Tombstone *, MAX(sessions->len, 1));

        for (guint i = 0; i < sessions->len; i++) {
                const Session *session = sessions->pdata[i];

                if (session->state == SESSION_REVOKED)
                        new[i] = make_session(session);
        }
        return add(tombstones, sessions->len, new);
}

int tombstones_add_device(Tombstones *tombstones, const char *id, int64_t ends) {
        Tombstone *new = make("device", id, ends, NULL);

        return add(tombstones, 1, &new);
}

/* Which tickets were used is nobody's business who reads the file. */
static char *ticket_name(const char *issuer, const char *jti) {
        g_autofree char *text = g_strdup_printf("%zu %s %s", strlen(issuer), issuer, jti);

        return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

int tombstones_add_ticket(Tombstones *tombstones, const char *issuer, const char *jti, int64_t until) {
        g_autofree char *name = ticket_name(issuer, jti);
        Tombstone *new = make("ticket", name, until, NULL);

        return add(tombstones, 1, &new);
}

static const char *const user_kinds[_TOMBSTONE_USER_MAX] = {
        [TOMBSTONE_USER] = "user",
        [TOMBSTONE_PASSWORD] = "password",
};

int tombstones_add_user(Tombstones *tombstones, TombstoneUser what, uid_t uid, int64_t since) {
        g_autofree char *name = g_strdup_printf("%u", (unsigned) uid);
        Tombstone *new = make(user_kinds[what], name, since, NULL);

        return add(tombstones, 1, &new);
}

int tombstones_see_user(Tombstones *tombstones, const char *name) {
        g_autofree char *escaped = escape(name);
        Tombstone *new;

        /* Whoever writes to the store can say that anything is one; and "" is nothing that read_line() would take. */
        if (!name_is_user(name) || tombstones_saw_user(tombstones, name))
                return 0;
        new = make(ENROLLED, escaped, 1, NULL);
        return add(tombstones, 1, &new);
}

int tombstones_unsee_user(Tombstones *tombstones, const char *name) {
        g_autofree char *escaped = escape(name);
        Tombstone *new;

        if (!tombstones_saw_user(tombstones, name))
                return 0;
        new = make(ENROLLED, escaped, 0, NULL);
        return add(tombstones, 1, &new);
}

int tombstones_set_position(Tombstones *tombstones, const char *id, int64_t number) {
        Tombstone *new = make("feed", "position", number, g_strdup(id));

        return add(tombstones, 1, &new);
}

/* Asking */

static bool has(Tombstones *tombstones, const char *kind, const char *name) {
        g_autofree char *whole = g_strconcat(kind, " ", name, NULL);
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);

        return g_hash_table_contains(tombstones->all, whole);
}

bool tombstones_has_session(Tombstones *tombstones, const char *id) {
        return has(tombstones, "session", id);
}

bool tombstones_has_device(Tombstones *tombstones, const char *id) {
        return has(tombstones, "device", id);
}

bool tombstones_has_ticket(Tombstones *tombstones, const char *issuer, const char *jti) {
        g_autofree char *name = ticket_name(issuer, jti);

        return has(tombstones, "ticket", name);
}

Session *tombstones_get_login(Tombstones *tombstones, const char *boot_id, uint32_t audit_id, uid_t uid) {
        g_autofree char *login = login_name(boot_id, audit_id, uid);
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);
        const Tombstone *tombstone = g_hash_table_lookup(tombstones->logins, login);
        Session *session;

        if (!tombstone)
                return NULL;
        session = session_new();
        (void) g_strlcpy(session->id, tombstone->name + strlen("session "), SESSION_ID_SIZE); /* it fits; ignoring */
        session->user = g_uri_unescape_string(strrchr(tombstone->rest, ' ') + 1, NULL);
        session->uid = uid;
        session->host = g_strdup("");
        session->service = g_strdup("");
        session->ends = session->ended = tombstone->number;
        session->state = SESSION_REVOKED;
        session->end_reason = g_strdup("revoked");
        session->audit_id = audit_id;
        session->boot_id = g_strdup(boot_id);
        return session;
}

bool tombstones_saw_user(Tombstones *tombstones, const char *name) {
        g_autofree char *escaped = escape(name), *whole = g_strconcat(ENROLLED " ", escaped, NULL);
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);
        const Tombstone *tombstone = g_hash_table_lookup(tombstones->all, whole);

        return tombstone && tombstone->number == 1;
}

int64_t tombstones_get_user(Tombstones *tombstones, TombstoneUser what, uid_t uid) {
        g_autofree char *name = g_strdup_printf("%s %u", user_kinds[what], (unsigned) uid);
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);
        const Tombstone *tombstone = g_hash_table_lookup(tombstones->all, name);

        return tombstone ? tombstone->number : 0;
}

char *tombstones_get_position(Tombstones *tombstones, int64_t *ret_number) {
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);
        const Tombstone *tombstone = g_hash_table_lookup(tombstones->all, POSITION);

        if (!tombstone)
                return NULL;
        *ret_number = tombstone->number;
        return g_strdup(tombstone->rest);
}

bool tombstones_is_saved(Tombstones *tombstones) {
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);

        return !tombstones->file.unsaved;
}

/* Sweeping */

static gboolean is_no_more(void *name, void *value, void *names) {
        g_autofree char *user = NULL;

        if (!g_str_has_prefix(name, ENROLLED " "))
                return FALSE;
        user = g_uri_unescape_string((const char *) name + strlen(ENROLLED " "), NULL);
        return ((const Tombstone *) value)->number == 0 || !user || !g_hash_table_contains(names, user);
}

void tombstones_unsee_others(Tombstones *tombstones, GHashTable *names) {
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);

        if (g_hash_table_foreach_remove(tombstones->all, is_no_more, names) > 0)
                (void) replace_file(tombstones); /* else they are seen again after a restart: an outage; ignoring */
}

unsigned tombstones_count_others(Tombstones *tombstones, GHashTable *names) {
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);
        GHashTableIter i;
        void *name, *tombstone;
        unsigned n = 0;

        g_hash_table_iter_init(&i, tombstones->all);
        while (g_hash_table_iter_next(&i, &name, &tombstone))
                n += g_str_has_prefix(name, ENROLLED " ") && ((const Tombstone *) tombstone)->number == 1 &&
                     is_no_more(name, tombstone, names);
        return n;
}

void tombstones_forget_position(Tombstones *tombstones) {
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);

        if (g_hash_table_remove(tombstones->all, POSITION))
                (void) replace_file(tombstones); /* else that is found out by its number, or told as a gap; ignoring */
}

typedef struct Sweep {
        Tombstones *tombstones;
        const char *const *kinds;
        int64_t now;
} Sweep;

static gboolean is_over(void *name, void *value, void *data) {
        const Sweep *sweep = data;
        const Tombstone *tombstone = value;
        bool swept = false;

        for (const char *const *kind = sweep->kinds; *kind; kind++)
                swept = swept || g_str_has_prefix(tombstone->name, *kind);
        if (!swept || tombstone->number >= sweep->now)
                return FALSE;
        forget_login(sweep->tombstones, tombstone);
        return TRUE;
}

static void sweep_kinds(Tombstones *tombstones, const char *const *kinds, int64_t now) {
        _cleanup_unlock_ Tombstones *locked = tombstones_lock(tombstones);
        Sweep sweep = { .tombstones = tombstones, .kinds = kinds, .now = now };

        (void) g_hash_table_foreach_remove(tombstones->all, is_over, &sweep); /* however many; ignoring */
        if (tombstones->file.unsaved ||
            tombstones->file.lines > 2 * g_hash_table_size(tombstones->all) + LINES_SPARE)
                (void) replace_file(tombstones); /* the old one does as well; ignoring */
}

void tombstones_sweep(Tombstones *tombstones, int64_t now) {
        static const char *const kinds[] = { "session ", "device ", NULL };

        sweep_kinds(tombstones, kinds, now);
}

void tombstones_sweep_tickets(Tombstones *tombstones, int64_t now) {
        static const char *const kinds[] = { "ticket ", NULL };

        sweep_kinds(tombstones, kinds, now);
}

/* Life */

int tombstones_open(const char *folder, Tombstones **ret, char **ret_message) {
        Tombstones *tombstones = g_new0(Tombstones, 1);
        int r;

        pthread_mutex_init(&tombstones->mutex, NULL);
        tombstones->all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_tombstone);
        tombstones->logins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        tombstones->file = (TombstoneFile) { .folder = -1, .fd = -1 };
        r = tombstone_file_open(folder, read_line, tombstones, &tombstones->file);
        if (r < 0) {
                *ret_message = g_strdup_printf("\"%s/" TOMBSTONES_FILE "\" says what was revoked, and cannot be read: %s; put it "
                                               "back from a backup", folder, g_strerror(-r));
                (void) tombstones_free(tombstones);
                return error_trace(r);
        }
        *ret = tombstones;
        return 0;
}

Tombstones *tombstones_free(Tombstones *tombstones) {
        if (!tombstones)
                return NULL;
        tombstone_file_close(&tombstones->file);
        g_hash_table_unref(tombstones->logins);
        g_hash_table_unref(tombstones->all);
        pthread_mutex_destroy(&tombstones->mutex);
        g_free(tombstones);
        return NULL;
}
