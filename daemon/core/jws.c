/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <glib.h>
#include <jwt.h>
#include <sodium.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/jws.h"

typedef jwt_t Jwt;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Jwt, jwt_free)

static jwt_alg_t to_libjwt(JwsAlg alg) {
        return alg == JWS_HS256 ? JWT_ALG_HS256 : JWT_ALG_ES256;
}

bool jws_agrees(const JwsKey *key, const char *text, size_t size) {
        char token[WIRE_TICKET_MAX + 1];
        g_autoptr(Jwt) jwt = NULL;
        int r;

        g_assert(size < sizeof(token) && key->size > 0 && key->size < G_MAXINT);
        memcpy(token, text, size);
        token[size] = '\0';
        r = jwt_decode(&jwt, token, key->data, (int) key->size);
        sodium_memzero(token, sizeof(token));
        return r == 0 && jwt_get_alg(jwt) == to_libjwt(key->alg);
}

int jws_encode(const JwsKey *key, const char *kid, const char *json, char **ret) {
        g_autoptr(Jwt) jwt = NULL;
        char *token;
        int r;

        g_assert(key->size > 0 && key->size < G_MAXINT);
        r = jwt_new(&jwt);
        if (r == 0)
                r = jwt_set_alg(jwt, to_libjwt(key->alg), key->data, (int) key->size);
        if (r == 0)
                r = jwt_add_header(jwt, "kid", kid);
        if (r == 0)
                r = jwt_add_grants_json(jwt, json);
        if (r != 0)
                return -r;
        errno = 0;
        token = jwt_encode_str(jwt);
        if (!token)
                return errno > 0 ? -errno : -ENOMEM;
        *ret = token;
        return 0;
}
