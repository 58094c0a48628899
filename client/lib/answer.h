/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The answer of Login.*, Sessions.StepUp and Sessions.FinishSignIn: a verdict and what comes with it. A
 * zeroed one is a refusal. Pending is one, too, for everybody but who waits for somebody's approval.
 */

#include "client/lib/call.h"
#include "common/wire.h"

typedef enum ClientVerdict {
        CLIENT_DENY = 0,
        CLIENT_STEP_UP,
        CLIENT_ALLOW,
        CLIENT_NOT_OURS,
        CLIENT_PENDING, /* not yes: ask again */
        _CLIENT_VERDICT_MAX,
} ClientVerdict;

#define CLIENT_FLOW_LENGTH 32   /* hex digits */
#define CLIENT_WORD_MAX 64      /* a provider's and a host's name */
#define CLIENT_URI_MAX 2048     /* the longest that the daemon hands out */
#define CLIENT_USER_CODE_MAX 64

/* A sign-in at a provider that waits for an approval. "" where the daemon did not say it. */
typedef struct ClientPending {
        char flow[CLIENT_FLOW_LENGTH + 1];
        char provider[CLIENT_WORD_MAX + 1];
        char host[CLIENT_WORD_MAX + 1];
        char uri[CLIENT_URI_MAX + 1];
        char uri_complete[CLIENT_URI_MAX + 1];
        char user_code[CLIENT_USER_CODE_MAX + 1];
        unsigned expires_in; /* s; 0: it was not said */
} ClientPending;

typedef struct ClientAnswer {
        ClientVerdict verdict;
        char reason[64];                          /* WIRE_REASON_*, or "" */
        char message[CLIENT_TEXT_MAX];            /* for the user, cleaned; or "" */
        char session[WIRE_SESSION_ID_LENGTH + 1]; /* an id, or "" */
        ClientPending pending;                    /* with CLIENT_PENDING; else zeroed */
} ClientAnswer;

/*
 * Reads "sa{sv}" and nothing else. A verdict that we do not know, a session that is no id, or a pending
 * sign-in with a part that could not be shown as it is, is CLIENT_E_VERSION: who cannot be understood
 * has not said yes. @ret is untouched on failure.
 */
int client_message_read_answer(ClientMessage *reply, ClientAnswer *ret);

/* The same of StartSignIn's reply, "sa{sv}": the flow and where to go. */
int client_message_read_sign_in(ClientMessage *reply, ClientPending *ret);
