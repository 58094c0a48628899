/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The page that a browser shows after a sign-in: what happened, and what to do now. No script, nothing
 * from anywhere else, and a policy that lets none in; its one style is named by its hash.
 */

#include <glib.h>

typedef enum SignInPageKind {
        SIGN_IN_PAGE_DONE,    /* 200 */
        SIGN_IN_PAGE_REFUSED, /* 200: the browser did what it was to do */
        SIGN_IN_PAGE_BAD,     /* 400: not what we wait for */
        SIGN_IN_PAGE_GONE,    /* 410: it was here already */
} SignInPageKind;

typedef struct SignInPage {
        SignInPageKind kind;
        const char *user; /* with DONE */
        const char *host; /* with DONE and REFUSED */
        const char *why;  /* with REFUSED: a sentence without its full stop */
} SignInPage;

/* The whole HTTP response; g_free. What is put in may hold anything. */
char *sign_in_page(const SignInPage *page);
