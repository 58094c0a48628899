/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What the running host has to say about its services: are sshd's and sudo's files right, take new
 * settings, is all there that an enabled service needs. Functions that return false say why in
 * @ret_problem (g_free).
 */

#include "client/service-plan.h"

/* Is systemd running this host? Else there is nothing to reload and nobody to undo. */
bool service_host_is_booted(void);

/* Runs a program by its absolute path, in the C locale, and waits. @ret_output may be NULL. */
bool service_host_run(const char *const *argv, char **ret_output, char **ret_problem);

/* Does the service's own checker (sshd -t, visudo -c), where it has one, find its files right, as they stand? */
bool service_host_check(const ServiceSpec *spec, char **ret_problem);

/* The same of a drop-in that is not in its place yet. @folder: where a file can be put for that. */
bool service_host_check_candidate(const ServiceSpec *spec, const char *folder, char **ret_problem);

/* Do the enabled service's settings hold, whatever else its files say? */
bool service_host_check_effect(const ServiceSpec *spec, char **ret_problem);

/* The same checker's words: sshd's effective settings (sshd -T), the files that sudo reads (visudo -c). */
bool service_host_show(const ServiceSpec *spec, char **ret_output, char **ret_problem);

/* Makes the service take what its files say now. Without @wait it is done once that can be. */
bool service_host_reload(const ServiceSpec *spec, bool wait, char **ret_problem);

/* Is the PAM module where PAM looks, so that a line with its name can be answered? */
bool service_host_check_module(char **ret_problem);

/* Is there such a Unix group, and can it stand in a PAM line? */
bool service_host_check_group(const char *group, char **ret_problem);
