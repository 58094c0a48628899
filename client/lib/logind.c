/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "client/lib/call.h"
#include "client/lib/client-private.h"
#include "client/lib/logind.h"

#define LOGIND_NAME "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER LOGIND_NAME ".Manager"
#define LOGIND_SESSION LOGIND_NAME ".Session"
#define PROPERTIES "org.freedesktop.DBus.Properties"

int logind_connect(uint64_t deadline, Client **ret) {
        return client_connect_root(LOGIND_NAME, deadline, ret);
}

/* Sends and tells logind's own "no such …" errors from the others. */
static int call_logind(Client *logind, ClientMessage *call, ClientMessage **ret) {
        static const char *const missing[] = {
                LOGIND_NAME ".NoSessionForPID",
                LOGIND_NAME ".NoSuchSession",
                LOGIND_NAME ".NoSuchUser",
                LOGIND_NAME ".NoUserForPID",
        };
        ClientError error;
        int r;

        r = client_message_call(logind, call, ret, &error);
        for (size_t i = 0; r == CLIENT_E_UNREACHABLE && i < sizeof(missing) / sizeof(missing[0]); i++)
                if (strcmp(error.name, missing[i]) == 0)
                        return CLIENT_E_NOT_FOUND;
        return r;
}

static int manager_call(Client *logind, const char *method, ClientMessage **ret) {
        return client_message_new(logind, logind->peer, LOGIND_PATH, LOGIND_MANAGER, method, ret);
}

/* Reads a property of the session object at @path up to its value, which has the type @type. */
static int get_property(Client *logind, const char *path, const char *name, const char *type, ClientMessage **ret) {
        _cleanup_client_message_ ClientMessage *call = NULL;
        _cleanup_client_message_ ClientMessage *reply = NULL;
        int r;

        r = client_message_new(logind, logind->peer, path, PROPERTIES, "Get", &call);
        if (r == 0)
                r = client_message_add_string(call, LOGIND_SESSION);
        if (r == 0)
                r = client_message_add_string(call, name);
        if (r == 0)
                r = call_logind(logind, call, &reply);
        if (r == 0)
                r = client_message_enter(reply, 'v', type);
        if (r != 0)
                return r;
        *ret = reply;
        reply = NULL;
        return 0;
}

static int read_session(Client *logind, const char *path, LogindSession *ret) {
        _cleanup_client_message_ ClientMessage *id = NULL, *user = NULL, *began = NULL;
        LogindSession session = { .uid = (uid_t) -1 };
        const char *text;
        uint32_t uid;
        int r;

        r = get_property(logind, path, "Id", "s", &id);
        if (r == 0)
                r = client_message_read_string(id, sizeof(session.id) - 1, &text);
        if (r == 0)
                r = get_property(logind, path, "User", "(uo)", &user);
        if (r == 0)
                r = client_message_enter(user, 'r', "uo");
        if (r == 0)
                r = client_message_read_uint32(user, &uid);
        if (r == 0)
                r = get_property(logind, path, "TimestampMonotonic", "t", &began);
        if (r == 0)
                r = client_message_read_uint64(began, &session.began);
        if (r != 0)
                return r;
        memcpy(session.id, text, strlen(text) + 1);
        session.uid = (uid_t) uid;
        *ret = session;
        return 0;
}

/* @call answers with a session's object path. */
static int find_session(Client *logind, ClientMessage *call, LogindSession *ret) {
        _cleanup_client_message_ ClientMessage *reply = NULL;
        const char *path;
        int r;

        r = call_logind(logind, call, &reply);
        if (r == 0)
                r = client_message_read_path(reply, &path);
        if (r == 0)
                r = read_session(logind, path, ret);
        return r;
}

int logind_session_by_pid(Client *logind, pid_t pid, LogindSession *ret) {
        _cleanup_client_message_ ClientMessage *call = NULL;
        int r;

        r = manager_call(logind, "GetSessionByPID", &call);
        if (r == 0)
                r = client_message_add_uint32(call, (uint32_t) pid);
        return r == 0 ? find_session(logind, call, ret) : r;
}

int logind_session_by_id(Client *logind, const char *id, LogindSession *ret) {
        _cleanup_client_message_ ClientMessage *call = NULL;
        int r;

        r = manager_call(logind, "GetSession", &call);
        if (r == 0)
                r = client_message_add_string(call, id);
        return r == 0 ? find_session(logind, call, ret) : r;
}

int logind_terminate_session(Client *logind, const char *id) {
        _cleanup_client_message_ ClientMessage *call = NULL, *reply = NULL;
        int r;

        r = manager_call(logind, "TerminateSession", &call);
        if (r == 0)
                r = client_message_add_string(call, id);
        return r == 0 ? call_logind(logind, call, &reply) : r;
}

int logind_terminate_user(Client *logind, uid_t uid) {
        _cleanup_client_message_ ClientMessage *call = NULL, *reply = NULL;
        int r;

        r = manager_call(logind, "TerminateUser", &call);
        if (r == 0)
                r = client_message_add_uint32(call, (uint32_t) uid);
        return r == 0 ? call_logind(logind, call, &reply) : r;
}

int logind_kill_session(Client *logind, const char *id) {
        _cleanup_client_message_ ClientMessage *call = NULL, *reply = NULL;
        int r;

        r = manager_call(logind, "KillSession", &call);
        if (r == 0)
                r = client_message_add_string(call, id);
        if (r == 0)
                r = client_message_add_string(call, "all");
        if (r == 0)
                r = client_message_add_int32(call, SIGKILL);
        return r == 0 ? call_logind(logind, call, &reply) : r;
}

int logind_kill_user(Client *logind, uid_t uid) {
        _cleanup_client_message_ ClientMessage *call = NULL, *reply = NULL;
        int r;

        r = manager_call(logind, "KillUser", &call);
        if (r == 0)
                r = client_message_add_uint32(call, (uint32_t) uid);
        if (r == 0)
                r = client_message_add_int32(call, SIGKILL);
        return r == 0 ? call_logind(logind, call, &reply) : r;
}
