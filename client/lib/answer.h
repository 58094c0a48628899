/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The answer of Login.* and Sessions.StepUp: a verdict and what comes with it. A zeroed one is a refusal. */

#include "client/lib/call.h"
#include "common/wire.h"

typedef enum ClientVerdict {
        CLIENT_DENY = 0,
        CLIENT_STEP_UP,
        CLIENT_ALLOW,
        CLIENT_NOT_OURS,
        _CLIENT_VERDICT_MAX,
} ClientVerdict;

typedef struct ClientAnswer {
        ClientVerdict verdict;
        char reason[64];                          /* WIRE_REASON_*, or "" */
        char message[CLIENT_TEXT_MAX];            /* for the user, cleaned; or "" */
        char session[WIRE_SESSION_ID_LENGTH + 1]; /* an id, or "" */
} ClientAnswer;

/*
 * Reads "sa{sv}" and nothing else. A verdict that we do not know, or a session that is no id, is
 * CLIENT_E_VERSION: who cannot be understood has not said yes. @ret is untouched on failure.
 */
int client_message_read_answer(ClientMessage *reply, ClientAnswer *ret);
