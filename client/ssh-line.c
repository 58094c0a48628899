/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/ssh-line.h"

/*
 * ssh.c of 9.2. -P took nothing then and takes a tag since 9.4, so what follows it cannot be told:
 * it is left out here.
 */
static const char options[] = "1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:Q:R:S:TVw:W:XYy";

/* Those that say what to do once connected, or what to tell; not whom to connect to, or how. */
static const char not_resolving[] = "efgnqstvDEGLMNOQRTVwWy";

void ssh_line_deinit(SshLine *line) {
        if (line->resolving)
                g_ptr_array_unref(line->resolving);
        *line = (SshLine) { 0 };
}

static void look_at(SshLine *line, char option, const char *value) {
        if (option == 'M' || option == 'S' ||
            (option == 'o' && g_ascii_strncasecmp(value + strspn(value, " \t"), "control", 7) == 0))
                line->control = true;
        if (option == 'W')
                line->forwards = true;
        if (strchr("OQVG", option))
                line->no_login = true;
}

static void keep(SshLine *line, char option, const char *value) {
        static const char letters[] = "-1\0-2\0-4\0-6\0-a\0-b\0-c\0-i\0-k\0-l\0-m\0-o\0-p\0-x\0-A\0-B\0-C\0-F\0-S\0-I\0-J\0-K\0-X\0-Y\0";

        if (strchr(not_resolving, option))
                return;
        for (const char *letter = letters; *letter; letter += 3)
                if (letter[1] == option)
                        g_ptr_array_add(line->resolving, (gpointer) letter);
        if (value)
                g_ptr_array_add(line->resolving, (gpointer) value);
}

/* One word of options at words[*at]; moves on, behind a value that is a word of its own. */
static bool take_word(char *const *words, int *at, SshLine *line) {
        const char *word = words[*at];

        for (const char *c = word + 1; *c; c++) {
                const char *known = *c != ':' ? strchr(options, *c) : NULL;
                const char *value = NULL;

                if (!known)
                        return false;
                if (known[1] == ':') {
                        value = c[1] ? c + 1 : words[++*at];
                        if (!value)
                                return false;
                }
                look_at(line, *c, value);
                keep(line, *c, value);
                if (value)
                        break;
        }
        ++*at;
        return true;
}

/* Options until a word that is none; a "--" ends them and is passed by: *@ret_end. */
static bool take_options(char *const *words, int *at, SshLine *line, bool *ret_end) {
        *ret_end = false;
        while (words[*at] && words[*at][0] == '-' && words[*at][1]) {
                if (strcmp(words[*at], "--") == 0) {
                        ++*at;
                        *ret_end = true;
                        return true;
                }
                if (!take_word(words, at, line))
                        return false;
        }
        return true;
}

/*
 * Behind a "--" the destination's next word is the command's, "-p" or not. ssh.c sees that by the last
 * word it read, be it an option's value: so do we.
 */
static bool take_destination(char *const *words, int *at, SshLine *line) {
        bool end, is_last;

        if (!take_options(words, at, line, &end))
                return false;
        is_last = *at > 0 && strcmp(words[*at - 1], "--") == 0;
        line->destination = words[*at];
        line->before = line->resolving->len;
        line->insert = *at;
        if (!line->destination)
                return true;
        if (end)
                line->insert--;
        ++*at;
        return line->destination[0] != '-' && (is_last || take_options(words, at, line, &end));
}

bool ssh_line_parse(char *const *words, SshLine *ret) {
        SshLine line = { .resolving = g_ptr_array_new() };
        int at = 0;

        if (!take_destination(words, &at, &line)) {
                ssh_line_deinit(&line);
                return false;
        }
        *ret = line;
        return true;
}
