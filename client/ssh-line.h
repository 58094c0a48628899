/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A command line of ssh(1), read as OpenSSH 9.2 does: options, destination, options again, command.
 * Everything is passed on to ssh as it came; here is found what must be known before.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct SshLine {
        const char *destination; /* not owned; NULL where there is none */
        int insert;              /* where options of ours go: before the destination, and before a "--" in front of it */
        GPtrArray *resolving;    /* the options, not owned, that bear on whom ssh connects to and how */
        guint before;            /* so many of its words stand before the destination: "alice@web1 -l bob" is alice's */
        bool control;            /* it says itself how connections are shared (-M, -S, -o Control...) */
        bool forwards;           /* -W: it is a way to another host, as for a ProxyJump */
        bool no_login;           /* -O, -Q, -V, -G: nobody logs in */
} SshLine;

/* false where ssh would not understand it, or a newer ssh might differently: then ssh is to judge by itself. */
bool ssh_line_parse(char *const *words, SshLine *ret);

void ssh_line_deinit(SshLine *line);

#define _cleanup_ssh_line_ __attribute__((__cleanup__(ssh_line_deinit)))
