/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* From SQLite to Redis: the contract says the same of both, and what is there already is not touched. */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "daemon/store/store-export.h"
#include "daemon/store/store-import.h"
#include "daemon/store/store-internal.h"
#include "daemon/store/store-move.h"
#include "daemon/store/store-redis.h"
#include "daemon/store/test-place.h"
#include "daemon/store/test-redis-server.h"
#include "daemon/store/test-store.h"

#define ISSUER "https://id.example.org"
#define NETWORK "192.0.2.0/24"
#define NOW (START + DAY)
#define KEEP 60000
#define NEAR 500 /* ms, by the server's clock */

static void add_user(Store *store, const char *name, uid_t uid, const char *hash) {
        User user = { .name = (char *) name, .uid = uid, .enabled = true, .password_hash = (char *) hash, .created = START };

        assert_result(store_user_add(store, &user), 0);
}

static void log_in(Store *store, Session *session, const char *network) {
        g_autoptr(GPtrArray) ended = NULL;
        g_auto(LoginNews) news = { .last = 0 };
        bool bound;

        session->rhost = g_strdup("192.0.2.7");
        session->methods = g_strsplit("pwd tok", " ", -1);
        session->role_cap = g_strsplit("everyone", " ", -1);
        session->granted = (Granted) { g_strdup(ISSUER), g_strdup("sub-1"), g_strsplit("ops:admin", " ", -1) };
        assert_result(store_session_open_login(store, session, MANY, network, &bound, &ended, &news), 0);
}

static void fill_sessions(Store *store) {
        g_autoptr(Session) login = test_session(1, ALICE, 11);
        g_autofree char *id = test_id(1);

        log_in(store, login, NETWORK);
        for (unsigned i = 0; i < 70; i++)
                store_event_add(store, &(Event) { .time = START + i, .event = (char *) "used", .service = (char *) (i % 2 ? "sudo" : NULL),
                                                  .session = "00000001000000000000000000000001" });
        test_open_child(store, 2, ALICE, 1);
        test_open_child(store, 3, ALICE, 2);
        test_open(store, 4, ALICE, 12);
        test_open(store, 5, BOB, 13);
        test_open(store, 6, BOB, 14);
        test_open(store, 7, BOB, AUDIT_ID_UNSET);
        assert(test_end(store, 4, SESSION_EVENT_CLOSE) == 1);
        assert(test_end(store, 5, SESSION_EVENT_REVOKE) == 1);
        assert(test_end(store, 6, SESSION_EVENT_EXPIRE) == 1);
        store_session_touch(store, id, START + 500);
}

static void fill_devices(Store *store) {
        g_autoptr(Session) from_device = test_session(8, ALICE, 15);
        g_autoptr(GPtrArray) none = NULL, ended = NULL, also = NULL;
        g_autofree char *first = test_id(1), *second = test_id(2);
        g_autoptr(Device) device = NULL;
        bool bound, changed;
        DeviceUse use;

        test_add_device(store, 1, ALICE);
        test_add_device(store, 2, ALICE);
        assert_result(store_device_use(store, first, 7, "192.0.2.9", START + 9, START + 9, &use, &device, &none), 0);
        memcpy(from_device->device, first, SESSION_ID_SIZE);
        assert_result(store_session_open(store, from_device, MANY, &bound, &ended), 0);
        assert_result(store_device_revoke(store, second, "lost", START + 10, &changed, &also), 0);
}

static void fill(Store *store) {
        Assignment role = { .user = (char *) "alice", .uid = ALICE, .role = (char *) "admin", .created = START,
                            .until = START + 2 * DAY, .by = (char *) "root", .reason = (char *) "on call" };
        UserIdentity identity = { .issuer = (char *) ISSUER, .subject = (char *) "sub-1", .user = (char *) "alice", .uid = ALICE,
                                  .provider = (char *) "corp", .linked = START, .by = (char *) "root" };
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        add_user(store, "alice", ALICE, "$h$1");
        add_user(store, "bob", BOB, "$h$2");
        add_user(store, "carol", 1003, NULL);
        fill_devices(store);
        fill_sessions(store);
        assert_result(store_assignment_set(store, &role, MANY, &changed), 0);
        assert_result(store_identity_add(store, &identity, /* awaiting= */ false), 0);
        assert_result(store_user_disable(store, "carol", "left", START, &changed, &ended), 0);
        assert_result(store_ticket_use(store, "web9.example.org", "jti-1", START + 60), 0);
        store_debt_set(store, &(UserDebt) { .uid = ALICE, .limit = (char *) "known-host", .key = (char *) NETWORK, .until = NOW + 90, .failures = 3 });
        store_debt_set(store, &(UserDebt) { .uid = BOB, .limit = (char *) "local", .key = (char *) "", .until = NOW - 90, .failures = 1 });
        store_user_failed(store, "alice", "198.51.100.1", START + 700);
        store_user_failed(store, "alice", NULL, START + 701);
}

/* One line for each record, as the contract tells it */

static void describe_words(GString *text, char **words) {
        g_autofree char *joined = words ? g_strjoinv(",", words) : NULL;

        g_string_append_printf(text, " %s", joined ?: "-");
}

static void describe_session(GString *text, Store *store, const Session *s) {
        g_autoptr(GPtrArray) events = NULL;

        g_string_append_printf(text, "session %s %s %u %s %s %s %s %ld %s %ld %ld %ld %ld %s %s parent=%s %u %s %s device=%s %s %s",
                               s->id, s->user, s->uid, s->host, s->service, s->rhost, s->tty, (long) s->auth_time,
                               s->auth_method, (long) s->opened, (long) s->seen, (long) s->ends, (long) s->ended,
                               session_state_to_string(s->state), s->end_reason, s->parent, s->audit_id, s->boot_id,
                               s->logind_id, s->device, s->granted.issuer, s->granted.subject);
        describe_words(text, s->methods);
        describe_words(text, s->roles);
        describe_words(text, s->role_cap);
        describe_words(text, s->granted.pairs);
        assert_result(store_event_list(store, s->id, &events), 0);
        for (guint i = 0; i < events->len; i++) {
                const Event *event = events->pdata[i];

                g_string_append_printf(text, " [%ld %s %s %s]", (long) event->time, event->event, event->service, event->detail);
        }
        g_string_append_c(text, '\n');
}

static void describe_sessions(GString *text, Store *store) {
        SessionFilter filter = { .uid = UID_UNSET, .ended = true };
        g_autoptr(GPtrArray) sessions = NULL;

        assert_result(store_session_list(store, &filter, &sessions), 0);
        for (guint i = 0; i < sessions->len; i++)
                describe_session(text, store, sessions->pdata[i]);
        for (uint32_t audit_id = 11; audit_id <= 15; audit_id++) {
                g_autoptr(Session) bound = NULL;
                int r = store_session_bound(store, BOOT, audit_id, audit_id < 13 || audit_id == 15 ? ALICE : BOB, &bound);

                g_string_append_printf(text, "bound %u: %d %s\n", audit_id, r, bound ? bound->id : "-");
        }
}

static void describe_users(GString *text, Store *store) {
        g_autoptr(GPtrArray) users = NULL, roles = NULL, identities = NULL;

        assert_result(store_user_list(store, &users), 0);
        assert_result(store_assignment_list(store, UID_UNSET, &roles), 0);
        assert_result(store_identity_list(store, UID_UNSET, &identities), 0);
        for (guint i = 0; i < users->len; i++) {
                const User *u = users->pdata[i];

                g_string_append_printf(text, "user %s %u %d %s %ld %s\n", u->name, u->uid, u->enabled, u->password_hash,
                                       (long) u->created, u->awaits);
        }
        for (guint i = 0; i < roles->len; i++) {
                const Assignment *a = roles->pdata[i];

                g_string_append_printf(text, "role %s %u %s %ld %ld %s %s\n", a->user, a->uid, a->role, (long) a->created,
                                       (long) a->until, a->by, a->reason);
        }
        for (guint i = 0; i < identities->len; i++) {
                const UserIdentity *d = identities->pdata[i];

                g_string_append_printf(text, "identity %s %s %s %u %s %ld %s\n", d->issuer, d->subject, d->user, d->uid,
                                       d->provider, (long) d->linked, d->by);
        }
}

static void describe_devices(GString *text, Store *store) {
        g_autoptr(GPtrArray) devices = NULL;

        assert_result(store_device_list(store, UID_UNSET, &devices), 0);
        for (guint i = 0; i < devices->len; i++) {
                const Device *d = devices->pdata[i];
                g_autofree char *gaps = device_window_gaps_to_string(&d->window), *key = g_base64_encode(d->public_key, DEVICE_PUBLIC_SIZE);

                g_string_append_printf(text, "device %s %s %s %u %s %s %u %s %ld %ld %s %ld %ld %s\n", d->id, d->name, d->user,
                                       d->uid, d->audience, key, d->window.highest, gaps, (long) d->created, (long) d->used,
                                       d->from, (long) d->ends, (long) d->revoked, d->revoke_reason);
        }
}

static void describe_rest(GString *text, Store *store) {
        bool used, known, unknown;

        assert_result(store_ticket_used(store, "web9.example.org", "jti-1", &used), 0);
        assert_result(store_known_network(store, ALICE, NETWORK, START + 1, &known), 0);
        assert_result(store_known_network(store, ALICE, NETWORK, START + 2, &unknown), 0);
        g_string_append_printf(text, "ticket %d network %d %d\n", used, known, unknown);
}

/* As a login tells it, which it does once. */
static void describe_news(GString *text, Store *store) {
        g_autoptr(Session) next = test_session(20, ALICE, 20);
        g_autoptr(GPtrArray) ended = NULL;
        g_auto(LoginNews) news = { .last = 0 };
        bool bound;

        assert_result(store_session_open_login(store, next, MANY, NULL, &bound, &ended, &news), 0);
        g_string_append_printf(text, "news %ld %s %u %ld %s\n", (long) news.last, news.last_from, news.failures, (long) news.failed,
                               news.failed_from);
}

static char *describe(Store *store) {
        GString *text = g_string_new(NULL);

        describe_users(text, store);
        describe_devices(text, store);
        describe_sessions(text, store);
        describe_rest(text, store);
        return g_string_free(text, FALSE);
}

/* Moving */

static bool share_debt(const UserDebt *debt, int64_t now, void *data, SharedDebt *ret) {
        *ret = (SharedDebt) { .uid = debt->uid, .limit = debt->limit, .key = debt->key, .left = (debt->until - now) * 1000,
                              .failures = debt->failures, .keep = g_str_equal(debt->limit, "local") ? 0 : KEEP };
        return true;
}

static StoreMove move_of(Store *from, Store *to, bool dry) {
        return (StoreMove) { .from = from, .to = to, .dry = dry, .now = NOW, .share_debt = share_debt };
}

static void move_all(Store *from, Store *to, StoreMoved *ret) {
        StoreMove move = move_of(from, to, /* dry= */ false);
        g_autoptr(GPtrArray) conflicts = NULL;
        g_autofree char *at = NULL;

        assert_result(store_move_check(&move, &conflicts), 0);
        g_assert_cmpuint(conflicts->len, ==, 0);
        if (store_move_run(&move, ret, &at) != 0)
                g_error("stopped at %s", at);
}

static void assert_debt(Store *store, uid_t uid, const char *limit, const char *key, int64_t left, unsigned failures) {
        SharedDebt debt = { .left = 0 };

        assert_result(store_shared_debt_get(store, uid, limit, key, 0, &debt), 0);
        g_assert_cmpuint(debt.failures, ==, failures);
        g_assert_cmpint(debt.left, <=, left);
        g_assert_cmpint(debt.left, >=, left - NEAR);
}

static void assert_whole(Store *store) {
        g_autofree char *problem = NULL;

        assert_result(store_check(store, 10 * G_USEC_PER_SEC, &problem), 0);
}

static void test_both_say_the_same(RedisServer *server) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) from = place_open(place.path, false), to = redis_server_open(server, "same:", "same");
        g_autofree char *before = NULL, *after = NULL, *dump = NULL, *again = NULL;
        g_autoptr(GString) news = g_string_new(NULL), news_there = g_string_new(NULL);
        g_auto(StoreMoved) moved = { .kept = NULL }, repeated = { .kept = NULL };

        fill(from);
        move_all(from, to, &moved);
        before = describe(from);
        after = describe(to);
        g_assert_cmpstr(after, ==, before);
        g_assert_nonnull(strstr(before, "[1700000069 used sudo (null)]"));
        assert_whole(to);
        assert_debt(to, ALICE, "known-host", NETWORK, 90000, 3);
        assert_debt(to, BOB, "local", "", -90000, 1);
        assert(moved.users.new == 3 && moved.sessions.new == 8 && moved.devices.new == 2 && moved.tickets.new == 1);
        assert(moved.roles.new == 1 && moved.identities.new == 1 && moved.debts.new == 2 && moved.kept->len == 0);

        dump = redis_server_dump(server, "same:");
        move_all(from, to, &repeated);
        again = redis_server_dump(server, "same:");
        g_assert_cmpstr(again, ==, dump);
        assert(repeated.users.new == 0 && repeated.users.all == 3 && repeated.kept->len == 3 && repeated.sessions.new == 0);

        describe_news(news, from);
        describe_news(news_there, to);
        g_assert_cmpstr(news_there->str, ==, news->str);
}

/* Whatever else the store does with sessions finds them where it looks for them. */
static void test_moved_sessions_live_on(RedisServer *server) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) from = place_open(place.path, false), to = redis_server_open(server, "live:", "live");
        g_auto(StoreMoved) moved = { .kept = NULL };
        g_autoptr(GPtrArray) swept = NULL, again = NULL, ended = NULL;
        g_autoptr(Session) held = NULL;
        g_autofree char *id = test_id(1);
        g_autoptr(Device) device = NULL;
        DeviceUse use;
        bool more;

        fill(from);
        move_all(from, to, &moved);
        assert_result(store_device_use(to, id, 3, NULL, START + 20, START + 20, &use, &device, &ended), 0);
        g_assert_cmpint(use, ==, DEVICE_USE_LATE);
        assert(test_end(to, 1, SESSION_EVENT_REVOKE) == 3);
        assert_result(store_session_sweep(to, HOST, BOOT, START + 40 * DAY, DAY, DAY, 100, &swept, &more), 0);
        g_assert_cmpuint(swept->len, ==, 2);
        assert_result(store_session_bound(to, BOOT, 13, BOB, &held), 0);
        g_assert_cmpint(held->state, ==, SESSION_REVOKED);
        assert_result(store_session_sweep(to, HOST, OTHER_BOOT, START + 90 * DAY, DAY, DAY, 100, &again, &more), 0);
        assert_whole(to);
}

static void test_R12_revoked_stays_revoked_without_redis(RedisServer *server) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) from = place_open(place.path, false), to = redis_server_open(server, "lost:", "lost");
        g_auto(StoreMoved) moved = { .kept = NULL };
        g_autoptr(Session) bound = NULL;
        g_autofree char *id = test_id(2);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) device = NULL;
        DeviceUse use;

        fill(from);
        move_all(from, to, &moved);
        redis_server_do(server, "FLUSHALL");
        redis_server_adopt(to);
        assert_result(store_session_bound(to, BOOT, 13, BOB, &bound), 0);
        g_assert_cmpint(bound->state, ==, SESSION_REVOKED);
        assert_result(store_device_use(to, id, 9, NULL, START + 20, START + 20, &use, &device, &ended), STORE_E_STATE);
        assert_result(store_ticket_use(to, "web9.example.org", "jti-1", START + 60), STORE_E_EXISTS);
}

static void assert_conflict(Store *from, Store *to, const char *line) {
        StoreMove move = move_of(from, to, /* dry= */ false);
        g_autoptr(GPtrArray) conflicts = NULL;

        assert_result(store_move_check(&move, &conflicts), 0);
        g_assert_cmpuint(conflicts->len, ==, 1);
        g_assert_cmpstr(conflicts->pdata[0], ==, line);
}

static void test_who_is_another_there(RedisServer *server) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) from = place_open(place.path, false);
        g_autoptr(Store) uid = redis_server_open(server, "uid:", "uid"), hash = redis_server_open(server, "hash:", "hash");
        g_autoptr(Store) name = redis_server_open(server, "name:", "name"), off = redis_server_open(server, "off:", "off");
        g_autoptr(Store) odd = redis_server_open(server, "odd:", "odd");
        StoreMove move = move_of(from, hash, /* dry= */ false);
        g_auto(StoreMoved) moved = { .kept = NULL };
        g_autofree char *at = NULL;
        g_autoptr(User) user = NULL;

        fill(from);
        add_user(odd, "zoe\nstate=done\033[2J", BOB, "$h$2"); /* somebody else's word, on root's terminal */
        assert_conflict(from, odd, "uid 1002 is user \"bob\" here and \"zoe?state=done?[2J\" there");
        add_user(off, "carol", 1003, NULL);
        add_user(uid, "alice", 2001, "$h$1");
        add_user(hash, "bob", BOB, "$h$other");
        add_user(name, "zoe", BOB, "$h$2");
        assert_conflict(from, uid, "user \"alice\" has uid 1001 here and 2001 there");
        assert_conflict(from, off, "user \"carol\" is disabled here and enabled there");
        assert_conflict(from, hash, "user \"bob\" has another password there");
        assert_conflict(from, name, "uid 1002 is user \"bob\" here and \"zoe\" there");
        /* Nor does who comes between. */
        assert_result(store_move_run(&move, &moved, &at), STORE_E_EXISTS);
        g_assert_cmpstr(at, ==, "user \"bob\"");
        assert_result(store_user_get(hash, "bob", &user), 0);
        g_assert_cmpstr(user->password_hash, ==, "$h$other");
}

static void test_devices_and_subjects_of_others(RedisServer *server) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) from = place_open(place.path, false), to = redis_server_open(server, "others:", "others");
        g_autoptr(Store) named = redis_server_open(server, "named:", "named");
        UserIdentity identity = { .issuer = (char *) ISSUER, .subject = (char *) "sub-1", .user = (char *) "zoe", .uid = 2001,
                                  .provider = (char *) "corp", .linked = START, .by = (char *) "root" };
        g_autoptr(Device) device = test_device(9, ALICE);

        fill(from);
        add_user(to, "zoe", 2001, NULL);
        assert_result(store_identity_add(to, &identity, /* awaiting= */ false), 0);
        assert_conflict(from, to, "subject \"sub-1\" of \"" ISSUER "\" is user \"alice\" here and \"zoe\" there");
        add_user(named, "alice", ALICE, "$h$1");
        g_free(device->name);
        device->name = g_strdup("device-1");
        assert_result(store_device_add(named, device, MANY), 0);
        assert_conflict(from, named, "user \"alice\" has another device \"device-1\" there");
}

/* What was revoked there while this was under way is not undone by what comes behind. */
static void test_nothing_comes_in_behind_a_revocation(RedisServer *server) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) from = place_open(place.path, false), to = redis_server_open(server, "behind:", "behind");
        g_autoptr(GPtrArray) parents = store_session_array(), events = g_ptr_array_new_with_free_func((GDestroyNotify) g_ptr_array_unref);
        g_auto(StoreMoved) moved = { .kept = NULL };
        g_autoptr(GPtrArray) ended = NULL;
        g_autofree char *id = test_id(1);
        unsigned n;
        bool changed;

        fill(from);
        add_user(to, "alice", ALICE, "$h$1");
        add_user(to, "bob", BOB, "$h$2");
        g_ptr_array_add(parents, test_get(from, 1));
        g_ptr_array_add(events, store_event_array());
        assert_result(store_import_sessions(to, parents, events, NOW, &n), 0);
        assert(n == 1 && test_end(to, 1, SESSION_EVENT_REVOKE) == 1);
        assert_result(store_user_disable(to, "bob", "left", NOW, &changed, &ended), 0);
        move_all(from, to, &moved);
        test_assert_state(to, 1, SESSION_REVOKED);
        test_assert_state(to, 2, SESSION_REVOKED);
        test_assert_state(to, 3, SESSION_REVOKED);
        test_assert_state(to, 7, SESSION_REVOKED);
        test_assert_state(to, 8, SESSION_ACTIVE);
        assert(moved.kept->len == 2);
        assert_whole(to);
}

/* Who went back to the own store, and comes again: what was revoked and used meanwhile is so there, too. */
static void test_R12_what_ended_here_ends_there(RedisServer *server) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) from = place_open(place.path, false), to = redis_server_open(server, "back:", "back");
        g_auto(StoreMoved) moved = { .kept = NULL }, again = { .kept = NULL };
        g_autoptr(GPtrArray) none = NULL, ended = NULL, also = NULL;
        g_autoptr(Device) device = NULL, there = NULL, third = NULL;
        g_autofree char *first = test_id(1), *other = test_id(3);
        DeviceUse use;
        bool changed;

        fill(from);
        test_add_device(from, 3, BOB);
        move_all(from, to, &moved);
        assert(test_end(from, 1, SESSION_EVENT_REVOKE) == 3 && test_end(from, 7, SESSION_EVENT_CLOSE) == 1);
        assert_result(store_device_use(from, first, 9, NULL, START + 11, START + 11, &use, &device, &none), 0);
        assert_result(store_device_revoke(from, other, "lost", START + 12, &changed, &ended), 0);
        move_all(from, to, &again);
        test_assert_state(to, 1, SESSION_REVOKED);
        test_assert_state(to, 3, SESSION_REVOKED);
        test_assert_state(to, 7, SESSION_CLOSED);
        third = test_get_device(to, 3);
        g_assert_cmpint(third->revoked, ==, START + 12);
        assert_result(store_device_use(to, first, 9, NULL, START + 13, START + 13, &use, &there, &also), 0);
        g_assert_cmpint(use, ==, DEVICE_USE_AGAIN);
        assert(again.sessions.new == 0 && again.devices.new == 0);
        assert_whole(to);
}

static void test_looking_changes_nothing(RedisServer *server) {
        _cleanup_place_ Place place = place_new();
        g_autoptr(Store) from = place_open(place.path, false), to = redis_server_open(server, "dry:", "dry");
        StoreMove move = move_of(from, NULL, /* dry= */ true);
        g_auto(StoreMoved) moved = { .kept = NULL };
        g_autofree char *at = NULL, *dump = NULL;
        StoreFound found;

        fill(from);
        assert_result(store_move_run(&move, &moved, &at), 0);
        assert(moved.users.all == 3 && moved.sessions.all == 8 && moved.debts.all == 2 && moved.users.new == 0);
        assert_result(store_look(to, &found), 0);
        assert(!found.id[0] && !found.known[0] && found.users == 0);
        dump = redis_server_dump(server, "dry:");
        g_assert_cmpstr(dump, ==, "");
        move.to = to;
        move.dry = false;
        store_moved_deinit(&moved);
        assert_result(store_move_run(&move, &moved, &at), 0);
        assert_result(store_look(to, &found), 0);
        g_assert_cmpstr(found.id, ==, found.known);
        assert(found.users == 3 && found.active == 5 && found.ended == 3 && found.devices == 2);
}

int main(int argc, char **argv) {
        _cleanup_server_ RedisServer *server = redis_server_new(/* durable= */ false);

        test_both_say_the_same(server);
        test_moved_sessions_live_on(server);
        test_R12_revoked_stays_revoked_without_redis(server);
        test_who_is_another_there(server);
        test_devices_and_subjects_of_others(server);
        test_nothing_comes_in_behind_a_revocation(server);
        test_R12_what_ended_here_ends_there(server);
        test_looking_changes_nothing(server);
        return 0;
}
