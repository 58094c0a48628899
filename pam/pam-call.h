/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * One call of an entry point: begun, asked of the daemon, finished. It lives on the stack and holds
 * everything the module knows; no connection, file or memory outlives it but the two strings that
 * libpam keeps (the subject's name and the session's id).
 */

#include <security/pam_modules.h>

#include "client/lib/answer.h"
#include "pam/pam-ask.h"
#include "pam/pam-options.h"
#include "pam/pam-result.h"
#include "pam/pam-subject.h"

typedef struct Call {
        pam_handle_t *pamh;
        int flags;
        Phase phase;
        bool closing; /* close_session: there is nobody left to talk to */
        Options options;
        const char *service;
        bool invoker; /* sudo, su: about who invoked them */
        bool own;     /* somebody else than root runs this program for himself, as a screen locker */
        Subject subject;
        uint64_t left;       /* microseconds of the call's time that are not used up; typing costs none */
        Situation situation; /* zeroed: unforeseen */
        ClientAnswer answer; /* what the daemon said last; zeroed: a refusal */
        int trouble;         /* what client/lib returned where there was no answer */
        ClientError error;
} Call;

#define CALL_INIT(handle, pam_flags, pam_phase) { .pamh = (handle), .flags = (pam_flags), .phase = (pam_phase) }

/*
 * Reads the arguments, the service and the subject. False where the call is over already, and then
 * its situation says why.
 */
bool call_begin(Call *call, int argc, const char **argv);

/* The same without the subject: closing needs none, and no NSS that might be out just then. */
bool call_begin_close(Call *call, int argc, const char **argv);

/*
 * Asks @method of Login about the subject, on a connection of its own, with the answer to the
 * prompt where there is one. Sets the call's situation; an outage of a break-glass user is one.
 */
void call_ask(Call *call, const char *method, const Typed *secret);

/*
 * Asks how the sign-in @flow stands, whose approval somebody has just told us of. Sets the call's
 * situation; PENDING: ask again.
 */
void call_ask_flow(Call *call, const char *flow);

/* The daemon's answer cannot be understood: sets the call's situation, as where there is none. */
void call_give_up(Call *call);

/*
 * Asks ChangePassword, where an empty @password changes nothing. Break-glass does not apply: no Unix
 * password decides this. Sets the call's situation.
 */
void call_change_password(Call *call, const Typed *current, const Typed *password);

/* CloseSession. Sets the call's situation. */
void call_close_session(Call *call, const char *id);

/* Puts the session's id into the PAM environment: a handle, never a secret and never proof. */
bool call_export_session(Call *call);

/* Logs and shows what there is to say, and returns the PAM code. */
int call_finish(Call *call);
