/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Audit events to the journal, as fields; and the daemon's own log lines, as lines. */

#include "daemon/core/audit.h"

/* TESSERA_EVENT, _USER, _SESSION, _SERVICE, _RHOST, _REASON, _BY beside the line that people read. */
extern const AuditSink journal_sink;

/*
 * Sends what GLib and we log to the journal when stderr is one, else to stderr as one line each,
 * "<6>message [TESSERA_EVENT=… …]".
 */
void journal_init(void);
