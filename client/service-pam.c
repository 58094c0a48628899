/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/service-pam-place.h"

#define MARK "# tessera: "
#define MARK_BEGIN MARK "begin"
#define MARK_WAS MARK "was: "
#define MARK_END MARK "end"

#define MODULE "pam_tessera.so"
#define BREAKGLASS "breakglass="

static void append_line(GString *text, const PamLine *line) {
        g_string_append_len(text, line->start, (gssize) line->size + line->newline);
}

/* The block with our lines of @place's type, without a newline at its end. @was may be NULL. */
static void append_block(GString *text, const PamPlace *place, const PamLines *lines, const char *breakglass,
                         const PamLine *was) {
        const char *at = lines->lines;
        PamLine line = { 0 };

        g_string_append_printf(text, MARK_BEGIN " (tessera service disable %s removes this)\n", lines->service);
        if (was)
                g_string_append_printf(text, MARK_WAS "%.*s\n", (int) was->size, was->start);
        while (pam_line_next(&at, &line)) {
                if (!pam_line_has_prefix(&line, place->type))
                        continue;
                g_string_append_len(text, line.start, (gssize) line.size);
                if (breakglass && g_strstr_len(line.start, (gssize) line.size, MODULE))
                        g_string_append_printf(text, " " BREAKGLASS "%s", breakglass);
                g_string_append_c(text, '\n');
        }
        g_string_append(text, MARK_END);
}

static void append_with_block(GString *text, const PamPlace *place, const PamLines *lines, const char *breakglass,
                              const PamLine *line) {
        switch (place->where) {
        case PAM_INSTEAD:
                append_block(text, place, lines, breakglass, line);
                break;
        case PAM_BEFORE:
                append_block(text, place, lines, breakglass, NULL);
                g_string_append_c(text, '\n');
                append_line(text, line);
                return;
        case PAM_AFTER:
                g_string_append_len(text, line->start, (gssize) line->size);
                g_string_append_c(text, '\n');
                append_block(text, place, lines, breakglass, NULL);
                break;
        }
        /* The block ends as the line did: a file without a newline at its end has none afterwards either. */
        if (line->newline)
                g_string_append_c(text, '\n');
}

char *service_pam_enable(const char *text, const PamLines *lines, const char *breakglass, char **ret_problem) {
        g_autoptr(GString) result = g_string_new(NULL);
        g_autofree char *plain = NULL;
        unsigned found[PAM_PLACES] = { 0 };
        const char *at;
        PamLine line = { 0 };

        plain = service_pam_disable(text, lines->path, ret_problem);
        if (!plain || !pam_places_find(plain, lines, found, ret_problem))
                return NULL;
        at = plain;
        while (pam_line_next(&at, &line)) {
                const PamPlace *here = NULL;
                for (size_t i = 0; i < PAM_PLACES; i++)
                        if (found[i] == line.number)
                                here = &pam_places[i];
                if (here)
                        append_with_block(result, here, lines, breakglass, &line);
                else
                        append_line(result, &line);
        }
        return g_string_free(g_steal_pointer(&result), FALSE);
}

/* Reads on to the end of the block that @begin opened and puts what it replaced into @result. */
static bool take_block_out(const char **text, PamLine *line, GString *result, const char *path, char **ret_problem) {
        unsigned begin = line->number;
        bool instead = false;
        size_t was = 0;

        while (pam_line_next(text, line)) {
                if (pam_line_has_prefix(line, MARK_BEGIN))
                        break;
                if (pam_line_has_prefix(line, MARK_END)) {
                        if (instead && was == 0) {
                                *ret_problem = g_strdup_printf("%s:%u: tessera's block has lost its line \"" MARK_WAS
                                                               "...\", so what it replaced is not known",
                                                               path, begin);
                                return false;
                        }
                        /* Without a newline the block was the last thing in a file that ended without one. */
                        if (!line->newline && result->len > 0)
                                g_string_truncate(result, result->len - 1);
                        return true;
                }
                if (pam_line_has_prefix(line, MARK_WAS)) {
                        g_string_append_len(result, line->start + strlen(MARK_WAS),
                                            (gssize) (line->size - strlen(MARK_WAS)));
                        g_string_append_c(result, '\n');
                        was++;
                }
                instead = instead || pam_line_is_instead(line);
        }
        *ret_problem = g_strdup_printf("%s:%u: tessera's block has no line \"" MARK_END "\"", path, begin);
        return false;
}

char *service_pam_disable(const char *text, const char *path, char **ret_problem) {
        g_autoptr(GString) result = g_string_new(NULL);
        PamLine line = { 0 };

        while (pam_line_next(&text, &line)) {
                if (!pam_line_has_prefix(&line, MARK_BEGIN))
                        append_line(result, &line);
                else if (!take_block_out(&text, &line, result, path, ret_problem))
                        return NULL;
        }
        return g_string_free(g_steal_pointer(&result), FALSE);
}

bool service_pam_is_enabled(const char *text, char **ret_breakglass) {
        const char *group = NULL;
        bool inside = false, enabled = false;
        PamLine line = { 0 };

        while (!group && pam_line_next(&text, &line)) {
                if (pam_line_has_prefix(&line, MARK_BEGIN))
                        inside = enabled = true;
                else if (pam_line_has_prefix(&line, MARK_END))
                        inside = false;
                else if (inside)
                        group = g_strstr_len(line.start, (gssize) line.size, " " BREAKGLASS);
        }
        if (group)
                group += strlen(" " BREAKGLASS);
        *ret_breakglass = group ? g_strndup(group, strcspn(group, PAM_SPACE "\n")) : NULL;
        return enabled;
}
