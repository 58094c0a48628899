/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Unix accounts, as NSS knows them. Look-ups may block (LDAP): they are made on worker threads.
 * An error is never "no such user" and never "no groups": it is an error, and refused.
 */

#include <glib.h>
#include <sys/types.h>

#include "policy/policy.h"

typedef struct Identity {
        char *name; /* canonical, as NSS spells it */
        uid_t uid;
        gid_t *groups; /* all of them */
        size_t n_groups;
} Identity;

Identity *identity_new(void); /* uid UID_UNSET, in no group */
Identity *identity_copy(const Identity *identity);
Identity *identity_free(Identity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Identity, identity_free)

enum {
        _IDENTITY_E_SUCCESS = 0,
        IDENTITY_E_NOT_FOUND, /* NSS says positively that there is no such account */
};

typedef struct IdentitySource IdentitySource;

struct IdentitySource {
        /* By name, or by uid where @name is NULL. 0, IDENTITY_E_NOT_FOUND or a negative errno. */
        int (*look_up)(const IdentitySource *source, const char *name, uid_t uid, Identity **ret);
};

/* getpwnam_r, getpwuid_r and getgrouplist. */
extern const IdentitySource identity_nss;

/* The account alone, as a decision wants it; borrows from @identity. With what was assigned to it: subject_policy_user(). */
PolicyUser identity_policy_user(const Identity *identity);
