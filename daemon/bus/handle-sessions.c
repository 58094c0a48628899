/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "common/error.h"
#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/bus/whose.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/user-admin.h"

#define REVOKE_IDS_MAX 512
#define REVOKE_REASON_MAX 200

int handle_sessions_get_current(Request *request) {
        g_autoptr(Session) session = NULL;
        int r;

        r = session_current(request->core, &request->caller, &session);
        if (r != 0)
                return r;
        request->reply = g_variant_ref_sink(g_variant_new("(@a{sv})", pack_session(session, &request->caller)));
        return 0;
}

typedef struct ListFilter {
        const char *user;
        const char *host;
        bool all_users;
        bool ended;
} ListFilter;

static const UnpackKey filter_keys[] = {
        { "user",      UNPACK_TEXT, WIRE_NAME_MAX, offsetof(ListFilter, user)      },
        { "host",      UNPACK_TEXT, WIRE_NAME_MAX, offsetof(ListFilter, host)      },
        { "all-users", UNPACK_BOOL, 0,             offsetof(ListFilter, all_users) },
        { "ended",     UNPACK_BOOL, 0,             offsetof(ListFilter, ended)     },
        { NULL },
};

int handle_sessions_list(Request *request) {
        g_autoptr(GPtrArray) sessions = NULL;
        ListFilter filter = { .user = NULL };
        SessionFilter wanted = { .uid = UID_UNSET };
        GVariantBuilder list;
        int r;

        r = unpack_dict(request, 0, filter_keys, &filter);
        if (r != 0)
                return r;
        wanted.host = filter.host;
        wanted.ended = filter.ended;
        r = whose_uid(request, filter.user, filter.all_users, &wanted.uid);
        if (r != 0)
                return r;
        r = session_list(request->core, &request->caller, &wanted, &sessions);
        if (r != 0)
                return r;
        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (guint i = 0; i < sessions->len; i++)
                g_variant_builder_add_value(&list, pack_session(sessions->pdata[i], &request->caller));
        request->reply = g_variant_ref_sink(g_variant_new("(aa{sv})", &list));
        return 0;
}

static GVariant *pack_event(const Event *event) {
        GVariantBuilder dict;

        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_time(&dict, "time", event->time);
        pack_text(&dict, "event", event->event);
        pack_text(&dict, "service", event->service);
        pack_text(&dict, "detail", event->detail);
        return g_variant_builder_end(&dict);
}

int handle_sessions_show(Request *request) {
        g_autoptr(GPtrArray) events = NULL;
        g_autoptr(Session) session = NULL;
        GVariantBuilder list;
        const char *id;
        int r;

        r = unpack_text(request, 0, "id", WIRE_NAME_MAX, &id);
        if (r != 0)
                return r;
        r = session_show(request->core, &request->caller, id, &session, &events);
        if (r != 0)
                return r;
        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (guint i = 0; i < events->len; i++)
                g_variant_builder_add_value(&list, pack_event(events->pdata[i]));
        request->reply = g_variant_ref_sink(
                g_variant_new("(@a{sv}aa{sv})", pack_session(session, &request->caller), &list));
        return 0;
}

/* SessionRevoke with the ids as they are unpacked. */
typedef struct RevokeWhat {
        const char **ids;
        SessionRevoke revoke;
} RevokeWhat;

static const UnpackKey what_keys[] = {
        { "ids",       UNPACK_WORDS, REVOKE_IDS_MAX, offsetof(RevokeWhat, ids)           },
        { "user",      UNPACK_TEXT,  WIRE_NAME_MAX,  offsetof(RevokeWhat, revoke.user)   },
        { "others",    UNPACK_BOOL,  0,              offsetof(RevokeWhat, revoke.others) },
        { "all-users", UNPACK_BOOL,  0,              offsetof(RevokeWhat, revoke.all)    },
        { NULL },
};

static const UnpackKey options_keys[] = {
        { "keep-login", UNPACK_BOOL, 0,                 offsetof(RevokeWhat, revoke.keep_login) },
        { "reason",     UNPACK_TEXT, REVOKE_REASON_MAX, offsetof(RevokeWhat, revoke.reason)     },
        { NULL },
};

static int unpack_revoke(Request *request, RevokeWhat *what) {
        int r;

        r = unpack_dict(request, 0, what_keys, what);
        if (r != 0)
                return r;
        r = unpack_dict(request, 1, options_keys, what);
        if (r != 0)
                return r;
        if (what->ids && !what->ids[0])
                return request_refuse(request, CORE_E_INVALID, "\"ids\" is empty");
        if (!!what->ids + !!what->revoke.user + what->revoke.others + what->revoke.all != 1)
                return request_refuse(request, CORE_E_INVALID,
                                      "name exactly one of \"ids\", \"user\", \"others\" and \"all-users\"");
        what->revoke.ids = what->ids;
        return 0;
}

int handle_sessions_revoke(Request *request) {
        g_autoptr(GPtrArray) ended = NULL;
        g_autofree char *culprit = NULL;
        RevokeWhat what = { .ids = NULL };
        int r;

        r = unpack_revoke(request, &what);
        if (r == 0)
                r = session_revoke(request->core, &request->caller, &what.revoke, &ended, &culprit);
        if (r == 0)
                request->reply = g_variant_ref_sink(g_variant_new("(@as)", pack_session_ids(ended)));
        if (r > 0 && culprit)
                (void) request_refuse(request, r, "%s: \"%s\"", r == CORE_E_AMBIGUOUS ? "ambiguous" : "not found",
                                      culprit);
        g_free(what.ids);
        return r;
}

int handle_sessions_logout(Request *request) {
        g_autoptr(GPtrArray) ended = NULL;
        gboolean others;
        int r;

        g_variant_get(request->arguments, "(b)", &others);
        r = session_logout(request->core, &request->caller, others, &ended);
        if (r != 0)
                return r;
        request->reply = g_variant_ref_sink(g_variant_new("(@as)", pack_session_ids(ended)));
        return 0;
}

/* Who calls, by name: g_free. 0, CORE_E_DENIED or a negative errno. */
static int own_name(Request *request, char **ret) {
        g_autoptr(Identity) identity = NULL;
        int r;

        r = request->identities->look_up(request->identities, NULL, request->caller.uid, &identity);
        if (r == IDENTITY_E_NOT_FOUND)
                return request_refuse(request, CORE_E_DENIED, "uid %u has no Unix account",
                                      (unsigned) request->caller.uid);
        if (r < 0)
                return error_trace(r);
        *ret = g_strdup(identity->name);
        return 0;
}

/* What the command asks of its own login: @login but for who and for what. */
static int authenticate(Request *request, LoginRequest login, const Secret *secret, LoginAnswer *ret) {
        g_autofree char *name = NULL;
        int r;

        r = own_name(request, &name);
        if (r != 0)
                return r;
        login.user = name;
        login.service = "tessera";
        return login_authenticate(request->core, &request->caller, &login, secret, ret);
}

int handle_sessions_step_up(Request *request) {
        _cleanup_secret_ Secret *secret = NULL;
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        int r;

        r = unpack_secret(request, 0, "secret", WIRE_SECRET_MAX, &secret);
        if (r == 0) /* an empty one begins nothing: that is StartSignIn's */
                r = authenticate(request, (LoginRequest) { .provider = "" }, secret, &answer);
        if (r == 0)
                pack_answer(request, &answer);
        return r;
}

typedef struct StartOptions {
        const char *provider, *redirect_uri;
} StartOptions;

static const UnpackKey start_keys[] = {
        { "provider",     UNPACK_TEXT, WIRE_NAME_MAX, offsetof(StartOptions, provider)     },
        { "redirect_uri", UNPACK_TEXT, WIRE_NAME_MAX, offsetof(StartOptions, redirect_uri) },
        { NULL },
};

/* It did not begin: for what StartSignIn replies there is no verdict. */
static int refuse_start(Request *request, LoginAnswer *answer) {
        int r = answer->verdict == LOGIN_NOT_OURS || g_strcmp0(answer->reason, WIRE_REASON_CREDENTIAL) != 0
                        ? CORE_E_DENIED : CORE_E_CREDENTIAL;

        r = request_refuse(request, r, "%s", answer->verdict == LOGIN_NOT_OURS ? "tessera does not know you" :
                                             answer->message ? answer->message : "no sign-in begins now");
        login_answer_deinit(answer);
        return r;
}

static int reply_started(Request *request, LoginAnswer *answer) {
        GVariantBuilder result;

        if (answer->verdict != LOGIN_PENDING)
                return refuse_start(request, answer);
        g_variant_builder_init(&result, G_VARIANT_TYPE_VARDICT);
        pack_sign_in(&result, answer);
        request->reply = g_variant_ref_sink(g_variant_new("(sa{sv})", answer->flow, &result));
        login_answer_deinit(answer);
        return 0;
}

int handle_sessions_start_sign_in(Request *request) {
        _cleanup_secret_ Secret *nothing = secret_new(0);
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        StartOptions options = { .provider = NULL };
        g_autofree char *provider = NULL;
        int r;

        r = unpack_dict(request, 0, start_keys, &options);
        if (r != 0)
                return r;
        if (!nothing)
                return error_trace(-ENOMEM);
        provider = options.provider ? g_strdup(options.provider) : login_default_provider(request->core);
        if (!provider || !user_provider_is_known(request->core, provider))
                return request_refuse(request, CORE_E_NOT_FOUND, provider ? "there is no identity provider \"%s\""
                                                                          : "say which identity provider%s",
                                      provider ? provider : "");
        r = authenticate(request, (LoginRequest) { .provider = provider, .redirect_uri = options.redirect_uri }, nothing,
                         &answer);
        return r == 0 ? reply_started(request, &answer) : r;
}

typedef struct FinishOptions {
        bool hurry;
} FinishOptions;

static const UnpackKey finish_keys[] = {
        { WIRE_KEY_HURRY, UNPACK_BOOL, 0, offsetof(FinishOptions, hurry) },
        { NULL },
};

int handle_sessions_finish_sign_in(Request *request) {
        _cleanup_secret_ Secret *query = NULL, *nothing = secret_new(0);
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        FinishOptions options = { .hurry = false };
        const char *flow;
        int r;

        r = unpack_text(request, 0, "flow", WIRE_NAME_MAX, &flow);
        if (r == 0)
                r = unpack_dict(request, 2, finish_keys, &options);
        if (r == 0)
                r = unpack_secret(request, 1, "query", WIRE_QUERY_MAX, &query);
        if (r != 0)
                return r;
        if (!nothing)
                return error_trace(-ENOMEM);
        r = authenticate(request, (LoginRequest) {
                .flow = flow,
                .hurry = options.hurry,
                .query = query->size > 0 ? query->data : NULL,
                .query_size = query->size,
        }, nothing, &answer);
        if (r == 0)
                pack_answer(request, &answer);
        return r;
}
