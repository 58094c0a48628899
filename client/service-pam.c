/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <string.h>

#include "client/service-pam.h"

#define MARK "# tessera: "
#define MARK_BEGIN MARK "begin"
#define MARK_WAS MARK "was: "
#define MARK_END MARK "end"

#define MODULE "pam_tessera.so"
#define BREAKGLASS "breakglass="

/* What libpam takes for space between words. */
#define SPACE " \t"

typedef struct Line {
        const char *start;
        size_t size; /* without the newline */
        bool newline;
        unsigned number;
} Line;

/* Where our lines of one type go. */
typedef struct Place {
        const char *type;
        const char *include;
        enum { INSTEAD, BEFORE, AFTER } where;
} Place;

static const Place places[] = {
        { "auth", "common-auth", INSTEAD },
        { "account", "common-account", BEFORE },
        { "session", "common-session", AFTER },
};

static bool next_line(const char **text, Line *line) {
        const char *end;

        if (!**text)
                return false;
        end = strchrnul(*text, '\n');
        *line = (Line) { *text, (size_t) (end - *text), *end == '\n', line->number + 1 };
        *text = *end ? end + 1 : end;
        return true;
}

static bool line_has_prefix(const Line *line, const char *prefix) {
        return line->size >= strlen(prefix) && memcmp(line->start, prefix, strlen(prefix)) == 0;
}

static void append_line(GString *text, const Line *line) {
        g_string_append_len(text, line->start, (gssize) line->size + line->newline);
}

/* The line's words before any comment. */
static char **line_words(const Line *line) {
        g_autofree char *copy = g_strndup(line->start, line->size);
        g_autoptr(GStrvBuilder) words = g_strv_builder_new();
        g_auto(GStrv) pieces = NULL;

        *strchrnul(copy, '#') = '\0';
        pieces = g_strsplit_set(copy, SPACE, -1);
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

static bool lines_have_type(const char *lines, const char *type) {
        Line line = { 0 };

        while (next_line(&lines, &line))
                if (line_has_prefix(&line, type))
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

/* What stands in the file about one place. */
typedef struct Found {
        unsigned line;   /* of the @include; 0: none */
        unsigned again;  /* where it is a second time */
        unsigned jump;   /* a line whose jump goes over the @include */
        unsigned reach;  /* how many lines of the type the jumps so far skip from here on */
        unsigned jumper; /* which line's that is */
        unsigned end;    /* a line that may end the account stack before ours */
} Found;

static void found_add(Found *found, const Place *place, char **words, unsigned number) {
        unsigned jump;

        if (words_include(words, place->include)) {
                if (found->line > 0) {
                        found->again = number;
                        return;
                }
                found->line = number;
                if (found->reach > 0)
                        found->jump = found->jumper;
        }
        if (found->line > 0 || !words_have_type(words, place->type))
                return;
        if (found->reach > 0)
                found->reach--;
        jump = words[1] && words[1][0] == '[' ? control_jump(words) : 0;
        if (jump > found->reach) {
                found->reach = jump;
                found->jumper = number;
        }
        if (strcmp(place->type, "account") == 0 && control_ends(words) && found->end == 0)
                found->end = number;
}

static bool found_check(const Found *found, const Place *place, const char *path, char **ret_problem) {
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

static bool find_places(const char *text, const PamLines *lines, Found found[static G_N_ELEMENTS(places)],
                        char **ret_problem) {
        bool continued = false;
        Line line = { 0 };

        while (next_line(&text, &line)) {
                g_auto(GStrv) words = line_words(&line);
                if (!words[0])
                        continue;
                if (line.start[line.size - 1] == '\r') {
                        *ret_problem = g_strdup_printf("%s:%u: the line ends in a carriage return, which PAM takes "
                                                       "for a part of its last word", lines->path, line.number);
                        return false;
                }
                for (size_t i = 0; !continued && i < G_N_ELEMENTS(places); i++)
                        found_add(&found[i], &places[i], words, line.number);
                continued = words_continue(words);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
                if (lines_have_type(lines->lines, places[i].type) &&
                    !found_check(&found[i], &places[i], lines->path, ret_problem))
                        return false;
        return true;
}

/* The block with our lines of @place's type, without a newline at its end. @was may be NULL. */
static void append_block(GString *text, const Place *place, const PamLines *lines, const char *breakglass,
                         const Line *was) {
        const char *at = lines->lines;
        Line line = { 0 };

        g_string_append_printf(text, MARK_BEGIN " (tessera service disable %s removes this)\n", lines->service);
        if (was)
                g_string_append_printf(text, MARK_WAS "%.*s\n", (int) was->size, was->start);
        while (next_line(&at, &line)) {
                if (!line_has_prefix(&line, place->type))
                        continue;
                g_string_append_len(text, line.start, (gssize) line.size);
                if (breakglass && g_strstr_len(line.start, (gssize) line.size, MODULE))
                        g_string_append_printf(text, " " BREAKGLASS "%s", breakglass);
                g_string_append_c(text, '\n');
        }
        g_string_append(text, MARK_END);
}

static void append_with_block(GString *text, const Place *place, const PamLines *lines, const char *breakglass,
                              const Line *line) {
        switch (place->where) {
        case INSTEAD:
                append_block(text, place, lines, breakglass, line);
                break;
        case BEFORE:
                append_block(text, place, lines, breakglass, NULL);
                g_string_append_c(text, '\n');
                append_line(text, line);
                return;
        case AFTER:
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
        Found found[G_N_ELEMENTS(places)] = { 0 };
        const char *at;
        Line line = { 0 };

        plain = service_pam_disable(text, lines->path, ret_problem);
        if (!plain || !find_places(plain, lines, found, ret_problem))
                return NULL;
        at = plain;
        while (next_line(&at, &line)) {
                const Place *here = NULL;
                for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
                        if (found[i].line == line.number && lines_have_type(lines->lines, places[i].type))
                                here = &places[i];
                if (here)
                        append_with_block(result, here, lines, breakglass, &line);
                else
                        append_line(result, &line);
        }
        return g_string_free(g_steal_pointer(&result), FALSE);
}

/* Reads on to the end of the block that @begin opened and puts what it replaced into @result. */
static bool take_block_out(const char **text, Line *line, GString *result, const char *path, char **ret_problem) {
        unsigned begin = line->number;
        bool auth = false;
        size_t was = 0;

        while (next_line(text, line)) {
                if (line_has_prefix(line, MARK_BEGIN))
                        break;
                if (line_has_prefix(line, MARK_END)) {
                        if (auth && was == 0) {
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
                if (line_has_prefix(line, MARK_WAS)) {
                        g_string_append_len(result, line->start + strlen(MARK_WAS),
                                            (gssize) (line->size - strlen(MARK_WAS)));
                        g_string_append_c(result, '\n');
                        was++;
                }
                auth = auth || line_has_prefix(line, "auth");
        }
        *ret_problem = g_strdup_printf("%s:%u: tessera's block has no line \"" MARK_END "\"", path, begin);
        return false;
}

char *service_pam_disable(const char *text, const char *path, char **ret_problem) {
        g_autoptr(GString) result = g_string_new(NULL);
        Line line = { 0 };

        while (next_line(&text, &line)) {
                if (!line_has_prefix(&line, MARK_BEGIN))
                        append_line(result, &line);
                else if (!take_block_out(&text, &line, result, path, ret_problem))
                        return NULL;
        }
        return g_string_free(g_steal_pointer(&result), FALSE);
}

bool service_pam_is_enabled(const char *text, char **ret_breakglass) {
        const char *group = NULL;
        bool inside = false, enabled = false;
        Line line = { 0 };

        while (!group && next_line(&text, &line)) {
                if (line_has_prefix(&line, MARK_BEGIN))
                        inside = enabled = true;
                else if (line_has_prefix(&line, MARK_END))
                        inside = false;
                else if (inside)
                        group = g_strstr_len(line.start, (gssize) line.size, " " BREAKGLASS);
        }
        if (group)
                group += strlen(" " BREAKGLASS);
        *ret_breakglass = group ? g_strndup(group, strcspn(group, SPACE "\n")) : NULL;
        return enabled;
}
