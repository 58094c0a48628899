/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/wire.h"
#include "daemon/bus/authorize.h"
#include "daemon/bus/call.h"
#include "daemon/bus/edge.h"
#include "daemon/bus/interface.h"

/* Root's calls (PAM's) have threads of their own: nobody can fill them with calls that wait. */
#define WORKERS_ROOT 128
#define WORKERS_OTHERS 32

/* The bus answers in less than a millisecond, or hangs; a caller waits no longer than this for it. */
#define CREDENTIALS_TIMEOUT_MS 5000
#define CREDENTIALS_ASKED_MAX 512

struct Edge {
        EdgeParts parts;
        GDBusNodeInfo *node;
        Admission *admission;
        GThreadPool *root, *others;
        int proc;       /* /proc */
        unsigned asked; /* calls whose sender the bus has not told us yet */
        bool stopping;
};

/* A connection's own: what registration keeps and gives back with every call. */
typedef struct Export {
        Edge *edge;
        EdgePeer peer;
} Export;

static void finish(Call *call, int r) {
        call_reply(call, r);
        (void) call_free(call);
}

static void work(gpointer data, gpointer user_data) {
        Edge *edge = user_data;
        Call *call = data;
        uid_t uid = call->request.caller.uid;

        finish(call, call_run(call, edge->proc));
        admission_leave(edge->admission, uid);
}

static void audit_refusal(Edge *edge, const Call *call) {
        g_autofree char *message = NULL;

        message = g_strdup_printf("uid %u may not call %s.%s", (unsigned) call->request.caller.uid,
                                  call->method->interface, call->method->name);
        edge->parts.audit->emit(edge->parts.audit,
                                &(AuditEvent) { .event = "refused", .reason = "not-allowed", .message = message });
}

/* Who calls is known: may they, and is there room? */
static void admit(Edge *edge, Call *call) {
        uid_t uid = call->request.caller.uid;

        if (!authorize_uid(call->method, uid)) {
                audit_refusal(edge, call);
                finish(call, CORE_E_DENIED);
                return;
        }
        if (!admission_enter(edge->admission, uid)) {
                finish(call, CORE_E_BUSY);
                return;
        }
        /* Where no new thread can be had the call waits for one that is there. */
        (void) g_thread_pool_push(uid == 0 ? edge->root : edge->others, call, NULL);
}

typedef struct Asked {
        Edge *edge;
        Call *call;
} Asked;

static void on_credentials(GObject *source, GAsyncResult *result, gpointer data) {
        g_autofree Asked *asked = data;
        g_autoptr(GVariant) credentials = NULL;
        int r;

        asked->edge->asked--;
        credentials = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);
        /* Whatever went wrong (the sender has gone, the bus hangs): not to know is a no. */
        r = credentials ? call_take_credentials(asked->call, credentials) : CORE_E_DENIED;
        if (r != 0)
                finish(asked->call, r);
        else
                admit(asked->edge, asked->call);
}

static void ask_who_calls(Edge *edge, GDBusConnection *bus, const char *sender, Call *call) {
        Asked *asked;

        if (!sender || !g_dbus_is_unique_name(sender)) {
                finish(call, CORE_E_DENIED);
                return;
        }
        if (edge->asked >= CREDENTIALS_ASKED_MAX) {
                finish(call, CORE_E_BUSY);
                return;
        }
        asked = g_new(Asked, 1);
        *asked = (Asked) { .edge = edge, .call = call };
        edge->asked++;
        g_dbus_connection_call(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                               "GetConnectionCredentials", g_variant_new("(s)", sender), G_VARIANT_TYPE("(a{sv})"),
                               G_DBUS_CALL_FLAGS_NO_AUTO_START, CREDENTIALS_TIMEOUT_MS, /* cancellable= */ NULL,
                               on_credentials, asked);
}

/* Takes @invocation over. */
static void on_method_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                           const char *name, GVariant *arguments, GDBusMethodInvocation *invocation, gpointer data) {
        static const Method no_row = { .interface = "an interface", .name = "without a row" };
        Export *export = data;
        Edge *edge = export->edge;
        const Method *method = authorize_find(interface, name);
        Call *call = call_new(method ? method : &no_row, invocation);
        int r = CORE_E_DENIED;

        call->request.core = edge->parts.core;
        call->request.identities = edge->parts.identities;
        call->request.keys = edge->parts.keys;
        if (method)
                r = edge->stopping ? CORE_E_BUSY : call_take_arguments(call);
        if (r != 0) {
                finish(call, r);
        } else if (export->peer.bus) {
                ask_who_calls(edge, connection, sender, call);
        } else {
                call->request.caller.uid = 0;
                call->pid = export->peer.pid;
                admit(edge, call);
        }
}

/* Properties are few, no secret, and anybody's to read: no row is needed. */
static GVariant *on_get_property(GDBusConnection *connection, const char *sender, const char *path,
                                 const char *interface, const char *name, GError **error, gpointer data) {
        Export *export = data;

        if (g_str_equal(name, "Version"))
                return g_variant_new_string(TESSERA_VERSION);
        if (g_str_equal(name, "Host"))
                return g_variant_new_string(core_host(export->edge->parts.core));
        g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY, "there is no property \"%s\"", name);
        return NULL;
}

static const GDBusInterfaceVTable vtable = {
        .method_call = on_method_call,
        .get_property = on_get_property,
};

gboolean edge_export(Edge *edge, GDBusConnection *connection, const EdgePeer *peer, GError **error) {
        for (size_t i = 0; edge->node->interfaces[i]; i++) {
                Export *export = g_new(Export, 1);

                *export = (Export) { .edge = edge, .peer = *peer };
                if (g_dbus_connection_register_object(connection, WIRE_OBJECT_PATH, edge->node->interfaces[i],
                                                      &vtable, export, g_free, error) == 0) {
                        g_free(export);
                        return FALSE;
                }
        }
        return TRUE;
}

int edge_new(const EdgeParts *parts, Edge **ret) {
        _cleanup_close_ int proc = -1;
        Edge *edge;

        proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (proc < 0)
                return error_trace(-errno);
        edge = g_new0(Edge, 1);
        edge->parts = *parts;
        edge->proc = steal_fd(&proc);
        edge->node = g_dbus_node_info_new_for_xml(INTERFACE_XML, NULL);
        g_assert(edge->node); /* the build has put it there, and a test has read it */
        edge->admission = admission_new();
        edge->root = g_thread_pool_new(work, edge, WORKERS_ROOT, /* exclusive= */ FALSE, NULL);
        edge->others = g_thread_pool_new(work, edge, WORKERS_OTHERS, /* exclusive= */ FALSE, NULL);
        *ret = edge;
        return 0;
}

Edge *edge_free(Edge *edge) {
        if (!edge)
                return NULL;
        g_thread_pool_free(edge->root, /* immediate= */ FALSE, /* wait= */ TRUE);
        g_thread_pool_free(edge->others, /* immediate= */ FALSE, /* wait= */ TRUE);
        (void) admission_free(edge->admission);
        g_dbus_node_info_unref(edge->node);
        (void) safe_close(edge->proc);
        g_free(edge);
        return NULL;
}

void edge_stop(Edge *edge) {
        edge->stopping = true;
}

unsigned edge_under_way(Edge *edge) {
        return edge->asked + admission_under_way(edge->admission);
}
