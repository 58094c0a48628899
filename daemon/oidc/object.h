/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The D-Bus face of flows: org.tessera.Oidc1.xml says what each method means. */

#include <gio/gio.h>

#include "daemon/oidc/flow.h"

typedef struct Object Object;

/* @config_dir is where providers.d lies; it is read anew whenever a flow begins. All must outlive the object. */
Object *object_new(const FlowsParts *parts, Flows *flows, const char *config_dir);
Object *object_free(Object *object);

/* Puts it on @connection. False, and @error. */
bool object_export(Object *object, GDBusConnection *connection, GError **error);
