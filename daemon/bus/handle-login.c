/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/core/login.h"

static const UnpackKey context_keys[] = {
        { WIRE_KEY_RHOST,     UNPACK_TEXT,  WIRE_RHOST_MAX,     offsetof(LoginRequest, rhost)     },
        { WIRE_KEY_TTY,       UNPACK_TEXT,  WIRE_NAME_MAX,      offsetof(LoginRequest, tty)       },
        { WIRE_KEY_SESSION,   UNPACK_TEXT,  WIRE_NAME_MAX,      offsetof(LoginRequest, session)   },
        { WIRE_KEY_AUTH_INFO, UNPACK_LINES, WIRE_AUTH_INFO_MAX, offsetof(LoginRequest, auth_info) },
        { NULL },
};

/* What Authenticate alone knows, too. */
static const UnpackKey authenticate_keys[] = {
        { WIRE_KEY_RHOST,     UNPACK_TEXT,  WIRE_RHOST_MAX,     offsetof(LoginRequest, rhost)     },
        { WIRE_KEY_TTY,       UNPACK_TEXT,  WIRE_NAME_MAX,      offsetof(LoginRequest, tty)       },
        { WIRE_KEY_SESSION,   UNPACK_TEXT,  WIRE_NAME_MAX,      offsetof(LoginRequest, session)   },
        { WIRE_KEY_AUTH_INFO, UNPACK_LINES, WIRE_AUTH_INFO_MAX, offsetof(LoginRequest, auth_info) },
        { WIRE_KEY_FLOW,      UNPACK_TEXT,  WIRE_NAME_MAX,      offsetof(LoginRequest, flow)      },
        { WIRE_KEY_HURRY,     UNPACK_BOOL,  0,                  offsetof(LoginRequest, hurry)     },
        { NULL },
};

/* (user s, service s, context a{sv}, …), as each of these methods begins. */
static int unpack_login(Request *request, const UnpackKey *keys, LoginRequest *ret) {
        LoginRequest login = { .user = NULL };
        int r;

        r = unpack_text(request, 0, "user", WIRE_NAME_MAX, &login.user);
        if (r != 0)
                return r;
        r = unpack_text(request, 1, "service", WIRE_NAME_MAX, &login.service);
        if (r != 0)
                return r;
        r = unpack_dict(request, 2, keys, &login);
        if (r != 0)
                return r;
        *ret = login;
        return 0;
}

int handle_login_authenticate(Request *request) {
        _cleanup_secret_ Secret *secret = NULL;
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        LoginRequest login;
        int r;

        r = unpack_login(request, authenticate_keys, &login);
        if (r != 0)
                return r;
        r = unpack_secret(request, 3, "secret", WIRE_SECRET_MAX, &secret);
        if (r != 0)
                return r;
        r = login_authenticate(request->core, &request->caller, &login, secret, &answer);
        if (r != 0)
                return r;
        pack_answer(request, &answer);
        return 0;
}

typedef int (*LoginQuestion)(Core *core, const Caller *caller, const LoginRequest *login, LoginAnswer *ret);

/* Those that need no secret differ by their question alone. */
static int ask(Request *request, LoginQuestion question) {
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        LoginRequest login;
        int r;

        r = unpack_login(request, context_keys, &login);
        if (r != 0)
                return r;
        r = question(request->core, &request->caller, &login, &answer);
        if (r != 0)
                return r;
        pack_answer(request, &answer);
        return 0;
}

int handle_login_check(Request *request) {
        return ask(request, login_check);
}

int handle_login_authorize(Request *request) {
        return ask(request, login_authorize);
}

int handle_login_has_role(Request *request) {
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        LoginRequest login = { .service = "sudo" };
        const char *role;
        int r;

        r = unpack_text(request, 0, "user", WIRE_NAME_MAX, &login.user);
        if (r != 0)
                return r;
        r = unpack_text(request, 1, "role", WIRE_NAME_MAX, &role);
        if (r != 0)
                return r;
        r = unpack_dict(request, 2, context_keys, &login);
        if (r != 0)
                return r;
        r = login_has_role(request->core, &request->caller, &login, role, &answer);
        if (r != 0)
                return r;
        pack_answer(request, &answer);
        return 0;
}

int handle_login_open_session(Request *request) {
        return ask(request, login_open);
}

int handle_login_close_session(Request *request) {
        const char *session;
        int r;

        r = unpack_text(request, 0, "session", WIRE_NAME_MAX, &session);
        if (r != 0)
                return r;
        return login_close(request->core, &request->caller, session);
}

int handle_login_change_password(Request *request) {
        _cleanup_secret_ Secret *current = NULL, *password = NULL;
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        LoginRequest login;
        int r;

        r = unpack_login(request, context_keys, &login);
        if (r != 0)
                return r;
        r = unpack_secret(request, 3, "current password", WIRE_PASSWORD_MAX, &current);
        if (r != 0)
                return r;
        r = unpack_secret(request, 4, "new password", WIRE_PASSWORD_MAX, &password);
        if (r != 0)
                return r;
        r = login_change_password(request->core, &request->caller, &login, current, password, &answer);
        if (r != 0)
                return r;
        pack_answer(request, &answer);
        return 0;
}
