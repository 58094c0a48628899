/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * One call, from the moment it is received to its reply. Made on the main loop, carried out on a
 * worker, and the only thing that a handler sees of D-Bus.
 */

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "daemon/bus/monitor.h"
#include "daemon/core/caller.h"
#include "daemon/core/core.h"

typedef struct Request Request;

struct Request {
        Core *core;
        const IdentitySource *identities;
        Monitor *monitor;
        MonitorPeer peer; /* who calls; borrowed, until the reply */
        Caller caller;
        GVariant *arguments; /* serialised and at most REQUEST_SIZE_MAX: strings may be borrowed from it */
        GUnixFDList *fds;    /* NULL without; at most REQUEST_FDS_MAX */

        GVariant *reply;        /* made by the handler; NULL: an empty tuple */
        GUnixFDList *reply_fds; /* NULL without */
        char *detail;           /* more about a refusal, for the caller to read; NULL */
        int64_t delay;          /* µs for which to hold the answer back */
        bool looked;            /* it only looked, this time, whatever its row says of others */
};

/* Every argument together; the largest that is allowed (SSH_AUTH_INFO_0, many ids) fits well. */
#define REQUEST_SIZE_MAX (64 * 1024)
/* No method takes more descriptors than SetPassword. */
#define REQUEST_FDS_MAX 2

/* Carries a request out: 0 and a reply, CORE_E_* with or without a detail, or a negative errno. */
typedef int (*RequestHandler)(Request *request);

/* Sets the detail of a refusal, once. Returns @r, so that `return request_refuse(...)` reads well. */
int request_refuse(Request *request, int r, const char *format, ...) G_GNUC_PRINTF(3, 4);

void request_deinit(Request *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Request, request_deinit)
