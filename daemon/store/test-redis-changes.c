/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "daemon/store/test-redis-changes.h"
#include "daemon/store/test-store.h"

#define N_SESSIONS 20
#define CAROL 1003

static User make_user(const char *name, uid_t uid) {
        return (User) {
                .name = (char *) name, .uid = uid, .enabled = true, .password_hash = (char *) "$h$1", .created = START,
        };
}

static Assignment make_assignment(const char *user, uid_t uid, const char *role, int64_t until) {
        return (Assignment) {
                .user = (char *) user, .uid = uid, .role = (char *) role, .created = START, .until = until,
                .by = (char *) "root",
        };
}

static UserIdentity make_identity(const char *user, uid_t uid, const char *subject) {
        return (UserIdentity) {
                .issuer = (char *) "https://id.example.org", .subject = (char *) subject, .user = (char *) user, .uid = uid,
                .provider = (char *) "corp", .linked = START, .by = (char *) "root",
        };
}

static Session *make_session(unsigned n, uint32_t audit_id, const char *role_cap, unsigned parent, unsigned device) {
        Session *session = test_session(n, ALICE, audit_id);
        g_autofree char *parent_id = test_id(parent), *device_id = test_id(device);

        session->role_cap = role_cap ? g_strsplit(role_cap, " ", -1) : NULL;
        if (parent > 0)
                memcpy(session->parent, parent_id, SESSION_ID_SIZE);
        if (device > 0)
                memcpy(session->device, device_id, SESSION_ID_SIZE);
        return session;
}

static void open_one(Store *store, unsigned n, uint32_t audit_id, const char *role_cap, unsigned parent, unsigned device) {
        g_autoptr(Session) session = make_session(n, audit_id, role_cap, parent, device);
        g_autoptr(GPtrArray) ended = NULL;
        g_auto(LoginNews) news = {};
        bool bound;

        assert_result(store_session_open_login(store, session, MANY, "192.0.2.1", &bound, &ended, &news), 0);
}

static int swap_debt(Store *store, uid_t uid, const char *limit, unsigned failures) {
        SharedDebt debt = { .uid = uid, .limit = (char *) limit, .key = (char *) "" };
        int r;

        r = store_shared_debt_get(store, uid, limit, "", /* now= */ 0, &debt);
        debt.failures = failures;
        debt.left = -1; /* over, and so the same at any time of a test */
        return r < 0 ? r : store_shared_debt_swap(store, &debt, /* now= */ 0);
}

void redis_changes_prepare(Store *store) {
        User alice = make_user("alice", ALICE), bob = make_user("bob", BOB);
        Assignment brief = make_assignment("alice", ALICE, "operator", START + 60), admin = brief;
        UserIdentity identity = make_identity("alice", ALICE, "4711");
        bool changed;

        admin.role = (char *) "admin";
        admin.until = 0;
        alice.awaits = (char *) "other";
        assert_result(store_user_add_linked(store, &alice, &identity), 0);
        assert_result(store_user_add(store, &bob), 0);
        assert_result(store_assignment_set(store, &brief, 9, &changed), 0);
        assert_result(store_assignment_set(store, &admin, 9, &changed), 0);
        for (unsigned n = 1; n <= 3; n++)
                test_add_device(store, n, ALICE);
        for (unsigned n = 1; n <= N_SESSIONS; n++)
                open_one(store, n, n % 3 == 0 ? AUDIT_ID_UNSET : 100 + n, n % 4 == 0 ? "everyone" : NULL, n % 5 == 0 ? n - 1 : 0,
                         n % 7 == 0 ? 1 : 0);
        test_open(store, 90, BOB, 90);
        for (unsigned n = 11; n <= 13; n++)
                assert(test_end(store, n, n == 12 ? SESSION_EVENT_REVOKE : SESSION_EVENT_CLOSE) == 1);
        assert_result(swap_debt(store, BOB, "other-hosts", 7), 0);
}

/* What gives */

static int user_add(Store *store) {
        User carol = make_user("carol", CAROL);

        return store_user_add(store, &carol);
}

static int user_add_assigned(Store *store) {
        User carol = make_user("carol", CAROL);
        Assignment assignment = make_assignment("carol", CAROL, "admin", START + 9);

        return store_user_add_assigned(store, &carol, &assignment);
}

static int user_add_linked(Store *store) {
        User carol = make_user("carol", CAROL);
        UserIdentity identity = make_identity("carol", CAROL, "1");

        return store_user_add_linked(store, &carol, &identity);
}

static int user_rehash(Store *store) {
        return store_user_rehash(store, "alice", "$h$1", "$h$2");
}

static int session_open(Store *store) {
        g_autoptr(Session) session = make_session(50, 150, "everyone", 1, 2);
        g_autoptr(GPtrArray) ended = NULL;
        g_auto(LoginNews) news = {};
        bool bound;

        session->rhost = g_strdup("192.0.2.9");
        return store_session_open_login(store, session, MANY, "192.0.2.9", &bound, &ended, &news);
}

static int session_open_over_the_cap(Store *store) {
        g_autoptr(Session) session = make_session(50, 150, NULL, 0, 0);
        g_autoptr(GPtrArray) ended = NULL;
        bool bound;

        return store_session_open(store, session, 4, &bound, &ended);
}

static int session_authenticated(Store *store) {
        g_autofree char *id = test_id(1);

        return store_session_authenticated(store, id, START + 50, "pwd", NULL);
}

static int assignment_set(Store *store) {
        Assignment assignment = make_assignment("bob", BOB, "admin", START + 9);
        bool changed;

        return store_assignment_set(store, &assignment, 9, &changed);
}

static int identity_add(Store *store) {
        UserIdentity identity = make_identity("bob", BOB, "2");

        return store_identity_add(store, &identity, /* awaiting= */ false);
}

static int device_add(Store *store) {
        g_autoptr(Device) device = test_device(9, ALICE);

        return store_device_add(store, device, 9);
}

static int use_device(Store *store, uint32_t counter) {
        g_autofree char *id = test_id(1);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) device = NULL;
        DeviceUse use;

        return store_device_use(store, id, counter, "192.0.2.7", START + 5, START + 5, &use, &device, &ended);
}

static int device_use(Store *store) {
        return use_device(store, 3);
}

static int debt_charge(Store *store) {
        return swap_debt(store, ALICE, "local", 1);
}

static int debt_forget(Store *store) {
        return swap_debt(store, BOB, "other-hosts", 0);
}

static int ticket_use(Store *store) {
        return store_ticket_use(store, "web9", "jti", START + 60);
}

static int rename_host(Store *store) {
        return store_rename_host(store, HOST, "new.example.org");
}

/* What takes */

static int user_disable(Store *store) {
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        return store_user_disable(store, "alice", "left", START + 9, &changed, &ended);
}

static int user_remove(Store *store) {
        g_autoptr(GPtrArray) ended = NULL;

        return store_user_remove(store, "alice", "left", START + 9, &ended);
}

static int user_change_password(Store *store) {
        g_autofree char *except = test_id(5);
        g_autoptr(GPtrArray) ended = NULL;

        return store_user_change_password(store, "alice", "$h$2", except, "passwd", START + 9, &ended);
}

static int end_by(Store *store, SessionSelector selector, SessionEvent event) {
        g_autoptr(GPtrArray) ended = NULL;

        return store_session_end(store, &selector, event, "test", START + 9, &ended);
}

static int session_revoke(Store *store) {
        g_autofree char *id = test_id(4);

        return end_by(store, (SessionSelector) { .id = id, .uid = UID_UNSET }, SESSION_EVENT_REVOKE);
}

static int session_close(Store *store) {
        g_autofree char *id = test_id(4);

        return end_by(store, (SessionSelector) { .id = id, .uid = UID_UNSET }, SESSION_EVENT_CLOSE);
}

static int sessions_revoke(Store *store) {
        return end_by(store, (SessionSelector) { .all = true }, SESSION_EVENT_REVOKE);
}

static int session_sweep(Store *store) {
        g_autoptr(GPtrArray) ended = NULL;
        bool more;

        return store_session_sweep(store, HOST, OTHER_BOOT, START + 5 * DAY, DAY, DAY, 100, &ended, &more);
}

static int assignment_remove(Store *store) {
        bool changed;

        return store_assignment_remove(store, ALICE, "operator", &changed);
}

static int assignment_sweep(Store *store) {
        g_autoptr(GPtrArray) ended = NULL;

        return store_assignment_sweep(store, START + 60, &ended);
}

static int identity_remove(Store *store) {
        bool changed;

        return store_identity_remove(store, ALICE, "corp", NULL, &changed);
}

static int device_revoke(Store *store) {
        g_autofree char *id = test_id(1);
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        return store_device_revoke(store, id, "lost", START + 9, &changed, &ended);
}

static int device_reuse(Store *store) {
        return use_device(store, 0);
}

static int device_sweep(Store *store) {
        return store_device_sweep(store, START + 200 * DAY, DAY, DAY);
}

const RedisChange redis_changes[] = {
        { "user add", user_add, false },
        { "user add with a role", user_add_assigned, false },
        { "user add with an identity", user_add_linked, false },
        { "user rehash", user_rehash, false },
        { "session open", session_open, false },
        { "session open over the cap", session_open_over_the_cap, false },
        { "session authenticated", session_authenticated, false },
        { "assignment set", assignment_set, false },
        { "identity add", identity_add, false },
        { "device add", device_add, false },
        { "device use", device_use, false },
        { "ticket use", ticket_use, false },
        { "debt charge", debt_charge, false },
        { "rename host", rename_host, false },
        { "user disable", user_disable, true },
        { "user remove", user_remove, true },
        { "user change password", user_change_password, true },
        { "session revoke", session_revoke, true },
        { "session close", session_close, true },
        { "sessions revoke", sessions_revoke, true },
        { "session sweep", session_sweep, true },
        { "assignment remove", assignment_remove, true },
        { "assignment sweep", assignment_sweep, true },
        { "identity remove", identity_remove, true },
        { "device revoke", device_revoke, true },
        { "device reuse", device_reuse, true },
        { "device sweep", device_sweep, true },
        { "debt forget", debt_forget, true },
        {},
};
