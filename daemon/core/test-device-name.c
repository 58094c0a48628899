/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Devices whose names were chosen to mislead. */

#undef NDEBUG
#include <assert.h>

#include "daemon/core/device-admin.h"
#include "daemon/core/test-devices.h"

/* A thief may call his second device what his first one's id begins with, or is. */
static void test_a_name_that_looks_like_an_id_shields_no_other_device(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *short_id = NULL;
        TestDevice meant = test_device_add(world, ALICE, 5, "laptop"), shield, other;
        Caller alice = world_person(ALICE, 5);
        g_autoptr(GPtrArray) ended = NULL, none = NULL;
        bool changed;

        short_id = g_strndup(meant.text, 8); /* what people are shown */
        shield = test_device_add(world, ALICE, 5, meant.text);
        other = test_device_add(world, ALICE, 5, short_id);
        g_assert_cmpint(device_revoke(world->core, &alice, short_id, NULL, NULL, &changed, &none), ==,
                        CORE_E_AMBIGUOUS);
        g_assert_cmpint(device_revoke(world->core, &alice, meant.text, NULL, NULL, &changed, &ended), ==, 0);
        g_assert_cmpstr(test_device_state(world, &meant), ==, "revoked");
        g_assert_cmpstr(test_device_state(world, &shield), ==, "active");
        g_assert_cmpstr(test_device_state(world, &other), ==, "active");
}

int main(void) {
        test_a_name_that_looks_like_an_id_shields_no_other_device();
        return 0;
}
