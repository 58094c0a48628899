/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What the probe found, for those who only know a store. */

#include <errno.h>

#include "daemon/store/redis-probe.h"
#include "daemon/store/redis-store.h"

static char **texts_of(const GPtrArray *findings, bool fatal) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

        for (guint i = 0; i < findings->len; i++) {
                const RedisFinding *finding = findings->pdata[i];

                if (finding->fatal == fatal)
                        g_strv_builder_add(builder, finding->text);
        }
        return g_strv_builder_end(builder);
}

/* What the daemon's own sandbox looks like from inside. */
static bool no_way_there(int r) {
        return r == -ECONNREFUSED || r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EAFNOSUPPORT || r == -EPERM ||
                r == -ENXIO || r == -ETIMEDOUT;
}

static char **no_answer(RedisStore *redis, int r) {
        g_autofree char *problem = redis_link_problem(redis->link);
        char **texts = g_new0(char *, 2);

        texts[0] = g_strdup_printf("%s%s", problem ?: g_strerror(-r),
                                   no_way_there(r) ? " (if it is up: may the daemon use the network? See tessera.conf(5), [store])" : "");
        return texts;
}

int redis_store_probe(Store *store, int64_t now, char ***ret_faults, char ***ret_warnings) {
        RedisStore *redis = redis_store(store);
        g_autoptr(GPtrArray) findings = NULL;
        int r;

        r = redis_probe(redis->link, redis->base, now, &findings);
        if (r == -ENOMEM)
                return r;
        *ret_faults = r < 0 ? no_answer(redis, r) : texts_of(findings, true);
        *ret_warnings = r < 0 ? g_new0(char *, 1) : texts_of(findings, false);
        return 0;
}
