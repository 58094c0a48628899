/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/bus/request.h"

int request_refuse(Request *request, int r, const char *format, ...) {
        va_list arguments;

        if (request->detail)
                return r;
        va_start(arguments, format);
        request->detail = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return r;
}

void request_deinit(Request *request) {
        g_clear_pointer(&request->arguments, g_variant_unref);
        g_clear_object(&request->fds);
        g_clear_pointer(&request->reply, g_variant_unref);
        g_clear_object(&request->reply_fds);
        g_clear_pointer(&request->detail, g_free);
}
