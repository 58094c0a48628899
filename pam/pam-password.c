/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Passwords: passwd(1). libpam calls this twice. In the first pass the daemon says whether the user
 * is ours and whether the current password is wanted, and judges that; in the second it gets the new
 * one. Between them the handle keeps what the first pass found out, and the current password in
 * memory of our own: never in PAM_OLDAUTHTOK, where other modules would find it.
 *
 * Who asks is the real uid of this process, which the daemon looks up for itself.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_modules.h>

#include "pam/pam-call.h"

#define DATA_PASSWORD "tessera-password"

/* What the first pass leaves for the second. */
typedef struct Prepared {
        bool ours;
        Typed current; /* empty for root */
} Prepared;

/* Runs in forked children too, where it wipes and frees their copy. */
static void free_prepared(pam_handle_t *pamh, void *data, int status) {
        Prepared *prepared = data;

        if (!prepared)
                return;
        typed_deinit(&prepared->current);
        free(prepared);
}

static void forget(Call *call) {
        (void) pam_set_data(call->pamh, DATA_PASSWORD, NULL, NULL);
}

/* Takes @current over. */
static void keep(Call *call, Typed *current) {
        Prepared *prepared = calloc(1, sizeof(*prepared));

        if (!prepared) {
                call->situation = SITUATION_NO_MEMORY;
                return;
        }
        prepared->ours = call->situation == SITUATION_ALLOWED;
        prepared->current = *current;
        *current = (Typed) { NULL, 0 };
        if (pam_set_data(call->pamh, DATA_PASSWORD, prepared, free_prepared) != PAM_SUCCESS) {
                free_prepared(call->pamh, prepared, 0);
                call->situation = SITUATION_NO_MEMORY;
        }
}

/* Longer than any password is no password, and the daemon would not read it. */
static Situation ask_password(Call *call, const char *prompt, Situation refused, Typed *ret) {
        Situation situation = ask_secret(call->pamh, prompt, ret);

        if (situation == SITUATION_CREDENTIAL ||
            (situation == SITUATION_ALLOWED && (ret->size == 0 || ret->size > WIRE_PASSWORD_MAX)))
                return refused;
        if (situation == SITUATION_ALLOWED && !subject_current(call->pamh, /* invoker= */ false, &call->subject))
                return SITUATION_CHANGED;
        return situation;
}

static void prepare(Call *call) {
        _cleanup_typed_ Typed current = { NULL, 0 };
        const Typed none = { NULL, 0 };

        forget(call);
        call->situation = subject_remember(call->pamh, &call->subject);
        if (call->situation != SITUATION_ALLOWED)
                return;
        call_change_password(call, &none, &none);
        /* Nobody but root is spared the current one, whatever the daemon has made of us. */
        if (call->situation == SITUATION_ALLOWED && getuid() != 0)
                call->situation = SITUATION_UNFORESEEN;
        if (call->situation == SITUATION_STEP_UP) {
                call->situation = ask_password(call, "Current password: ", SITUATION_CREDENTIAL, &current);
                if (call->situation == SITUATION_ALLOWED)
                        call_change_password(call, &current, &none);
        }
        if (call->situation == SITUATION_ALLOWED || call->situation == SITUATION_NOT_OURS)
                keep(call, &current);
}

static Situation refuse_new(Call *call, const char *why) {
        ask_show(call->pamh, PAM_ERROR_MSG, why);
        return SITUATION_NEW_PASSWORD;
}

static Situation ask_new(Call *call, Typed *ret) {
        _cleanup_typed_ Typed again = { NULL, 0 };
        Situation situation;

        situation = ask_password(call, "New password: ", SITUATION_NEW_PASSWORD, ret);
        if (situation == SITUATION_NEW_PASSWORD)
                return refuse_new(call, "the new password is empty, or too long");
        if (situation != SITUATION_ALLOWED)
                return situation;
        situation = ask_password(call, "Retype new password: ", SITUATION_NEW_PASSWORD, &again);
        if (situation != SITUATION_ALLOWED && situation != SITUATION_NEW_PASSWORD)
                return situation;
        if (ret->size != again.size || memcmp(ret->text, again.text, ret->size) != 0)
                return refuse_new(call, "the two new passwords are not the same");
        return SITUATION_ALLOWED;
}

static void change(Call *call) {
        _cleanup_typed_ Typed password = { NULL, 0 };
        const void *data = NULL;
        const Prepared *prepared;

        if (pam_get_data(call->pamh, DATA_PASSWORD, &data) != PAM_SUCCESS || !data)
                return;
        prepared = data;
        if (!prepared->ours) {
                call->situation = SITUATION_NOT_OURS;
                return;
        }
        call->situation = ask_new(call, &password);
        if (call->situation == SITUATION_ALLOWED)
                call_change_password(call, &prepared->current, &password);
        /* These were the first pass's to say. */
        if (call->situation == SITUATION_STEP_UP || call->situation == SITUATION_NOT_OURS)
                call->situation = SITUATION_UNFORESEEN;
}

/*
 * PAM_CHANGE_EXPIRED_AUTHTOK: a login found some module's password expired, and only that is to be
 * changed. Ours do not expire; and the process is root's, while the person is whoever logs in.
 */
static bool is_ours_to_change(Call *call) {
        if (call->flags & PAM_CHANGE_EXPIRED_AUTHTOK) {
                call->situation = SITUATION_NOT_OURS;
                return false;
        }
        return true;
}

__attribute__((visibility("default")))
int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        Call call = CALL_INIT(pamh, flags, PHASE_PASSWORD);

        if (call_begin(&call, argc, argv) && is_ours_to_change(&call)) {
                if (flags & PAM_PRELIM_CHECK)
                        prepare(&call);
                else if (flags & PAM_UPDATE_AUTHTOK)
                        change(&call);
        }
        if (!(flags & PAM_PRELIM_CHECK))
                forget(&call);
        return call_finish(&call);
}
