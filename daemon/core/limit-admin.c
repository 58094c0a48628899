/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/error.h"
#include "daemon/core/admin.h"
#include "daemon/core/api-limit.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/limit-admin.h"

#define API "api"
#define CALLS_MAX (LIMIT_VIEWS_MAX / 2) /* of those on calls */

static void free_view(gpointer data) {
        LimitView *view = data;

        g_free(view->key);
        g_free(view);
}

static void add_view(GPtrArray *views, const char *limit, char *key, unsigned failures, int64_t retry_at) {
        LimitView *view = g_new(LimitView, 1);

        *view = (LimitView) { .limit = limit, .key = key, .failures = failures, .retry_at = retry_at };
        g_ptr_array_add(views, view);
}

/* uid → name, of the enrolled; the rest is shown by number. */
static int read_names(Core *core, GHashTable **ret) {
        g_autoptr(GPtrArray) users = NULL;
        GHashTable *names;
        int r;

        r = store_user_list(core->store, &users);
        if (r < 0)
                return error_trace(r);
        names = g_hash_table_new_full(NULL, NULL, NULL, g_free);
        for (guint i = 0; i < users->len; i++) {
                const User *user = users->pdata[i];
                (void) g_hash_table_insert(names, GUINT_TO_POINTER(user->uid), g_strdup(user->name));
        }
        *ret = names;
        return 0;
}

static char *name_of(GHashTable *names, uid_t uid) {
        const char *name = g_hash_table_lookup(names, GUINT_TO_POINTER(uid));

        return name ? g_strdup(name) : g_strdup_printf("uid %u", (unsigned) uid);
}

static char *key_of(GHashTable *names, const ThrottleView *owed) {
        g_autofree char *name = NULL;

        if (owed->uid == UID_UNSET)
                return g_strdup(owed->key);
        name = name_of(names, owed->uid);
        return owed->key ? g_strdup_printf("%s %s", name, owed->key) : g_steal_pointer(&name);
}

typedef struct ApiList {
        Core *core;
        GPtrArray *views;
        GHashTable *names;
        DebtRate rate;
        int64_t now;
} ApiList;

static void add_api(uid_t uid, const Debt *debt, void *data) {
        ApiList *list = data;
        int64_t retry_at = debt_retry_at(debt, &list->rate, list->now);

        if (list->views->len >= CALLS_MAX)
                return;
        add_view(list->views, API, name_of(list->names, uid), debt->failures,
                 retry_at <= list->now ? 0 : clock_wall(list->core->clock) + (retry_at - list->now + 999) / 1000);
}

int limit_list(Core *core, const Caller *caller, GPtrArray **ret) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(GHashTable) names = NULL;
        g_autoptr(GPtrArray) owed = NULL;
        GPtrArray *views;
        ApiList list;
        int r;

        r = admin_check(core, caller);
        if (r == 0)
                r = read_names(core, &names);
        if (r != 0)
                return r;
        list = (ApiList) {
                .core = core,
                .views = g_ptr_array_new_with_free_func(free_view),
                .names = names,
                .rate = api_limit_rate(config->settings),
                .now = clock_running(core->clock),
        };
        api_limit_each(core->api_limit, list.now, add_api, &list);
        r = throttle_list(core->throttle, &config->settings->throttle, LIMIT_VIEWS_MAX - list.views->len, &owed);
        if (r < 0) {
                g_ptr_array_unref(list.views);
                return error_trace(r);
        }
        views = g_ptr_array_new_with_free_func(free_view);
        for (guint i = 0; i < owed->len; i++) {
                const ThrottleView *view = owed->pdata[i];
                add_view(views, throttle_limit_to_string(view->limit), key_of(names, view), view->failures,
                         view->retry_at);
        }
        g_ptr_array_extend_and_steal(views, list.views);
        *ret = views;
        return 0;
}

static int reset_user(Core *core, const char *name, bool *ret_changed) {
        g_autoptr(User) user = NULL;
        int r;

        r = store_user_get(core->store, name, &user);
        if (r != 0)
                return r < 0 ? error_trace(r) : CORE_E_NOT_FOUND;
        return core_forget_limits(core, user->uid, ret_changed);
}

int limit_reset(Core *core, const Caller *caller, const char *user, const char *host, bool *ret_changed) {
        Network network;
        bool changed = false;
        int r;

        r = admin_check(core, caller);
        if (r != 0)
                return r;
        if (!user == !host || (host && !network_from_string(host, &network)))
                return CORE_E_INVALID;
        if (user)
                r = reset_user(core, user, &changed);
        else
                changed = throttle_reset_host(core->throttle, &network);
        if (r != 0)
                return r;
        if (changed) {
                g_autofree char *by = admin_name(core, caller);
                core_audit(core, &(AuditEvent) { .event = "limit-reset", .user = user, .rhost = host, .by = by });
        }
        *ret_changed = changed;
        return 0;
}
