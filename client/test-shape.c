/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The documented JSON, made of dictionaries that no daemon sent: a ClientDict here is a list of
 * entries of our own, and the five functions that read one are replaced.
 */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "client/shape.h"

typedef struct Entry {
        const char *key;
        const char *string;
        const char *const *strings;
        ClientDict *const *dicts; /* ended by NULL */
        int64_t integer;
        bool boolean;
} Entry;

struct ClientDict {
        const Entry *entries; /* ended by a NULL key */
};

static const Entry *find(const ClientDict *dict, const char *key) {
        static const Entry none = { 0 };

        for (const Entry *entry = dict->entries; entry->key; entry++)
                if (strcmp(entry->key, key) == 0)
                        return entry;
        return &none;
}

const char *client_dict_get_string(const ClientDict *dict, const char *key) {
        return find(dict, key)->string;
}

bool client_dict_get_bool(const ClientDict *dict, const char *key) {
        return find(dict, key)->boolean;
}

int64_t client_dict_get_integer(const ClientDict *dict, const char *key) {
        return find(dict, key)->integer;
}

const char *const *client_dict_get_strings(const ClientDict *dict, const char *key) {
        static const char *const empty[] = { NULL };

        return find(dict, key)->strings ?: empty;
}

ClientDict *const *client_dict_get_dicts(const ClientDict *dict, const char *key, size_t *ret_n) {
        ClientDict *const *dicts = find(dict, key)->dicts;

        *ret_n = 0;
        while (dicts && dicts[*ret_n])
                (*ret_n)++;
        return dicts;
}

static const char *const pwd[] = { "pwd", NULL };
static const char *const by_group[] = { "ops:admin", NULL };
static const char *const two_roles[] = { "admin", "everyone", NULL };

static const Entry session_entries[] = {
        { .key = "id", .string = "1a2b3c4d5e6f708192a3b4c5d6e7f809" },
        { .key = "user", .string = "alice" },
        { .key = "uid", .integer = 1000 },
        { .key = "host", .string = "server.example.org" },
        { .key = "service", .string = "sshd" },
        { .key = "from", .string = "192.0.2.7" },
        { .key = "tty", .string = "" },
        { .key = "methods", .strings = pwd },
        { .key = "roles", .strings = two_roles },
        { .key = "granted", .strings = by_group },
        { .key = "auth_time", .integer = 1700000000 },
        { .key = "opened", .integer = 1700000000 },
        { .key = "seen", .integer = 1700000100 },
        { .key = "ends", .integer = 1700600000 },
        { .key = "state", .string = "active" },
        { .key = "parent", .string = "" },
        { .key = "current", .boolean = true },
        { NULL },
};

/* Takes @value over. */
static void assert_json(json_t *value, const char *expected) {
        char *text = json_dumps(value, JSON_COMPACT);

        g_assert_cmpstr(text, ==, expected);
        free(text);
        json_decref(value);
}

#define SESSION_JSON                                                                                                  \
        "{\"id\":\"1a2b3c4d5e6f708192a3b4c5d6e7f809\",\"user\":\"alice\",\"uid\":1000,"                              \
        "\"host\":\"server.example.org\",\"service\":\"sshd\",\"from\":\"192.0.2.7\",\"tty\":null,"                  \
        "\"methods\":[\"pwd\"],\"roles\":[\"admin\",\"everyone\"],\"auth_time\":1700000000,"                         \
        "\"opened\":1700000000,\"seen\":1700000100,\"ends\":1700600000,\"state\":\"active\",\"parent\":null,"         \
        "\"device\":null,\"current\":true,\"end_reason\":null,\"ended\":null,\"granted\":[\"ops:admin\"]}"

static void test_session(void) {
        const ClientDict dict = { session_entries };

        assert_json(shape_object(shape_session, &dict), SESSION_JSON);
}

static void test_list_of_sessions(void) {
        ClientDict dict = { session_entries };
        ClientDict *const dicts[] = { &dict, &dict };

        assert_json(shape_array(shape_session, dicts, 2), "[" SESSION_JSON "," SESSION_JSON "]");
        assert_json(shape_array(shape_session, NULL, 0), "[]");
}

static void test_status(void) {
        const ClientDict dict = { session_entries };

        assert_json(shape_status(shape_object(shape_session, &dict)),
                    "{\"signed_in\":true,\"user\":\"alice\",\"host\":\"server.example.org\","
                    "\"roles\":[\"admin\",\"everyone\"],\"session\":" SESSION_JSON "}");
        assert_json(shape_status(NULL), "{\"signed_in\":false}");
}

static void test_verify(void) {
        static const Entry entries[] = {
                { .key = "user", .string = "alice" },
                { .key = "session", .string = "1a2b3c4d5e6f708192a3b4c5d6e7f809" },
                { .key = "audience", .string = "server.example.org" },
                { .key = "roles", .strings = two_roles },
                { .key = "expires", .integer = 1700000900 },
                { NULL },
        };
        const ClientDict dict = { entries };

        assert_json(shape_verify("valid", &dict),
                    "{\"valid\":true,\"user\":\"alice\",\"session\":\"1a2b3c4d5e6f708192a3b4c5d6e7f809\","
                    "\"audience\":\"server.example.org\",\"roles\":[\"admin\",\"everyone\"],\"expires\":1700000900,"
                    "\"issued_at\":null,\"auth_time\":null,\"methods\":[]}");
        assert_json(shape_verify("revoked", NULL), "{\"valid\":false,\"reason\":\"revoked\"}");
        assert_json(shape_verify("a word of tomorrow", NULL), "{\"valid\":false,\"reason\":\"a word of tomorrow\"}");
}

/* The members that are promised; more are welcome. */
static void test_members(void) {
        static const struct {
                const ShapeMember *shape;
                const char *members; /* in order, at the beginning */
        } rows[] = {
                { shape_session, "id user uid host service from tty methods roles auth_time opened seen ends state "
                                 "parent device current" },
                { shape_event, "time event" },
                { shape_user, "user uid enabled password identities roles" },
                { shape_role, "role users groups includes assignments" },
                { shape_key, "kid alg use state" },
                { shape_device, "id name user created used from state" },
                { shape_trust, "host users roles keys" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_auto(GStrv) members = g_strsplit(rows[i].members, " ", -1);
                for (size_t j = 0; members[j]; j++)
                        g_assert_cmpstr(rows[i].shape[j].name, ==, members[j]);
        }
}

static void test_users_roles_keys(void) {
        static const Entry nothing[] = { { NULL } };
        const ClientDict dict = { nothing };

        assert_json(shape_object(shape_user, &dict),
                    "{\"user\":null,\"uid\":0,\"enabled\":false,\"password\":false,\"identities\":[],\"roles\":[],"
                    "\"created\":null,\"error\":null,\"awaits\":null}");
        assert_json(shape_object(shape_role, &dict),
                    "{\"role\":null,\"users\":[],\"groups\":[],\"includes\":[],\"assignments\":[],\"services\":[],"
                    "\"file\":null,\"line\":0,\"granted\":[]}");
        assert_json(shape_object(shape_key, &dict), "{\"kid\":null,\"alg\":null,\"use\":null,\"state\":null,"
                                                    "\"created\":null,\"until\":null}");
}

static void test_assignments(void) {
        static const Entry for_ever[] = { { .key = "user", .string = "alice" }, { .key = "by", .string = "root" },
                                          { .key = "created", .integer = 1700000000 }, { NULL } };
        static const Entry timed[] = { { .key = "user", .string = "bob" }, { .key = "by", .string = "alice" },
                                       { .key = "until", .integer = 1700007200 },
                                       { .key = "reason", .string = "on\033call" }, { NULL } };
        ClientDict alice = { for_ever }, bob = { timed };
        ClientDict *const assigned[] = { &alice, &bob, NULL };
        const Entry entries[] = { { .key = "role", .string = "operator" }, { .key = "assignments", .dicts = assigned },
                                  { NULL } };
        const ClientDict dict = { entries };

        assert_json(shape_object(shape_role, &dict),
                    "{\"role\":\"operator\",\"users\":[],\"groups\":[],\"includes\":[],\"assignments\":["
                    "{\"user\":\"alice\",\"until\":null,\"reason\":null,\"by\":\"root\"},"
                    "{\"user\":\"bob\",\"until\":1700007200,\"reason\":\"on?call\",\"by\":\"alice\"}],"
                    "\"services\":[],\"file\":null,\"line\":0,\"granted\":[]}");
}

static void test_devices(void) {
        static const Entry entries[] = {
                { .key = "id", .string = "00112233445566778899aabbccddeeff" },
                { .key = "name", .string = "laptop" },
                { .key = "user", .string = "alice" },
                { .key = "uid", .integer = 1000 },
                { .key = "audience", .string = "server.example.org" },
                { .key = "state", .string = "revoked" },
                { .key = "created", .integer = 1700000000 },
                { .key = "ends", .integer = 1707776000 },
                { .key = "revoked", .integer = 1700000100 },
                { .key = "reason", .string = "reuse" },
                { NULL },
        };
        const ClientDict dict = { entries };

        assert_json(shape_object(shape_device, &dict),
                    "{\"id\":\"00112233445566778899aabbccddeeff\",\"name\":\"laptop\",\"user\":\"alice\","
                    "\"created\":1700000000,\"used\":null,\"from\":null,\"state\":\"revoked\","
                    "\"audience\":\"server.example.org\",\"ends\":1707776000,\"revoked\":1700000100,"
                    "\"reason\":\"reuse\"}");
}

static void test_trust(void) {
        static const char *const all[] = { "*", NULL };
        static const Entry entries[] = {
                { .key = "host", .string = "web1" }, { .key = "users", .strings = all }, { .key = "line", .integer = 1 },
                { NULL },
        };
        const ClientDict dict = { entries };

        assert_json(shape_object(shape_trust, &dict), "{\"host\":\"web1\",\"users\":[\"*\"],\"roles\":[],"
                                                      "\"keys\":[],\"file\":null,\"line\":1}");
}

static void test_text_is_cleaned(void) {
        assert_json(json_pack("[o]", shape_text("a\033]0;x\007b")), "[\"a?]0;x?b\"]");
        assert_json(json_pack("[o,o]", shape_text(NULL), shape_text("")), "[null,null]");
}

int main(void) {
        test_session();
        test_list_of_sessions();
        test_status();
        test_verify();
        test_members();
        test_users_roles_keys();
        test_assignments();
        test_devices();
        test_trust();
        test_text_is_cleaned();
        return 0;
}
