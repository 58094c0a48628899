/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A change as people read it: the form of "diff -u". */

#include <glib.h>

#include "client/service-files.h"

/* Appends what @edit would change to @text. */
void service_diff(const FileEdit *edit, GString *text);
