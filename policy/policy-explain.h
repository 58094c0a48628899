/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Why a decision is what it is, in steps that people read, each with where it stands in the
 * configuration.
 *
 * In this order: which section rules the service; which roles it wants; for each of them how the
 * user holds it (from what gives him a role down the includes to the wanted one), or that he does
 * not and what stands in the way; how fresh the login must be and is; by which method; and last one
 * sentence that says what it comes to.
 *
 * What is said to be held begins with `holds "ROLE": `, what only a cap takes away with
 * `would hold "ROLE": `, what is not held with `does not hold "ROLE"`.
 */

#include "policy/policy.h"

#define POLICY_STEP_MAX 1000 /* bytes of a text; what is longer is cut */

typedef struct PolicyStep {
        char *text;    /* without control characters */
        char *file;    /* NULL: it stands in no file */
        unsigned line; /* of the key that it is about, or the section's where it is about the section; 0 without file */
} PolicyStep;

/* An array that frees its steps. */
GPtrArray *policy_steps_new(void);

/* @file may be NULL. Formats like printf. */
void policy_step_add(GPtrArray *steps, const char *file, unsigned line, const char *format, ...)
        G_GNUC_PRINTF(4, 5);

/*
 * policy_decide(), and appends the steps to @steps. Groups that were not there when the policy was
 * read are looked up once more for the steps: who changes them at that very moment may read of both.
 */
PolicyDecision policy_explain(Policy *policy, const PolicyUser *user, const PolicyLogin *login, const char *service,
                              int64_t now, GPtrArray *steps);

/* The same for policy_decide_role(). */
PolicyDecision policy_explain_role(Policy *policy, const PolicyUser *user, const char *service, GPtrArray *steps);
