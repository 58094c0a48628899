/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Devices for the tests of the use cases: what a client would keep, in the hands of owner or thief. */

#include "common/refresh-token.h"
#include "daemon/core/test-world.h"

typedef struct TestDevice {
        unsigned char id[REFRESH_DEVICE_SIZE];
        unsigned char seed[REFRESH_SEED_SIZE];
        char text[SESSION_ID_SIZE]; /* id */
        const char *audience;
} TestDevice;

/* One that nobody has registered. */
TestDevice test_device_new(void);
/* Registered by @uid from its login @audit_id, which must have proven its password just now. */
TestDevice test_device_add(World *world, uid_t uid, uint32_t audit_id, const char *name);
/* What the store knows of it. */
Device *test_device_get(World *world, const TestDevice *device);
/* "active", "revoked", "expired", now. */
const char *test_device_state(World *world, const TestDevice *device);

/* g_free */
char *test_device_token(const TestDevice *device, uint32_t counter);

/* At sshd's prompt, from 192.0.2.9, in what becomes login @audit_id. */
LoginAnswer test_device_answer(World *world, const TestDevice *device, const char *user, uint32_t counter,
                               uint32_t audit_id);
/* Logs in as alice and opens the session. Its id, or NULL and the audit's reason in @ret_why (g_free). */
char *test_device_log_in(World *world, const TestDevice *device, uint32_t counter, uint32_t audit_id, char **ret_why);

/* Does a login with @counter succeed, and if not, for this reason? */
void test_device_expect(World *world, const TestDevice *device, uint32_t counter, const char *why);
