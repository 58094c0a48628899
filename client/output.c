/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/errors.h"
#include "client/output.h"
#include "common/name.h"
#include "common/wire.h"

#define CELL_MAX 512
#define COLUMN_GAP 2

#define BOLD "\033[1m"
#define PLAIN "\033[0m"

char *output_time(int64_t when, int64_t now) {
        static const struct {
                int64_t below, seconds;
                const char *unit;
        } units[] = {
                { 60, 1, "s" },
                { 60 * 60, 60, "min" },
                { 24 * 60 * 60, 60 * 60, "h" },
                { G_MAXINT64, 24 * 60 * 60, "d" },
        };
        gboolean ahead = when > now;
        int64_t distance, hours;
        size_t i = 0;

        if (when <= 0)
                return g_strdup("never");
        distance = ahead ? when - MAX(now, 0) : now - when;
        if (distance == 0)
                return g_strdup("now");
        while (distance >= units[i].below)
                i++;
        hours = distance % (24 * 60 * 60) / (60 * 60);
        distance /= units[i].seconds;
        /* Never more than there is, but a week less a second is not six days to anybody. */
        if (ahead && i == G_N_ELEMENTS(units) - 1 && hours > 0)
                return g_strdup_printf("in %" G_GINT64_FORMAT " d %" G_GINT64_FORMAT " h", distance, hours);
        return ahead ? g_strdup_printf("in %" G_GINT64_FORMAT " %s", distance, units[i].unit)
                     : g_strdup_printf("%" G_GINT64_FORMAT " %s ago", distance, units[i].unit);
}

char *output_id(const char *id) {
        return g_strndup(id, WIRE_SESSION_ID_SHOWN);
}

char *output_list(const json_t *list) {
        GString *text = g_string_new(NULL);
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item) {
                const char *word = json_string_value(item);
                if (word)
                        g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", word);
        }
        if (text->len == 0)
                g_string_append_c(text, '-');
        return g_string_free(text, FALSE);
}

const char *output_text(const json_t *object, const char *member) {
        const char *text = json_string_value(json_object_get(object, member));

        return text && *text ? text : "-";
}

int64_t output_number(const json_t *object, const char *member) {
        return json_integer_value(json_object_get(object, member));
}

void output_say(const Cli *cli, const char *format, ...) {
        va_list arguments;

        if (cli->json || cli->quiet)
                return;
        va_start(arguments, format);
        (void) vprintf(format, arguments);
        va_end(arguments);
        (void) fputc('\n', stdout);
}

void output_note(const Cli *cli, const char *format, ...) {
        va_list arguments;

        if (cli->json || cli->quiet)
                return;
        (void) fflush(stdout); /* so that a remark stands behind what it is about */
        va_start(arguments, format);
        (void) vfprintf(stderr, format, arguments);
        va_end(arguments);
        (void) fputc('\n', stderr);
}

int output_json(Cli *cli, json_t *value) {
        int r;

        if (!value)
                return cli_fail(cli, CLI_FAILED, "internal", NULL, "the answer cannot be put as JSON");
        r = json_dumpf(value, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        json_decref(value);
        (void) fputc('\n', stdout); /* cli_finish() looks whether all of it was written */
        return r < 0 ? CLI_FAILED : CLI_DONE;
}

int output_secret(Cli *cli, const char *text) {
        size_t size = strlen(text);

        while (size > 0) {
                ssize_t n = write(STDOUT_FILENO, text, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return cli_fail(cli, CLI_FAILED, "output", NULL, "the answer could not be written: %s",
                                        g_strerror(errno));
                text += n;
                size -= (size_t) n;
        }
        return CLI_DONE;
}

void output_wipe_text(char **text) {
        if (*text)
                explicit_bzero(*text, strlen(*text));
        free(*text);
}

struct Table {
        GPtrArray *rows;  /* char ** */
        gboolean has_head;
        gboolean has_pairs;
};

static void row_free(gpointer row) {
        g_strfreev(row);
}

Table *table_new(void) {
        Table *table = g_new0(Table, 1);

        table->rows = g_ptr_array_new_with_free_func(row_free);
        return table;
}

Table *table_free(Table *table) {
        if (!table)
                return NULL;
        g_ptr_array_unref(table->rows);
        g_free(table);
        return NULL;
}

static void add_row(Table *table, va_list cells) {
        GStrvBuilder *row = g_strv_builder_new();
        const char *cell;

        while ((cell = va_arg(cells, const char *))) {
                char clean[CELL_MAX];
                name_clean(cell, clean, sizeof(clean));
                g_strv_builder_add(row, clean);
        }
        g_ptr_array_add(table->rows, g_strv_builder_end(row));
        g_strv_builder_unref(row);
}

void table_head(Table *table, ...) {
        va_list cells;

        g_assert(table->rows->len == 0);
        table->has_head = TRUE;
        va_start(cells, table);
        add_row(table, cells);
        va_end(cells);
}

void table_row(Table *table, ...) {
        va_list cells;

        va_start(cells, table);
        add_row(table, cells);
        va_end(cells);
}

void table_pair(Table *table, const char *name, const char *value) {
        table->has_pairs = TRUE;
        table_row(table, name, value, NULL);
}

bool table_is_empty(const Table *table) {
        return table->rows->len == (table->has_head ? 1U : 0U);
}

/* Columns that @text takes on a terminal. */
static size_t text_width(const char *text) {
        size_t width = 0;

        for (const char *p = text; *p; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char(p);
                if (!g_unichar_iszerowidth(c))
                        width += g_unichar_iswide(c) ? 2 : 1;
        }
        return width;
}

static GArray *column_widths(const Table *table) {
        GArray *widths = g_array_new(FALSE, TRUE, sizeof(size_t));

        for (guint i = 0; i < table->rows->len; i++) {
                char **row = g_ptr_array_index(table->rows, i);
                for (guint column = 0; row[column]; column++) {
                        if (column >= widths->len)
                                g_array_set_size(widths, column + 1);
                        size_t *width = &g_array_index(widths, size_t, column);
                        *width = MAX(*width, text_width(row[column]));
                }
        }
        return widths;
}

static void append_row(GString *text, char **row, const GArray *widths, bool bold_all, bool bold_first) {
        for (guint column = 0; row[column]; column++) {
                bool bold = bold_all || (bold_first && column == 0);
                size_t pad = g_array_index(widths, size_t, column) - text_width(row[column]) + COLUMN_GAP;

                g_string_append_printf(text, "%s%s%s", bold ? BOLD : "", row[column], bold ? PLAIN : "");
                for (; row[column + 1] && pad > 0; pad--)
                        g_string_append_c(text, ' ');
        }
        while (text->len > 0 && text->str[text->len - 1] == ' ')
                g_string_truncate(text, text->len - 1);
        g_string_append_c(text, '\n');
}

char *table_to_string(const Table *table, bool color) {
        g_autoptr(GArray) widths = column_widths(table);
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < table->rows->len; i++)
                append_row(text, g_ptr_array_index(table->rows, i), widths, color && table->has_head && i == 0,
                           color && table->has_pairs);
        return g_string_free(text, FALSE);
}

void table_print(const Table *table, const Cli *cli) {
        g_autofree char *text = table_to_string(table, cli->color);

        (void) fputs(text, stdout);
}
