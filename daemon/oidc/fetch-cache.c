/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/oidc/fetch-cache.h"

#define ENTRIES_MAX 64 /* as files change; far more than anybody has providers */

struct FetchCache {
        Http *http;
        FetchParse parse;
        GDestroyNotify destroy;
        GHashTable *entries; /* key: Entry */
};

typedef struct Entry {
        FetchCache *cache;
        Provider *provider; /* of the request */
        HttpRequest *request;
        GArray *waiting;    /* Waiter */
        gpointer kept;      /* NULL: nothing yet */
        gint64 fetched, asked; /* monotonic microseconds; 0: never */
        unsigned round;
        bool telling;
} Entry;

typedef struct Waiter {
        FetchDone done;
        gpointer data;
        unsigned round;
} Waiter;

static void entry_free(gpointer data) {
        Entry *entry = data;

        (void) http_cancel(entry->request);
        (void) provider_unref(entry->provider);
        g_array_unref(entry->waiting);
        if (entry->kept)
                entry->cache->destroy(entry->kept);
        g_free(entry);
}

FetchCache *fetch_cache_new(Http *http, FetchParse parse, GDestroyNotify destroy) {
        FetchCache *cache = g_new(FetchCache, 1);

        *cache = (FetchCache) {
                .http = http,
                .parse = parse,
                .destroy = destroy,
                .entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free),
        };
        return cache;
}

FetchCache *fetch_cache_free(FetchCache *cache) {
        if (!cache)
                return NULL;
        g_hash_table_unref(cache->entries);
        g_free(cache);
        return NULL;
}

/* All that says whether what came from there may be believed. */
static char *key_of(const Provider *provider, const char *url) {
        return g_strdup_printf("%s\n%s\n%s\n%d", url, provider->urls[PROVIDER_ISSUER], provider->ca_file ?: "",
                               provider->insecure_loopback);
}

static gboolean is_idle(gpointer key, gpointer entry, gpointer data) {
        return !((Entry *) entry)->request && !((Entry *) entry)->telling;
}

static Entry *find(FetchCache *cache, const Provider *provider, const char *url) {
        g_autofree char *key = key_of(provider, url);
        Entry *entry = g_hash_table_lookup(cache->entries, key);

        if (entry)
                return entry;
        if (g_hash_table_size(cache->entries) >= ENTRIES_MAX)
                (void) g_hash_table_foreach_remove(cache->entries, is_idle, NULL);
        entry = g_new0(Entry, 1);
        entry->cache = cache;
        entry->waiting = g_array_new(FALSE, FALSE, sizeof(Waiter));
        (void) g_hash_table_insert(cache->entries, g_steal_pointer(&key), entry);
        return entry;
}

/* Who is told may forget others, and ask anew: those wait for the next round. */
static void tell(Entry *entry, OidcReason reason, const char *detail) {
        unsigned round = entry->round++;

        entry->telling = true;
        while (entry->waiting->len > 0 && g_array_index(entry->waiting, Waiter, 0).round == round) {
                Waiter waiter = g_array_index(entry->waiting, Waiter, 0);

                g_array_remove_index(entry->waiting, 0);
                waiter.done(reason, detail, reason == OIDC_GOOD ? entry->kept : NULL, waiter.data);
        }
        entry->telling = false;
}

static void on_answer(const HttpAnswer *answer, gpointer data) {
        Entry *entry = data;
        OidcReason reason = http_answer_is_json(answer);
        gpointer kept = NULL;

        entry->request = NULL;
        if (reason == OIDC_GOOD)
                reason = entry->cache->parse(entry->provider, answer->body, answer->size, &kept);
        if (reason == OIDC_GOOD) {
                if (entry->kept)
                        entry->cache->destroy(entry->kept);
                entry->kept = kept;
                entry->fetched = g_get_monotonic_time();
        }
        tell(entry, reason, answer->detail);
}

static void ask(Entry *entry, Provider *provider, const char *url) {
        (void) provider_unref(entry->provider);
        entry->provider = provider_ref(provider);
        entry->asked = g_get_monotonic_time();
        entry->request = http_send(entry->cache->http, &(HttpCall) { .provider = provider, .url = url }, on_answer, entry);
}

void fetch_cache_get(FetchCache *cache, Provider *provider, const char *url, int64_t max_age_s, FetchDone done,
                     gpointer data) {
        Entry *entry = find(cache, provider, url);
        Waiter waiter = { done, data, entry->round };

        if (entry->kept && g_get_monotonic_time() - entry->fetched <= max_age_s * G_USEC_PER_SEC) {
                done(OIDC_GOOD, "", entry->kept, data);
                return;
        }
        g_array_append_val(entry->waiting, waiter);
        if (!entry->request)
                ask(entry, provider, url);
}

bool fetch_cache_may_ask(FetchCache *cache, const Provider *provider, const char *url, int64_t interval_s) {
        const Entry *entry = find(cache, provider, url);

        return entry->request || !entry->asked ||
               g_get_monotonic_time() - entry->asked >= interval_s * G_USEC_PER_SEC;
}

void fetch_cache_forget(FetchCache *cache, gpointer data) {
        GHashTableIter iterator;
        gpointer value;

        g_hash_table_iter_init(&iterator, cache->entries);
        while (g_hash_table_iter_next(&iterator, NULL, &value)) {
                Entry *entry = value;

                for (guint i = entry->waiting->len; i-- > 0;)
                        if (g_array_index(entry->waiting, Waiter, i).data == data)
                                g_array_remove_index(entry->waiting, i);
        }
}
