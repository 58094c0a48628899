/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The server's side of D-Bus's handshake, where nothing has to be waited for.
 *
 * GDBus shakes hands on a thread, a system call for each byte, and wakes the other end with each
 * line. But sd-bus, which PAM and the command speak, says all of its part at once. Where exactly
 * that has arrived GDBus is given it from memory, its answer goes out in one piece, and no thread
 * is woken. What GDBus makes of it is what it would make of it anyway.
 */

#include <gio/gio.h>
#include <stdbool.h>

/* Has the other end of the socket @fd said all it has to say? Then handshake_run() does not wait. */
bool handshake_is_there(int fd);

/*
 * A connection over @end, authenticated, that delivers messages once it is told to; NULL with
 * @error. Only after handshake_is_there().
 */
GDBusConnection *handshake_run(GSocket *end, const char *guid, GDBusAuthObserver *observer, GError **error);
