/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The listening socket that systemd passes (sd_listen_fds(3)), or that a test binds. libc only. */

/*
 * The socket that systemd passes ($LISTEN_FDS, $LISTEN_PID, which are taken out of the
 * environment): 0 and the descriptor, or -1 in @ret_fd without one; or a negative errno when what
 * came is not one listening stream socket of AF_UNIX.
 */
int activation_socket(int *ret_fd);

/* Binds @path, 0600, in place of what an earlier daemon left there. 0 or a negative errno. */
int activation_bind(const char *path, int *ret_fd);
