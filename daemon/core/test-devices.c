/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "daemon/core/device-admin.h"
#include "daemon/core/test-devices.h"

TestDevice test_device_new(void) {
        TestDevice device = { .audience = HOST };
        unsigned char key[REFRESH_PUBLIC_SIZE];

        assert(sodium_init() >= 0);
        randombytes_buf(device.id, sizeof(device.id));
        refresh_key_new(device.seed, key);
        refresh_device_to_text(device.id, device.text);
        return device;
}

TestDevice test_device_add(World *world, uid_t uid, uint32_t audit_id, const char *name) {
        TestDevice device = test_device_new();
        Caller person = world_person(uid, audit_id);
        unsigned char key[REFRESH_PUBLIC_SIZE];
        char text[REFRESH_PUBLIC_LENGTH + 1];
        g_autoptr(DeviceView) view = NULL;
        g_autofree char *why = NULL;

        refresh_key_public(device.seed, key);
        refresh_key_to_text(key, text);
        g_assert_cmpint(device_add(world->core, &person,
                                   &(DeviceAdd) { .id = device.text, .name = name, .public_key = text }, &view, &why),
                        ==, 0);
        g_free(world_audit(world));
        return device;
}

Device *test_device_get(World *world, const TestDevice *device) {
        Device *found;

        g_assert_cmpint(store_device_get(world->store, device->text, &found), ==, 0);
        return found;
}

const char *test_device_state(World *world, const TestDevice *device) {
        g_autoptr(Settings) settings = world_settings(world);
        g_autoptr(Device) found = test_device_get(world, device);

        return device_state(found, settings->device_idle, world->clock.wall);
}

char *test_device_token(const TestDevice *device, uint32_t counter) {
        char text[REFRESH_TOKEN_LENGTH + 1];

        assert(refresh_token_make(device->id, counter, device->audience, device->seed, text));
        return g_strdup(text);
}

LoginAnswer test_device_answer(World *world, const TestDevice *device, const char *user, uint32_t counter,
                               uint32_t audit_id) {
        const LoginRequest request = { .user = user, .service = "sshd", .rhost = "192.0.2.9", .tty = "ssh" };
        g_autofree char *token = test_device_token(device, counter);
        Caller child = world_pam_child(audit_id);

        return world_authenticate(world, &child, &request, token);
}

char *test_device_log_in(World *world, const TestDevice *device, uint32_t counter, uint32_t audit_id,
                         char **ret_why) {
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.9", .tty = "ssh" };
        LoginAnswer answer = test_device_answer(world, device, "alice", counter, audit_id);
        g_autofree char *said = world_audit(world);
        Caller pam = world_pam(audit_id);

        if (answer.verdict != LOGIN_ALLOW) {
                const char *last = strrchr(said, ';');
                g_auto(GStrv) words = g_strsplit(last ? last + 2 : said, " ", 3);

                g_assert_cmpstr(answer.reason, ==, "credential");
                *ret_why = g_strdup(words[1]);
                return NULL;
        }
        request.session = answer.session;
        answer = world_ask(world, login_open, &pam, &request);
        g_free(world_audit(world));
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        *ret_why = NULL;
        return g_strdup(answer.session);
}

void test_device_expect(World *world, const TestDevice *device, uint32_t counter, const char *why) {
        g_autofree char *said = NULL, *id = NULL;

        id = test_device_log_in(world, device, counter, 1000 + counter % 5000, &said);
        if (g_strcmp0(said, why) != 0)
                g_error("counter %u: %s instead of %s", counter, said ? said : "a login", why ? why : "a login");
}
