/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The services that can be enabled, the state in which each is, and the edits that bring it into
 * another. There is no record of that state beside the files: what they say is so. Enabling,
 * disabling and undoing are one thing, a wanted state.
 *
 * @root stands before each path: "" but in tests.
 */

#include "client/service-files.h"
#include "client/service-pam.h"

#define SERVICE_PAM_FILES_MAX 2

typedef struct ServiceSpec {
        const char *name; /* NULL ends the table */
        PamLines pam[SERVICE_PAM_FILES_MAX];
        const char *package; /* that brings the service, for a hint */
        const char *drop_in; /* a file of our own; NULL: PAM's lines are all */
        mode_t drop_in_mode;
        const char *drop_in_text;
        const char *drop_in_roles; /* what goes behind it where the service can be told of roles; or NULL */
} ServiceSpec;

extern const ServiceSpec service_specs[];

const ServiceSpec *service_spec_by_name(const char *name);

/* What the drop-in says, g_free. */
char *service_drop_in(const ServiceSpec *spec, bool roles);

/* Does the service ask who may use it (PAM's account), so that the policy needs a section for it? */
bool service_spec_is_gate(const ServiceSpec *spec);

typedef struct ServiceState {
        bool enabled; /* all of its files have tessera's part */
        bool partly;  /* some of them: others were replaced, or a change was cut off */
        bool roles;   /* the drop-in tells the service of roles; nothing where it cannot be told */
        char *breakglass;
} ServiceState;

void service_state_deinit(ServiceState *state);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ServiceState, service_state_deinit)

/* What the files say. */
bool service_state_read(const ServiceSpec *spec, const char *root, ServiceState *ret, char **ret_problem);

/* Appends the edits that bring @spec into the state @wanted to @edits; none where it is in it. */
bool service_plan(const ServiceSpec *spec, const char *root, const ServiceState *wanted, GPtrArray *edits,
                  char **ret_problem);
