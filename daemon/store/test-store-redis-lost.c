/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* A server that was emptied, or came back with an older copy of its data: what was revoked stays revoked. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/store/test-redis-changes.h"
#include "daemon/store/test-redis-server.h"
#include "daemon/store/test-store.h"

#define DURABLE false /* what is tested comes from dumps */

static Store *open_prepared(RedisServer *server) {
        Store *store = redis_server_open(server, "p:", "web1");

        redis_changes_prepare(store);
        assert_result(store_meta_set(store, STORE_META_NAME, HOST), 0);
        return store;
}

static char *data_file(RedisServer *server, const char *name) {
        return g_build_filename(server->folder, "data", name, NULL);
}

static void copy_dump(RedisServer *server, const char *from, const char *to) {
        g_autofree char *source = data_file(server, from), *target = data_file(server, to), *content = NULL;
        gsize size;

        assert(g_file_get_contents(source, &content, &size, NULL));
        assert(g_file_set_contents(target, content, (gssize) size, NULL));
}

static void restart_with(RedisServer *server, const char *dump) {
        g_autofree char *current = data_file(server, "dump.rdb");

        redis_server_kill(server);
        if (dump)
                copy_dump(server, dump, "dump.rdb");
        else
                assert(unlink(current) == 0);
        redis_server_start(server, DURABLE);
}

/* The first call on a connection that has died fails. */
static void wait_until(Store *store, int expected) {
        for (int tries = 0;; tries++) {
                g_autoptr(User) user = NULL;

                if (store_user_get(store, "alice", &user) == expected)
                        return;
                assert(tries < 200);
                g_usleep(20 * G_TIME_SPAN_MILLISECOND);
        }
}

/* Session 4 with 5 below it, device 1 with what came from it, bob, alice's password, a ticket. */
static void revoke_much(Store *store) {
        g_autoptr(GPtrArray) ended = NULL, of_bob = NULL, of_alice = NULL;
        g_autofree char *device = test_id(1), *except = test_id(1);
        bool changed;

        g_assert_cmpuint(test_end(store, 4, SESSION_EVENT_REVOKE), ==, 2);
        assert_result(store_device_revoke(store, device, "lost", START + 9, &changed, &ended), 0);
        assert_result(store_user_disable(store, "bob", "left", START + 9, &changed, &of_bob), 0);
        assert_result(store_ticket_use(store, "web9", "jti", START + 60), 0);
        assert_result(store_user_change_password(store, "alice", "$h$2", except, "passwd", START + 9, &of_alice), 0);
}

static int open_again(Store *store, unsigned n, uid_t uid, uint32_t audit_id, unsigned parent, unsigned device, bool *ret_bound) {
        g_autoptr(Session) session = test_session(n, uid, audit_id);
        g_autofree char *parent_id = test_id(parent), *device_id = test_id(device);
        g_autoptr(GPtrArray) ended = NULL;

        if (parent > 0)
                memcpy(session->parent, parent_id, SESSION_ID_SIZE);
        if (device > 0)
                memcpy(session->device, device_id, SESSION_ID_SIZE);
        return store_session_open(store, session, MANY, ret_bound, &ended);
}

/* With whatever the server has now. */
static void assert_revoked(Store *store, bool has_data) {
        g_autofree char *device = test_id(1), *four = test_id(4);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Session) login = NULL, opened = NULL;
        g_autoptr(Device) none = NULL;
        DeviceUse use;
        bool used = false, bound = true;

        /* the login of session 4 stays dead: what opens there is not bound to it, nor below it */
        assert_result(store_session_bound(store, BOOT, 104, ALICE, &login), 0);
        g_assert_cmpint(login->state, ==, SESSION_REVOKED);
        g_assert_cmpstr(login->id, ==, four);
        g_assert_cmpstr(login->user, ==, "alice");
        assert_result(open_again(store, 300, ALICE, 104, 0, 0, &bound), 0);
        assert(!bound);
        opened = test_get(store, 300);
        g_assert_cmpstr(opened->parent, ==, "");

        assert_result(open_again(store, 301, ALICE, 301, 4, 0, &bound), STORE_E_STATE);
        assert_result(open_again(store, 302, ALICE, 302, 0, 1, &bound), STORE_E_STATE);
        assert_result(store_device_use(store, device, 900, NULL, START, START, &use, &none, &ended), STORE_E_STATE);
        assert_result(store_ticket_use(store, "web9", "jti", START + 60), STORE_E_EXISTS);
        assert_result(store_ticket_used(store, "web9", "jti", &used), 0);
        assert(used);
        assert_result(store_session_authenticated(store, four, START, "pwd", NULL), STORE_E_STATE);
        if (!has_data)
                return;
        test_assert_state(store, 4, SESSION_REVOKED);
        test_assert_state(store, 5, SESSION_REVOKED);
        test_assert_state(store, 7, SESSION_REVOKED); /* of the device */
        test_assert_state(store, 2, SESSION_REVOKED); /* by the new password */
        test_assert_state(store, 90, SESSION_REVOKED);
        test_assert_state(store, 1, SESSION_ACTIVE);
}

static void assert_listed(Store *store) {
        g_autoptr(GPtrArray) active = NULL, devices = NULL, users = NULL;
        SessionFilter filter = { .uid = UID_UNSET };
        g_autoptr(User) alice = NULL, bob = NULL;
        g_autoptr(Device) device = test_get_device(store, 1);

        assert_result(store_session_list(store, &filter, &active), 0);
        g_assert_cmpuint(active->len, ==, 2); /* 1, and 300 that was opened since */
        g_assert_cmpint(device->revoked, !=, 0);
        assert_result(store_device_list(store, ALICE, &devices), 0);
        for (guint i = 0; i < devices->len; i++)
                g_assert_cmpint(((Device *) devices->pdata[i])->revoked, !=, 0);
        assert_result(store_user_get(store, "bob", &bob), 0);
        assert(!bob->enabled);
        assert_result(store_user_get(store, "alice", &alice), 0);
        assert(alice->enabled && !alice->password_hash); /* the old one is none any more */
        assert_result(store_user_list(store, &users), 0);
        for (guint i = 0; i < users->len; i++)
                assert(!((User *) users->pdata[i])->enabled || !((User *) users->pdata[i])->password_hash);
}

/* An administrator puts right what the older copy says. */
static void assert_can_be_put_right(Store *store) {
        g_autoptr(User) alice = NULL, bob = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        bool changed = false, bound;

        assert_result(open_again(store, 400, BOB, 400, 0, 0, &bound), STORE_E_STATE);
        assert_result(store_user_enable(store, "bob", &changed), 0);
        assert(changed);
        assert_result(store_user_enable(store, "bob", &changed), 0);
        assert(!changed);
        assert_result(store_user_get(store, "bob", &bob), 0);
        assert(bob->enabled && bob->password_hash);
        assert_result(open_again(store, 400, BOB, 400, 0, 0, &bound), 0);
        assert_result(store_user_change_password(store, "alice", "$h$3", NULL, "passwd", START + 9, &ended), 0);
        assert_result(store_user_get(store, "alice", &alice), 0);
        g_assert_cmpstr(alice->password_hash, ==, "$h$3");
}

static void test_R12_an_older_copy_is_put_back(void) {
        _cleanup_server_ RedisServer *server = redis_server_new(DURABLE);
        g_autoptr(Store) store = open_prepared(server);

        redis_server_do(server, "SAVE");
        copy_dump(server, "dump.rdb", "old.rdb");
        revoke_much(store);
        restart_with(server, "old.rdb");
        wait_until(store, 0);
        assert_revoked(store, /* has_data= */ true);
        assert_listed(store);

        /* and by a daemon that began since */
        store = store_free(store);
        restart_with(server, "old.rdb");
        store = redis_server_open(server, "p:", "web1");
        assert_revoked(store, /* has_data= */ true);
        assert_listed(store);
        assert_can_be_put_right(store);
}

static void add_user(Store *store, const char *name, uid_t uid) {
        User user = { .name = (char *) name, .uid = uid, .enabled = true, .created = START };

        assert_result(store_user_add(store, &user), 0);
}

static int get_user(Store *store, const char *name) {
        g_autoptr(User) user = NULL;

        return store_user_get(store, name, &user);
}

/* Of a copy from before he was enrolled the store's id is right. Who is unknown is left to the stack behind. */
static void test_R12_who_is_lost_is_no_stranger(void) {
        _cleanup_server_ RedisServer *server = redis_server_new(DURABLE);
        g_autoptr(Store) store = open_prepared(server), other = redis_server_open(server, "p:", "web2");
        g_autofree char *problem = NULL;
        g_autoptr(GPtrArray) ended = NULL;

        redis_server_do(server, "SAVE");
        copy_dump(server, "dump.rdb", "old.rdb");
        add_user(store, "erin", 1500);
        assert_result(get_user(other, "erin"), 0);
        add_user(other, "frank", 1501); /* of whom the first never hears */
        restart_with(server, "old.rdb");
        wait_until(store, 0);
        assert_result(get_user(store, "erin"), -ENODATA);
        problem = store_problem_of(store, -ENODATA);
        assert(strstr(problem, "\"erin\"") && strstr(problem, "nobody removed"));
        g_assert_null(store_problem_of(store, -ENOSPC));
        assert_result(get_user(other, "erin"), -ENODATA);
        assert_result(get_user(other, "frank"), -ENODATA);
        assert_result(get_user(store, "frank"), STORE_E_NOT_FOUND);

        /* nor after a restart; until he is enrolled again, or an administrator says that it is to be so */
        store = store_free(store);
        store = redis_server_open(server, "p:", "web1");
        assert_result(get_user(store, "erin"), -ENODATA);
        add_user(store, "erin", 1500);
        assert_result(get_user(store, "erin"), 0);
        assert_result(get_user(other, "erin"), 0);
        redis_server_adopt(other);
        assert_result(get_user(other, "frank"), STORE_E_NOT_FOUND);

        /* who was removed is unknown, as ever */
        assert_result(store_user_remove(store, "erin", "removed", START, &ended), 0);
        assert_result(get_user(store, "erin"), STORE_E_NOT_FOUND);
}

static void assert_lost(Store *store) {
        g_autofree char *name = NULL, *problem = NULL;
        g_autoptr(Session) none = NULL;

        wait_until(store, -ESTALE); /* and not: he is unknown */
        assert_result(store_session_bound(store, BOOT, 101, ALICE, &none), -ESTALE);
        for (const RedisChange *change = redis_changes; change->name; change++) {
                int r = change->run(store);

                if (r != -ESTALE && r != STORE_E_STATE && r != STORE_E_EXISTS) /* revoked or spent, as is known here */
                        g_error("%s did not fail: %i", change->name, r);
        }
        assert_result(store_meta_get(store, STORE_META_NAME, &name), 0);
        g_assert_cmpstr(name, ==, HOST);
        problem = store_problem(store);
        g_assert_nonnull(strstr(problem, "LOST"));
}

static void test_R12_flushed(void) {
        _cleanup_server_ RedisServer *server = redis_server_new(DURABLE);
        g_autoptr(Store) store = open_prepared(server);
        User alice = { .name = (char *) "alice", .uid = ALICE, .enabled = true, .password_hash = (char *) "$h$9" };
        g_autoptr(User) got = NULL;

        revoke_much(store);
        redis_server_do(server, "FLUSHALL");
        assert_lost(store);

        /* another host makes a store there: that is not this host's either */
        {
                g_autoptr(Store) stranger = redis_server_open(server, "p:", "web2");
                g_autoptr(User) nobody = NULL;

                assert_result(store_user_get(stranger, "alice", &nobody), STORE_E_NOT_FOUND);
        }
        assert_lost(store);

        /* an administrator who knows */
        redis_server_adopt(store);
        wait_until(store, STORE_E_NOT_FOUND);
        assert_result(store_user_add(store, &alice), 0);
        assert_result(store_user_get(store, "alice", &got), 0);
        assert(got->enabled);
        g_assert_cmpstr(got->password_hash, ==, "$h$9");
        assert_revoked(store, /* has_data= */ false);
}

static void assert_not_adopted(Store *store, const char *wanted) {
        StoreFound before, after;
        bool changed = false;

        assert_result(store_look(store, &before), 0);
        assert_result(store_adopt(store, wanted, &after, &changed), STORE_E_NOT_FOUND);
        assert_result(store_look(store, &after), 0);
        assert(!changed && !store_is_adopted(&after));
        g_assert_cmpstr(after.id, ==, before.id);
        g_assert_cmpstr(after.known, ==, before.known);
}

/* Between the look and the word of who looked another store may have come there. */
static void test_R12_what_was_looked_at_is_adopted_and_nothing_else(void) {
        _cleanup_server_ RedisServer *server = redis_server_new(DURABLE);
        g_autoptr(Store) store = open_prepared(server), stranger = NULL;
        g_autoptr(User) nobody = NULL;
        StoreFound found;
        bool changed = true;

        assert_result(store_look(store, &found), 0);
        assert(store_is_adopted(&found));
        assert_result(store_adopt(store, found.id, &found, &changed), 0);
        assert(!changed);

        redis_server_do(server, "FLUSHALL");
        assert_not_adopted(store, "00000000000000000000000000000000");
        assert_result(store_look(store, &found), 0);
        g_assert_cmpstr(found.id, ==, "");

        redis_server_do(server, "HSET p:{tessera}:store schema 1 id \033[2J0000000000000000000000000000"); /* shown to root */
        assert_result(store_look(store, &found), -EUCLEAN);
        redis_server_do(server, "FLUSHALL");

        stranger = redis_server_open(server, "p:", "web2");
        assert_result(store_user_get(stranger, "alice", &nobody), STORE_E_NOT_FOUND);
        assert_not_adopted(store, "");
        assert_lost(store);
        redis_server_adopt(store);
        wait_until(store, STORE_E_NOT_FOUND);
}

/* What was noted of the store before goes to the one that is there, as far as that has what it is about. */
static void test_R12_notes_of_what_is_not_there_are_let_go(void) {
        _cleanup_server_ RedisServer *server = redis_server_new(DURABLE);
        g_autoptr(Store) store = open_prepared(server);
        g_autofree char *one = test_id(1), *dump = NULL;
        _cleanup_redis_reply_ RedisReply *failures = NULL;
        Event event = { .time = START, .event = (char *) "allowed" };
        g_autoptr(GPtrArray) none = NULL, events = NULL;
        User alice = { .name = (char *) "alice", .uid = ALICE, .enabled = true };

        redis_server_do(server, "FLUSHALL");
        memcpy(event.session, one, SESSION_ID_SIZE);
        store_session_touch(store, one, START + 5);
        store_event_add(store, &event);
        store_user_failed(store, "alice", NULL, START);
        store_user_failed(store, "bob", NULL, START);
        assert_result(store_event_list(store, one, &none), -ESTALE);
        redis_server_adopt(store);
        assert_result(store_user_add(store, &alice), 0);
        assert_result(store_event_list(store, one, &events), 0);
        g_assert_cmpuint(events->len, ==, 0);
        failures = redis_server_run(server, "HGET p:{tessera}:user:alice failures");
        assert(redis_reply_is_text(failures, "1"));
        dump = redis_server_dump(server, "p:");
        assert(!strstr(dump, "session:") && !strstr(dump, "events:") && !strstr(dump, "user:bob"));
        g_assert_cmpuint(store_dropped(store), ==, 0);
}

static void test_R12_restarted_empty_and_restored(void) {
        _cleanup_server_ RedisServer *server = redis_server_new(DURABLE);
        g_autoptr(Store) store = open_prepared(server);

        revoke_much(store);
        redis_server_do(server, "SAVE");
        copy_dump(server, "dump.rdb", "right.rdb");
        restart_with(server, NULL);
        assert_lost(store);
        restart_with(server, "right.rdb");
        wait_until(store, 0);
        assert_revoked(store, /* has_data= */ true);
}

int main(void) {
        setvbuf(stdout, NULL, _IOLBF, 0);
        test_R12_an_older_copy_is_put_back();
        test_R12_who_is_lost_is_no_stranger();
        test_R12_flushed();
        test_R12_what_was_looked_at_is_adopted_and_nothing_else();
        test_R12_notes_of_what_is_not_there_are_let_go();
        test_R12_restarted_empty_and_restored();
        return 0;
}
