/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Where our lines go in a PAM service's file. Private to service-pam*.c. */

#include <glib.h>

#include "client/service-pam.h"

/* What libpam takes for space between words. */
#define PAM_SPACE " \t"

typedef struct PamLine {
        const char *start;
        size_t size; /* without the newline */
        bool newline;
        unsigned number;
} PamLine;

/* Goes on in *@text, from a zeroed @line. False at the end. */
bool pam_line_next(const char **text, PamLine *line);
bool pam_line_has_prefix(const PamLine *line, const char *prefix);

/* Where our lines of one type go: in place of the @include, before or after it. */
typedef struct PamPlace {
        const char *type;
        const char *include;
        enum { PAM_INSTEAD, PAM_BEFORE, PAM_AFTER } where;
} PamPlace;

#define PAM_PLACES 4

extern const PamPlace pam_places[PAM_PLACES];

/* Does @line, one of ours, go in place of an @include? */
bool pam_line_is_instead(const PamLine *line);

/*
 * The number of the line that each place of @text is at; 0 where @lines has none of its type. False
 * with one line in @ret_problem where they have no place, or would be got past.
 */
bool pam_places_find(const char *text, const PamLines *lines, unsigned ret[static PAM_PLACES], char **ret_problem);
