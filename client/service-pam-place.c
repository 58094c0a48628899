/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/service-pam-place.h"

#define ROOTOK "pam_rootok.so"

const PamPlace pam_places[PAM_PLACES] = {
        { "auth", "common-auth", PAM_INSTEAD },
        { "account", "common-account", PAM_BEFORE },
        { "session", "common-session", PAM_AFTER },
        { "password", "common-password", PAM_INSTEAD },
};

/* Lines and words */

bool pam_line_next(const char **text, PamLine *line) {
        const char *end;

        if (!**text)
                return false;
        end = strchrnul(*text, '\n');
        *line = (PamLine) { *text, (size_t) (end - *text), *end == '\n', line->number + 1 };
        *text = *end ? end + 1 : end;
        return true;
}

bool pam_line_has_prefix(const PamLine *line, const char *prefix) {
        return line->size >= strlen(prefix) && memcmp(line->start, prefix, strlen(prefix)) == 0;
}

bool pam_line_is_instead(const PamLine *line) {
        for (size_t i = 0; i < PAM_PLACES; i++)
                if (pam_places[i].where == PAM_INSTEAD && pam_line_has_prefix(line, pam_places[i].type))
                        return true;
        return false;
}

/* The line's words before any comment. */
static char **line_words(const PamLine *line) {
        g_autofree char *copy = g_strndup(line->start, line->size);
        g_autoptr(GStrvBuilder) words = g_strv_builder_new();
        g_auto(GStrv) pieces = NULL;

        *strchrnul(copy, '#') = '\0';
        pieces = g_strsplit_set(copy, PAM_SPACE, -1);
        for (char **piece = pieces; *piece; piece++)
                if (**piece)
                        g_strv_builder_add(words, *piece);
        return g_strv_builder_end(words);
}

/* A line that ends in a backslash goes on in the next one that is neither blank nor a comment. */
static bool words_continue(char **words) {
        guint n = g_strv_length(words);

        return n > 0 && g_str_has_suffix(words[n - 1], "\\");
}

static bool words_include(char **words, const char *include) {
        return g_strv_length(words) == 2 && g_ascii_strcasecmp(words[0], "@include") == 0 &&
               strcmp(words[1], include) == 0;
}

/* "auth" or "-auth", in any case. */
static bool words_have_type(char **words, const char *type) {
        return words[0] && g_ascii_strcasecmp(words[0] + (words[0][0] == '-'), type) == 0;
}

/* "auth include su": of one type alone. */
static bool words_take_type(char **words, const char *type, const char *service) {
        return g_strv_length(words) == 3 && words_have_type(words, type) &&
               (g_ascii_strcasecmp(words[1], "include") == 0 || g_ascii_strcasecmp(words[1], "substack") == 0) &&
               strcmp(words[2], service) == 0;
}

static bool lines_have_type(const PamLines *lines, const char *type) {
        const char *at = lines->lines;
        PamLine line = { 0 };

        while (pam_line_next(&at, &line))
                if (pam_line_has_prefix(&line, type))
                        return true;
        return false;
}

/* The longest jump of a control such as "[success=2 default=ignore]", which spans words. */
static unsigned control_jump(char **words) {
        unsigned longest = 0;

        for (char **word = words + 1; *word; word++) {
                const char *equals = strchr(*word, '=');
                if (equals && g_ascii_isdigit(equals[1]))
                        longest = MAX(longest, (unsigned) g_ascii_strtoull(equals + 1, NULL, 10));
                if (strchr(*word, ']'))
                        return longest;
        }
        return 0;
}

/* Can the line end its stack with a yes? */
static bool control_ends(char **words) {
        if (!words[1])
                return false;
        if (g_ascii_strcasecmp(words[1], "sufficient") == 0)
                return true;
        if (words[1][0] != '[')
                return false;
        for (char **word = words + 1; *word; word++) {
                if (strstr(*word, "=done"))
                        return true;
                if (strchr(*word, ']'))
                        break;
        }
        return false;
}

static bool lines_let_root_past(const PamLines *lines) {
        const char *at = lines->lines;
        PamLine line = { 0 };

        while (pam_line_next(&at, &line))
                if (pam_line_has_prefix(&line, "account") && g_strstr_len(line.start, (gssize) line.size, ROOTOK))
                        return true;
        return false;
}

/*
 * "sufficient pam_rootok.so" ends the stack for root alone, whom tessera is not asked about. That
 * is so where the process has the uid of who invoked it: sudo and su, whose lines say the same.
 */
static bool words_let_root_past(char **words, const PamLines *lines) {
        return lines_let_root_past(lines) && g_strv_length(words) == 3 &&
               g_ascii_strcasecmp(words[1], "sufficient") == 0 && strcmp(words[2], ROOTOK) == 0;
}

/* What stands in the file about one place. */
typedef struct Found {
        unsigned line;   /* of what is looked for; 0: none */
        unsigned again;  /* where it is a second time */
        unsigned jump;   /* a line whose jump goes over it */
        unsigned reach;  /* how many lines of the type the jumps so far skip from here on */
        unsigned jumper; /* which line's that is */
        unsigned end;    /* a line that may end the account stack before ours */
} Found;

static void found_place(Found *found, unsigned number) {
        if (found->line > 0) {
                found->again = number;
                return;
        }
        found->line = number;
        if (found->reach > 0)
                found->jump = found->jumper;
}

/* A line of the place's type that stands before it. */
static void found_before(Found *found, const PamPlace *place, const PamLines *lines, char **words, unsigned number) {
        unsigned jump;

        if (found->reach > 0)
                found->reach--;
        jump = words[1] && words[1][0] == '[' ? control_jump(words) : 0;
        if (jump > found->reach) {
                found->reach = jump;
                found->jumper = number;
        }
        if (strcmp(place->type, "account") == 0 && found->end == 0 && control_ends(words) &&
            !words_let_root_past(words, lines))
                found->end = number;
}

/* Looks for the place in the file; @follows: for where it takes in the service that it follows. */
static void found_add(Found *found, const PamPlace *place, const PamLines *lines, bool follows, char **words,
                      unsigned number) {
        bool here = follows ? words_include(words, lines->follows) || words_take_type(words, place->type, lines->follows)
                            : words_include(words, place->include);

        if (here)
                found_place(found, number);
        if (found->line == 0 && words_have_type(words, place->type))
                found_before(found, place, lines, words, number);
}

/* False where PAM reads the file in another way than we do. */
static bool scan(const char *text, const PamLines *lines, bool follows, Found found[static PAM_PLACES],
                 char **ret_problem) {
        bool continued = false;
        PamLine line = { 0 };

        while (pam_line_next(&text, &line)) {
                g_auto(GStrv) words = line_words(&line);
                if (!words[0])
                        continue;
                if (line.start[line.size - 1] == '\r') {
                        *ret_problem = g_strdup_printf("%s:%u: the line ends in a carriage return, which PAM takes "
                                                       "for a part of its last word", lines->path, line.number);
                        return false;
                }
                for (size_t i = 0; !continued && i < PAM_PLACES; i++)
                        found_add(&found[i], &pam_places[i], lines, follows, words, line.number);
                continued = words_continue(words);
        }
        return true;
}

static bool found_check(const Found *found, const PamPlace *place, const char *path, char **ret_problem) {
        if (found->line == 0)
                *ret_problem = g_strdup_printf("%s has no line \"@include %s\", where tessera's %s lines belong",
                                               path, place->include, place->type);
        else if (found->again > 0)
                *ret_problem = g_strdup_printf("%s:%u: \"@include %s\" is there a second time (first in line %u)",
                                               path, found->again, place->include, found->line);
        else if (found->jump > 0)
                *ret_problem = g_strdup_printf("%s:%u: this line jumps over \"@include %s\", "
                                               "and would land elsewhere once tessera's lines are there",
                                               path, found->jump, place->include);
        else if (found->end > 0)
                *ret_problem = g_strdup_printf("%s:%u: this line can end the account checks with a yes before "
                                               "tessera is asked; move it behind \"@include %s\"",
                                               path, found->end, place->include);
        else
                return true;
        return false;
}

bool pam_places_find(const char *text, const PamLines *lines, unsigned ret[static PAM_PLACES], char **ret_problem) {
        Found found[PAM_PLACES] = { 0 };

        if (!scan(text, lines, /* follows= */ false, found, ret_problem))
                return false;
        for (size_t i = 0; i < PAM_PLACES; i++) {
                if (!lines_have_type(lines, pam_places[i].type))
                        continue;
                if (!found_check(&found[i], &pam_places[i], lines->path, ret_problem))
                        return false;
                ret[i] = found[i].line;
        }
        return true;
}

bool service_pam_follows(const char *text, const PamLines *lines) {
        Found found[PAM_PLACES] = { 0 };
        g_autofree char *problem = NULL;

        if (!lines->follows || !scan(text, lines, /* follows= */ true, found, &problem))
                return false;
        for (size_t i = 0; i < PAM_PLACES; i++)
                if (lines_have_type(lines, pam_places[i].type) &&
                    (found[i].line == 0 || found[i].jump > 0 || found[i].end > 0))
                        return false;
        return true;
}
