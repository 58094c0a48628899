/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/core/jwks.h"
#include "policy/conf.h"

struct Trust {
        gatomicrefcount references;
        GPtrArray *files; /* TrustFile * */
        GPtrArray *hosts; /* TrustHost * */
};

static void destroy_host(gpointer p) {
        TrustHost *host = p;

        g_clear_pointer(&host->keys, g_ptr_array_unref);
        g_free(host);
}

static Trust *make(GPtrArray *files) {
        Trust *trust = g_new0(Trust, 1);

        g_atomic_ref_count_init(&trust->references);
        trust->files = files;
        trust->hosts = g_ptr_array_new_with_free_func(destroy_host);
        return trust;
}

Trust *trust_new_empty(void) {
        return make(g_ptr_array_new());
}

Trust *trust_ref(Trust *trust) {
        g_atomic_ref_count_inc(&trust->references);
        return trust;
}

Trust *trust_unref(Trust *trust) {
        if (!trust || !g_atomic_ref_count_dec(&trust->references))
                return NULL;
        g_ptr_array_unref(trust->hosts);
        g_ptr_array_unref(trust->files);
        g_free(trust);
        return NULL;
}

/* A key that two hosts hold would let each make the other's tickets. */
static bool check_not_shared(const Trust *trust, const TrustHost *host, GPtrArray *mistakes) {
        for (guint i = 0; i < trust->hosts->len; i++) {
                const TrustHost *other = trust->hosts->pdata[i];

                for (guint j = 0; j < host->keys->len * other->keys->len; j++) {
                        const TrustKey *key = host->keys->pdata[j / other->keys->len];
                        const TrustKey *known = other->keys->pdata[j % other->keys->len];
                        unsigned char one[ES256_POINT_SIZE], two[ES256_POINT_SIZE];

                        if (es256_point(key->key, one) && es256_point(known->key, two) &&
                            memcmp(one, two, sizeof(one)) != 0)
                                continue;
                        g_ptr_array_add(mistakes, conf_mistake_new(host->file->file, host->file->keys_line,
                                                                   host->file->keys_column,
                                                                   "give each host the keys that it exported itself",
                                                                   "key \"%s\" is that of host \"%s\" too", key->kid,
                                                                   other->file->name));
                        return false;
                }
        }
        return true;
}

static bool add_host(Trust *trust, const TrustFile *file, GPtrArray *mistakes) {
        TrustHost *host = g_new0(TrustHost, 1);

        host->file = file;
        host->keys = jwks_parse(file, mistakes);
        if (!host->keys || !check_not_shared(trust, host, mistakes)) {
                destroy_host(host);
                return false;
        }
        g_ptr_array_add(trust->hosts, host);
        return true;
}

static int compare_hosts(gconstpointer a, gconstpointer b) {
        const TrustHost *first = *(const TrustHost *const *) a, *second = *(const TrustHost *const *) b;

        return strcmp(first->file->name, second->file->name);
}

Trust *trust_new(GPtrArray *files, GPtrArray *mistakes) {
        g_autoptr(Trust) trust = make(files);
        bool good = true;

        for (guint i = 0; i < files->len; i++)
                good = add_host(trust, files->pdata[i], mistakes) && good;
        if (!good)
                return NULL;
        g_ptr_array_sort(trust->hosts, compare_hosts);
        return g_steal_pointer(&trust);
}

const TrustHost *trust_at(const Trust *trust, size_t index) {
        return index < trust->hosts->len ? trust->hosts->pdata[index] : NULL;
}

bool trust_lets_user(const TrustHost *host, const char *user) {
        return host->file->all_users || g_strv_contains((const char *const *) host->file->users, user);
}

bool trust_lets_role(const TrustHost *host, const char *role) {
        return host->file->all_roles || g_strv_contains((const char *const *) host->file->roles, role);
}
