/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/lib/answer.h"
#include "common/name.h"

static const char *const verdicts[_CLIENT_VERDICT_MAX] = {
        [CLIENT_DENY] = WIRE_VERDICT_DENY,
        [CLIENT_STEP_UP] = WIRE_VERDICT_STEP_UP,
        [CLIENT_ALLOW] = WIRE_VERDICT_ALLOW,
        [CLIENT_NOT_OURS] = WIRE_VERDICT_NOT_OURS,
};

static int verdict_from_string(const char *word, ClientVerdict *ret) {
        for (size_t i = 0; i < _CLIENT_VERDICT_MAX; i++)
                if (strcmp(word, verdicts[i]) == 0) {
                        *ret = (ClientVerdict) i;
                        return 0;
                }
        return CLIENT_E_VERSION;
}

static bool is_session_id(const char *id) {
        return strlen(id) == WIRE_SESSION_ID_LENGTH && strspn(id, "0123456789abcdef") == WIRE_SESSION_ID_LENGTH;
}

int client_message_read_answer(ClientMessage *reply, ClientAnswer *ret) {
        _cleanup_client_dict_ ClientDict *result = NULL;
        ClientAnswer answer = { .verdict = CLIENT_DENY };
        const char *word, *text;
        int r;

        r = client_message_check_signature(reply, "sa{sv}");
        if (r == 0)
                r = client_message_read_string(reply, WIRE_NAME_MAX, &word);
        if (r == 0)
                r = verdict_from_string(word, &answer.verdict);
        if (r == 0)
                r = client_message_read_dict(reply, &result);
        if (r != 0)
                return r;

        text = client_dict_get_string(result, WIRE_KEY_SESSION);
        if (text && text[0] && !is_session_id(text))
                return CLIENT_E_VERSION;
        if (text)
                memcpy(answer.session, text, strlen(text) + 1);
        text = client_dict_get_string(result, WIRE_KEY_REASON);
        if (text)
                name_clean(text, answer.reason, sizeof(answer.reason));
        text = client_dict_get_string(result, WIRE_KEY_MESSAGE);
        if (text)
                name_clean(text, answer.message, sizeof(answer.message));
        *ret = answer;
        return 0;
}
