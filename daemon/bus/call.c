/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "common/error.h"
#include "daemon/bus/bus-error.h"
#include "daemon/bus/call.h"
#include "daemon/bus/caller.h"

Call *call_new(const Method *method, GDBusMethodInvocation *invocation) {
        Call *call = g_new0(Call, 1);

        call->request.caller = (Caller) CALLER_INIT;
        call->method = method;
        call->invocation = invocation;
        return call;
}

Call *call_free(Call *call) {
        if (!call)
                return NULL;
        g_assert(!call->invocation);
        request_deinit(&call->request);
        g_free(call);
        return NULL;
}

int call_take_arguments(Call *call) {
        GDBusMessage *message = g_dbus_method_invocation_get_message(call->invocation);
        GVariant *arguments = g_dbus_method_invocation_get_parameters(call->invocation);
        GUnixFDList *fds = g_dbus_message_get_unix_fd_list(message);

        if (g_variant_get_size(arguments) > REQUEST_SIZE_MAX)
                return request_refuse(&call->request, CORE_E_INVALID, "the arguments are longer than %d bytes",
                                      REQUEST_SIZE_MAX);
        if (fds && g_unix_fd_list_get_length(fds) > REQUEST_FDS_MAX)
                return request_refuse(&call->request, CORE_E_INVALID, "there are more than %d descriptors",
                                      REQUEST_FDS_MAX);
        /* One block of memory: what is borrowed from it stays where it is. */
        (void) g_variant_get_data(arguments);
        call->request.arguments = g_variant_ref(arguments);
        call->request.fds = fds ? g_object_ref(fds) : NULL;
        return 0;
}

int call_run(Call *call, int proc) {
        int r;

        (void) error_origin(); /* what an earlier call on this thread left is not ours */
        if (call->method->of_login != CALLER_DEPTH_NONE) {
                r = caller_read_process(&call->request.caller, proc, call->pid, call->method->of_login);
                if (r == -ESRCH || r == -EPERM)
                        return request_refuse(&call->request, CORE_E_DENIED,
                                              "the calling process is gone, or has changed its user");
                if (r < 0)
                        return error_trace(r);
        }
        return call->method->handle(&call->request);
}

/* Once, at the top; the caller is told no more than that it failed. */
static void log_failure(const Call *call, int r) {
        const char *origin = error_origin();

        g_warning("%s.%s for uid %u failed: %s%s%s%s", call->method->interface, call->method->name,
                  (unsigned) call->request.caller.uid, g_strerror(-r), origin[0] ? " (" : "", origin,
                  origin[0] ? ")" : "");
}

void call_reply(Call *call, int r) {
        GDBusMethodInvocation *invocation = g_steal_pointer(&call->invocation);
        Request *request = &call->request;

        if (r < 0)
                log_failure(call, r);
        if (r != 0)
                g_dbus_method_invocation_return_dbus_error(invocation, bus_error_name(r),
                                                           request->detail ? request->detail : bus_error_message(r));
        else
                g_dbus_method_invocation_return_value_with_unix_fd_list(invocation, request->reply,
                                                                        request->reply_fds);
}
