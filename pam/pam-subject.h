/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The subject: whose rights the call is about. In sudo and su that is who invoked them, whatever
 * rootpw, targetpw, runaspw or the target make of PAM_USER; elsewhere PAM_USER.
 */

#include <stdbool.h>
#include <sys/types.h>

#include <security/pam_modules.h>

#include "common/wire.h"
#include "pam/pam-result.h"

typedef struct Subject {
        char name[WIRE_USER_MAX + 1]; /* "" for a name that nobody can have */
        bool exists;                  /* NSS knows the account; only then uid and gid mean anything */
        uid_t uid;
        gid_t gid;
} Subject;

/*
 * Finds the subject, with at most one NSS look-up, and that after everything cheap. Returns true
 * and @ret; false where the call is over, with @ret_situation: NOT_OURS for uid 0, OUTAGE when NSS
 * failed (never "no such user"), UNFORESEEN when PAM_RUSER does not belong to getuid().
 * A PAM_USER that nobody can have is true with an empty name: whether to prompt is the caller's to say.
 */
bool subject_find(pam_handle_t *pamh, Phase phase, bool invoker, Subject *ret, Situation *ret_situation);

/*
 * Is the subject in the Unix group @group? For an outage only, and any look-up that fails is a no.
 */
bool subject_in_group(const Subject *subject, const char *group);

/*
 * A verdict belongs to the subject it was asked for. remember() keeps the name in the handle;
 * unchanged() is false where another one was remembered. In sshd the handle that authenticated is
 * gone with its process; then nothing is remembered and nothing compared.
 */
Situation subject_remember(pam_handle_t *pamh, const Subject *subject); /* ALLOWED or NO_MEMORY */
bool subject_unchanged(pam_handle_t *pamh, const Subject *subject);

/* Does PAM_USER (PAM_RUSER) still name the subject? A conversation may have changed it. */
bool subject_current(pam_handle_t *pamh, bool invoker, const Subject *subject);
