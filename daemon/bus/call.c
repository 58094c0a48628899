/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "daemon/bus/bus-error.h"
#include "daemon/bus/call.h"
#include "daemon/bus/caller.h"
#include "daemon/core/admin.h"
#include "daemon/core/store-admin.h"

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

/* Of who might administer the login decides: whose cannot be found is in none, and does what is his own, or root. */
static bool may_be_in_no_login(const Method *method) {
        return method->of_login == CALLER_DEPTH_AUDIT && method->who != AUTHORIZE_ROOT &&
               method->who != AUTHORIZE_ROOT_OR_SELF;
}

/* Where others' processes are hidden (/proc mounted with hidepid=) nobody's login can be found. */
static bool sees_processes(int proc) {
        return faccessat(proc, "1/status", R_OK, AT_EACCESS) == 0;
}

static int read_process(Call *call, int proc) {
        int r;

        r = caller_read_process(&call->request.caller, proc, call->pid, call->method->of_login);
        if (r != -ESRCH && r != -EPERM)
                return error_trace(r);
        if (!sees_processes(proc)) /* that is an outage, and no word about the caller */
                return error_trace(-EACCES);
        if (may_be_in_no_login(call->method))
                return 0;
        return request_refuse(&call->request, CORE_E_DENIED, "the calling process is gone, or has changed its user");
}

static int run(Call *call) {
        int r = 0;

        if (call->method->who == AUTHORIZE_ADMIN)
                r = admin_check(call->request.core, &call->request.caller);
        return r == 0 ? call->method->handle(&call->request) : r;
}

static bool is_administrative(const Method *method) {
        return method->who == AUTHORIZE_ADMIN || method->who == AUTHORIZE_ADMIN_OR_SELF;
}

/* Not of root's: what that may not do is so for other reasons. */
static void tell_refusal(Call *call, int r) {
        g_autofree char *name = NULL;
        Request *request = &call->request;

        if (!request->detail && (r == CORE_E_STALE || is_administrative(call->method)))
                request->detail = admin_refusal(request->core, &request->caller, r);
        name = g_strdup_printf("%s.%s", strrchr(call->method->interface, '.') + 1, call->method->name);
        admin_report_refusal(request->core, &request->caller, r, name);
}

int call_run(Call *call, int proc) {
        int r;

        (void) error_origin(); /* what an earlier call on this thread left is not ours */
        if (call->method->of_login != CALLER_DEPTH_NONE) {
                r = read_process(call, proc);
                if (r != 0)
                        return r;
        }
        r = run(call);
        if ((r == CORE_E_DENIED || r == CORE_E_STALE) && call->request.caller.uid != 0)
                tell_refusal(call, r);
        return r;
}

/* Once, at the top; the caller is told what it is, and only root what the store says of it. */
static void log_failure(const Call *call, int r, const char *problem) {
        const char *origin = error_origin();

        g_warning("%s.%s for uid %u failed: %s%s%s%s%s%s", call->method->interface, call->method->name,
                  (unsigned) call->request.caller.uid, g_strerror(-r), origin[0] ? " (" : "", origin,
                  origin[0] ? ")" : "", problem ? ": " : "", problem ?: "");
        if (r == -ENOTRECOVERABLE) { /* alive it would refuse everybody; ended it is started again */
                g_warning("the database cannot be used by this process any more: ending it");
                _exit(EXIT_FAILURE);
        }
}

void call_reply(Call *call, int r) {
        GDBusMethodInvocation *invocation = g_steal_pointer(&call->invocation);
        Request *request = &call->request;
        g_autofree char *problem = bus_error_is_outage(r) ? store_admin_problem(request->core, r) : NULL;

        if (r < 0)
                log_failure(call, r, problem);
        if (r != 0 && !request->detail)
                request->detail = bus_error_message(r, request->caller.uid == 0 ? problem : NULL);
        if (r != 0)
                g_dbus_method_invocation_return_dbus_error(invocation, bus_error_name(r), request->detail);
        else
                g_dbus_method_invocation_return_value_with_unix_fd_list(invocation, request->reply,
                                                                        request->reply_fds);
}
