/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Requests to providers, on the main loop. What holds for each, and no setting changes:
 *
 *     https, TLS 1.2 at least, certificate and host name checked; http only to a loopback address of
 *     a provider with allow-insecure-loopback=yes. No redirect is followed, no proxy asked, nothing
 *     of the environment read. The body is at most 256 KiB and the header 64 KiB, and all of it, from
 *     the look-up of the name to the last byte, is there within 10 s.
 *
 * Who answers is not believed to be honest: a request ends in one of the reasons of reason.h.
 */

#include "common/secret.h"
#include "daemon/oidc/reason.h"
#include "policy/providers.h"

#define HTTP_BODY_MAX (256 * 1024)
#define HTTP_HEADER_MAX (64 * 1024)
#define HTTP_DEADLINE_S 10

typedef struct Http Http;
typedef struct HttpRequest HttpRequest;

typedef struct HttpAnswer {
        OidcReason reason;  /* OIDC_GOOD: there is an answer, whatever its status */
        const char *detail; /* for people, ours or libcurl's; never NULL */
        long status;
        bool json;          /* its Content-Type says so */
        const char *body;   /* NUL-terminated; never NULL */
        size_t size;
} HttpAnswer;

/* @answer is valid for the call only. */
typedef void (*HttpDone)(const HttpAnswer *answer, gpointer data);

/* NULL when out of memory. */
Http *http_new(void);
/* There must be no request any more. */
Http *http_free(Http *http);

typedef struct HttpCall {
        const Provider *provider; /* whose authorities and exceptions hold; for the call of http_send only */
        const char *url;
        Secret *form;             /* POSTed; taken over. NULL: GET */
        Secret *authorization;    /* the header's value; taken over; may be NULL */
} HttpCall;

/*
 * Sends. @done is called once, from the main loop and never from here, unless the request is
 * cancelled, which frees it.
 */
HttpRequest *http_send(Http *http, const HttpCall *call, HttpDone done, gpointer data);
HttpRequest *http_cancel(HttpRequest *request);

/* OIDC_GOOD when the answer is JSON with the status 200. */
OidcReason http_answer_is_json(const HttpAnswer *answer);
