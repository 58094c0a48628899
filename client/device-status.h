/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The hosts that one is signed in to from this machine, for `status`. */

#include <jansson.h>

#include "client/cli.h"

/* A list of {"user","host","port","device","name","audience","fleet","with","state","key","since"}, by user and host; the caller's. */
json_t *device_status_hosts(Cli *cli);

/* A table of them for people, if there are any; @title above it, or NULL. */
void device_status_print(const Cli *cli, const json_t *hosts, const char *title);

/* `status HOST`. Returns the exit code. */
int device_status_show(Cli *cli, const char *destination);
