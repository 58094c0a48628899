/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The nouns of the daemon as plain values: user, session, event. The store keeps them, core
 * decides on them, the edge shows them. Strings are GLib's and owned by the struct; NULL is unset.
 * All times are Unix seconds (UTC); 0 is unset.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/device-window.h"

#define UID_UNSET ((uid_t) -1)          /* never 0: an unset uid must not be root's */
#define AUDIT_ID_UNSET ((uint32_t) -1)  /* what the kernel says outside every login */
#define SESSION_ID_SIZE 33              /* 32 hex digits and the end */

/* User: a Unix account that tessera knows. */
typedef struct User {
        char *name;
        uid_t uid; /* the account's at the time of `user add`; another one now means another account */
        bool enabled;
        char *password_hash; /* libsodium's Argon2id string; NULL: no password */
        int64_t created;
        char *awaits; /* the provider whose next sign-in by this name is linked to it; NULL: none */
} User;

User *user_new(void);            /* uid UID_UNSET, disabled */
User *user_copy(const User *user);
User *user_free(User *user);     /* wipes the hash; accepts NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(User, user_free)

/* Session states; every change goes through session_transition(). */
typedef enum SessionState {
        SESSION_PENDING,
        SESSION_ACTIVE,
        SESSION_CLOSED,
        SESSION_REVOKED,
        SESSION_EXPIRED,
        _SESSION_STATE_MAX,
        _SESSION_STATE_INVALID = -1,
} SessionState;

typedef enum SessionEvent {
        SESSION_EVENT_OPEN,   /* open_session found the pending session */
        SESSION_EVENT_CLOSE,  /* logout, end of the login, evicted by the cap, another boot */
        SESSION_EVENT_REVOKE, /* by hand, by disabling, removing, changing the password */
        SESSION_EVENT_EXPIRE, /* idle or lifetime over */
        _SESSION_EVENT_MAX,
} SessionEvent;

const char *session_state_to_string(SessionState state);
SessionState session_state_from_string(const char *text); /* _SESSION_STATE_INVALID when unknown */

/* The one transition table: the state after @event, or _SESSION_STATE_INVALID where it may not happen. */
SessionState session_transition(SessionState state, SessionEvent event);

/*
 * Roles that somebody's groups at a provider gave him when he signed in there: lines of its group-roles= as
 * they stood then. Whether one still counts is asked at each decision (subject_enter() in core). Zeroed: none.
 */
typedef struct Granted {
        char *issuer;  /* by these two, and no name, it is known who signed in, and where */
        char *subject;
        char **pairs;  /* "GROUP:ROLE" */
} Granted;

Granted granted_copy(const Granted *granted);
void granted_deinit(Granted *granted);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Granted, granted_deinit)

/* Session: one login on one host, as the server sees it. */
typedef struct Session {
        char id[SESSION_ID_SIZE];
        char *user;
        uid_t uid;
        char *host;
        char *service;
        char *rhost;       /* as sshd said; NULL: local */
        char *tty;
        char **methods;    /* "pwd", "tok", "pop", "oidc:NAME": how this login was proven */
        int64_t auth_time; /* when a human last proved something; 0: never */
        char *auth_method; /* the method that set auth_time */
        int64_t opened, seen, ends;
        int64_t ended;     /* when it left SESSION_ACTIVE */
        SessionState state;
        char *end_reason;  /* "logout", "login-ended", "revoked", "idle", "lifetime", "evicted", … or an admin's text */
        char parent[SESSION_ID_SIZE]; /* "" without */
        uint32_t audit_id; /* AUDIT_ID_UNSET: not bound to a login */
        char *boot_id;     /* of the boot that audit_id belongs to */
        char *logind_id;   /* logind's session, from the cgroup */
        char **roles;      /* at its start, for people; decisions look live */
        char **role_cap;   /* at most these, whatever the policy says (from a ticket); NULL: no cap, empty: none */
        Granted granted;   /* by the last sign-in at a provider, within the cap too */
        char device[SESSION_ID_SIZE]; /* the device it came from; "" without */
} Session;

Session *session_new(void); /* uid UID_UNSET, audit id unset, pending */
Session *session_copy(const Session *session);
Session *session_free(Session *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)

/*
 * Device: a machine that may act for a user, by refresh tokens that it makes itself
 * (common/refresh-token.h). It carries the freshness and the cap of the login that registered it,
 * and never gets fresher.
 */
#define DEVICE_PUBLIC_SIZE 32

typedef struct Device {
        char id[SESSION_ID_SIZE]; /* 128 bits as 32 hex digits */
        char *name;               /* for people: "laptop" */
        char *user;
        uid_t uid;
        char *audience;           /* what its tokens are signed for: this host's name when it was registered */
        unsigned char public_key[DEVICE_PUBLIC_SIZE];
        DeviceWindow window;
        int64_t auth_time;        /* of its origin; 0: none */
        char *auth_method;
        char **role_cap;          /* as the session's that registered it */
        int64_t created;
        int64_t used;             /* last; 0: never */
        char *from;               /* rhost of the last use; NULL */
        int64_t ends;             /* whatever is done with it */
        int64_t revoked;          /* when; 0: it is not */
        char *revoke_reason;      /* "reuse", "password-changed", "disabled", … or a person's text */
} Device;

#define DEVICE_REASON_REUSE "reuse"

Device *device_new(void); /* uid UID_UNSET */
Device *device_copy(const Device *device);
Device *device_free(Device *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Device, device_free)

/* Assignment: a role that an administrator gave a user, beside what policy.conf says. One per user and role. */
typedef struct Assignment {
        char *user;
        uid_t uid;
        char *role;
        int64_t created;
        int64_t until; /* it counts before this moment; 0: until it is taken away */
        char *by;      /* who gave it: "root", or an administrator's name */
        char *reason;  /* their words; NULL */
} Assignment;

Assignment *assignment_new(void); /* uid UID_UNSET */
Assignment *assignment_copy(const Assignment *assignment);
Assignment *assignment_free(Assignment *assignment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Assignment, assignment_free)

/*
 * Who a user is at an identity provider. (issuer, subject) is what is for ever the same there: no name
 * and no address, which move from one person to another. One per user and issuer.
 */
typedef struct UserIdentity {
        char *issuer;
        char *subject;
        char *user;
        uid_t uid;
        char *provider; /* as it was called then: for showing */
        int64_t linked;
        char *by;       /* "root", an administrator's name, or "oidc:NAME": a first sign-in */
} UserIdentity;

UserIdentity *user_identity_new(void); /* uid UID_UNSET */
UserIdentity *user_identity_copy(const UserIdentity *identity);
UserIdentity *user_identity_free(UserIdentity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UserIdentity, user_identity_free)

/* What a user owes under one limit (throttle.h), as the store keeps it. */
typedef struct UserDebt {
        uid_t uid;
        char *limit;      /* "known-client", "known-host", "local", "other-hosts" */
        char *key;        /* which client or network of the user's; "" where there is one only */
        int64_t until;    /* when it is paid back */
        unsigned failures; /* since the last success; 0: nothing is owed, and nothing is kept */
} UserDebt;

UserDebt *user_debt_copy(const UserDebt *debt);
UserDebt *user_debt_free(UserDebt *debt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UserDebt, user_debt_free)

/*
 * The same, where the hosts of a fleet keep it together. Its time is told by how much of it is left, for their
 * clocks need not agree.
 */
typedef struct SharedDebt {
        uid_t uid;
        char *limit;
        char *key;
        int64_t left;     /* ms until it is paid back; negative: since */
        unsigned failures; /* 0: nothing is owed, and nothing is kept */
        int64_t keep;     /* ms that it is kept after that; 0: until somebody changes it */
        uint64_t version; /* no two changes in a fleet have the same; 0: nothing is kept */
} SharedDebt;

SharedDebt *shared_debt_copy(const SharedDebt *debt);
SharedDebt *shared_debt_free(SharedDebt *debt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SharedDebt, shared_debt_free)

/* What a person who logs in is told. All of it is of before that login. */
typedef struct LoginNews {
        int64_t last;         /* the last login; 0: none */
        char *last_from;      /* its rhost; NULL: local */
        unsigned failures;    /* wrong answers since */
        int64_t failed;       /* the last of them */
        char *failed_from;
} LoginNews;

void login_news_deinit(LoginNews *news);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LoginNews, login_news_deinit)

/* Event: what happened to a session, for `session show`. Never holds a secret. */
typedef struct Event {
        char session[SESSION_ID_SIZE];
        int64_t time;
        char *event;   /* "opened", "step-up", "used" (sudo said yes), "refused", "closed", "revoked", … */
        char *service; /* that asked; may be NULL */
        char *detail;  /* may be NULL */
} Event;

Event *event_copy(const Event *event);
Event *event_free(Event *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Event, event_free)
