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

/* The text's words before any comment. */
static char **text_words(const char *text, size_t size) {
        g_autofree char *copy = g_strndup(text, size);
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

/*
 * "sufficient", or "[success=2default=ignore]": a control in brackets spans words, and PAM takes
 * space on both sides of its "=" too. g_free.
 */
static char *words_control(char **words) {
        GString *control = g_string_new(NULL);

        for (char **word = words + 1; words[0] && *word; word++) {
                g_string_append(control, *word);
                if (control->str[0] != '[' || strchr(*word, ']'))
                        break;
        }
        return g_string_free(control, FALSE);
}

/* The longest jump of a control. */
static unsigned control_jump(const char *control) {
        unsigned longest = 0;

        for (const char *at = *control == '[' ? control : ""; (at = strchr(at, '=')); at++)
                if (g_ascii_isdigit(at[1]))
                        longest = MAX(longest, (unsigned) g_ascii_strtoull(at + 1, NULL, 10));
        return longest;
}

/* Can the line end its stack with a yes? */
static bool control_ends(const char *control) {
        return g_ascii_strcasecmp(control, "sufficient") == 0 || (*control == '[' && strstr(control, "=done"));
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
        unsigned end;    /* a line that may end the stack before ours */
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

/*
 * Where a yes before ours lets somebody past: auth asks how fresh the sign-in is, account which role
 * one has, and session is the record. A password that is changed elsewhere lets nobody in.
 */
static bool place_is_gate(const PamPlace *place) {
        return strcmp(place->type, "password") != 0;
}

/* A line of the place's type that stands before it. */
static void found_before(Found *found, const PamPlace *place, const PamLines *lines, char **words, unsigned number) {
        g_autofree char *control = words_control(words);
        unsigned jump = control_jump(control);

        if (found->reach > 0)
                found->reach--;
        if (jump > found->reach) {
                found->reach = jump;
                found->jumper = number;
        }
        if (place_is_gate(place) && found->end == 0 && control_ends(control) && !words_let_root_past(words, lines))
                found->end = number;
}

/* A rule as PAM reads it: one line, or several that go on in one another. */
typedef struct Rule {
        char **words;
        unsigned line; /* the first one */
        bool alone;
} Rule;

/* Looks for the place in the file; @follows: for where it takes in the service that it follows. */
static void found_add(Found *found, const PamPlace *place, const PamLines *lines, bool follows, const Rule *rule) {
        bool here = follows ? words_include(rule->words, lines->follows) ||
                                      words_take_type(rule->words, place->type, lines->follows)
                            : words_include(rule->words, place->include);

        if (here && rule->alone)
                found_place(found, rule->line);
        if (found->line == 0 && words_have_type(rule->words, place->type))
                found_before(found, place, lines, rule->words, rule->line);
}

/* False where PAM reads the file in another way than we do. */
static bool scan(const char *text, const PamLines *lines, bool follows, Found found[static PAM_PLACES],
                 char **ret_problem) {
        g_autoptr(GString) whole = g_string_new(NULL);
        Rule rule = { .alone = true };
        PamLine line = { 0 };

        while (pam_line_next(&text, &line)) {
                g_auto(GStrv) words = text_words(line.start, line.size);
                g_autofree char *joined = g_strjoinv(" ", words);
                g_auto(GStrv) all = NULL;

                if (!words[0])
                        continue;
                if (line.start[line.size - 1] == '\r') {
                        *ret_problem = g_strdup_printf("%s:%u: the line ends in a carriage return, which PAM takes "
                                                       "for a part of its last word", lines->path, line.number);
                        return false;
                }
                if (whole->len == 0)
                        rule.line = line.number;
                g_string_append(whole, joined);
                if (words_continue(words)) {
                        whole->str[whole->len - 1] = ' ';
                        rule.alone = false;
                        continue;
                }
                all = rule.words = text_words(whole->str, whole->len);
                for (size_t i = 0; i < PAM_PLACES; i++)
                        found_add(&found[i], &pam_places[i], lines, follows, &rule);
                g_string_truncate(whole, 0);
                rule.alone = true;
        }
        return true;
}

/* @where: what PAM comes to ours by, in words. */
static bool found_check(const Found *found, const PamPlace *place, const char *path, const char *where,
                        char **ret_problem) {
        if (found->line == 0)
                *ret_problem = g_strdup_printf("%s has no line %s, where tessera's %s lines belong", path, where,
                                               place->type);
        else if (found->again > 0)
                *ret_problem = g_strdup_printf("%s:%u: %s is there a second time (first in line %u)", path,
                                               found->again, where, found->line);
        else if (found->jump > 0)
                *ret_problem = g_strdup_printf("%s:%u: this line jumps over %s, and would land elsewhere once "
                                               "tessera's lines are there", path, found->jump, where);
        else if (found->end > 0)
                *ret_problem = g_strdup_printf("%s:%u: this line can end the %s checks with a yes before tessera is "
                                               "asked; take it out, or move it behind %s",
                                               path, found->end, place->type, where);
        else
                return true;
        return false;
}

/* A file that would take in another's lines but for one that gets past them: says which. */
static bool follows_but(const char *text, const PamLines *lines, char **ret_problem) {
        g_autofree char *where = NULL;
        Found found[PAM_PLACES] = { 0 };

        if (!lines->follows || !scan(text, lines, /* follows= */ true, found, ret_problem))
                return false;
        where = g_strdup_printf("the include of \"%s\"", lines->follows);
        for (size_t i = 0; i < PAM_PLACES; i++)
                if (found[i].line > 0 && lines_have_type(lines, pam_places[i].type) &&
                    !found_check(&found[i], &pam_places[i], lines->path, where, ret_problem))
                        return true;
        return false;
}

bool pam_places_find(const char *text, const PamLines *lines, unsigned ret[static PAM_PLACES], char **ret_problem) {
        Found found[PAM_PLACES] = { 0 };

        if (!scan(text, lines, /* follows= */ false, found, ret_problem))
                return false;
        for (size_t i = 0; i < PAM_PLACES; i++) {
                const PamPlace *place = &pam_places[i];
                g_autofree char *where = g_strdup_printf("\"@include %s\"", place->include);

                if (!lines_have_type(lines, place->type))
                        continue;
                if (found[i].line == 0 && follows_but(text, lines, ret_problem))
                        return false;
                if (!found_check(&found[i], place, lines->path, where, ret_problem))
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
