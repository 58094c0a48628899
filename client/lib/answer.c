/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/lib/answer.h"
#include "client/lib/sign-in-text.h"
#include "common/name.h"

static const char *const verdicts[_CLIENT_VERDICT_MAX] = {
        [CLIENT_DENY] = WIRE_VERDICT_DENY,
        [CLIENT_STEP_UP] = WIRE_VERDICT_STEP_UP,
        [CLIENT_ALLOW] = WIRE_VERDICT_ALLOW,
        [CLIENT_NOT_OURS] = WIRE_VERDICT_NOT_OURS,
        [CLIENT_PENDING] = WIRE_VERDICT_PENDING,
};

static int verdict_from_string(const char *word, ClientVerdict *ret) {
        for (size_t i = 0; i < _CLIENT_VERDICT_MAX; i++)
                if (strcmp(word, verdicts[i]) == 0) {
                        *ret = (ClientVerdict) i;
                        return 0;
                }
        return CLIENT_E_VERSION;
}

static bool is_hex(const char *id, size_t length) {
        return strlen(id) == length && strspn(id, "0123456789abcdef") == length;
}

/* Copies @key's text where @fits() says so. A text that is missing or empty leaves @buffer as it is: "". */
static bool take(const ClientDict *dict, const char *key, bool (*fits)(const char *text), char *buffer, size_t size) {
        const char *text = client_dict_get_string(dict, key);

        if (!text || !text[0])
                return true;
        if (strlen(text) >= size || !fits(text))
                return false;
        memcpy(buffer, text, strlen(text) + 1);
        return true;
}

static bool is_flow(const char *text) {
        return is_hex(text, CLIENT_FLOW_LENGTH);
}

/* What is shown to people and opened by browsers is told letter by letter, or not at all: nothing is cleaned here. */
static int read_pending(const ClientDict *dict, ClientPending *ret) {
        ClientPending pending = { .flow = "" };
        int64_t expires_in = client_dict_get_integer(dict, WIRE_KEY_EXPIRES_IN);

        if (!take(dict, WIRE_KEY_FLOW, is_flow, pending.flow, sizeof(pending.flow)) ||
            !take(dict, WIRE_KEY_PROVIDER, name_is_word, pending.provider, sizeof(pending.provider)) ||
            !take(dict, WIRE_KEY_HOST, name_is_host, pending.host, sizeof(pending.host)) ||
            !take(dict, WIRE_KEY_URI, sign_in_is_uri, pending.uri, sizeof(pending.uri)) ||
            !take(dict, WIRE_KEY_URI_COMPLETE, sign_in_is_uri, pending.uri_complete, sizeof(pending.uri_complete)) ||
            !take(dict, WIRE_KEY_USER_CODE, sign_in_is_code, pending.user_code, sizeof(pending.user_code)))
                return CLIENT_E_VERSION;
        if (expires_in < 0 || expires_in > UINT32_MAX)
                return CLIENT_E_VERSION;
        pending.expires_in = (unsigned) expires_in;
        *ret = pending;
        return 0;
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
        if (text && text[0] && !is_hex(text, WIRE_SESSION_ID_LENGTH))
                return CLIENT_E_VERSION;
        if (text)
                memcpy(answer.session, text, strlen(text) + 1);
        text = client_dict_get_string(result, WIRE_KEY_REASON);
        if (text)
                name_clean(text, answer.reason, sizeof(answer.reason));
        text = client_dict_get_string(result, WIRE_KEY_MESSAGE);
        if (text)
                name_clean(text, answer.message, sizeof(answer.message));
        if (answer.verdict == CLIENT_PENDING)
                r = read_pending(result, &answer.pending);
        if (r != 0)
                return r;
        *ret = answer;
        return 0;
}

int client_message_read_sign_in(ClientMessage *reply, ClientPending *ret) {
        _cleanup_client_dict_ ClientDict *dict = NULL;
        ClientPending pending;
        const char *flow;
        int r;

        r = client_message_check_signature(reply, "sa{sv}");
        if (r == 0)
                r = client_message_read_string(reply, CLIENT_FLOW_LENGTH, &flow);
        if (r == 0 && !is_flow(flow))
                r = CLIENT_E_VERSION;
        if (r == 0)
                r = client_message_read_dict(reply, &dict);
        if (r == 0)
                r = read_pending(dict, &pending);
        if (r != 0)
                return r;
        memcpy(pending.flow, flow, sizeof(pending.flow));
        *ret = pending;
        return 0;
}
