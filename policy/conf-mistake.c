/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <string.h>

#include "common/name.h"
#include "policy/conf.h"

#define MESSAGE_MAX 400
#define WORD_MAX 64 /* what is longer is nobody's slip of the finger */

/* What is said quotes the file, and ends up on terminals and in logs. */
static char *make_harmless(const char *text, size_t max) {
        size_t size = MIN(strlen(text) + 1, max);
        char *clean = g_malloc(size);

        name_clean(text, clean, size);
        return clean;
}

ConfMistake *conf_mistake_new(const char *file, unsigned line, unsigned column, const char *remedy,
                              const char *format, ...) {
        g_autofree char *message = NULL;
        ConfMistake *mistake = g_new0(ConfMistake, 1);
        va_list args;

        va_start(args, format);
        message = g_strdup_vprintf(format, args);
        va_end(args);
        *mistake = (ConfMistake) {
                .file = make_harmless(file, SIZE_MAX),
                .line = line,
                .column = column,
                .message = make_harmless(message, MESSAGE_MAX),
                .remedy = remedy ? make_harmless(remedy, MESSAGE_MAX) : NULL,
        };
        return mistake;
}

ConfMistake *conf_mistake_free(ConfMistake *mistake) {
        if (!mistake)
                return NULL;
        g_free(mistake->file);
        g_free(mistake->message);
        g_free(mistake->remedy);
        g_free(mistake);
        return NULL;
}

static void mistake_destroy(void *mistake) {
        (void) conf_mistake_free(mistake);
}

GPtrArray *conf_mistakes_new(void) {
        return g_ptr_array_new_with_free_func(mistake_destroy);
}

char *conf_mistake_to_string(const ConfMistake *mistake) {
        GString *text = g_string_new(mistake->file);

        if (mistake->line > 0)
                g_string_append_printf(text, ":%u", mistake->line);
        if (mistake->column > 0)
                g_string_append_printf(text, ":%u", mistake->column);
        g_string_append_printf(text, ": %s", mistake->message);
        if (mistake->remedy)
                g_string_append_printf(text, "; %s", mistake->remedy);
        return g_string_free(text, FALSE);
}

static bool same_letter(char a, char b) {
        return g_ascii_tolower(a) == g_ascii_tolower(b);
}

/*
 * How many letters to insert, drop, change or swap with their neighbour (optimal string alignment),
 * without regard to case: cell [i][j] is the distance of the first i letters of @a from the first j of @b.
 */
static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size) {
        uint8_t cells[WORD_MAX + 1][WORD_MAX + 1];

        for (size_t i = 0; i <= a_size; i++)
                for (size_t j = 0; j <= b_size; j++) {
                        unsigned best;

                        if (i == 0 || j == 0) {
                                cells[i][j] = (uint8_t) (i + j);
                                continue;
                        }
                        best = cells[i - 1][j - 1] + !same_letter(a[i - 1], b[j - 1]);
                        best = MIN(best, cells[i - 1][j] + 1U);
                        best = MIN(best, cells[i][j - 1] + 1U);
                        if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
                                best = MIN(best, cells[i - 2][j - 2] + 1U);
                        cells[i][j] = (uint8_t) best;
                }
        return cells[a_size][b_size];
}

char *conf_suggest(const char *text, const char *const *words) {
        size_t size = strlen(text);
        unsigned best = 0;
        const char *found = NULL;

        if (size > WORD_MAX)
                return NULL;
        for (size_t i = 0; words[i]; i++) {
                size_t word_size = strlen(words[i]);
                unsigned d;

                if (word_size > WORD_MAX)
                        continue;
                d = distance(text, size, words[i], word_size);
                /* A third of the word may be wrong, but something of it must be right. */
                if (d > MAX(1, MAX(size, word_size) / 3) || d >= MIN(size, word_size))
                        continue;
                if (!found || d < best) {
                        best = d;
                        found = words[i];
                }
        }
        return found ? g_strdup_printf("did you mean \"%s\"?", found) : NULL;
}
