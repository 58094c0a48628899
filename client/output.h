/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What goes to stdout. People get aligned columns, relative times and short ids; programs get
 * JSON with Unix seconds, full ids and null for what is unset. Strings that are returned are the
 * caller's (g_free).
 */

#include <jansson.h>

#include "client/cli.h"

/* "now", "3 min ago", "in 14 min"; "never" for 0. Rounded towards now, so nothing is promised that is not left. */
char *output_time(int64_t when, int64_t now);

/* The first digits of an id, as people see it. */
char *output_id(const char *id);

/* Items with ", " between; "-" for an empty or missing list. */
char *output_list(const json_t *list);

/* The member's text, "-" where it is unset. Owned by @object. */
const char *output_text(const json_t *object, const char *member);

/* The member as a number (Unix seconds, a uid), 0 where it is unset. */
int64_t output_number(const json_t *object, const char *member);

/* A sentence about a change on stdout; nothing with --json or -q. */
void output_say(const Cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* A remark on stderr; nothing with --json or -q. */
void output_note(const Cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Prints @value, one line of JSON; takes it over. Returns CLI_DONE, or tells of the failure. */
int output_json(Cli *cli, json_t *value);

/*
 * Prints @text, which holds a secret and its newline, past stdio, whose buffer nobody wipes. The caller wipes
 * @text. Returns CLI_DONE, or tells of the failure.
 */
int output_secret(Cli *cli, const char *text);

/* Wipes, then frees: for a text with a secret in it. */
void output_wipe_text(char **text);

#define _cleanup_wipe_text_ __attribute__((__cleanup__(output_wipe_text)))

/* Columns */

typedef struct Table Table;

Table *table_new(void);
Table *table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* Adds a row of cells (strings, copied; NULL ends). Control characters are replaced. */
void table_head(Table *table, ...) G_GNUC_NULL_TERMINATED;
void table_row(Table *table, ...) G_GNUC_NULL_TERMINATED;

/* One row "NAME  VALUE". */
void table_pair(Table *table, const char *name, const char *value);

bool table_is_empty(const Table *table);

/* Without spaces at the ends of lines. The head, and names of pairs, are bold where @color. */
char *table_to_string(const Table *table, bool color);
void table_print(const Table *table, const Cli *cli);
