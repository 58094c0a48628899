/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Small facts of this host alone, where the store is a fleet's: in one file of its state folder, of lines
 * "key=value". Each change replaces the file and is durable when the call returns.
 */

#define LOCAL_FACTS_FILE "fleet"

typedef struct LocalFacts LocalFacts;

/* 0, or a negative errno and in @ret_message (g_free) what is wrong and what to do. No file is no fact. */
int local_facts_open(const char *folder, LocalFacts **ret, char **ret_message);
/* Accepts NULL, returns NULL. */
LocalFacts *local_facts_free(LocalFacts *facts);

/* From any thread. NULL where there is none; g_free. */
char *local_facts_get(LocalFacts *facts, const char *key);
/* @key: letters, digits and dots. */
int local_facts_set(LocalFacts *facts, const char *key, const char *value);
