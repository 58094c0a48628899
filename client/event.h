/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* An event, as monitor and log show it: @event is in the shape of shape_happening. */

#include <jansson.h>

#include "client/cli.h"

/* "2026-03-01 12:00:00  refused  alice  sudo  from 192.0.2.7  role-missing", and "  by carol" behind; g_free. */
char *event_line(const json_t *event);

/*
 * What --since takes: a duration ("90s", "30min", "2h", "7d") before @now, or a date or a point of time
 * of the local clock ("2026-03-01", "2026-03-01 12:00", with :30). False for anything else.
 */
bool event_parse_since(const char *text, int64_t now, int64_t *ret);
