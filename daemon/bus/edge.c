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
#include "daemon/bus/late.h"
#include "daemon/core/api-limit.h"

/* Root's calls (PAM's) have threads of their own: nobody can fill them with calls that wait. */
#define WORKERS_ROOT 128
#define WORKERS_OTHERS 32

struct Edge {
        EdgeParts parts;
        GDBusNodeInfo *node;
        Admission *admission;
        GThreadPool *root, *others;
        int proc;       /* /proc */
        unsigned asked; /* calls whose sender the bus has not told us yet */
        Late *late;     /* answers that are held back */
        bool stopping;
};

/* An answer that is held back. */
typedef struct Finished {
        Edge *edge;
        Call *call;
        int r;
} Finished;

/* A connection's own: what registration keeps and gives back with every call. */
typedef struct Export {
        Edge *edge;
        EdgePeer peer;
} Export;

static void finish(Call *call, int r) {
        call_reply(call, r);
        (void) call_free(call);
}

static int refuse_charged(Call *call, int64_t wait) {
        g_autofree char *message = NULL;

        message = g_strdup_printf("uid %u calls %s.%s too often", (unsigned) call->request.caller.uid,
                                  call->method->interface, call->method->name);
        core_audit_refusal(call->request.core, call->request.caller.uid,
                           &(AuditEvent) { .event = "refused", .reason = "throttled", .message = message });
        return request_refuse(&call->request, CORE_E_THROTTLED,
                              "too many calls that failed or changed something; try again in %d s",
                              (int) MIN(wait, INT_MAX));
}

/* An outage is nobody's fault, and "you are not signed in" is what a shell's prompt may ask all day. */
static bool costs_nothing(const Call *call, int r) {
        if (r < 0 || r == CORE_E_BUSY)
                return true;
        if (call->method->changes && !call->request.looked)
                return false;
        return r == 0 || r == CORE_E_NOT_SIGNED_IN;
}

/* What fails or changes something is charged to its caller; what only looked, and got its answer, is not. */
static int run_charged(Call *call, int proc) {
        Core *core = call->request.core;
        uid_t uid = call->request.caller.uid;
        ApiCharge charge;
        int64_t wait;
        int r;

        r = core_api_charge(core, uid, &charge, &wait);
        if (r == CORE_E_THROTTLED)
                return refuse_charged(call, wait);
        if (r < 0)
                return r;
        r = call_run(call, proc);
        if (costs_nothing(call, r))
                core_api_refund(core, uid, &charge);
        return r;
}

static void leave(Edge *edge, Call *call, int r) {
        uid_t uid = call->request.caller.uid;

        finish(call, r);
        admission_leave(edge->admission, uid);
}

static void on_late(void *data) {
        Finished *finished = data;

        leave(finished->edge, finished->call, finished->r);
        g_free(finished);
}

/* False where nobody can wait any more. */
static bool hold_back(Edge *edge, Call *call, int r) {
        Finished *finished = g_new(Finished, 1);

        *finished = (Finished) { .edge = edge, .call = call, .r = r };
        if (late_add(edge->late, g_get_monotonic_time() + call->request.delay, on_late, finished))
                return true;
        g_free(finished);
        return false;
}

static void work(gpointer data, gpointer user_data) {
        Edge *edge = user_data;
        Call *call = data;
        int r;

        r = run_charged(call, edge->proc);
        if (call->request.delay == 0 || !hold_back(edge, call, r))
                leave(edge, call, r);
}

static void audit_refusal(Edge *edge, const Call *call) {
        g_autofree char *message = NULL;

        message = g_strdup_printf("uid %u may not call %s.%s", (unsigned) call->request.caller.uid,
                                  call->method->interface, call->method->name);
        core_audit_refusal(edge->parts.core, call->request.caller.uid,
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

static void on_credentials(const Credential *who, gpointer data) {
        Call *call = data;
        Edge *edge = call->edge;

        edge->asked--;
        if (!who) { /* not to know is a no */
                finish(call, request_refuse(&call->request, CORE_E_DENIED, "the bus does not say who you are"));
                return;
        }
        call->request.caller.uid = who->uid;
        call->pid = who->pid;
        admit(edge, call);
}

static void ask_who_calls(Edge *edge, Credentials *credentials, const char *sender, Call *call) {
        if (!sender || !g_dbus_is_unique_name(sender)) {
                finish(call, CORE_E_DENIED);
                return;
        }
        edge->asked++;
        if (!credentials_look_up(credentials, sender, on_credentials, call)) {
                edge->asked--;
                finish(call, CORE_E_BUSY);
        }
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

        call->edge = edge;
        call->request.core = edge->parts.core;
        call->request.identities = edge->parts.identities;
        call->request.monitor = edge->parts.monitor;
        /* Peer to peer anybody can say that he is anybody. */
        call->request.peer = (MonitorPeer) { connection, export->peer.credentials ? sender : NULL };
        if (method)
                r = edge->stopping ? CORE_E_BUSY : call_take_arguments(call);
        if (r != 0) {
                finish(call, r);
        } else if (export->peer.credentials) {
                ask_who_calls(edge, export->peer.credentials, sender, call);
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
                return g_variant_new_take_string(core_host(export->edge->parts.core));
        if (g_str_equal(name, "Fleet")) {
                char *fleet = core_fleet(export->edge->parts.core);

                return fleet ? g_variant_new_take_string(fleet) : g_variant_new_string("");
        }
        if (g_str_equal(name, "ConfigurationRead"))
                return g_variant_new_int64(export->edge->parts.configuration_read);
        g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY, "there is no property \"%s\"", name);
        return NULL;
}

static const GDBusInterfaceVTable vtable = {
        .method_call = on_method_call,
        .get_property = on_get_property,
};

static void export_free(gpointer data) {
        Export *export = data;

        (void) credentials_unref(export->peer.credentials);
        g_free(export);
}

gboolean edge_export(Edge *edge, GDBusConnection *connection, const EdgePeer *peer, GError **error) {
        for (size_t i = 0; edge->node->interfaces[i]; i++) {
                Export *export = g_new(Export, 1);

                *export = (Export) { .edge = edge, .peer = *peer };
                if (peer->credentials)
                        (void) credentials_ref(peer->credentials);
                if (g_dbus_connection_register_object(connection, WIRE_OBJECT_PATH, edge->node->interfaces[i],
                                                      &vtable, export, export_free, error) == 0) {
                        export_free(export);
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
        edge->late = late_new();
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
        (void) late_free(edge->late);
        (void) admission_free(edge->admission);
        g_dbus_node_info_unref(edge->node);
        (void) safe_close(edge->proc);
        g_free(edge);
        return NULL;
}

void edge_reloaded(Edge *edge, int64_t configuration_read) {
        edge->parts.configuration_read = configuration_read;
}

int edge_proc(const Edge *edge) {
        return edge->proc;
}

void edge_stop(Edge *edge) {
        edge->stopping = true;
        late_stop(edge->late);
}

unsigned edge_under_way(Edge *edge) {
        return edge->asked + admission_under_way(edge->admission);
}
