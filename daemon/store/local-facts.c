/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "daemon/store/local-facts.h"

#define SIZE_MAX_READ (64 * 1024)

struct LocalFacts {
        pthread_mutex_t mutex;
        int folder;
        GHashTable *values;
};

LocalFacts *local_facts_free(LocalFacts *facts) {
        if (!facts)
                return NULL;
        (void) safe_close(facts->folder); /* nothing is written through it; ignoring */
        g_hash_table_unref(facts->values);
        pthread_mutex_destroy(&facts->mutex);
        g_free(facts);
        return NULL;
}

static int read_line(GHashTable *values, char *line) {
        char *value = strchr(line, '=');

        if (!value || value == line)
                return -EUCLEAN;
        *value++ = '\0';
        return g_hash_table_insert(values, g_strdup(line), g_strcompress(value)) ? 0 : -EUCLEAN; /* twice */
}

static int read_all(LocalFacts *facts) {
        _cleanup_free_ char *data = NULL;
        g_auto(GStrv) lines = NULL;
        size_t size;
        int r;

        r = file_read_trusted(facts->folder, LOCAL_FACTS_FILE, SIZE_MAX_READ, geteuid(), /* secret= */ 0, &data, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        if (size == 0 || strlen(data) != size || data[size - 1] != '\n')
                return -EUCLEAN;
        data[size - 1] = '\0';
        lines = g_strsplit(data, "\n", -1);
        for (char **line = lines; r == 0 && *line; line++)
                r = read_line(facts->values, *line);
        return r;
}

int local_facts_open(const char *folder, LocalFacts **ret, char **ret_message) {
        LocalFacts *facts = g_new0(LocalFacts, 1);
        int r = 0;

        pthread_mutex_init(&facts->mutex, NULL);
        facts->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        facts->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (facts->folder < 0)
                r = -errno;
        if (r == 0) {
                file_remove_unfinished(facts->folder, LOCAL_FACTS_FILE);
                r = read_all(facts);
        }
        if (r < 0) {
                *ret_message = g_strdup_printf("\"%s/" LOCAL_FACTS_FILE "\" says which store and which name this host has, "
                                               "and cannot be read: %s; put it back from a backup",
                                               folder, g_strerror(-r));
                (void) local_facts_free(facts);
                return error_trace(r);
        }
        *ret = facts;
        return 0;
}

char *local_facts_get(LocalFacts *facts, const char *key) {
        char *value;

        pthread_mutex_lock(&facts->mutex);
        value = g_strdup(g_hash_table_lookup(facts->values, key));
        pthread_mutex_unlock(&facts->mutex);
        return value;
}

static int compare_keys(const void *a, const void *b) {
        return strcmp(a, b);
}

static int write_all(LocalFacts *facts, const char *key, const char *value) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *escaped = g_strescape(value, NULL);
        GList *keys = g_list_sort(g_hash_table_get_keys(facts->values), compare_keys);

        for (GList *link = keys; link; link = link->next) {
                g_autofree char *other = g_strescape(g_hash_table_lookup(facts->values, link->data), NULL);

                if (strcmp(link->data, key) != 0)
                        g_string_append_printf(text, "%s=%s\n", (char *) link->data, other);
        }
        g_list_free(keys);
        g_string_append_printf(text, "%s=%s\n", key, escaped);
        return file_write_atomic(facts->folder, LOCAL_FACTS_FILE, text->str, text->len, 0600);
}

int local_facts_set(LocalFacts *facts, const char *key, const char *value) {
        int r;

        pthread_mutex_lock(&facts->mutex);
        r = write_all(facts, key, value);
        if (r == 0)
                g_hash_table_replace(facts->values, g_strdup(key), g_strdup(value));
        pthread_mutex_unlock(&facts->mutex);
        return error_trace(r);
}
