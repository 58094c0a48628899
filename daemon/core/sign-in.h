/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Sign-ins at a provider that are under way: one between the moment where somebody is shown a link
 * and the moment where it is known who approved it. In memory only; a restart forgets them.
 *
 *   begin   who is at the prompt asks for one. It is charged as an attempt from there, whoever the user is
 *           and whether anybody is linked: nobody can tell that from it. Where the user is known (his host,
 *           key, login, the console) it is his own attempt; elsewhere the host's alone (attempt.c).
 *   answer  asked again and again: pending, until somebody approved, and then once who that is
 *
 * A sign-in belongs to the process that began it (by pid and start time), for that user and service;
 * nobody else's word about it counts. It ends when it is answered, when its deadline is over, when
 * its process is gone, or with the provider's own expiry, and is then cancelled at the helper: nothing
 * is left running. After the first answer that was asked for in earnest (sign_in_answer() with
 * @hurry) it has SIGN_IN_HURRY_S left, so that Enter too early is a no and not a wait for ever.
 *
 * At most SIGN_IN_MAX, about SIGN_IN_PER_UID of them of one user who runs programs here. At most
 * SIGN_IN_AT_ONCE wait for a provider at one moment (to begin, or with what a browser brought), so that a
 * slow one takes no workers away from passwords and tokens. As many ask what the helper knows, which it
 * says at once: whoever has approved gets in meanwhile.
 */

#include "daemon/core/caller.h"
#include "daemon/core/clock.h"
#include "daemon/core/provider-source.h"

#define SIGN_IN_MAX 256
#define SIGN_IN_PER_UID 16
#define SIGN_IN_AT_ONCE 4
#define SIGN_IN_LIFETIME_S 600
#define SIGN_IN_HURRY_S 20

typedef struct SignIns SignIns;

SignIns *sign_ins_new(const Clock *clock, const ProviderSource *source);
SignIns *sign_ins_free(SignIns *sign_ins); /* accepts NULL, returns NULL; cancels all */

typedef struct SignInWish {
        const char *provider;
        const char *redirect_uri; /* NULL: a device flow */
        const char *user;         /* by its one name, however it was spelled */
        const char *service;
        const Caller *caller;
        uint64_t mark;            /* of the user, when it began (pending.h): given back with the answer */
} SignInWish;

enum {
        _SIGN_IN_E_SUCCESS = 0,
        SIGN_IN_E_BUSY,    /* too many, of this user or of all, or too many at once */
        SIGN_IN_E_UNKNOWN, /* no such sign-in of this process, user and service */
};

/*
 * 0 and the handle (32 hex digits) and what to show; SIGN_IN_E_BUSY; or a negative errno of the source.
 * A process has one: what it began before is cancelled.
 */
int sign_in_begin(SignIns *sign_ins, const SignInWish *wish, char ret_handle[PROVIDER_FLOW_SIZE], ProviderFlow *ret);

typedef struct SignInAnswer {
        ProviderState state;
        ProviderIdentity identity;
        char *provider; /* which one it is at; NULL with an EXPIRED of our own */
        uint64_t mark;  /* the wish's that began it */
} SignInAnswer;

void sign_in_answer_deinit(SignInAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SignInAnswer, sign_in_answer_deinit)

/*
 * 0 and how it stands; any end forgets it. SIGN_IN_E_UNKNOWN (also where it was dropped while the
 * helper was asked), SIGN_IN_E_BUSY, or a negative errno (then it is as before). @query: what the
 * browser brought; NULL in a device flow. @hurry: whoever sits there says that it is done.
 */
int sign_in_answer(SignIns *sign_ins, const char *handle, const SignInWish *wish, const char *query, size_t size,
                   bool hurry, SignInAnswer *ret);

/* Ends those whose time is over or whose process is gone (@alive says); called every few seconds. */
void sign_ins_sweep(SignIns *sign_ins, bool (*alive)(const Process *process, void *data), void *data);
/* Ends all of @user (disabled, removed, revoked; NULL: everybody's). */
void sign_ins_drop(SignIns *sign_ins, const char *user);
unsigned sign_ins_size(SignIns *sign_ins);
