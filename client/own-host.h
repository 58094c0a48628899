/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What the daemon here is called, and its fleet. */

#include <jansson.h>

#include "client/cli.h"

/* {"Host","Fleet"}; a daemon that is of no fleet has no Fleet. 0, or the exit code of a failure that was told. */
int own_host(Cli *cli, json_t **ret);

/* What its devices' tokens are made for: the fleet, or the host. Owned by @host. */
const char *own_host_audience(const json_t *host);
