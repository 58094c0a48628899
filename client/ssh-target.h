/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Whom an ssh command line means, asked of `ssh -G`: never of DNS, and never guessed. */

#include "client/device-file.h"
#include "client/ssh-line.h"

typedef struct SshTarget {
        char user[WIRE_USER_MAX + 1];
        char host[DEVICE_HOST_MAX + 1];  /* HostName, in lower case */
        char shown[DEVICE_HOST_MAX + 1]; /* as ssh's prompts call it: HostKeyAlias, or host */
        uint16_t port;
        char control_path[256];          /* "" where none is configured, or it is too long to be used */
        bool control_master;             /* ControlMaster is configured */
        bool control_persist;            /* ControlPersist, too */
        bool alive;                      /* ServerAliveInterval, too */
} SshTarget;

/* false where ssh does not know either, or the names are none that a device's file could have. */
bool ssh_target_resolve(const SshLine *line, SshTarget *ret);

/* The same for [USER@]HOST alone, as the configuration has it. */
bool ssh_target_resolve_name(const char *destination, SshTarget *ret);

/* Reads the answer of `ssh -G`. */
bool ssh_target_parse(const char *text, SshTarget *ret);

/* USER@HOST, with the port when it is not 22; the caller's (g_free). */
char *ssh_target_name(const SshTarget *target);

/*
 * Is it exactly what ssh asks when @target asks for a password: "(USER@HOST) Password or token: ",
 * or, of sshd's method "password", "USER@HOST's password: "? @ret_ours (may be NULL): the former,
 * which is tessera's own.
 */
bool ssh_target_is_asking(const SshTarget *target, const char *prompt, bool *ret_ours);
