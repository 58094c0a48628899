/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdio.h>

#include "common/error.h"

/* One trace per thread; it is only ever a hint in a log line. */
static _Thread_local struct {
        const char *file;
        int line;
        char text[256];
} origin;

int error_trace_at(int r, const char *file, int line) {
        if (r < 0 && !origin.file) {
                origin.file = file;
                origin.line = line;
        }
        return r;
}

const char *error_origin(void) {
        if (!origin.file)
                return "";
        (void) snprintf(origin.text, sizeof(origin.text), "%s:%d", origin.file, origin.line);
        origin.file = NULL;
        return origin.text;
}
