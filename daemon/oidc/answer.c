/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/oidc/answer.h"
#include "daemon/oidc/strict-json.h"

#define ERROR_MAX 64

static Secret *secret_of(const Json *object, const char *name, size_t max) {
        const char *text = strict_json_string(object, name, max);
        Secret *secret = text ? secret_new(strlen(text)) : NULL;

        if (secret)
                memcpy(secret->data, text, secret->size);
        return secret;
}

/* Errors */

static const struct {
        const char *word;
        TokenOutcome outcome;
        OidcReason reason;
} errors[] = {
        { "authorization_pending", TOKEN_PENDING, OIDC_GOOD },
        { "slow_down", TOKEN_SLOW_DOWN, OIDC_GOOD },
        { "access_denied", TOKEN_REFUSED, OIDC_DENIED },
        { "authorization_declined", TOKEN_REFUSED, OIDC_DENIED }, /* Entra ID's word for it */
        { "expired_token", TOKEN_REFUSED, OIDC_EXPIRED },
        /* For answer_error(). */
        { "invalid_client", TOKEN_REFUSED, OIDC_PROVIDER_ERROR },
        { "invalid_grant", TOKEN_REFUSED, OIDC_PROVIDER_ERROR },
        { "invalid_request", TOKEN_REFUSED, OIDC_PROVIDER_ERROR },
        { "invalid_scope", TOKEN_REFUSED, OIDC_PROVIDER_ERROR },
        { "unauthorized_client", TOKEN_REFUSED, OIDC_PROVIDER_ERROR },
        { "unsupported_grant_type", TOKEN_REFUSED, OIDC_PROVIDER_ERROR },
};

const char *answer_error(const HttpAnswer *answer) {
        g_autoptr(Json) object = strict_json_object(answer->body, answer->size);
        const char *word = object ? strict_json_string(object, "error", ERROR_MAX) : NULL;

        for (size_t i = 0; word && i < G_N_ELEMENTS(errors); i++)
                if (strcmp(errors[i].word, word) == 0)
                        return errors[i].word;
        return "an error that is not known";
}

static TokenAnswer refused(OidcReason reason) {
        return (TokenAnswer) { .outcome = TOKEN_REFUSED, .reason = reason };
}

static TokenAnswer token_error(const Json *object) {
        const char *word = strict_json_string(object, "error", ERROR_MAX);

        for (size_t i = 0; word && i < G_N_ELEMENTS(errors); i++)
                if (strcmp(errors[i].word, word) == 0)
                        return (TokenAnswer) { .outcome = errors[i].outcome, .reason = errors[i].reason };
        return refused(OIDC_PROVIDER_ERROR);
}

/* Device authorization */

void device_answer_deinit(DeviceAnswer *answer) {
        answer->device_code = secret_free(answer->device_code);
        g_clear_pointer(&answer->user_code, g_free);
        g_clear_pointer(&answer->uri, g_free);
        g_clear_pointer(&answer->uri_complete, g_free);
}

/* An address that people are sent to: as strict as those that we go to ourselves. */
static const char *address_of(const Provider *provider, const Json *object, const char *name) {
        const char *url = strict_json_string(object, name, PROVIDER_URL_MAX);

        return url && !provider_url_mistake(url, provider->insecure_loopback) ? url : NULL;
}

static bool seconds_of(const Json *object, const char *name, unsigned max, unsigned *ret) {
        int64_t seconds;

        if (!strict_json_integer(object, name, &seconds) || seconds < 0)
                return false;
        *ret = (unsigned) MIN(seconds, (int64_t) max);
        return true;
}

static bool take_device(const Provider *provider, const Json *object, DeviceAnswer *ret) {
        const char *code = strict_json_string(object, "user_code", ANSWER_USER_CODE_MAX);
        /* Google still calls it as a draft did. */
        const char *uri = address_of(provider, object, strict_json_has(object, "verification_uri") ? "verification_uri" :
                                                                                                     "verification_url");
        const char *complete = address_of(provider, object, "verification_uri_complete");

        ret->interval = ANSWER_INTERVAL_S;
        if (!code || !strict_json_is_plain(code) || !uri ||
            (!complete && strict_json_has(object, "verification_uri_complete")) ||
            !seconds_of(object, "expires_in", G_MAXINT, &ret->expires_in) || ret->expires_in == 0 ||
            (strict_json_has(object, "interval") &&
             !seconds_of(object, "interval", ANSWER_INTERVAL_MAX_S, &ret->interval)))
                return false;
        ret->interval = MAX(ret->interval, 1);
        ret->device_code = secret_of(object, "device_code", ANSWER_CODE_MAX);
        ret->user_code = g_strdup(code);
        ret->uri = g_strdup(uri);
        ret->uri_complete = g_strdup(complete);
        return ret->device_code != NULL;
}

OidcReason device_answer_parse(const Provider *provider, const HttpAnswer *answer, DeviceAnswer *ret) {
        DeviceAnswer device = { .device_code = NULL };
        g_autoptr(Json) object = NULL;
        OidcReason reason = http_answer_is_json(answer);

        if (reason != OIDC_GOOD && reason != OIDC_STATUS)
                return reason;
        object = strict_json_object(answer->body, answer->size);
        if (object && strict_json_has(object, "error") && answer->status < 500)
                return OIDC_PROVIDER_ERROR;
        if (reason != OIDC_GOOD || !object)
                return reason != OIDC_GOOD ? reason : OIDC_NOT_JSON;
        if (!take_device(provider, object, &device)) {
                device_answer_deinit(&device);
                return OIDC_ANSWER;
        }
        *ret = device;
        return OIDC_GOOD;
}

/* Tokens */

void token_answer_deinit(TokenAnswer *answer) {
        answer->access_token = secret_free(answer->access_token);
        answer->id_token = secret_free(answer->id_token);
}

static TokenAnswer take_tokens(const Provider *provider, const Json *object) {
        const char *type = strict_json_string(object, "token_type", ERROR_MAX);
        TokenAnswer answer = refused(OIDC_ANSWER);

        if (!type || g_ascii_strcasecmp(type, "bearer") != 0)
                return answer;
        answer.access_token = secret_of(object, "access_token", ANSWER_TOKEN_MAX);
        answer.id_token = provider->type == PROVIDER_OIDC ? secret_of(object, "id_token", ANSWER_TOKEN_MAX) : NULL;
        if (answer.access_token && (answer.id_token || provider->type == PROVIDER_OAUTH2)) {
                answer.outcome = TOKEN_GIVEN;
                answer.reason = OIDC_GOOD;
                return answer;
        }
        token_answer_deinit(&answer);
        return answer;
}

/* Errors come with 400 by the book, with 401, 403 or 428 from some, and with 200 from GitHub. */
TokenAnswer token_answer_parse(const Provider *provider, const HttpAnswer *answer) {
        g_autoptr(Json) object = NULL;
        bool error;

        if (answer->reason != OIDC_GOOD)
                return refused(answer->reason);
        if (answer->status != 200 && (answer->status < 400 || answer->status > 499))
                return refused(OIDC_STATUS);
        if (!answer->json)
                return refused(OIDC_CONTENT_TYPE);
        object = strict_json_object(answer->body, answer->size);
        if (!object)
                return refused(OIDC_NOT_JSON);
        error = strict_json_has(object, "error");
        if (error && (answer->status != 200 || provider->type == PROVIDER_OAUTH2))
                return token_error(object);
        if (error || answer->status != 200)
                return refused(OIDC_STATUS);
        return take_tokens(provider, object);
}
