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
        unsigned mark;     /* of policy-link.c */
} Role;

typedef struct Service {
        char *name;
        const char *file;
        unsigned line;
        Names roles, methods;
        GPtrArray *needed; /* Role *: of roles */
        int64_t max_age;   /* 0: the section does not say */
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

Held policy_role_held(const Policy *policy, const Role *role, const PolicyUser *user);
/* One of the roles that the service needs. */
Held policy_service_held(const Policy *policy, const Service *service, const PolicyUser *user);
