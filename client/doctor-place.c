/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glob.h>
#include <string.h>

#include "client/doctor-place.h"

#define SSHD_CONFIG "/etc/ssh/sshd_config"
#define SSHD_FOLDER "/etc/ssh/"
#define DEPTH_MAX 8
#define SPACE " \t\""

void place_deinit(Place *place) {
        g_clear_pointer(&place->path, g_free);
        g_clear_pointer(&place->value, g_free);
}

typedef struct Search {
        const Doctor *doctor;
        const char *keyword;
        Place *place;
        bool over; /* at a Match: what stands behind holds for some logins only */
} Search;

static void search_file(Search *search, const char *path, unsigned depth);

static void search_include(Search *search, char **patterns, unsigned depth) {
        size_t root = strlen(search->doctor->root);

        for (char **pattern = patterns; *pattern; pattern++) {
                const char *folder = **pattern == '/' ? "" : SSHD_FOLDER;
                g_autofree char *whole = g_strconcat(search->doctor->root, folder, *pattern, NULL);
                glob_t found;

                if (!**pattern || glob(whole, 0, NULL, &found) != 0)
                        continue;
                for (size_t i = 0; i < found.gl_pathc; i++)
                        search_file(search, found.gl_pathv[i] + root, depth + 1);
                globfree(&found);
        }
}

/* "Keyword value", "Keyword=value" */
static void search_line(Search *search, const char *path, unsigned number, const char *text, unsigned depth) {
        const char *keyword = text + strspn(text, SPACE);
        size_t size = strcspn(keyword, SPACE "=");
        const char *value = keyword + size + strspn(keyword + size, SPACE "=");
        g_autofree char *name = g_strndup(keyword, size);
        g_auto(GStrv) words = NULL;

        if (g_ascii_strcasecmp(name, "Match") == 0) {
                search->over = true;
        } else if (g_ascii_strcasecmp(name, "Include") == 0) {
                words = g_strsplit_set(value, SPACE, -1);
                search_include(search, words, depth);
        } else if (g_ascii_strcasecmp(name, search->keyword) == 0) {
                *search->place = (Place) { g_strdup(path), number, g_strdup(value) };
        }
}

static void search_file(Search *search, const char *path, unsigned depth) {
        g_autofree char *text = depth < DEPTH_MAX ? doctor_read(search->doctor, path) : NULL;
        g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;
        bool outside = search->over;

        for (unsigned i = 0; lines && lines[i] && !search->over && search->place->line == 0; i++)
                search_line(search, path, i + 1, g_strchomp(lines[i]), depth);
        if (depth > 0)
                search->over = outside; /* a Match ends with the file that it is included from */
}

bool place_find_sshd(const Doctor *doctor, const char *keyword, Place *ret) {
        g_auto(Place) place = { 0 };
        Search search = { doctor, keyword, &place, false };

        search_file(&search, SSHD_CONFIG, 0);
        if (place.line == 0)
                return false;
        *ret = place;
        place = (Place) { 0 };
        return true;
}

static void take_defaults(const char *path, const char *text, GRegex *regex, Place *place) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (unsigned i = 0; lines[i]; i++) {
                g_autoptr(GMatchInfo) match = NULL;

                if (!g_str_has_prefix(lines[i], "Defaults") || !g_regex_match(regex, lines[i], 0, &match))
                        continue;
                place_deinit(place);
                *place = (Place) { g_strdup(path), i + 1, g_match_info_fetch(match, 1) };
        }
}

bool place_find_sudoers(const Doctor *doctor, const GPtrArray *files, const char *option, Place *ret) {
        g_autofree char *pattern = g_strdup_printf("[\\s,]\\s*((?:!\\s*)*%s\\b(?:\\s*=\\s*[^,\\s]+)?)", option);
        g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
        g_auto(Place) place = { 0 };

        for (guint i = 0; i < files->len; i++) {
                g_autofree char *text = doctor_read(doctor, files->pdata[i]);
                if (text)
                        take_defaults(files->pdata[i], text, regex, &place);
        }
        if (place.line == 0)
                return false;
        *ret = place;
        place = (Place) { 0 };
        return true;
}
