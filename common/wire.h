/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The names on the wire: what the daemon serves and its clients call. The interface XML beside the
 * daemon's edge (daemon/bus/org.tessera.Tessera1.xml) says what each method means.
 */

#define WIRE_BUS_NAME "org.tessera.Tessera1"
#define WIRE_OBJECT_PATH "/org/tessera/Tessera1"

#define WIRE_INTERFACE_DAEMON "org.tessera.Tessera1.Daemon"
#define WIRE_INTERFACE_LOGIN "org.tessera.Tessera1.Login"
#define WIRE_INTERFACE_SESSIONS "org.tessera.Tessera1.Sessions"
#define WIRE_INTERFACE_TOKENS "org.tessera.Tessera1.Tokens"
#define WIRE_INTERFACE_USERS "org.tessera.Tessera1.Users"
#define WIRE_INTERFACE_ROLES "org.tessera.Tessera1.Roles"
#define WIRE_INTERFACE_POLICY "org.tessera.Tessera1.Policy"
#define WIRE_INTERFACE_THROTTLE "org.tessera.Tessera1.Throttle"
#define WIRE_INTERFACE_KEYS "org.tessera.Tessera1.Keys"
#define WIRE_INTERFACE_DEVICES "org.tessera.Tessera1.Devices"
#define WIRE_INTERFACE_MONITOR "org.tessera.Tessera1.Monitor"
#define WIRE_INTERFACE_TRUST "org.tessera.Tessera1.Trust"

/* The same objects peer to peer, 0600 root; see DESIGN "Processes and trust". */
#define WIRE_PRIVATE_SOCKET "/run/tessera/private"
#define WIRE_SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"

/* The PAM environment variable that carries a session's id: a handle, never a secret or proof. */
#define WIRE_PAM_ENV_SESSION "TESSERA_SESSION"

/* The account that runs the daemon and so the only one that may own WIRE_BUS_NAME. */
#define WIRE_DAEMON_USER "tessera"

/* Caps in bytes without a terminator; longer input is refused before anything parses it. */
#define WIRE_PASSWORD_MAX 1024
#define WIRE_TOKEN_MAX 8192
#define WIRE_SECRET_MAX WIRE_TOKEN_MAX /* the answer to a prompt may be either */
#define WIRE_QUERY_MAX 16384           /* what a browser brings back from a provider */
#define WIRE_NAME_MAX 256              /* user, service, role, tty, reason */
#define WIRE_USER_MAX 32               /* useradd(8)'s own limit */
#define WIRE_RHOST_MAX 1024            /* NI_MAXHOST - 1, as PAM_RHOST may be a name */
#define WIRE_AUTH_INFO_MAX 16384       /* sshd's SSH_AUTH_INFO_0: method and public key */
#define WIRE_ACCESS_TOKEN_MAX 511      /* sudo's longest answer; no access token of ours is longer */
#define WIRE_TICKET_MAX 1023           /* ssh's; no ticket is longer */
#define WIRE_JWKS_MAX 65536            /* an exported JWKS, of any number of keys */
#define WIRE_DEVICE_NAME_MAX 64        /* a device's name: name_is_word() */
#define WIRE_DEVICE_ID_LENGTH 32       /* lower-case hex */

/* A session id is 128 random bits, shown as lower-case hex. */
#define WIRE_SESSION_ID_LENGTH 32
#define WIRE_SESSION_ID_SHOWN 8

/* The prompt, whatever the service. `tessera askpass` answers exactly this one. */
#define WIRE_PROMPT "Password or token: "

/* Verdicts of Login.*, Sessions.StepUp and FinishSignIn. Only ALLOW means yes; an unknown word is a no. */
#define WIRE_VERDICT_ALLOW "allow"
#define WIRE_VERDICT_DENY "deny"
#define WIRE_VERDICT_STEP_UP "step-up"
#define WIRE_VERDICT_NOT_OURS "not-ours" /* tessera positively does not know this user */
#define WIRE_VERDICT_PENDING "pending"   /* a sign-in at a provider is under way: ask again; never a yes */

/* Reasons that come with a verdict (key WIRE_KEY_REASON) and stand in the audit log. */
#define WIRE_REASON_CREDENTIAL "credential"     /* wrong, expired, revoked, throttled, disabled */
#define WIRE_REASON_ROLE_MISSING "role-missing" /* the message names the role */
#define WIRE_REASON_REVOKED "revoked"           /* this login's own session was revoked */
#define WIRE_REASON_DISABLED "disabled"         /* said in account only, after authentication */
#define WIRE_REASON_STALE "stale"               /* step-up: no session, or too old */
#define WIRE_REASON_METHOD "method"             /* step-up: by another method */
#define WIRE_REASON_SESSION "session"           /* OpenSession: the handle does not belong here */
#define WIRE_REASON_PASSWORD "password"         /* ChangePassword: the new one is no password; the message says why */
#define WIRE_REASON_NOT_YOURS "not-yours"       /* ChangePassword: neither root nor that user asks */

/* Keys of the a{sv} "context" that a caller of Login.* sends; an unknown key is refused. */
#define WIRE_KEY_RHOST "rhost"         /* s: PAM_RHOST */
#define WIRE_KEY_TTY "tty"             /* s: PAM_TTY */
#define WIRE_KEY_SESSION "session"     /* s: WIRE_PAM_ENV_SESSION as found; in results the id */
#define WIRE_KEY_AUTH_INFO "auth-info" /* s: SSH_AUTH_INFO_0, what sshd itself accepted */
#define WIRE_KEY_FLOW "flow"           /* s: a sign-in at a provider, 32 hex digits; in results too */
#define WIRE_KEY_HURRY "hurry"         /* b: whoever sits there says that it is approved */

/* Keys of the a{sv} "result". */
#define WIRE_KEY_REASON "reason"   /* s: one of WIRE_REASON_* */
#define WIRE_KEY_MESSAGE "message" /* s: one line for the user, free of control characters */

/* And of a sign-in at a provider that begins, where somebody is sent. */
#define WIRE_KEY_PROVIDER "provider"         /* s: its name, as in methods=oidc:NAME */
#define WIRE_KEY_URI "uri"                   /* s: https */
#define WIRE_KEY_URI_COMPLETE "uri-complete" /* s: the same with the code inside; may be absent */
#define WIRE_KEY_USER_CODE "user-code"       /* s: absent in a code flow */
#define WIRE_KEY_HOST "host"                 /* s: this host, which the person must find there */
#define WIRE_KEY_EXPIRES_IN "expires-in"     /* u: seconds */

/* D-Bus error names: WIRE_ERROR_PREFIX followed by one of these words. */
#define WIRE_ERROR_PREFIX "org.tessera.Tessera1.Error."
#define WIRE_ERROR_INVALID WIRE_ERROR_PREFIX "InvalidArgument"
#define WIRE_ERROR_DENIED WIRE_ERROR_PREFIX "AccessDenied"
#define WIRE_ERROR_STALE WIRE_ERROR_PREFIX "Stale"
#define WIRE_ERROR_NOT_FOUND WIRE_ERROR_PREFIX "NotFound"
#define WIRE_ERROR_AMBIGUOUS WIRE_ERROR_PREFIX "Ambiguous"
#define WIRE_ERROR_EXISTS WIRE_ERROR_PREFIX "Exists"
#define WIRE_ERROR_NOT_SIGNED_IN WIRE_ERROR_PREFIX "NotSignedIn"
#define WIRE_ERROR_CREDENTIAL WIRE_ERROR_PREFIX "WrongCredential"
#define WIRE_ERROR_NOT_PREPARED WIRE_ERROR_PREFIX "NotPrepared"
#define WIRE_ERROR_THROTTLED WIRE_ERROR_PREFIX "Throttled"
#define WIRE_ERROR_BUSY WIRE_ERROR_PREFIX "Busy"
#define WIRE_ERROR_STORE WIRE_ERROR_PREFIX "StoreUnavailable"
#define WIRE_ERROR_INTERNAL WIRE_ERROR_PREFIX "Internal"
