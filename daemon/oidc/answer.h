/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What the endpoints answer, taken apart: device authorization (RFC 8628, 3.2), tokens (RFC 6749,
 * 5.1) and their errors (5.2; RFC 8628, 3.5). No network here: what fuzzing reaches.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/secret.h"
#include "daemon/oidc/http.h"
#include "daemon/oidc/reason.h"
#include "policy/providers.h"

#define ANSWER_CODE_MAX 4096      /* bytes of a device code */
#define ANSWER_USER_CODE_MAX 64
#define ANSWER_TOKEN_MAX (16 * 1024)
#define ANSWER_INTERVAL_S 5       /* RFC 8628, 3.2, where none is given; and added at each slow_down */
#define ANSWER_INTERVAL_MAX_S 60

/* A device authorization. */
typedef struct DeviceAnswer {
        Secret *device_code;
        char *user_code, *uri, *uri_complete; /* uri_complete may be NULL */
        unsigned expires_in, interval;        /* seconds */
} DeviceAnswer;

void device_answer_deinit(DeviceAnswer *answer);

/* OIDC_GOOD and @ret, to be deinited; or what is wrong, and @ret untouched. */
OidcReason device_answer_parse(const Provider *provider, const HttpAnswer *answer, DeviceAnswer *ret);

typedef enum TokenOutcome {
        TOKEN_REFUSED = 0, /* for the reason that comes with it */
        TOKEN_GIVEN,
        TOKEN_PENDING,     /* authorization_pending: ask again */
        TOKEN_SLOW_DOWN,   /* likewise, and less often */
} TokenOutcome;

typedef struct TokenAnswer {
        TokenOutcome outcome;
        OidcReason reason;
        Secret *access_token, *id_token; /* of TOKEN_GIVEN; id_token is NULL with oauth2 */
} TokenAnswer;

void token_answer_deinit(TokenAnswer *answer);
TokenAnswer token_answer_parse(const Provider *provider, const HttpAnswer *answer);

/* The error that stands in @answer, in words that are ours: for people. */
const char *answer_error(const HttpAnswer *answer);
