/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The contract suite: ending and sweeping. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/store/test-store.h"

static void assert_end(Store *store, SessionSelector selector, SessionEvent event, unsigned expected) {
        g_autoptr(GPtrArray) ended = NULL;

        assert_result(store_session_end(store, &selector, event, "test", START + DAY, &ended), 0);
        for (guint i = 0; i < ended->len; i++)
                g_assert_cmpint(((Session *) ended->pdata[i])->state, ==, session_transition(SESSION_ACTIVE, event));
        g_assert_cmpuint(ended->len, ==, expected);
}

static unsigned count_active(Store *store) {
        g_autoptr(GPtrArray) sessions = NULL;
        SessionFilter filter = { .uid = UID_UNSET };

        assert_result(store_session_list(store, &filter, &sessions), 0);
        return sessions->len;
}

static void test_end_states(Store *store) {
        static const SessionEvent events[] = { SESSION_EVENT_CLOSE, SESSION_EVENT_REVOKE, SESSION_EVENT_EXPIRE };
        g_autoptr(GPtrArray) none = NULL;
        SessionSelector selector = { .uid = ALICE };

        for (unsigned i = 0; i < G_N_ELEMENTS(events); i++) {
                g_autoptr(Session) session = NULL;

                test_open(store, 1 + i, ALICE, 11 + i);
                assert(test_end(store, 1 + i, events[i]) == 1);
                session = test_get(store, 1 + i);
                g_assert_cmpint(session->state, ==, session_transition(SESSION_ACTIVE, events[i]));
                g_assert_cmpint(session->ended, ==, START + DAY);
                g_assert_cmpstr(session->end_reason, ==, "test");

                /* what is over stays as it is */
                for (unsigned j = 0; j < G_N_ELEMENTS(events); j++)
                        assert(test_end(store, 1 + i, events[j]) == 0);
                test_assert_state(store, 1 + i, session->state);
        }
        assert_result(store_session_end(store, &selector, SESSION_EVENT_OPEN, "test", START, &none), -EINVAL);
        assert(test_end(store, 99, SESSION_EVENT_REVOKE) == 0);
        assert_end(store, (SessionSelector) { .id = "'--", .uid = UID_UNSET }, SESSION_EVENT_REVOKE, 0);
}

/*
 *      1 ── 2 ── 3 ── 4        5 ── 6 (bob)        7
 */
static void open_trees(Store *store) {
        test_open(store, 1, ALICE, 11);
        for (unsigned n = 2; n <= 4; n++)
                test_open_child(store, n, ALICE, n - 1);
        test_open(store, 5, ALICE, 15);
        test_open_child(store, 6, BOB, 5);
        test_open(store, 7, ALICE, 17);
}

static void test_revoke_children(Store *store) {
        open_trees(store);
        assert(test_end(store, 2, SESSION_EVENT_REVOKE) == 3);
        test_assert_state(store, 1, SESSION_ACTIVE);
        test_assert_state(store, 2, SESSION_REVOKED);
        test_assert_state(store, 4, SESSION_REVOKED);
        assert(test_end(store, 5, SESSION_EVENT_REVOKE) == 2);
        test_assert_state(store, 6, SESSION_REVOKED);
        test_assert_state(store, 7, SESSION_ACTIVE);
}

static void test_close_spares_children(Store *store) {
        open_trees(store);
        assert(test_end(store, 1, SESSION_EVENT_CLOSE) == 1);
        assert(test_end(store, 5, SESSION_EVENT_EXPIRE) == 1);
        test_assert_state(store, 2, SESSION_ACTIVE);
        test_assert_state(store, 6, SESSION_ACTIVE);

        /* revoking reaches them all the same, through what is over */
        assert(test_end(store, 3, SESSION_EVENT_CLOSE) == 1);
        assert(test_end(store, 1, SESSION_EVENT_REVOKE) == 2);
        test_assert_state(store, 1, SESSION_CLOSED);
        test_assert_state(store, 2, SESSION_REVOKED);
        test_assert_state(store, 3, SESSION_CLOSED);
        test_assert_state(store, 4, SESSION_REVOKED);
}

static void test_selectors(Store *store) {
        g_autofree char *three = test_id(3), *seven = test_id(7);

        open_trees(store);
        assert_end(store, (SessionSelector) { .uid = UID_UNSET }, SESSION_EVENT_REVOKE, 0);
        assert_end(store, (SessionSelector) { .uid = 0 }, SESSION_EVENT_REVOKE, 0);
        assert_end(store, (SessionSelector) { .uid = UID_UNSET, .except = seven }, SESSION_EVENT_REVOKE, 0);

        /* but 3 and its ancestors; 4 is below it, 6 below 5 */
        assert_end(store, (SessionSelector) { .uid = ALICE, .except = three }, SESSION_EVENT_REVOKE, 4);
        for (unsigned n = 1; n <= 3; n++)
                test_assert_state(store, n, SESSION_ACTIVE);
        for (unsigned n = 4; n <= 7; n++)
                test_assert_state(store, n, SESSION_REVOKED);

        test_open(store, 8, BOB, 18);
        assert_end(store, (SessionSelector) { .uid = ALICE }, SESSION_EVENT_CLOSE, 3);
        g_assert_cmpuint(count_active(store), ==, 1);
}

static void test_select_all(Store *store) {
        g_autofree char *three = test_id(3);

        open_trees(store);
        assert_end(store, (SessionSelector) { .all = true, .except = three }, SESSION_EVENT_REVOKE, 4);
        g_assert_cmpuint(count_active(store), ==, 3);
        assert_end(store, (SessionSelector) { .all = true, .uid = UID_UNSET }, SESSION_EVENT_REVOKE, 3);
        assert_end(store, (SessionSelector) { .all = true, .uid = UID_UNSET }, SESSION_EVENT_REVOKE, 0);
}

/* Sweeping */

static unsigned sweep(Store *store, const char *boot_id, int64_t now, unsigned limit, bool *ret_more) {
        g_autoptr(GPtrArray) ended = NULL;

        assert_result(store_session_sweep(store, HOST, boot_id, now, DAY, 3 * DAY, limit, &ended, ret_more), 0);
        for (guint i = 0; i < ended->len; i++)
                g_assert_cmpint(((Session *) ended->pdata[i])->ended, ==, now);
        return ended->len;
}

static void assert_ended(Store *store, unsigned n, SessionState state, const char *reason) {
        g_autoptr(Session) session = test_get(store, n);

        g_assert_cmpstr(session_state_to_string(session->state), ==, session_state_to_string(state));
        g_assert_cmpstr(session->end_reason, ==, reason);
}

static void test_sweep_expires(Store *store) {
        g_autoptr(Session) brief = test_session(3, ALICE, 13);
        g_autofree char *second = test_id(2), *brief_id = test_id(3);
        g_autoptr(GPtrArray) ended = NULL;
        bool is_bound, more;

        test_open(store, 1, ALICE, 11); /* seen at START + 1 */
        test_open(store, 2, ALICE, 12);
        brief->ends = START + 100;
        assert_result(store_session_open(store, brief, MANY, &is_bound, &ended), 0);

        g_assert_cmpuint(sweep(store, BOOT, START + 99, 10, &more), ==, 0);
        g_assert_false(more);
        g_assert_cmpuint(sweep(store, BOOT, START + 100, 10, &more), ==, 1);
        assert_ended(store, 3, SESSION_EXPIRED, "lifetime");

        g_assert_cmpuint(sweep(store, BOOT, START + DAY + 1, 10, &more), ==, 0); /* not yet: seen = now - idle */
        store_session_touch(store, second, START + 30);
        g_assert_cmpuint(sweep(store, BOOT, START + DAY + 30, 10, &more), ==, 1);
        assert_ended(store, 1, SESSION_EXPIRED, "idle");
        test_assert_state(store, 2, SESSION_ACTIVE);
        g_assert_cmpuint(sweep(store, BOOT, START + DAY + 31, 10, &more), ==, 1);
        assert_ended(store, 2, SESSION_EXPIRED, "idle");
}

static void test_sweep_boot(Store *store) {
        g_autoptr(Session) elsewhere = test_session(3, ALICE, 13), nowhere = test_session(4, ALICE, AUDIT_ID_UNSET);
        g_autoptr(GPtrArray) ended = NULL, also = NULL;
        bool is_bound, more;

        test_open(store, 1, ALICE, 11);
        test_open(store, 2, ALICE, AUDIT_ID_UNSET); /* not bound, but of this boot */
        g_free(elsewhere->host);
        elsewhere->host = g_strdup("web2.example.org");
        assert_result(store_session_open(store, elsewhere, MANY, &is_bound, &ended), 0);
        g_clear_pointer(&nowhere->boot_id, g_free);
        assert_result(store_session_open(store, nowhere, MANY, &is_bound, &also), 0);

        g_assert_cmpuint(sweep(store, BOOT, START + 10, 10, &more), ==, 0);
        g_assert_cmpuint(sweep(store, OTHER_BOOT, START + 10, 10, &more), ==, 2);
        assert_ended(store, 1, SESSION_CLOSED, "reboot");
        assert_ended(store, 2, SESSION_CLOSED, "reboot");
        test_assert_state(store, 3, SESSION_ACTIVE);
        test_assert_state(store, 4, SESSION_ACTIVE);
        g_assert_cmpuint(sweep(store, "00000000-0000-0000-0000-000000000000", START + 10, 10, &more), ==, 0);
}

static bool is_known(Store *store, unsigned n) {
        g_autofree char *id = test_id(n);
        g_autoptr(Session) session = NULL;

        return store_session_get(store, id, &session) == 0;
}

static void test_sweep_forgets(Store *store) {
        Event event = { .time = START, .event = (char *) "opened" };
        g_autofree char *first = test_id(1);
        g_autoptr(GPtrArray) events = NULL;
        bool more;

        test_open(store, 1, ALICE, 11);
        test_open(store, 2, ALICE, 12);
        test_open(store, 3, ALICE, AUDIT_ID_UNSET);
        memcpy(event.session, first, SESSION_ID_SIZE);
        store_event_add(store, &event);
        assert(test_end(store, 1, SESSION_EVENT_CLOSE) == 1); /* all at START + DAY */
        assert(test_end(store, 2, SESSION_EVENT_REVOKE) == 1);
        assert(test_end(store, 3, SESSION_EVENT_REVOKE) == 1);

        g_assert_cmpuint(sweep(store, BOOT, START + 4 * DAY, 10, &more), ==, 0);
        assert(is_known(store, 1) && is_known(store, 2) && is_known(store, 3));
        g_assert_cmpuint(sweep(store, BOOT, START + 4 * DAY + 1, 10, &more), ==, 0);
        assert(!is_known(store, 1) && !is_known(store, 3));
        assert_result(store_event_list(store, first, &events), 0);
        g_assert_cmpuint(events->len, ==, 0);

        /* a revoked login stays dead, however old, until its boot is over */
        assert(is_known(store, 2));
        (void) sweep(store, OTHER_BOOT, START + 5 * DAY, 10, &more);
        assert(!is_known(store, 2));
}

static void open_capped(Store *store, unsigned n, uint32_t audit_id, const char *cap) {
        g_autoptr(Session) session = test_session(n, ALICE, audit_id);
        g_autoptr(GPtrArray) ended = NULL;
        bool is_bound;

        session->role_cap = g_strsplit(cap, " ", -1);
        assert_result(store_session_open(store, session, MANY, &is_bound, &ended), 0);
        assert_result(test_end(store, n, SESSION_EVENT_CLOSE), 1); /* at START + DAY */
}

/* Else whoever came by a ticket need only keep the login open until its session is forgotten. */
static void test_A9_sweep_keeps_the_cap_of_a_login(Store *store) {
        g_autoptr(Session) bound = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        bool more;

        open_capped(store, 1, 11, "everyone");
        open_capped(store, 2, 12, ""); /* no role at all */
        open_capped(store, 3, AUDIT_ID_UNSET, "everyone");
        test_open(store, 4, ALICE, 14);
        assert(test_end(store, 4, SESSION_EVENT_CLOSE) == 1);

        (void) sweep(store, BOOT, START + 400 * DAY, 1, &more);
        (void) sweep(store, BOOT, START + 400 * DAY, 10, &more);
        g_assert_false(more);
        assert(is_known(store, 1) && is_known(store, 2));
        assert(!is_known(store, 3) && !is_known(store, 4));
        assert_result(store_session_bound(store, BOOT, 11, ALICE, &bound), 0);
        g_assert_cmpstr(bound->role_cap[0], ==, "everyone");

        /* another host knows nothing of this one's boots */
        assert_result(store_session_sweep(store, "web2.example.org", OTHER_BOOT, START + 400 * DAY, DAY, DAY, 10, &ended,
                                          &more), 0);
        assert(is_known(store, 1) && is_known(store, 2));

        (void) sweep(store, OTHER_BOOT, START + 400 * DAY, 10, &more);
        assert(!is_known(store, 1) && !is_known(store, 2));
}

static void test_sweep_limit(Store *store) {
        unsigned calls = 0, ended = 0;
        bool more = true;

        for (unsigned n = 1; n <= 25; n++)
                test_open(store, n, ALICE, 10 + n);
        while (more) {
                unsigned once = sweep(store, BOOT, START + 8 * DAY, 10, &more);

                g_assert_cmpuint(once, <=, 10);
                ended += once;
                calls++;
        }
        g_assert_cmpuint(ended, ==, 25);
        g_assert_cmpuint(calls, ==, 3);
        for (more = true, calls = 0; more; calls++)
                g_assert_cmpuint(sweep(store, BOOT, START + 12 * DAY, 10, &more), ==, 0);
        g_assert_cmpuint(calls, ==, 3);
        assert(!is_known(store, 1) && !is_known(store, 25));
}

/* Sessions that were seen, but whose seen time is not written yet, do not stand before those that were not. */
static void test_sweep_is_not_held_up(Store *store) {
        unsigned ended = 0;
        bool more = true;

        for (unsigned n = 1; n <= 20; n++) {
                g_autofree char *id = test_id(n);

                test_open(store, n, ALICE, 10 + n);
                if (n <= 15)
                        store_session_touch(store, id, START + DAY);
        }
        for (unsigned calls = 0; more; calls++) {
                g_assert_cmpuint(calls, <, 10);
                ended += sweep(store, BOOT, START + DAY + 100, 4, &more);
        }
        g_assert_cmpuint(ended, ==, 5);
        test_assert_state(store, 1, SESSION_ACTIVE);
        test_assert_state(store, 20, SESSION_EXPIRED);
}

static void test_sweep_refuses_nonsense(Store *store) {
        GPtrArray *none = NULL;
        bool more;

        assert_result(store_session_sweep(store, HOST, BOOT, START, DAY, DAY, 0, &none, &more), -EINVAL);
        assert_result(store_session_sweep(store, HOST, NULL, START, DAY, DAY, 1, &none, &more), -EINVAL);
        assert(!none);
}

static void revoke_device(Store *store, unsigned n, int64_t now) {
        g_autofree char *id = test_id(n);
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        assert_result(store_device_revoke(store, id, "revoked", now, &changed, &ended), 0);
        assert(changed);
}

static void use_once(Store *store, unsigned n, int64_t now) {
        g_autofree char *id = test_id(n);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) device = NULL;
        DeviceUse use;

        assert_result(store_device_use(store, id, /* counter= */ 1, NULL, now, now, &use, &device, &ended), 0);
}

/* Of those that are revoked the latest are kept, and before them those that were copied: their owner has to be told. */
static void test_R14_revoked_devices_do_not_pile_up(Store *store) {
        static const unsigned kept[] = { 2, 8, 9, 10 };
        g_autoptr(GPtrArray) devices = NULL;

        test_add_device(store, 20, BOB);
        revoke_device(store, 20, START);
        for (unsigned n = 1; n <= 10; n++) {
                g_autoptr(Device) device = test_device(n, ALICE);

                device->created = START + n;
                assert_result(store_device_add(store, device, 3), 0);
                if (n == 2) {
                        use_once(store, n, START);
                        use_once(store, n, START);
                } else if (n < 10) {
                        revoke_device(store, n, START + n);
                }
        }
        assert_result(store_device_list(store, ALICE, &devices), 0);
        g_assert_cmpint(devices->len, ==, G_N_ELEMENTS(kept));
        for (guint i = 0; i < devices->len; i++) {
                g_autofree char *id = test_id(kept[i]);

                g_assert_cmpstr(((Device *) devices->pdata[i])->id, ==, id);
        }
        g_clear_pointer(&devices, g_ptr_array_unref);
        assert_result(store_device_list(store, BOB, &devices), 0);
        g_assert_cmpint(devices->len, ==, 1);
}

const StoreTestRow store_end_tests[] = {
        { "end states", test_end_states },
        { "revoke children", test_revoke_children },
        { "close spares children", test_close_spares_children },
        { "selectors", test_selectors },
        { "select all", test_select_all },
        { "sweep expires", test_sweep_expires },
        { "sweep boot", test_sweep_boot },
        { "sweep forgets", test_sweep_forgets },
        { "A9 sweep keeps the cap of a login", test_A9_sweep_keeps_the_cap_of_a_login },
        { "sweep limit", test_sweep_limit },
        { "sweep is not held up", test_sweep_is_not_held_up },
        { "sweep refuses nonsense", test_sweep_refuses_nonsense },
        { "R14 revoked devices do not pile up", test_R14_revoked_devices_do_not_pile_up },
        {},
};
