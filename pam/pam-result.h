/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * From what happened to what PAM is told: one table, nowhere else. PAM_IGNORE stands in it for
 * "not our user, on purpose" and for break-glass, and for nothing that went wrong.
 */

#include <stdbool.h>

#include "client/lib/answer.h"

typedef enum Phase {
        PHASE_AUTH,
        PHASE_ACCOUNT,
        PHASE_SESSION,
        PHASE_PASSWORD,
        _PHASE_MAX,
} Phase;

typedef enum Situation {
        SITUATION_UNFORESEEN = 0, /* what a call is in until it knows better */
        SITUATION_ALLOWED,
        SITUATION_CREDENTIAL,   /* wrong, expired, revoked, throttled, disabled, empty, or no name that anybody has */
        SITUATION_ROLE,         /* role missing, or this login's own session revoked */
        SITUATION_STEP_UP,      /* the daemon wants a fresher or stronger proof than it got */
        SITUATION_PENDING,      /* a sign-in at a provider that nobody has approved: as long as it lasts, a refusal */
        SITUATION_CHANGED,      /* PAM_USER is not who authenticated */
        SITUATION_NOT_OURS,     /* the daemon says so positively, or uid 0 */
        SITUATION_OUTAGE,       /* daemon absent, silent, without its store, or of another version */
        SITUATION_BREAKGLASS,   /* the same, and the user is in the group for that */
        SITUATION_CONVERSATION, /* failed or cancelled */
        SITUATION_NO_MEMORY,
        SITUATION_NOT_KEPT,     /* a session was opened and closed again: its id could not be kept */
        SITUATION_NEW_PASSWORD, /* the new one is none: empty, too short, or not the same twice */
        SITUATION_NOT_YOURS,    /* another's password, and it is not root who asks */
        _SITUATION_MAX,
} Situation;

/* The PAM code; anything out of range is PAM_SYSTEM_ERR. */
int result_code(Phase phase, bool invoker, Situation situation);

/* A word for the log. */
const char *result_situation_to_string(Situation situation);

/* What an answer of the daemon means. */
Situation result_from_answer(const ClientAnswer *answer);

/* What the want of an answer means: @r as client/lib returned it, not 0. */
Situation result_from_error(int r, const ClientError *error);
