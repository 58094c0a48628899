/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/bus/credentials.h"
#include "daemon/core/types.h"

/* The bus answers in less than a millisecond, behind another user's flood in some seconds, or it hangs. */
#define TIMEOUT_MS 20000
#define WAITING_MAX 4096
#define WAITING_PER_NAME 8
#define NAMES_MAX 1024

struct Credentials {
        unsigned references; /* one for each question that is out, too */
        GDBusConnection *bus; /* NULL when it has ended */
        GHashTable *names; /* name → Name * */
        unsigned waiting;
};

typedef struct Name {
        bool known;
        Credential who;
        GArray *waiting; /* Waiter; NULL once known */
} Name;

typedef struct Waiter {
        CredentialsDone done;
        gpointer data;
} Waiter;

static void name_free(gpointer data) {
        Name *name = data;

        if (name->waiting)
                g_array_unref(name->waiting);
        g_free(name);
}

Credentials *credentials_new(GDBusConnection *bus) {
        Credentials *credentials = g_new0(Credentials, 1);

        credentials->references = 1;
        credentials->bus = g_object_ref(bus);
        credentials->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, name_free);
        return credentials;
}

Credentials *credentials_ref(Credentials *credentials) {
        credentials->references++;
        return credentials;
}

Credentials *credentials_unref(Credentials *credentials) {
        if (!credentials || --credentials->references > 0)
                return NULL;
        credentials_close(credentials);
        g_hash_table_unref(credentials->names);
        g_free(credentials);
        return NULL;
}

static gboolean is_known(gpointer key, gpointer value, gpointer data) {
        return ((const Name *) value)->known;
}

void credentials_close(Credentials *credentials) {
        g_clear_object(&credentials->bus);
        (void) g_hash_table_foreach_remove(credentials->names, is_known, NULL);
}

bool credentials_parse(GVariant *dict, Credential *ret) {
        guint32 uid, pid;

        if (!g_variant_lookup(dict, "UnixUserID", "u", &uid) || uid == UID_UNSET)
                return false;
        *ret = (Credential) { .uid = uid };
        if (g_variant_lookup(dict, "ProcessID", "u", &pid) && pid <= G_MAXINT)
                ret->pid = (pid_t) pid;
        return true;
}

typedef struct Question {
        Credentials *credentials;
        char *name;
} Question;

static bool read_reply(GVariant *reply, Credential *ret) {
        g_autoptr(GVariant) dict = NULL;

        if (!reply) /* whatever went wrong: the sender has gone, the bus hangs */
                return false;
        dict = g_variant_get_child_value(reply, 0);
        return credentials_parse(dict, ret);
}

static void on_reply(GObject *source, GAsyncResult *result, gpointer data) {
        g_autofree Question *question = data;
        g_autofree char *text = question->name;
        g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);
        g_autoptr(GArray) waiting = NULL;
        Credentials *credentials = question->credentials;
        Name *name = g_hash_table_lookup(credentials->names, text);
        Credential who;

        waiting = g_steal_pointer(&name->waiting);
        name->known = read_reply(reply, &name->who) && credentials->bus;
        who = name->who;
        if (name->known) {
                for (guint i = 0; i < waiting->len; i++)
                        g_array_index(waiting, Waiter, i).done(&who, g_array_index(waiting, Waiter, i).data);
        } else {
                (void) g_hash_table_remove(credentials->names, text);
                for (guint i = 0; i < waiting->len; i++)
                        g_array_index(waiting, Waiter, i).done(NULL, g_array_index(waiting, Waiter, i).data);
        }
        credentials->waiting -= waiting->len;
        (void) credentials_unref(credentials);
}

static Name *ask(Credentials *credentials, const char *text) {
        Question *question = g_new(Question, 1);
        Name *name = g_new0(Name, 1);

        /* A table that is full begins anew: to ask again costs little. */
        if (g_hash_table_size(credentials->names) >= NAMES_MAX)
                (void) g_hash_table_foreach_remove(credentials->names, is_known, NULL);
        name->waiting = g_array_new(FALSE, FALSE, sizeof(Waiter));
        (void) g_hash_table_insert(credentials->names, g_strdup(text), name);
        *question = (Question) { .credentials = credentials_ref(credentials), .name = g_strdup(text) };
        g_dbus_connection_call(credentials->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "GetConnectionCredentials", g_variant_new("(s)", text),
                               G_VARIANT_TYPE("(a{sv})"), G_DBUS_CALL_FLAGS_NO_AUTO_START, TIMEOUT_MS,
                               /* cancellable= */ NULL, on_reply, question);
        return name;
}

bool credentials_look_up(Credentials *credentials, const char *text, CredentialsDone done, gpointer data) {
        Name *name = g_hash_table_lookup(credentials->names, text);

        if (name && name->known) {
                Credential who = name->who;

                done(&who, data);
                return true;
        }
        if (!credentials->bus) {
                done(NULL, data);
                return true;
        }
        if (credentials->waiting >= WAITING_MAX || (name && name->waiting->len >= WAITING_PER_NAME))
                return false;
        if (!name)
                name = ask(credentials, text);
        g_array_append_val(name->waiting, ((Waiter) { .done = done, .data = data }));
        credentials->waiting++;
        return true;
}
