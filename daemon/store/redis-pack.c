/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Several texts in one, of which each may be unset: none holds a NUL, so that separates them. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

GString *redis_pack(size_t n, const char *const *texts) {
        GString *packed = g_string_new(NULL);

        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        g_string_append_c(packed, '\0');
                g_string_append_c(packed, texts[i] ? '+' : '-');
                g_string_append(packed, texts[i] ?: "");
        }
        return packed;
}

GString *redis_pack_event(const Event *event) {
        g_autofree char *time = g_strdup_printf("%" PRIi64, event->time);
        const char *const texts[] = { time, event->event, event->service, event->detail };

        return redis_pack(G_N_ELEMENTS(texts), texts);
}

void redis_unpack_free(size_t n, char **texts) {
        for (size_t i = 0; i < n; i++)
                g_clear_pointer(&texts[i], g_free);
}

static int unpack_one(const char *text, char **ret) {
        if (text[0] == '+')
                *ret = g_strdup(text + 1);
        return text[0] == '+' || (text[0] == '-' && text[1] == '\0') ? 0 : error_trace(-EUCLEAN);
}

int redis_unpack(const RedisReply *packed, size_t n, char **ret) {
        const char *text = packed->data, *end;
        int r = 0;

        if (packed->type != REPLY_TEXT)
                return error_trace(-EUCLEAN);
        end = packed->data + packed->size; /* where a NUL is, too */
        memset(ret, 0, n * sizeof(*ret));
        for (size_t i = 0; r == 0 && i < n; i++) {
                r = text <= end ? unpack_one(text, &ret[i]) : error_trace(-EUCLEAN);
                text += strlen(text <= end ? text : "") + 1;
        }
        if (r == 0 && text != end + 1)
                r = error_trace(-EUCLEAN);
        if (r < 0)
                redis_unpack_free(n, ret);
        return r;
}
