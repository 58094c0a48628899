/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* One call inside the edge: request, row and the invocation that waits for a reply. */

#include <gio/gio.h>

#include "daemon/bus/authorize.h"
#include "daemon/bus/request.h"

typedef struct Call {
        struct Edge *edge;
        Request request;
        const Method *method;
        GDBusMethodInvocation *invocation; /* NULL once replied */
        pid_t pid;                         /* of the caller, as the bus or the socket says; 0: unknown */
} Call;

/* Takes @invocation over. */
Call *call_new(const Method *method, GDBusMethodInvocation *invocation);
Call *call_free(Call *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_free)

/* Takes arguments and descriptors out of the message, within the caps. 0 or CORE_E_INVALID. */
int call_take_arguments(Call *call);

/*
 * Looks the process up where its login matters, asks core where the caller administers, then runs the
 * handler. What is refused to others than root is told to the audit, and why to the caller. Blocks.
 */
int call_run(Call *call, int proc);

/* Sends the reply, or for a @r other than 0 the error. Any thread, once. */
void call_reply(Call *call, int r);
