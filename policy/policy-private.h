/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The inside of a Policy: filled by policy-read.c, tied together by policy-link.c, then only read. */

#include <glib.h>

#include "policy/conf.h"
#include "policy/policy.h"

#define POLICY_ROLES_MAX 512 /* circles are looked for by recursion, and givers grow with its square */

#define GID_UNSET ((gid_t) -1) /* never 0: an unset gid must not be root's */

enum {
        _GROUP_E_SUCCESS = 0,
        GROUP_E_NOT_FOUND, /* NSS says positively that there is no such group */
};

/* 0, GROUP_E_NOT_FOUND or a negative errno. */
typedef int (*GroupLookUp)(const char *name, gid_t *ret_gid);

/* getgrnam_r */
int group_look_up_nss(const char *name, gid_t *ret_gid);

/* A list as it stands in a file, with where each item stands. */
typedef struct Names {
        char **names; /* never NULL */
        size_t *offsets;
        unsigned line, column;
} Names;

typedef struct Role {
        PolicyRole shown; /* borrows from what follows */
        char *name;
        const char *file;
        unsigned line;
        Names users, groups, includes;
        bool everybody;    /* users=* */
        gid_t *gids;       /* of groups, by the same index; GID_UNSET: not known when the policy was read */
        GPtrArray *givers; /* Role *: whose holders hold this one: itself, and what includes it at any depth */
        GPtrArray *includers; /* Role *: those that include it by name */
        unsigned mark;     /* of policy-link.c */
        ConfMistake *empty; /* the warning, among the policy's, that nobody has it; NULL: none */
} Role;

typedef struct Service {
        char *name;
        const char *file;
        unsigned line;
        Names roles, methods;
        GPtrArray *needed; /* Role *: of roles */
        int64_t max_age;   /* 0: the section does not say */
        unsigned max_age_line; /* of the key */
} Service;

struct Policy {
        gatomicrefcount references;
        GroupLookUp look_up;
        GHashTable *roles;       /* name → Role, owned */
        GHashTable *services;    /* name → Service, owned */
        GPtrArray *role_list;    /* Role *: in the order of the files; once linked, of their names */
        GPtrArray *service_list; /* Service *: in the order of the files */
        GPtrArray *warnings;
        GStringChunk *files;
};

/* Building: new, any number of files, link; what is not linked must not be asked. */

Policy *policy_new(GroupLookUp look_up);

/* True when there was no mistake in it. */
bool policy_add_text(Policy *policy, const char *file, const char *text, size_t size, GPtrArray *mistakes);

/* Ties references, looks groups up, finds warnings. True when there was no mistake in all files together. */
bool policy_link(Policy *policy, GPtrArray *mistakes);

/* Asking */

/* The section that rules @name: its own, or the one it follows. NULL: none. */
const Service *policy_find_service(const Policy *policy, const char *name);

typedef enum Held {
        HELD_NO = 0,
        HELD_UNKNOWN, /* no, as far as is known: a group could not be looked up */
        HELD_YES,
} Held;

/* How somebody comes to hold a role, not by includes. */
typedef enum Way {
        WAY_NONE = 0,
        WAY_EVERYBODY,
        WAY_NAME,
        WAY_GRANT,
        WAY_GROUP,
} Way;

typedef struct How {
        Way way;
        size_t index; /* of the user's grants, or of the role's groups */
        gid_t gid;
} How;

/* A name and a uid: whoever lacks one of them holds no role. */
bool policy_user_is_somebody(const PolicyUser *user);
/* By name, grant or group, not by includes, and whatever the cap. @ret is filled with HELD_YES. */
Held policy_held_directly(const Policy *policy, const Role *role, const PolicyUser *user, How *ret);
/* With includes, under the cap. */
Held policy_role_held(const Policy *policy, const Role *role, const PolicyUser *user);
/* One of the roles that the service needs. */
Held policy_service_held(const Policy *policy, const Service *service, const PolicyUser *user);

/* Explaining */

/* How one user holds roles, told into @steps (NULL: only asked). Borrows all three. */
typedef struct Holding Holding;

Holding *policy_holding_new(const Policy *policy, const PolicyUser *user, GPtrArray *steps);
Holding *policy_holding_free(Holding *holding); /* accepts NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Holding, policy_holding_free)

/* Tells how @role is held, or that it is not; what was told before is not told again. */
void policy_holding_tell(Holding *holding, Role *role);

/* In a few words how @user holds @role whatever the cap, g_free: `in the group "sudo" (gid 27)`. NULL: he does not. */
char *policy_describe_holding(const Policy *policy, Role *role, const PolicyUser *user);

/* "a", "b" or "c"; @last goes between the last two. Of many only the first. To be freed with g_free. */
char *policy_quote_names(const char *const *names, const char *last);
