/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "daemon/end/marker.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

#define PREFIX_SESSION "session-"
#define PREFIX_USER "user-"

#define UID_DIGITS_MAX 10

static int parse_session(const char *id, Marker *ret) {
        size_t size = strlen(id);

        if (size < 1 || size > MARKER_SESSION_MAX || strspn(id, LETTERS DIGITS) != size)
                return -EINVAL;
        *ret = (Marker) { .uid = (uid_t) -1 };
        memcpy(ret->session, id, size + 1);
        return 0;
}

static int parse_user(const char *digits, Marker *ret) {
        size_t size = strlen(digits);
        uint64_t uid = 0;

        if (size < 1 || size > UID_DIGITS_MAX || strspn(digits, DIGITS) != size)
                return -EINVAL;
        for (const char *digit = digits; *digit; digit++)
                uid = uid * 10 + (uint64_t) (*digit - '0');
        /* The last uid is "none"; beyond it the number would become another one. */
        if (uid >= UINT32_MAX)
                return -EINVAL;
        if (uid < MARKER_UID_MIN)
                return -EPERM;
        *ret = (Marker) { .uid = (uid_t) uid };
        return 0;
}

int marker_parse(const char *name, Marker *ret) {
        if (strncmp(name, PREFIX_SESSION, strlen(PREFIX_SESSION)) == 0)
                return parse_session(name + strlen(PREFIX_SESSION), ret);
        if (strncmp(name, PREFIX_USER, strlen(PREFIX_USER)) == 0)
                return parse_user(name + strlen(PREFIX_USER), ret);
        return -EINVAL;
}
