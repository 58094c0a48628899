/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "client/policy-users.h"

#define GROUPS_MAX 65536 /* NGROUPS_MAX of Linux */
#define UID_FIRST 1000   /* people begin here (login.defs) */
#define UID_NOBODY 65534 /* the kernel's overflow uid */
#define ACCOUNTS_MAX 10000

const char *policy_who_to_string(PolicyWho who) {
        static const char *const words[_POLICY_WHO_MAX] = {
                [POLICY_WHO_ENROLLED] = "enrolled",
                [POLICY_WHO_ONESELF] = "oneself",
                [POLICY_WHO_ACCOUNTS] = "accounts",
        };

        g_assert(who < _POLICY_WHO_MAX);
        return words[who];
}

static PolicyUsers *users_new(PolicyWho who) {
        PolicyUsers *users = g_new(PolicyUsers, 1);

        *users = (PolicyUsers) {
                .who = who,
                .users = g_array_new(FALSE, TRUE, sizeof(PolicyUser)),
                .skipped = g_ptr_array_new_with_free_func(g_free),
                .kept = g_ptr_array_new_with_free_func(g_free),
        };
        return users;
}

PolicyUsers *policy_users_free(PolicyUsers *users) {
        if (!users)
                return NULL;
        g_array_unref(users->users);
        g_ptr_array_unref(users->skipped);
        g_ptr_array_unref(users->kept);
        json_decref(users->roles);
        g_free(users);
        return NULL;
}

static void *keep(PolicyUsers *users, void *memory) {
        g_ptr_array_add(users->kept, memory);
        return memory;
}

static void skip(PolicyUsers *users, const char *name) {
        g_ptr_array_add(users->skipped, g_strdup(name));
}

/* Accounts */

static gid_t *read_groups(const struct passwd *account, size_t *ret_n) {
        for (int size = 64; size <= GROUPS_MAX; size *= 2) {
                g_autofree gid_t *groups = g_new(gid_t, size);
                int n = size;

                if (getgrouplist(account->pw_name, account->pw_gid, groups, &n) >= 0) {
                        *ret_n = (size_t) n;
                        return g_steal_pointer(&groups);
                }
        }
        return NULL;
}

static void add_account(PolicyUsers *users, const struct passwd *account) {
        size_t n_groups = 0;
        gid_t *groups = read_groups(account, &n_groups);
        PolicyUser user;

        if (!groups) {
                skip(users, account->pw_name);
                return;
        }
        user = (PolicyUser) {
                .name = keep(users, g_strdup(account->pw_name)),
                .uid = account->pw_uid,
                .groups = keep(users, groups),
                .n_groups = n_groups,
        };
        g_array_append_val(users->users, user);
}

/* As enrolled: an account of another uid is another's, and may do nothing. */
static void add_enrolled(PolicyUsers *users, const char *name, int64_t uid) {
        const struct passwd *account = getpwnam(name);

        if (account && account->pw_uid == uid)
                add_account(users, account);
        else
                skip(users, name);
}

PolicyUsers *policy_users_of_host(void) {
        PolicyUsers *users = users_new(POLICY_WHO_ACCOUNTS);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const struct passwd *account;

        /* The names first: looking at groups may move the place where getpwent() is. */
        setpwent();
        while (names->len < ACCOUNTS_MAX && (account = getpwent()))
                if (account->pw_uid >= UID_FIRST && account->pw_uid != UID_NOBODY)
                        g_ptr_array_add(names, g_strdup(account->pw_name));
        endpwent();
        for (guint i = 0; i < names->len; i++) {
                account = getpwnam(names->pdata[i]);
                if (account)
                        add_account(users, account);
        }
        return users;
}

/* What the daemon knows */

static bool is_refusal(int r, const ClientError *error) {
        return r != 0 && (g_strcmp0(error->name, WIRE_ERROR_DENIED) == 0 ||
                          g_strcmp0(error->name, WIRE_ERROR_STALE) == 0 || request_is_fenced(error));
}

/* 0 and the list; REQUEST_EXPECTED: it is not the caller's to see; or the exit code of a failure that was told. */
static int ask_enrolled(Cli *cli, json_t **ret) {
        static const Request request = { .interface = WIRE_INTERFACE_USERS, .method = "List", .reply = "aa{sv}" };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        ClientError error = { 0 };
        int r;

        r = request_try(&request, &reply, &error);
        if (is_refusal(r, &error))
                return REQUEST_EXPECTED;
        return r == 0 ? request_read_array(cli, reply, shape_user, ret) : request_fail(cli, r, &error);
}

/* What is assigned to @user; borrows from the list of roles. */
static void add_grants(PolicyUsers *users, PolicyUser *user) {
        g_autoptr(GArray) grants = g_array_new(FALSE, FALSE, sizeof(PolicyGrant));
        const json_t *role, *assignment;
        size_t i, j;

        json_array_foreach(users->roles, i, role)
                json_array_foreach(json_object_get(role, "assignments"), j, assignment) {
                        const PolicyGrant grant = {
                                .role = json_string_value(json_object_get(role, "role")),
                                .until = json_integer_value(json_object_get(assignment, "until")),
                                .by = json_string_value(json_object_get(assignment, "by")),
                                .reason = json_string_value(json_object_get(assignment, "reason")),
                        };
                        if (grant.role && g_strcmp0(json_string_value(json_object_get(assignment, "user")),
                                                    user->name) == 0)
                                g_array_append_val(grants, grant);
                }
        user->n_grants = grants->len;
        user->grants = keep(users, g_array_free(g_steal_pointer(&grants), FALSE));
}

static int ask_assignments(Cli *cli, PolicyUsers *users) {
        static const Request request = { .interface = WIRE_INTERFACE_ROLES, .method = "List", .reply = "aa{sv}" };
        int r;

        r = request_array(cli, &request, shape_role, &users->roles);
        for (guint i = 0; r == 0 && i < users->users->len; i++)
                add_grants(users, &g_array_index(users->users, PolicyUser, i));
        return r;
}

static PolicyUsers *users_of_list(const json_t *list) {
        PolicyUsers *users = users_new(POLICY_WHO_ENROLLED);
        const json_t *user;
        size_t i;

        json_array_foreach(list, i, user) {
                const char *name = json_string_value(json_object_get(user, "user"));
                if (name)
                        add_enrolled(users, name, json_integer_value(json_object_get(user, "uid")));
        }
        return users;
}

static PolicyUsers *users_oneself(void) {
        PolicyUsers *users = users_new(POLICY_WHO_ONESELF);
        const struct passwd *account = getpwuid(getuid());

        if (account)
                add_account(users, account);
        return users;
}

int policy_users_ask(Cli *cli, PolicyUsers **ret) {
        g_autoptr(PolicyUsers) users = NULL;
        json_auto_t *list = NULL;
        int r;

        r = ask_enrolled(cli, &list);
        if (r != 0 && r != REQUEST_EXPECTED)
                return r;
        users = r == 0 ? users_of_list(list) : users_oneself();
        r = ask_assignments(cli, users);
        if (r == 0)
                *ret = g_steal_pointer(&users);
        return r;
}
