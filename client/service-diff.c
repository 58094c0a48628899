/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/service-diff.h"

#define CONTEXT 3
#define CELLS_MAX (4 * 1024 * 1024)

typedef struct Side {
        char **lines; /* each with its newline, if it has one */
        guint n;
} Side;

/* One line of the result: in both files (' '), gone ('-') or new ('+'). */
typedef struct Step {
        char mark;
        const char *line;
        guint before, after; /* how many lines of each file stand above */
} Step;

static Side side_new(const char *text) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new();
        Side side = { 0 };

        while (text && *text) {
                const char *end = strchr(text, '\n');
                size_t size = end ? (size_t) (end - text) + 1 : strlen(text);
                g_ptr_array_add(lines, g_strndup(text, size));
                text += size;
        }
        side.n = lines->len;
        g_ptr_array_add(lines, NULL);
        side.lines = (char **) g_ptr_array_steal(lines, NULL);
        return side;
}

/*
 * How many lines can be kept from each pair of places on. NULL for files too long for that, which are
 * shown as gone and new from the first difference on.
 */
static guint *common_lengths(const Side *a, const Side *b) {
        guint width = b->n + 1, *lengths;

        if ((gsize) (a->n + 1) * width > CELLS_MAX)
                return NULL;
        lengths = g_new0(guint, (gsize) (a->n + 1) * width);
        for (guint i = a->n; i-- > 0;)
                for (guint j = b->n; j-- > 0;)
                        lengths[i * width + j] = strcmp(a->lines[i], b->lines[j]) == 0
                                                         ? lengths[(i + 1) * width + j + 1] + 1
                                                         : MAX(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
        return lengths;
}

static GArray *steps_new(const Side *a, const Side *b) {
        g_autofree guint *lengths = common_lengths(a, b);
        GArray *steps = g_array_new(FALSE, FALSE, sizeof(Step));
        guint width = b->n + 1, i = 0, j = 0;

        while (i < a->n || j < b->n) {
                Step step = { .before = i, .after = j };
                if (i < a->n && j < b->n && strcmp(a->lines[i], b->lines[j]) == 0) {
                        step.mark = ' ';
                        step.line = a->lines[i++];
                        j++;
                } else if (j == b->n || (i < a->n && (!lengths || lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]))) {
                        step.mark = '-';
                        step.line = a->lines[i++];
                } else {
                        step.mark = '+';
                        step.line = b->lines[j++];
                }
                g_array_append_val(steps, step);
        }
        return steps;
}

/* The step behind the last one of the hunk that begins at @from: changes nearer than two contexts share one. */
static guint hunk_end(const GArray *steps, guint from) {
        guint quiet = 0, end = from;

        for (guint i = from; i < steps->len && quiet <= 2 * CONTEXT; i++) {
                if (g_array_index(steps, Step, i).mark == ' ') {
                        quiet++;
                } else {
                        quiet = 0;
                        end = i + 1;
                }
        }
        return end;
}

static void append_hunk(const GArray *steps, guint from, guint to, GString *text) {
        const Step *first = &g_array_index(steps, Step, from);
        guint before = 0, after = 0;

        for (guint i = from; i < to; i++) {
                before += g_array_index(steps, Step, i).mark != '+';
                after += g_array_index(steps, Step, i).mark != '-';
        }
        g_string_append_printf(text, "@@ -%u,%u +%u,%u @@\n", first->before + (before > 0), before,
                               first->after + (after > 0), after);
        for (guint i = from; i < to; i++) {
                const Step *step = &g_array_index(steps, Step, i);
                g_string_append_printf(text, "%c%s", step->mark, step->line);
                if (!g_str_has_suffix(step->line, "\n"))
                        g_string_append(text, "\n\\ No newline at end of file\n");
        }
}

void service_diff(const FileEdit *edit, GString *text) {
        Side before = side_new(edit->before), after = side_new(edit->after);
        g_autoptr(GArray) steps = steps_new(&before, &after);
        guint shown = 0;

        g_string_append_printf(text, "--- %s\n+++ %s\n", edit->before ? edit->path : "/dev/null",
                               edit->after ? edit->path : "/dev/null");
        for (guint i = 0; i < steps->len; i++) {
                guint from, end;
                if (g_array_index(steps, Step, i).mark == ' ')
                        continue;
                from = i - MIN(CONTEXT, i - shown);
                end = hunk_end(steps, i);
                shown = MIN(end + CONTEXT, steps->len);
                append_hunk(steps, from, shown, text);
                i = shown - 1;
        }
        g_strfreev(before.lines);
        g_strfreev(after.lines);
}
