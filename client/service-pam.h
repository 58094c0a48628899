/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Tessera's lines in a PAM service's file: text in, text out.
 *
 * Each group of lines is a marked block. One that stands in place of an @include ("common-auth")
 * keeps that line as a comment, so a block says by itself what was there before: taking the blocks
 * out gives the file back byte for byte, whatever else was edited in it meanwhile.
 */

#include <stdbool.h>

typedef struct PamLines {
        const char *path;    /* of the file, for messages */
        const char *service; /* by which the user enables and disables it */
        const char *lines;   /* what to write: policy/pam */
        const char *follows; /* a service whose file this one may take in, and with it our lines; NULL: none */
} PamLines;

/*
 * Returns @text with the blocks in it, to be freed with g_free; blocks that are there already are
 * replaced. @breakglass (may be NULL) is added to each line of ours. Returns NULL and one line in
 * @ret_problem (g_free) where the lines have no place: an @include is missing or there twice, or a
 * line of the file's would jump over ours or end the stack before it.
 */
char *service_pam_enable(const char *text, const PamLines *lines, const char *breakglass, char **ret_problem);

/*
 * Does @text take in the service that it may follow, before anything that jumps over that or ends
 * its account checks? Then it needs no lines of its own: su-l includes su.
 */
bool service_pam_follows(const char *text, const PamLines *lines);

/* Returns @text without the blocks. NULL and @ret_problem where a block is damaged. */
char *service_pam_disable(const char *text, const char *path, char **ret_problem);

/* Is there a block in @text? @ret_breakglass: the group that it names, or NULL (g_free). */
bool service_pam_is_enabled(const char *text, char **ret_breakglass);
