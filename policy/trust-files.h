/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * /etc/tessera/trust.d/NAME.conf: hosts whose tickets this one accepts, one file each.
 *
 *         [host:web1.example.org]        the name in its tickets (iss), exactly
 *         users=*                        whom its tickets may be for: names, or "*" (the default: nobody)
 *         roles=everyone;operator        at most these roles, or "*" (the default: none)
 *         keys={"keys":[…]}              its public keys: a JWKS on one line, from `tessera key export`
 *
 * Files and folder must be root's and writable by nobody else. Whatever stands here, no ticket is
 * ever for uid 0 to 999.
 */

#include <glib.h>
#include <stdbool.h>

#include "policy/policy.h"

#define TRUST_FOLDER "/etc/tessera/trust.d"

typedef struct TrustFile {
        char *name;        /* the host's, as in its section */
        char **users;      /* never NULL */
        bool all_users;
        char **roles;      /* never NULL */
        bool all_roles;
        char *keys;        /* the JWKS as it stands there */
        char *file;        /* where: for mistakes in the JWKS, too */
        unsigned line;     /* of the section */
        unsigned keys_line, keys_column;
} TrustFile;

TrustFile *trust_file_free(TrustFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrustFile, trust_file_free)

/*
 * Reads every file of @folder that ends in .conf, in the order of their names; an absent folder is
 * none. An array of TrustFile *; NULL when there were mistakes (ConfMistake *), of which a host that
 * stands in two files, a section without keys, and several sections in one file are some.
 */
GPtrArray *trust_files_read(const char *folder, GPtrArray *mistakes);
GPtrArray *trust_files_read_text(const char *file, const char *text, size_t size, GPtrArray *mistakes);

/* Appends (ConfMistake *) what is right, and yet lets fewer in than may be meant. */
void trust_file_warn(const TrustFile *file, Policy *policy, GPtrArray *warnings);

/* The text of a file for a host; g_free. @jwks is one line. */
char *trust_file_format(const char *host, const char *const *users, const char *const *roles, const char *jwks);
