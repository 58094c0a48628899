/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Sessions. What close_session ends is what open_session stored in this very handle, once, and
 * never what the environment says. The stored string's cleanup frees it and does nothing else: it
 * runs in forked children too.
 */

#include <stdlib.h>
#include <string.h>

#include <security/pam_modules.h>

#include "common/cleanup.h"
#include "pam/pam-call.h"

#define DATA_SESSION "tessera-session"

static void free_data(pam_handle_t *pamh, void *data, int status) {
        free(data);
}

static const char *stored_id(pam_handle_t *pamh) {
        const void *id = NULL;

        return pam_get_data(pamh, DATA_SESSION, &id) == PAM_SUCCESS ? id : NULL;
}

static bool store_id(Call *call) {
        char *copy = strdup(call->answer.session);

        if (!copy)
                return false;
        if (pam_set_data(call->pamh, DATA_SESSION, copy, free_data) != PAM_SUCCESS) {
                free(copy);
                return false;
        }
        if (!call_export_session(call)) {
                (void) pam_set_data(call->pamh, DATA_SESSION, NULL, NULL);
                return false;
        }
        return true;
}

static void open_session(Call *call) {
        /* A second one would bury the id of the first, and nobody could close that. */
        if (stored_id(call->pamh)) {
                call->situation = SITUATION_UNFORESEEN;
                return;
        }
        call_ask(call, "OpenSession", NULL);
        if (call->situation != SITUATION_ALLOWED)
                return;
        if (!call->answer.session[0]) {
                call->situation = SITUATION_UNFORESEEN;
                return;
        }
        if (store_id(call))
                return;
        /* Nobody would ever close it: better no session. */
        call_close_session(call, call->answer.session);
        call->situation = SITUATION_NOT_KEPT;
}

static void close_session(Call *call) {
        _cleanup_free_ char *id = NULL;
        const char *stored = stored_id(call->pamh);

        if (!stored) {
                call->situation = SITUATION_NOT_OURS;
                return;
        }
        id = strdup(stored);
        if (!id) {
                call->situation = SITUATION_NO_MEMORY;
                return;
        }
        /* Forgotten before it is asked for: exactly once, however often this is called. */
        (void) pam_set_data(call->pamh, DATA_SESSION, NULL, NULL);
        call_close_session(call, id);
}

__attribute__((visibility("default")))
int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        Call call = CALL_INIT(pamh, flags, PHASE_SESSION);

        if (call_begin(&call, argc, argv))
                open_session(&call);
        return call_finish(&call);
}

__attribute__((visibility("default")))
int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        Call call = CALL_INIT(pamh, flags, PHASE_SESSION);

        if (call_begin_close(&call, argc, argv))
                close_session(&call);
        return call_finish(&call);
}
