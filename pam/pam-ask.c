/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "pam/pam-ask.h"

#define SUDO_ANSWER_MAX 511
#define SSH_ANSWER_MAX 1023

static void wipe(char *text) {
        if (!text)
                return;
        explicit_bzero(text, strlen(text));
        free(text);
}

void typed_deinit(Typed *typed) {
        wipe(typed->text);
        *typed = (Typed) { NULL, 0 };
}

/* One message, one answer. The text of the answer, which the caller frees, or NULL. */
static int converse(pam_handle_t *pamh, int style, const char *text, char **ret) {
        const struct pam_message message = { .msg_style = style, .msg = text };
        const struct pam_message *messages = &message;
        struct pam_response *response = NULL;
        const struct pam_conv *conv;
        const void *item = NULL;
        int r;

        if (pam_get_item(pamh, PAM_CONV, &item) != PAM_SUCCESS || !item)
                return PAM_CONV_ERR;
        conv = item;
        if (!conv->conv)
                return PAM_CONV_ERR;
        r = conv->conv(1, &messages, &response, conv->appdata_ptr);
        if (r == PAM_SUCCESS && response) {
                *ret = response->resp;
                response->resp = NULL;
        }
        /* A failed conversation owns its response; some hand one out all the same, and nobody may touch that. */
        if (r == PAM_SUCCESS)
                free(response);
        return r;
}

Situation ask_secret(pam_handle_t *pamh, const char *prompt, Typed *ret) {
        _cleanup_typed_ Typed typed = { NULL, 0 };

        if (converse(pamh, PAM_PROMPT_ECHO_OFF, prompt, &typed.text) != PAM_SUCCESS || !typed.text)
                return SITUATION_CONVERSATION;
        typed.size = strlen(typed.text);
        if (typed.size > WIRE_SECRET_MAX)
                return SITUATION_CREDENTIAL;
        *ret = typed;
        typed = (Typed) { NULL, 0 };
        return SITUATION_ALLOWED;
}

Situation ask_enter(pam_handle_t *pamh, const char *prompt) {
        char *answer = NULL;
        int r;

        /* Without echo: people type passwords wherever something waits for them. */
        r = converse(pamh, PAM_PROMPT_ECHO_OFF, prompt, &answer);
        if (r != PAM_SUCCESS || !answer)
                return SITUATION_CONVERSATION;
        wipe(answer);
        return SITUATION_ALLOWED;
}

void ask_tell(pam_handle_t *pamh, int style, const char *line) {
        char *answer = NULL;

        (void) converse(pamh, style, line, &answer);
        wipe(answer);
}

void ask_show(pam_handle_t *pamh, int style, const char *text) {
        char line[sizeof("tessera: ") + CLIENT_TEXT_MAX];
        char *answer = NULL;

        (void) snprintf(line, sizeof(line), "tessera: %s", text);
        (void) converse(pamh, style, line, &answer);
        wipe(answer);
}

bool typed_looks_cut(const Typed *typed) {
        if (typed->size != SUDO_ANSWER_MAX && typed->size != SSH_ANSWER_MAX)
                return false;
        for (size_t i = 0; i < typed->size; i++) {
                char c = typed->text[i];
                bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

                if (!alnum && !strchr("_-.", c))
                        return false;
        }
        return strncmp(typed->text, "eyJ", 3) == 0; /* the base64url of {" */
}
