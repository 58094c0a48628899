/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The one strict reader behind every file in /etc/tessera.
 *
 * INI sections and key=value; '#' comments at line start only; lists separated by ';', ',' or
 * space; durations with units. Unknown keys and sections, duplicates, inline comments, unitless
 * durations, control characters, files of more than 256 KiB and lines of more than 4 KiB are
 * mistakes. A mistake never stops the reader: it reports all of them, each with file, line, column
 * and remedy.
 *
 * The caller describes what may stand in the file by a table (ConfSection, ConfKey): so the reader,
 * the tests and the documentation share one list.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ConfMistake {
        char *file;
        unsigned line;   /* from 1; 0 where the file as a whole is meant */
        unsigned column; /* from 1; 0 likewise */
        char *message;   /* lower case, names the thing: unknown key "max-agee" in [service:sudo] */
        char *remedy;    /* what to do: did you mean "max-age"? */
} ConfMistake;

typedef struct ConfValue {
        const char *section; /* "service", of [service:sudo] */
        const char *name;    /* "sudo"; NULL in a plain section */
        const char *key;
        const char *text;    /* the value, trimmed */
        const char *file;
        unsigned line, column; /* where the value begins */
} ConfValue;

typedef struct ConfReader ConfReader;

/*
 * Stores one value. Returns true, or reports by conf_mistake() and returns false. Called in the
 * order of the file, and once per section heading with key NULL.
 */
typedef bool (*ConfSet)(ConfReader *reader, const ConfValue *value, void *target);

typedef struct ConfKey {
        const char *key;
        ConfSet set;
} ConfKey;

typedef struct ConfSection {
        const char *section;
        bool named;          /* [section:NAME], which may stand once per NAME */
        const ConfKey *keys; /* ended by a NULL key */
        ConfSet open;        /* called at the heading; may be NULL */
} ConfSection;

ConfMistake *conf_mistake_free(ConfMistake *mistake);

/* "FILE:LINE:COLUMN: MESSAGE; REMEDY", to be freed with g_free. */
char *conf_mistake_to_string(const ConfMistake *mistake);

/* Reports a mistake at @value (with its file, line and column). Formats like printf. */
void conf_mistake(ConfReader *reader, const ConfValue *value, const char *remedy, const char *format, ...)
        G_GNUC_PRINTF(4, 5);

/*
 * Reads @text (of @size bytes, called @file in messages) into @target. @sections is ended by a NULL
 * section. Mistakes (ConfMistake *) are appended to @mistakes. Returns true when there was none.
 */
bool conf_read_text(const char *file, const char *text, size_t size, const ConfSection *sections, void *target,
                    GPtrArray *mistakes);

/*
 * Reads the file @path, which must be a regular file of root's that nobody else can write. One that
 * does not exist is a mistake unless @may_be_absent.
 */
bool conf_read_file(const char *path, bool may_be_absent, const ConfSection *sections, void *target,
                    GPtrArray *mistakes);

/* Values. On a mistake each reports and returns false, @ret untouched. */

/* Seconds, from 15s, 15min, 24h, 7d or a sum ("1h 30min"); within [@min, @max] seconds. */
bool conf_duration(ConfReader *reader, const ConfValue *value, int64_t min, int64_t max, int64_t *ret);

/* Bytes, with B, KiB, MiB or GiB; within [@min, @max]. */
bool conf_size(ConfReader *reader, const ConfValue *value, uint64_t min, uint64_t max, uint64_t *ret);

/* A whole number without sign; within [@min, @max]. */
bool conf_number(ConfReader *reader, const ConfValue *value, uint64_t min, uint64_t max, uint64_t *ret);

/* A list without duplicates or empty items; a NULL-terminated vector for g_strfreev. */
bool conf_list(ConfReader *reader, const ConfValue *value, char ***ret);
