/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <gio/gunixfdlist.h>

#include "common/memfd.h"
#include "common/name.h"
#include "daemon/oidc/check.h"
#include "daemon/oidc/interface.h"
#include "daemon/oidc/object.h"
#include "common/oidc-wire.h"
#include "policy/conf.h"

struct Object {
        FlowsParts parts;
        Flows *flows;
        char *folder;
        GDBusNodeInfo *node;
};

typedef GDBusMethodInvocation Invocation;

static void refuse(Invocation *invocation, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void refuse(Invocation *invocation, const char *name, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_dbus_method_invocation_return_dbus_error(invocation, name, message);
}

static void refuse_start(Invocation *invocation, OidcReason reason, const char *detail) {
        refuse(invocation, OIDC_ERROR_PROVIDER, "%s: %s", oidc_reason_to_string(reason), detail);
}

/* The provider called @name, as its file says now; NULL, and the invocation is answered. */
static Provider *find_provider(Object *object, Invocation *invocation, const char *name) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(GPtrArray) providers = providers_read(object->folder, mistakes);
        g_autofree char *mistake = NULL;
        Provider *provider;

        if (!providers) {
                mistake = conf_mistake_to_string(mistakes->pdata[0]);
                refuse(invocation, OIDC_ERROR_CONFIGURATION, "%s", mistake);
                return NULL;
        }
        provider = name_is_word(name) ? providers_find(providers, name) : NULL;
        if (!provider) {
                refuse(invocation, OIDC_ERROR_NOT_FOUND, "no file of %s has that provider", object->folder);
                return NULL;
        }
        return provider_ref(provider);
}

/* Beginning */

/* A flow whose caller was gone by the time it began: nobody knows its id, and nobody would ever end it. */
typedef struct Unheard {
        Object *object;
        char *id;
} Unheard;

static gboolean cancel_unheard(gpointer data) {
        Unheard *unheard = data;
        Flow *flow = flow_find(unheard->object->flows, unheard->id);

        if (flow)
                flow_cancel(flow);
        g_free(unheard->id);
        g_free(unheard);
        return G_SOURCE_REMOVE;
}

/* Not at once: it is the flow that calls. */
static void cancel_if_unheard(Invocation *invocation, const char *id) {
        Unheard *unheard;

        if (!g_dbus_connection_is_closed(g_dbus_method_invocation_get_connection(invocation)))
                return;
        unheard = g_new(Unheard, 1);
        *unheard = (Unheard) { g_dbus_method_invocation_get_user_data(invocation), g_strdup(id) };
        (void) g_idle_add(cancel_unheard, unheard);
}

static void put(GVariantBuilder *result, const char *key, const char *text) {
        if (text)
                g_variant_builder_add(result, "{sv}", key, g_variant_new_string(text));
}

static void on_device_begun(OidcReason reason, const char *detail, const char *id, const FlowDevice *device,
                            const char *url, gpointer data) {
        GVariantBuilder result;

        if (reason != OIDC_GOOD) {
                refuse_start(data, reason, detail);
                return;
        }
        cancel_if_unheard(data, id);
        g_variant_builder_init(&result, G_VARIANT_TYPE_VARDICT);
        put(&result, "uri", device->uri);
        put(&result, "uri_complete", device->uri_complete);
        put(&result, "user_code", device->user_code);
        g_variant_builder_add(&result, "{sv}", "expires_in", g_variant_new_uint32(device->expires_in));
        g_variant_builder_add(&result, "{sv}", "interval", g_variant_new_uint32(device->interval));
        g_dbus_method_invocation_return_value(data, g_variant_new("(sa{sv})", id, &result));
}

static void on_code_begun(OidcReason reason, const char *detail, const char *id, const FlowDevice *device,
                          const char *url, gpointer data) {
        if (reason != OIDC_GOOD) {
                refuse_start(data, reason, detail);
                return;
        }
        cancel_if_unheard(data, id);
        g_dbus_method_invocation_return_value(data, g_variant_new("(ss)", id, url));
}

static void start_device(Object *object, GVariant *arguments, Invocation *invocation) {
        g_autoptr(Provider) provider = NULL;
        const char *name;

        g_variant_get(arguments, "(&s)", &name);
        provider = find_provider(object, invocation, name);
        if (provider && !flow_begin_device(object->flows, provider, on_device_begun, invocation))
                refuse(invocation, OIDC_ERROR_BUSY, "there are %d flows already; try again", FLOWS_MAX);
}

static void start_code(Object *object, GVariant *arguments, Invocation *invocation) {
        g_autoptr(Provider) provider = NULL;
        const char *name, *redirect_uri;

        g_variant_get(arguments, "(&s&s)", &name, &redirect_uri);
        if (!flow_redirect_uri_is_good(redirect_uri)) {
                refuse(invocation, OIDC_ERROR_INVALID, "redirect_uri is no http://127.0.0.1:PORT/ or http://[::1]:PORT/");
                return;
        }
        provider = find_provider(object, invocation, name);
        if (provider && !flow_begin_code(object->flows, provider, redirect_uri, on_code_begun, invocation))
                refuse(invocation, OIDC_ERROR_BUSY, "there are %d flows already; try again", FLOWS_MAX);
}

/* Ending */

static void on_told(FlowState state, OidcReason reason, const Identity *identity, gpointer data) {
        GVariantBuilder result;

        g_variant_builder_init(&result, G_VARIANT_TYPE_VARDICT);
        if (state == FLOW_APPROVED) {
                put(&result, "issuer", identity->issuer);
                put(&result, "subject", identity->subject);
                put(&result, "user", identity->user);
                put(&result, "name", identity->name);
                g_variant_builder_add(&result, "{sv}", "groups",
                                      g_variant_new_strv((const char *const *) identity->groups, -1));
        } else if (state != FLOW_PENDING) {
                put(&result, "reason", oidc_reason_to_string(reason));
        }
        g_dbus_method_invocation_return_value(data, g_variant_new("(sa{sv})", flow_state_to_string(state), &result));
}

/* NULL, and the invocation is answered. */
static Flow *find_flow(Object *object, Invocation *invocation, const char *id) {
        Flow *flow = flow_find(object->flows, id);

        if (!flow)
                refuse(invocation, OIDC_ERROR_NOT_FOUND, "there is no such flow: it ended, or was never begun");
        return flow;
}

static void wait_for(Object *object, GVariant *arguments, Invocation *invocation) {
        const char *id;
        guint32 ms;
        Flow *flow;

        g_variant_get(arguments, "(&su)", &id, &ms);
        flow = find_flow(object, invocation, id);
        if (flow)
                flow_wait(flow, ms, on_told, invocation);
}

/* The secret that the argument @handle points to, or NULL. */
static Secret *take_memfd(Invocation *invocation, gint32 handle) {
        GUnixFDList *list = g_dbus_message_get_unix_fd_list(g_dbus_method_invocation_get_message(invocation));
        _cleanup_secret_ Secret *secret = NULL;
        int n = 0;
        const int *fds = list ? g_unix_fd_list_peek_fds(list, &n) : NULL;
        size_t size;

        if (handle < 0 || handle >= n || memfd_check(fds[handle], FLOW_QUERY_MAX, &size) < 0)
                return NULL;
        secret = secret_new(size);
        return secret && memfd_read(fds[handle], secret->data, size) == 0 ? g_steal_pointer(&secret) : NULL;
}

static void redirect(Object *object, GVariant *arguments, Invocation *invocation) {
        _cleanup_secret_ Secret *query = NULL;
        const char *id;
        gint32 handle;
        Flow *flow;

        g_variant_get(arguments, "(&sh)", &id, &handle);
        flow = find_flow(object, invocation, id);
        if (!flow)
                return;
        query = take_memfd(invocation, handle);
        if (!query)
                refuse(invocation, OIDC_ERROR_INVALID, "query must come in a memfd of at most 16 KiB with all four seals");
        else if (!flow_redirect(flow, g_steal_pointer(&query), on_told, invocation))
                refuse(invocation, OIDC_ERROR_INVALID, "that is no flow of StartCode");
}

static void cancel(Object *object, GVariant *arguments, Invocation *invocation) {
        const char *id;
        Flow *flow;

        g_variant_get(arguments, "(&s)", &id);
        flow = find_flow(object, invocation, id);
        if (!flow)
                return;
        flow_cancel(flow);
        g_dbus_method_invocation_return_value(invocation, NULL);
}

static void on_checked(OidcReason reason, const char *detail, gpointer data) {
        g_autofree char *text = reason == OIDC_GOOD ? g_strdup("") :
                                                      g_strdup_printf("%s: %s", oidc_reason_to_string(reason), detail);

        g_dbus_method_invocation_return_value(data, g_variant_new("(bs)", reason == OIDC_GOOD, text));
}

static void check(Object *object, GVariant *arguments, Invocation *invocation) {
        g_autoptr(Provider) provider = NULL;
        const char *name;

        g_variant_get(arguments, "(&s)", &name);
        provider = find_provider(object, invocation, name);
        if (provider)
                check_provider(&object->parts, provider, on_checked, invocation);
}

/* The object */

static const struct {
        const char *name;
        void (*call)(Object *object, GVariant *arguments, Invocation *invocation);
} methods[] = {
        { "StartDevice", start_device },
        { "StartCode", start_code },
        { "Redirect", redirect },
        { "Wait", wait_for },
        { "Cancel", cancel },
        { "Check", check },
};

/* Takes @invocation over. GDBus has compared the arguments' types with the interface's. */
static void on_method_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                           const char *name, GVariant *arguments, GDBusMethodInvocation *invocation, gpointer data) {
        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
                if (g_str_equal(methods[i].name, name)) {
                        methods[i].call(data, arguments, invocation);
                        return;
                }
        refuse(invocation, OIDC_ERROR_INVALID, "there is no such method");
}

static const GDBusInterfaceVTable vtable = { .method_call = on_method_call };

bool object_export(Object *object, GDBusConnection *connection, GError **error) {
        return g_dbus_connection_register_object(connection, OIDC_OBJECT_PATH, object->node->interfaces[0], &vtable,
                                                 object, /* user_data_free_func= */ NULL, error) != 0;
}

Object *object_new(const FlowsParts *parts, Flows *flows, const char *config_dir) {
        Object *object = g_new(Object, 1);

        *object = (Object) {
                .parts = *parts,
                .flows = flows,
                .folder = g_build_filename(config_dir, "providers.d", NULL),
                .node = g_dbus_node_info_new_for_xml(OIDC_INTERFACE_XML, NULL),
        };
        g_assert(object->node); /* the build has put it there, and a test has read it */
        return object;
}

Object *object_free(Object *object) {
        if (!object)
                return NULL;
        g_dbus_node_info_unref(object->node);
        g_free(object->folder);
        g_free(object);
        return NULL;
}
