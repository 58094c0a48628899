/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A ProviderSource that says what the test wants, true or not. */

#include <glib.h>

#include "daemon/core/provider-source.h"

typedef struct LyingProvider LyingProvider;

struct LyingProvider {
        ProviderSource source;
        GMutex lock;
        int error;            /* what every call returns, unless 0 */
        ProviderState state;  /* what is told of every flow */
        const char *issuer, *subject, *user, *reason;
        const char *group;    /* the one that he is in; NULL: none */
        unsigned expires_in;
        unsigned begun, asked, cancelled;
        char *asked_for;      /* "PROVIDER REDIRECT-URI" of the last that began; "FLOW QUERY" of the last redirect */
        void (*while_asked)(gpointer data); /* run once, in the next look or redirect */
        void (*while_begun)(gpointer data); /* run in every begin */
        gpointer data;
};

#define LYING_PROVIDER_OF(pointer) ((LyingProvider *) (void *) (pointer))

static inline void lying_note(LyingProvider *liar, char *text) {
        g_free(liar->asked_for);
        liar->asked_for = text;
}

static inline int lying_begin(const ProviderSource *source, const char *provider, const char *redirect_uri,
                              ProviderFlow *ret) {
        LyingProvider *liar = LYING_PROVIDER_OF(source);

        if (liar->while_begun)
                liar->while_begun(liar->data);
        g_mutex_lock(&liar->lock);
        lying_note(liar, g_strdup_printf("%s %s", provider, redirect_uri ? redirect_uri : "-"));
        if (liar->error == 0) {
                (void) g_snprintf(ret->id, sizeof(ret->id), "%032x", 0xf000 + liar->begun++);
                ret->uri = g_strdup("https://login.corp.example/device");
                ret->uri_complete = redirect_uri ? NULL : g_strdup("https://login.corp.example/device?c=WDJB-MJHT");
                ret->user_code = redirect_uri ? NULL : g_strdup("WDJB-MJHT");
                ret->expires_in = liar->expires_in;
        }
        g_mutex_unlock(&liar->lock);
        return liar->error;
}

static inline int lying_tell(LyingProvider *liar, ProviderState *ret, ProviderIdentity *ret_identity) {
        void (*hook)(gpointer data) = liar->while_asked;

        liar->while_asked = NULL;
        if (hook)
                hook(liar->data);
        g_atomic_int_inc(&liar->asked);
        if (liar->error != 0)
                return liar->error;
        *ret = liar->state;
        if (liar->state == PROVIDER_STATE_APPROVED) {
                ret_identity->issuer = g_strdup(liar->issuer);
                ret_identity->subject = g_strdup(liar->subject);
                ret_identity->user = g_strdup(liar->user);
                ret_identity->groups = g_new0(char *, 2);
                ret_identity->groups[0] = g_strdup(liar->group);
        } else if (liar->state != PROVIDER_STATE_PENDING) {
                ret_identity->reason = g_strdup(liar->reason);
        }
        return 0;
}

static inline int lying_look(const ProviderSource *source, const char *flow, ProviderState *ret,
                             ProviderIdentity *ret_identity) {
        return lying_tell(LYING_PROVIDER_OF(source), ret, ret_identity);
}

static inline int lying_redirect(const ProviderSource *source, const char *flow, const char *query, size_t size,
                                 ProviderState *ret, ProviderIdentity *ret_identity) {
        LyingProvider *liar = LYING_PROVIDER_OF(source);

        lying_note(liar, g_strdup_printf("%s %.*s", flow, (int) size, query));
        return lying_tell(liar, ret, ret_identity);
}

static inline void lying_cancel(const ProviderSource *source, const char *flow) {
        g_atomic_int_inc(&LYING_PROVIDER_OF(source)->cancelled);
}

static inline int lying_check(const ProviderSource *source, const char *provider, char **ret_problem) {
        LyingProvider *liar = LYING_PROVIDER_OF(source);

        if (liar->error == 0)
                *ret_problem = g_strdup(liar->reason);
        return liar->error;
}

static inline void lying_provider_init(LyingProvider *liar) {
        *liar = (LyingProvider) {
                .source = { lying_begin, lying_look, lying_redirect, lying_cancel, lying_check },
                .state = PROVIDER_STATE_PENDING,
                .expires_in = 600,
        };
        g_mutex_init(&liar->lock);
}

static inline void lying_provider_deinit(LyingProvider *liar) {
        g_free(liar->asked_for);
        g_mutex_clear(&liar->lock);
}
