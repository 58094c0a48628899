/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include "common/error.h"
#include "daemon/core/identity.h"
#include "daemon/core/types.h"

#define ENTRY_SIZE_MAX (1024 * 1024) /* a line of a directory gone wrong must not eat the daemon */
#define GROUPS_MAX 65536             /* NGROUPS_MAX of Linux */

Identity *identity_new(void) {
        Identity *identity = g_new0(Identity, 1);

        identity->uid = UID_UNSET;
        return identity;
}

Identity *identity_copy(const Identity *identity) {
        Identity *copy = g_new(Identity, 1);

        *copy = (Identity) {
                .name = g_strdup(identity->name),
                .uid = identity->uid,
                .groups = g_memdup2(identity->groups, identity->n_groups * sizeof(*identity->groups)),
                .n_groups = identity->n_groups,
        };
        return copy;
}

Identity *identity_free(Identity *identity) {
        if (!identity)
                return NULL;
        g_free(identity->name);
        g_free(identity->groups);
        g_free(identity);
        return NULL;
}

PolicyUser identity_policy_user(const Identity *identity) {
        return (PolicyUser) {
                .name = identity->name,
                .uid = identity->uid,
                .groups = identity->groups,
                .n_groups = identity->n_groups,
        };
}

/*
 * Only "no error and no entry" is a positive no. ENOENT and its kin mean that a source could not
 * be asked (no /etc/passwd, no LDAP daemon): then nobody knows.
 */
static int read_passwd(const char *name, uid_t uid, struct passwd *ret, char **ret_buffer) {
        for (size_t size = 1024; size <= ENTRY_SIZE_MAX; size *= 2) {
                g_autofree char *buffer = g_malloc(size);
                struct passwd *found = NULL;
                int r;

                r = name ? getpwnam_r(name, ret, buffer, size, &found) : getpwuid_r(uid, ret, buffer, size, &found);
                if (r == ERANGE)
                        continue;
                if (r != 0)
                        return error_trace(-r);
                if (!found)
                        return IDENTITY_E_NOT_FOUND;
                *ret_buffer = g_steal_pointer(&buffer);
                return 0;
        }
        return error_trace(-ERANGE);
}

/* A source that getgrouplist cannot reach only makes the list shorter; a role less is a no, never a yes. */
static int read_groups(const struct passwd *passwd, gid_t **ret, size_t *ret_n) {
        for (int size = 64; size <= GROUPS_MAX; size *= 2) {
                g_autofree gid_t *groups = g_new(gid_t, size);
                int n = size;

                if (getgrouplist(passwd->pw_name, passwd->pw_gid, groups, &n) >= 0) {
                        *ret = g_steal_pointer(&groups);
                        *ret_n = (size_t) n;
                        return 0;
                }
        }
        return error_trace(-ERANGE);
}

static int nss_look_up(const IdentitySource *source, const char *name, uid_t uid, Identity **ret) {
        g_autoptr(Identity) identity = identity_new();
        g_autofree char *buffer = NULL;
        struct passwd passwd;
        int r;

        r = read_passwd(name, uid, &passwd, &buffer);
        if (r != 0)
                return r;
        r = read_groups(&passwd, &identity->groups, &identity->n_groups);
        if (r < 0)
                return r;
        identity->name = g_strdup(passwd.pw_name);
        identity->uid = passwd.pw_uid;
        *ret = g_steal_pointer(&identity);
        return 0;
}

const IdentitySource identity_nss = { .look_up = nss_look_up };
