/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Talking to the user: the prompt, the one for Enter, and lines. */

#include <stddef.h>

#include <security/pam_modules.h>

#include "pam/pam-result.h"

/* What was typed. Wiped when freed; never copied into anything that outlives the call. */
typedef struct Typed {
        char *text;
        size_t size;
} Typed;

void typed_deinit(Typed *typed);

#define _cleanup_typed_ __attribute__((__cleanup__(typed_deinit)))

/*
 * Asks without echo. ALLOWED and the answer, which may be empty; CONVERSATION when it failed, was
 * cancelled or there is none; CREDENTIAL when it was longer than any password or token.
 */
Situation ask_secret(pam_handle_t *pamh, const char *prompt, Typed *ret);

/* Waits for Enter. ALLOWED, whatever was typed before it, which is wiped; or CONVERSATION. */
Situation ask_enter(pam_handle_t *pamh, const char *prompt);

/* Shows a line as it is; PAM_ERROR_MSG or PAM_TEXT_INFO. Nobody listening is no error. */
void ask_tell(pam_handle_t *pamh, int style, const char *line);

/* Shows "tessera: TEXT", a clean line; PAM_ERROR_MSG or PAM_TEXT_INFO. Nobody listening is no error. */
void ask_show(pam_handle_t *pamh, int style, const char *text);

/*
 * Tells a token that a program on the way has probably cut: prompts end at 511 bytes in sudo and at
 * 1023 in ssh, without a word.
 */
bool typed_looks_cut(const Typed *typed);
