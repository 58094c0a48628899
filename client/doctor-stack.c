/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/doctor-stack.h"
#include "client/service-files.h"

#define FOLDER "/etc/pam.d/"
#define DEPTH_MAX 8 /* PAM itself stops at 32 */
#define SPACE " \t"

static void rule_free(void *p) {
        StackRule *rule = p;

        g_free(rule->file);
        g_free(rule->type);
        g_free(rule->control);
        g_free(rule->module);
        g_strfreev(rule->arguments);
        g_free(rule);
}

typedef struct Reading {
        const char *root;
        GPtrArray *rules;
        const char *only; /* the type that an "include" of that type takes; NULL: all */
        unsigned depth;
} Reading;

static void read_file(const Reading *reading, const char *service);

/* A word, or all of [...], which may have spaces in it. Moves @text behind it; NULL at the end. */
static char *next_word(const char **text) {
        const char *start = *text + strspn(*text, SPACE), *end;

        if (!*start)
                return NULL;
        end = *start == '[' ? strchrnul(start, ']') : start + strcspn(start, SPACE);
        *text = *end == ']' ? end + 1 : end;
        return *start == '[' && *end == ']' ? g_strndup(start, (gsize) (end - start) + 1)
                                            : g_strndup(start, (gsize) (end - start));
}

static char **rest_words(const char *text) {
        g_autoptr(GStrvBuilder) words = g_strv_builder_new();
        char *word;

        while ((word = next_word(&text))) {
                g_strv_builder_add(words, word);
                g_free(word);
        }
        return g_strv_builder_end(words);
}

static void include(const Reading *reading, const char *service, const char *only) {
        const Reading inner = { reading->root, reading->rules, only, reading->depth + 1 };

        if (inner.depth < DEPTH_MAX && service && !strchr(service, '/'))
                read_file(&inner, service);
}

/* A substack is one rule to what jumps over it, and what ends in it does not end the whole. */
static void add_rule(const Reading *reading, const char *file, unsigned number, unsigned last, const char *text) {
        g_autofree char *first = next_word(&text), *control = NULL, *module = NULL, *type = NULL;

        if (first && g_ascii_strcasecmp(first, "@include") == 0) {
                module = next_word(&text);
                include(reading, module, reading->only);
                return;
        }
        control = next_word(&text);
        module = next_word(&text);
        if (!first || !control || !module)
                return;
        type = g_ascii_strdown(first + (first[0] == '-'), -1);
        if (reading->only && strcmp(type, reading->only) != 0)
                return;
        if (g_ascii_strcasecmp(control, "include") == 0) {
                include(reading, module, type);
                return;
        }
        StackRule *rule = g_new0(StackRule, 1);
        *rule = (StackRule) {
                .file = g_strdup(file),
                .line = number,
                .last = last,
                .included = reading->depth > 0,
                .type = g_steal_pointer(&type),
                .control = g_steal_pointer(&control),
                .module = g_path_get_basename(module),
                .arguments = rest_words(text),
        };
        g_ptr_array_add(reading->rules, rule);
}

static void read_file(const Reading *reading, const char *service) {
        g_autofree char *file = g_strconcat(FOLDER, service, NULL), *path = g_strconcat(reading->root, file, NULL);
        g_autofree char *text = NULL;
        g_autoptr(GString) line = g_string_new(NULL);
        g_auto(GStrv) lines = NULL;
        unsigned begun = 0;

        if (!file_look(path, &text) || !text)
                return;
        lines = g_strsplit(text, "\n", -1);
        for (unsigned i = 0; lines[i]; i++) {
                *strchrnul(lines[i], '#') = '\0';
                begun = line->len > 0 ? begun : i + 1;
                g_string_append(line, g_strchomp(lines[i]));
                if (line->len > 0 && line->str[line->len - 1] == '\\') { /* goes on in the next one */
                        line->str[line->len - 1] = ' ';
                        continue;
                }
                add_rule(reading, file, begun, i + 1, line->str);
                g_string_truncate(line, 0);
        }
}

GPtrArray *stack_read(const char *root, const char *service) {
        const Reading reading = { root, g_ptr_array_new_with_free_func(rule_free), NULL, 0 };

        read_file(&reading, service);
        return reading.rules;
}

bool stack_rule_ends(const StackRule *rule) {
        g_auto(GStrv) words = NULL;
        g_autofree char *control = NULL;

        if (g_ascii_strcasecmp(rule->control, "sufficient") == 0)
                return true;
        if (rule->control[0] != '[')
                return false;
        words = g_strsplit_set(rule->control, SPACE, -1); /* which PAM takes on both sides of "=", too */
        control = g_strjoinv(NULL, words);
        return strstr(control, "success=done") || strstr(control, "default=done");
}

unsigned stack_rule_jump(const StackRule *rule) {
        unsigned longest = 0;

        for (const char *at = rule->control[0] == '[' ? rule->control : ""; (at = strchr(at, '=')); at++)
                longest = MAX(longest, (unsigned) g_ascii_strtoull(at + 1, NULL, 10));
        return longest;
}

bool stack_rule_has(const StackRule *rule, const char *argument) {
        return g_strv_contains((const char *const *) rule->arguments, argument);
}

int stack_find(const GPtrArray *rules, const char *type, const char *module, int from) {
        for (guint i = (guint) from; i < rules->len; i++) {
                const StackRule *rule = rules->pdata[i];
                if (strcmp(rule->type, type) == 0 && (!module || strcmp(rule->module, module) == 0))
                        return (int) i;
        }
        return -1;
}
