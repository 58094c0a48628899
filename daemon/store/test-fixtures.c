/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Sessions for tests of the store. */

#undef NDEBUG
#include <string.h>

#include "daemon/store/test-store.h"

char *test_id(unsigned n) {
        return g_strdup_printf("%08x%024x", n, n);
}

Session *test_session(unsigned n, uid_t uid, uint32_t audit_id) {
        g_autofree char *id = test_id(n);
        Session *session = session_new();

        memcpy(session->id, id, SESSION_ID_SIZE);
        session->user = g_strdup(uid == ALICE ? "alice" : "bob");
        session->uid = uid;
        session->host = g_strdup(HOST);
        session->service = g_strdup("sshd");
        session->opened = session->seen = START + n;
        session->ends = START + 7 * DAY;
        session->state = SESSION_ACTIVE;
        session->audit_id = audit_id;
        session->boot_id = g_strdup(BOOT);
        return session;
}

static void open_session(Store *store, const Session *session) {
        g_autoptr(GPtrArray) ended = NULL;
        bool bound;

        assert_result(store_session_open(store, session, MANY, &bound, &ended), 0);
        g_assert_cmpuint(ended->len, ==, 0);
}

void test_open(Store *store, unsigned n, uid_t uid, uint32_t audit_id) {
        g_autoptr(Session) session = test_session(n, uid, audit_id);

        open_session(store, session);
}

void test_open_child(Store *store, unsigned n, uid_t uid, unsigned parent) {
        g_autoptr(Session) session = test_session(n, uid, AUDIT_ID_UNSET);
        g_autofree char *id = test_id(parent);

        memcpy(session->parent, id, SESSION_ID_SIZE);
        open_session(store, session);
}

Session *test_get(Store *store, unsigned n) {
        g_autofree char *id = test_id(n);
        Session *session;

        assert_result(store_session_get(store, id, &session), 0);
        g_assert_cmpstr(session->id, ==, id);
        return session;
}

void test_assert_state(Store *store, unsigned n, SessionState state) {
        g_autoptr(Session) session = test_get(store, n);

        g_assert_cmpstr(session_state_to_string(session->state), ==, session_state_to_string(state));
}

unsigned test_end(Store *store, unsigned n, SessionEvent event) {
        g_autofree char *id = test_id(n);
        g_autoptr(GPtrArray) ended = NULL;
        SessionSelector selector = { .id = id, .uid = UID_UNSET };

        assert_result(store_session_end(store, &selector, event, "test", START + DAY, &ended), 0);
        return ended->len;
}

Device *test_device(unsigned n, uid_t uid) {
        g_autofree char *id = test_id(n);
        Device *device = device_new();

        memcpy(device->id, id, SESSION_ID_SIZE);
        device->name = g_strdup_printf("device-%u", n);
        device->user = g_strdup(uid == ALICE ? "alice" : "bob");
        device->uid = uid;
        device->audience = g_strdup(HOST);
        memset(device->public_key, (int) n, DEVICE_PUBLIC_SIZE);
        device->created = START;
        device->ends = START + 90 * DAY;
        return device;
}

void test_add_device(Store *store, unsigned n, uid_t uid) {
        g_autoptr(Device) device = test_device(n, uid);

        assert_result(store_device_add(store, device, MANY), 0);
}

Device *test_get_device(Store *store, unsigned n) {
        g_autofree char *id = test_id(n);
        Device *device;

        assert_result(store_device_get(store, id, &device), 0);
        g_assert_cmpstr(device->id, ==, id);
        return device;
}

void test_assert_same_words(char **a, char **b) {
        g_assert_cmpint(a == NULL, ==, b == NULL);
        if (a && b)
                g_assert_true(g_strv_equal((const char *const *) a, (const char *const *) b));
}
