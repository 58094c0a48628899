/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/shape.h"
#include "common/name.h"
#include "common/wire.h"

const ShapeMember shape_session[] = {
        { "id", SHAPE_TEXT },         { "user", SHAPE_TEXT },     { "uid", SHAPE_NUMBER },
        { "host", SHAPE_TEXT },       { "service", SHAPE_TEXT },  { "from", SHAPE_TEXT },
        { "tty", SHAPE_TEXT },        { "methods", SHAPE_LIST },  { "roles", SHAPE_LIST },
        { "auth_time", SHAPE_TIME },  { "opened", SHAPE_TIME },   { "seen", SHAPE_TIME },
        { "ends", SHAPE_TIME },       { "state", SHAPE_TEXT },    { "parent", SHAPE_TEXT },
        { "device", SHAPE_TEXT },     { "current", SHAPE_BOOL },  { "end_reason", SHAPE_TEXT },
        { "ended", SHAPE_TIME },      { "granted", SHAPE_LIST },  { NULL },
};

const ShapeMember shape_event[] = {
        { "time", SHAPE_TIME }, { "event", SHAPE_TEXT }, { "service", SHAPE_TEXT }, { "detail", SHAPE_TEXT },
        { NULL },
};

const ShapeMember shape_happening[] = {
        { "time", SHAPE_TIME },   { "event", SHAPE_TEXT },   { "user", SHAPE_TEXT }, { "session", SHAPE_TEXT },
        { "device", SHAPE_TEXT }, { "service", SHAPE_TEXT }, { "from", SHAPE_TEXT }, { "reason", SHAPE_TEXT },
        { "message", SHAPE_TEXT }, { "by", SHAPE_TEXT }, { NULL },
};

const ShapeMember shape_user[] = {
        { "user", SHAPE_TEXT },       { "uid", SHAPE_NUMBER }, { "enabled", SHAPE_BOOL }, { "password", SHAPE_BOOL },
        { "identities", SHAPE_LIST }, { "roles", SHAPE_LIST }, { "created", SHAPE_TIME }, { "error", SHAPE_TEXT },
        { "awaits", SHAPE_TEXT },     { NULL },
};

static const ShapeMember shape_assignment[] = {
        { "user", SHAPE_TEXT }, { "until", SHAPE_TIME }, { "reason", SHAPE_TEXT }, { "by", SHAPE_TEXT }, { NULL },
};

static const ShapeMember shape_granting[] = { { "provider", SHAPE_TEXT }, { "group", SHAPE_TEXT }, { NULL } };

const ShapeMember shape_role[] = {
        { "role", SHAPE_TEXT },     { "users", SHAPE_LIST }, { "groups", SHAPE_LIST },
        { "includes", SHAPE_LIST }, { "assignments", SHAPE_OBJECTS, shape_assignment },
        { "services", SHAPE_LIST }, { "file", SHAPE_TEXT },  { "line", SHAPE_NUMBER },
        { "granted", SHAPE_OBJECTS, shape_granting },
        { NULL },
};

const ShapeMember shape_step[] = {
        { "text", SHAPE_TEXT }, { "file", SHAPE_TEXT }, { "line", SHAPE_LINE }, { NULL },
};

const ShapeMember shape_key[] = {
        { "kid", SHAPE_TEXT },   { "alg", SHAPE_TEXT },     { "use", SHAPE_TEXT },
        { "state", SHAPE_TEXT }, { "created", SHAPE_TIME }, { "until", SHAPE_TIME }, { NULL },
};

const ShapeMember shape_device[] = {
        { "id", SHAPE_TEXT },   { "name", SHAPE_TEXT },  { "user", SHAPE_TEXT },     { "created", SHAPE_TIME },
        { "used", SHAPE_TIME }, { "from", SHAPE_TEXT },  { "state", SHAPE_TEXT },    { "audience", SHAPE_TEXT },
        { "ends", SHAPE_TIME }, { "revoked", SHAPE_TIME }, { "reason", SHAPE_TEXT }, { NULL },
};

const ShapeMember shape_trust[] = {
        { "host", SHAPE_TEXT }, { "users", SHAPE_LIST }, { "roles", SHAPE_LIST }, { "keys", SHAPE_LIST },
        { "file", SHAPE_TEXT }, { "line", SHAPE_NUMBER }, { NULL },
};

const ShapeMember shape_limit[] = {
        { "limit", SHAPE_TEXT },    { "key", SHAPE_TEXT },    { "failures", SHAPE_NUMBER },
        { "retry_at", SHAPE_TIME }, { "closed", SHAPE_BOOL }, { NULL },
};

static const ShapeMember shape_token[] = {
        { "user", SHAPE_TEXT },    { "session", SHAPE_TEXT },   { "audience", SHAPE_TEXT },  { "roles", SHAPE_LIST },
        { "expires", SHAPE_TIME }, { "issued_at", SHAPE_TIME }, { "auth_time", SHAPE_TIME },
        { "methods", SHAPE_LIST }, { NULL },
};

json_t *shape_text(const char *text) {
        char clean[CLIENT_TEXT_MAX];

        if (!text || !text[0])
                return json_null();
        name_clean(text, clean, sizeof(clean));
        return json_string(clean);
}

json_t *shape_strings(const char *const *items) {
        json_t *list = json_array();

        for (; items && *items; items++)
                (void) json_array_append_new(list, shape_text(*items));
        return list;
}

static json_t *shape_objects(const ShapeMember *member, const ClientDict *dict) {
        ClientDict *const *dicts;
        size_t n;

        dicts = client_dict_get_dicts(dict, member->name, &n);
        return shape_array(member->members, dicts, n);
}

static json_t *shape_value(const ShapeMember *member, const ClientDict *dict) {
        int64_t number;

        switch (member->kind) {
        case SHAPE_TEXT:
                return shape_text(client_dict_get_string(dict, member->name));
        case SHAPE_TIME:
        case SHAPE_LINE:
                number = client_dict_get_integer(dict, member->name);
                return number == 0 ? json_null() : json_integer(number);
        case SHAPE_NUMBER:
                return json_integer(client_dict_get_integer(dict, member->name));
        case SHAPE_BOOL:
                return json_boolean(client_dict_get_bool(dict, member->name));
        case SHAPE_LIST:
                return shape_strings(client_dict_get_strings(dict, member->name));
        case SHAPE_OBJECTS:
        default:
                return shape_objects(member, dict);
        }
}

json_t *shape_object(const ShapeMember *members, const ClientDict *dict) {
        json_t *object = json_object();

        for (; members->name; members++)
                (void) json_object_set_new(object, members->name, shape_value(members, dict));
        return object;
}

json_t *shape_array(const ShapeMember *members, ClientDict *const *dicts, size_t n) {
        json_t *array = json_array();

        for (size_t i = 0; i < n; i++)
                (void) json_array_append_new(array, shape_object(members, dicts[i]));
        return array;
}

json_t *shape_status(json_t *session) {
        if (!session)
                return json_pack("{s:b}", "signed_in", 0);
        return json_pack("{s:b, s:O, s:O, s:O, s:o}", "signed_in", 1, "user", json_object_get(session, "user"),
                         "host", json_object_get(session, "host"), "roles", json_object_get(session, "roles"),
                         "session", session);
}

json_t *shape_verify(const char *reason, const ClientDict *info) {
        json_t *answer;

        if (strcmp(reason, "valid") != 0)
                return json_pack("{s:b, s:o}", "valid", 0, "reason", shape_text(reason));
        answer = json_pack("{s:b}", "valid", 1);
        (void) json_object_update_new(answer, shape_object(shape_token, info));
        return answer;
}
