/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sodium.h>
#include <string.h>

#include "daemon/core/types.h"

User *user_new(void) {
        User *user = g_new0(User, 1);

        user->uid = UID_UNSET;
        return user;
}

User *user_copy(const User *user) {
        User *copy = g_memdup2(user, sizeof(*user));

        copy->name = g_strdup(user->name);
        copy->password_hash = g_strdup(user->password_hash);
        copy->awaits = g_strdup(user->awaits);
        return copy;
}

User *user_free(User *user) {
        if (!user)
                return NULL;
        if (user->password_hash)
                sodium_memzero(user->password_hash, strlen(user->password_hash));
        g_free(user->password_hash);
        g_free(user->awaits);
        g_free(user->name);
        g_free(user);
        return NULL;
}

static const char *const session_states[_SESSION_STATE_MAX] = {
        [SESSION_PENDING] = "pending",
        [SESSION_ACTIVE] = "active",
        [SESSION_CLOSED] = "closed",
        [SESSION_REVOKED] = "revoked",
        [SESSION_EXPIRED] = "expired",
};

const char *session_state_to_string(SessionState state) {
        g_assert(state >= 0 && state < _SESSION_STATE_MAX);
        return session_states[state];
}

SessionState session_state_from_string(const char *text) {
        for (int i = 0; i < _SESSION_STATE_MAX; i++)
                if (g_strcmp0(text, session_states[i]) == 0)
                        return (SessionState) i;
        return _SESSION_STATE_INVALID;
}

/* What is not written here may not happen; states that are over have no row. */
static const struct {
        SessionState from;
        SessionEvent event;
        SessionState to;
} transitions[] = {
        { SESSION_PENDING, SESSION_EVENT_OPEN,   SESSION_ACTIVE  },
        { SESSION_PENDING, SESSION_EVENT_CLOSE,  SESSION_CLOSED  },
        { SESSION_PENDING, SESSION_EVENT_REVOKE, SESSION_REVOKED },
        { SESSION_PENDING, SESSION_EVENT_EXPIRE, SESSION_EXPIRED },
        { SESSION_ACTIVE,  SESSION_EVENT_CLOSE,  SESSION_CLOSED  },
        { SESSION_ACTIVE,  SESSION_EVENT_REVOKE, SESSION_REVOKED },
        { SESSION_ACTIVE,  SESSION_EVENT_EXPIRE, SESSION_EXPIRED },
};

SessionState session_transition(SessionState state, SessionEvent event) {
        for (size_t i = 0; i < G_N_ELEMENTS(transitions); i++)
                if (transitions[i].from == state && transitions[i].event == event)
                        return transitions[i].to;
        return _SESSION_STATE_INVALID;
}

Granted granted_copy(const Granted *granted) {
        return (Granted) {
                .issuer = g_strdup(granted->issuer),
                .subject = g_strdup(granted->subject),
                .pairs = g_strdupv(granted->pairs),
        };
}

void granted_deinit(Granted *granted) {
        g_free(granted->issuer);
        g_free(granted->subject);
        g_strfreev(granted->pairs);
        *granted = (Granted) { .issuer = NULL };
}

Session *session_new(void) {
        Session *session = g_new0(Session, 1);

        session->uid = UID_UNSET;
        session->audit_id = AUDIT_ID_UNSET;
        session->state = SESSION_PENDING;
        return session;
}

Session *session_copy(const Session *session) {
        Session *copy = g_memdup2(session, sizeof(*session));

        copy->user = g_strdup(session->user);
        copy->host = g_strdup(session->host);
        copy->service = g_strdup(session->service);
        copy->rhost = g_strdup(session->rhost);
        copy->tty = g_strdup(session->tty);
        copy->methods = g_strdupv(session->methods);
        copy->auth_method = g_strdup(session->auth_method);
        copy->end_reason = g_strdup(session->end_reason);
        copy->boot_id = g_strdup(session->boot_id);
        copy->logind_id = g_strdup(session->logind_id);
        copy->roles = g_strdupv(session->roles);
        copy->role_cap = g_strdupv(session->role_cap);
        copy->granted = granted_copy(&session->granted);
        return copy;
}

Session *session_free(Session *session) {
        if (!session)
                return NULL;
        g_free(session->user);
        g_free(session->host);
        g_free(session->service);
        g_free(session->rhost);
        g_free(session->tty);
        g_strfreev(session->methods);
        g_free(session->auth_method);
        g_free(session->end_reason);
        g_free(session->boot_id);
        g_free(session->logind_id);
        g_strfreev(session->roles);
        g_strfreev(session->role_cap);
        granted_deinit(&session->granted);
        g_free(session);
        return NULL;
}

Device *device_new(void) {
        Device *device = g_new0(Device, 1);

        device->uid = UID_UNSET;
        return device;
}

Device *device_copy(const Device *device) {
        Device *copy = g_memdup2(device, sizeof(*device));

        copy->name = g_strdup(device->name);
        copy->user = g_strdup(device->user);
        copy->audience = g_strdup(device->audience);
        device_window_copy(&device->window, &copy->window);
        copy->auth_method = g_strdup(device->auth_method);
        copy->role_cap = g_strdupv(device->role_cap);
        copy->from = g_strdup(device->from);
        copy->revoke_reason = g_strdup(device->revoke_reason);
        return copy;
}

Device *device_free(Device *device) {
        if (!device)
                return NULL;
        g_free(device->name);
        g_free(device->user);
        g_free(device->audience);
        device_window_deinit(&device->window);
        g_free(device->auth_method);
        g_strfreev(device->role_cap);
        g_free(device->from);
        g_free(device->revoke_reason);
        g_free(device);
        return NULL;
}

Assignment *assignment_new(void) {
        Assignment *assignment = g_new0(Assignment, 1);

        assignment->uid = UID_UNSET;
        return assignment;
}

Assignment *assignment_copy(const Assignment *assignment) {
        Assignment *copy = g_memdup2(assignment, sizeof(*assignment));

        copy->user = g_strdup(assignment->user);
        copy->role = g_strdup(assignment->role);
        copy->by = g_strdup(assignment->by);
        copy->reason = g_strdup(assignment->reason);
        return copy;
}

Assignment *assignment_free(Assignment *assignment) {
        if (!assignment)
                return NULL;
        g_free(assignment->user);
        g_free(assignment->role);
        g_free(assignment->by);
        g_free(assignment->reason);
        g_free(assignment);
        return NULL;
}

UserIdentity *user_identity_new(void) {
        UserIdentity *identity = g_new0(UserIdentity, 1);

        identity->uid = UID_UNSET;
        return identity;
}

UserIdentity *user_identity_copy(const UserIdentity *identity) {
        UserIdentity *copy = g_memdup2(identity, sizeof(*identity));

        copy->issuer = g_strdup(identity->issuer);
        copy->subject = g_strdup(identity->subject);
        copy->user = g_strdup(identity->user);
        copy->provider = g_strdup(identity->provider);
        copy->by = g_strdup(identity->by);
        return copy;
}

UserIdentity *user_identity_free(UserIdentity *identity) {
        if (!identity)
                return NULL;
        g_free(identity->issuer);
        g_free(identity->subject);
        g_free(identity->user);
        g_free(identity->provider);
        g_free(identity->by);
        g_free(identity);
        return NULL;
}

void login_news_deinit(LoginNews *news) {
        g_free(news->last_from);
        g_free(news->failed_from);
        *news = (LoginNews) {};
}

Event *event_copy(const Event *event) {
        Event *copy = g_memdup2(event, sizeof(*event));

        copy->event = g_strdup(event->event);
        copy->service = g_strdup(event->service);
        copy->detail = g_strdup(event->detail);
        return copy;
}

Event *event_free(Event *event) {
        if (!event)
                return NULL;
        g_free(event->event);
        g_free(event->service);
        g_free(event->detail);
        g_free(event);
        return NULL;
}

UserDebt *user_debt_copy(const UserDebt *debt) {
        UserDebt *copy = g_memdup2(debt, sizeof(UserDebt));

        copy->limit = g_strdup(debt->limit);
        copy->key = g_strdup(debt->key);
        return copy;
}

UserDebt *user_debt_free(UserDebt *debt) {
        if (!debt)
                return NULL;
        g_free(debt->limit);
        g_free(debt->key);
        g_free(debt);
        return NULL;
}

SharedDebt *shared_debt_copy(const SharedDebt *debt) {
        SharedDebt *copy = g_new(SharedDebt, 1);

        *copy = *debt;
        copy->limit = g_strdup(debt->limit);
        copy->key = g_strdup(debt->key);
        return copy;
}

SharedDebt *shared_debt_free(SharedDebt *debt) {
        if (!debt)
                return NULL;
        g_free(debt->limit);
        g_free(debt->key);
        g_free(debt);
        return NULL;
}
