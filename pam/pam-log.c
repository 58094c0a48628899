/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "common/name.h"
#include "pam/pam-log.h"

#define RHOST_SHOWN_MAX 256

static const char *shown_user(const Call *call) {
        bool known = call->subject.exists && call->subject.name[0];

        return known ? call->subject.name : "unknown";
}

static void clean_rhost(const Call *call, char *buffer, size_t size) {
        const void *rhost = NULL;

        if (pam_get_item(call->pamh, PAM_RHOST, &rhost) != PAM_SUCCESS || !rhost)
                rhost = "";
        name_clean(rhost, buffer, size);
}

void log_option(const Call *call, const char *culprit) {
        char clean[128];

        name_clean(culprit, clean, sizeof(clean));
        pam_syslog(call->pamh, LOG_ERR, "bad argument \"%s\": refusing everybody", clean);
}

void log_cut(const Call *call, size_t size) {
        pam_syslog(call->pamh, LOG_NOTICE,
                   "the answer had exactly %zu bytes: a token that the program asking has probably cut", size);
}

void log_not_root(const Call *call) {
        pam_syslog(call->pamh, LOG_ERR,
                   "sessions are opened by root's programs alone: take this line out of the file of service \"%s\"",
                   call->service);
}

void log_debug(const Call *call, const char *method) {
        if (call->options.debug)
                pam_syslog(call->pamh, LOG_DEBUG, "%s: %s (%s)", method, result_situation_to_string(call->situation),
                           call->trouble ? client_strerror(call->trouble) : call->answer.reason);
}

static void log_trouble(const Call *call, int priority, const char *what) {
        pam_syslog(call->pamh, priority, "%s user=%s: %s%s%s", what, shown_user(call),
                   call->trouble ? client_strerror(call->trouble) : "no answer",
                   call->error.name[0] ? ": " : "", call->error.name);
}

void log_outcome(const Call *call) {
        char rhost[RHOST_SHOWN_MAX];

        switch (call->situation) {
        case SITUATION_ALLOWED:
        case SITUATION_NOT_OURS:
                break;
        case SITUATION_CREDENTIAL:
        case SITUATION_ROLE:
        case SITUATION_STEP_UP:
        case SITUATION_PENDING:
        case SITUATION_CHANGED:
        case SITUATION_NEW_PASSWORD:
        case SITUATION_NOT_YOURS:
                clean_rhost(call, rhost, sizeof(rhost));
                pam_syslog(call->pamh, LOG_NOTICE, "%s user=%s rhost=%s reason=%s",
                           result_situation_to_string(call->situation), shown_user(call), rhost,
                           call->answer.reason[0] ? call->answer.reason : "-");
                break;
        case SITUATION_BREAKGLASS:
                /* Somebody gets in on the Unix password alone: that must be seen afterwards. */
                log_trouble(call, LOG_WARNING, "break-glass: left to the modules below,");
                break;
        case SITUATION_CONVERSATION:
                pam_syslog(call->pamh, LOG_INFO, "the conversation failed or was cancelled");
                break;
        default:
                log_trouble(call, LOG_ERR, result_situation_to_string(call->situation));
        }
}
