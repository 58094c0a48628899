/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Audit events are data, apart from logs. Each has a reason code and never holds a secret, nor an
 * unknown user's name (people type passwords there): such a user is NULL.
 */

#include <stdint.h>

typedef struct AuditEvent {
        const char *event;   /* "login", "step-up", "allowed", "refused", "opened", "closed", "revoked", "user-added", … */
        const char *user;
        const char *session; /* id */
        const char *device;  /* id */
        const char *service;
        const char *rhost;
        const char *reason;  /* a code: "wrong-password", "throttled", "role-missing", "token-expired", … */
        const char *message; /* the line that people read */
        const char *by;      /* who asked for it: "root", an account's name; NULL where nobody did, or PAM */
} AuditEvent;

typedef struct AuditSink AuditSink;

struct AuditSink {
        void (*emit)(const AuditSink *sink, const AuditEvent *event);
};
