/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* systemd's readiness protocol (sd_notify(3)): one datagram per word. Nothing is done outside of systemd. */

typedef struct Notify {
        char *path; /* of $NOTIFY_SOCKET; NULL: nobody listens */
} Notify;

/* Takes $NOTIFY_SOCKET out of the environment. */
void notify_init(Notify *notify);
void notify_deinit(Notify *notify);

void notify_ready(const Notify *notify, const char *status);
void notify_reloading(const Notify *notify);
void notify_stopping(const Notify *notify);
