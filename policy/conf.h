/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The one strict reader behind every file in /etc/tessera.
 *
 * INI sections and key=value; '#' comments at line start only; lists separated by ';', ',' or
 * space; durations with units. Unknown keys and sections, duplicates, inline comments, unitless
 * durations, indented lines, quotes round a value, control characters, files of more than 256 KiB
 * and lines of more than 4 KiB are mistakes. A mistake never stops the reader: it reports all of
 * them, each with file, line, column (in bytes) and remedy, and nothing in what it says is longer
 * than 400 bytes or holds a control character.
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
        const char *key;     /* NULL: the heading itself */
        const char *text;    /* the value, trimmed; never empty */
        const char *file;
        unsigned line, column; /* where the value (or the heading) begins */
} ConfValue;

typedef struct ConfReader ConfReader;

/*
 * Stores one value. Returns true, or reports by conf_mistake() and returns false; then the keys of
 * a heading are still checked but not stored. Called in the order of the file. @value is valid for
 * the call only.
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
        ConfSet open;        /* called at the heading, with key and text NULL; may be NULL */
} ConfSection;

/*
 * A mistake found outside the reader, once everything is read. @column 0: the line as a whole.
 * @remedy may be NULL. Formats like printf.
 */
ConfMistake *conf_mistake_new(const char *file, unsigned line, unsigned column, const char *remedy,
                              const char *format, ...) G_GNUC_PRINTF(5, 6);
ConfMistake *conf_mistake_free(ConfMistake *mistake);

/* What to hang mistakes on: an array that frees them with conf_mistake_free. */
GPtrArray *conf_mistakes_new(void);

/* "FILE:LINE:COLUMN: MESSAGE; REMEDY" (without what is 0 or NULL), to be freed with g_free. */
char *conf_mistake_to_string(const ConfMistake *mistake);

/*
 * Reports a mistake at @value, or @offset bytes into it. @remedy may be NULL. Formats like printf.
 * Returns false, so that a ConfSet can end with it.
 */
bool conf_mistake(ConfReader *reader, const ConfValue *value, size_t offset, const char *remedy, const char *format,
                  ...) G_GNUC_PRINTF(5, 6);

/*
 * "did you mean "WORD"?" with the one of @words (ended by NULL) that looks most like @text, or NULL
 * when none does. To be freed with g_free.
 */
char *conf_suggest(const char *text, const char *const *words);

/*
 * Reads @text (of @size bytes, called @file in messages) into @target. @sections is ended by a NULL
 * section. Mistakes (ConfMistake *) are appended to @mistakes. Returns true when there was none.
 */
bool conf_read_text(const char *file, const char *text, size_t size, const ConfSection *sections, void *target,
                    GPtrArray *mistakes);

/*
 * Reads the file @path, which must be a regular file of root's that nobody else can write; to look
 * at somebody's draft, use conf_read_text(). One that does not exist is a mistake unless
 * @may_be_absent.
 */
bool conf_read_file(const char *path, bool may_be_absent, const ConfSection *sections, void *target,
                    GPtrArray *mistakes);

/*
 * Reads every file of the folder @path that ends in .conf, in the order of their names, as
 * conf_read_file() does. The folder must be root's too; one that does not exist is empty.
 */
bool conf_read_folder(const char *path, const ConfSection *sections, void *target, GPtrArray *mistakes);

/* Values. On a mistake each reports and returns false, @ret untouched. */

/* Seconds, from 15s, 15min, 24h, 7d or a sum ("1h 30min"); within [@min, @max] seconds. */
bool conf_duration(ConfReader *reader, const ConfValue *value, int64_t min, int64_t max, int64_t *ret);

/*
 * The same for a duration that stands in no file: an option of a command, called @what in messages.
 * NULL, or the mistake (conf_mistake_free()), and @ret untouched.
 */
ConfMistake *conf_duration_text(const char *what, const char *text, int64_t min, int64_t max, int64_t *ret);

/* As conf_duration() reads it: "15min", "1h 30min". To be freed with g_free. */
char *conf_duration_to_string(int64_t seconds);

/* Bytes, with B, KiB, MiB or GiB; within [@min, @max]. */
bool conf_size(ConfReader *reader, const ConfValue *value, uint64_t min, uint64_t max, uint64_t *ret);

/* A whole number without sign; within [@min, @max]. */
bool conf_number(ConfReader *reader, const ConfValue *value, uint64_t min, uint64_t max, uint64_t *ret);

/*
 * A list without duplicates or empty items; a NULL-terminated vector for g_strfreev, and where each
 * item begins in the value (g_free; may be NULL).
 */
bool conf_list(ConfReader *reader, const ConfValue *value, char ***ret, size_t **ret_offsets);
