/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A PAM service's file as PAM itself goes through it: one list of rules, with what is included in
 * its place, and each rule knowing where it stands.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct StackRule {
        char *file; /* without the root */
        unsigned line, last; /* the first and the last one, where it goes on over several */
        bool included;       /* the file is another's than the service's that was asked about */
        char *type;    /* "auth", "account", "password", "session"; lower case, without a "-" */
        char *control; /* "required", "[success=1 default=ignore]" */
        char *module;  /* "pam_unix.so", without its folder */
        char **arguments;
} StackRule;

/* Of the service's file /etc/pam.d/@service; rules of all types, in order: an array of StackRule. */
GPtrArray *stack_read(const char *root, const char *service);

/* Does a yes of this rule's module end the stack, so that nobody behind it is asked? */
bool stack_rule_ends(const StackRule *rule);

/* How many rules of its type a yes, or anything else, of it jumps over; 0: none. */
unsigned stack_rule_jump(const StackRule *rule);

bool stack_rule_has(const StackRule *rule, const char *argument);

/* The first rule of @type, from @from on, with @module (NULL: any); its index, or -1. */
int stack_find(const GPtrArray *rules, const char *type, const char *module, int from);
