/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Changes in /etc/tessera/trust.d on the running host: one at a time, looked at before they are
 * written, and no file that tesserad refuses stays, since it would keep it from its next start.
 */

#include <jansson.h>

#include "client/cli.h"
#include "client/service-files.h"
#include "policy/conf.h"
#include "policy/trust-files.h"

typedef struct TrustChange {
        GPtrArray *files; /* TrustFile: what stands there; NULL where it has mistakes */
        GPtrArray *mistakes;
        int lock;
} TrustChange;

/* Takes the lock, makes the folder where there is none, and reads it. 0, or the exit code of what was told. */
int trust_change_open(Cli *cli, TrustChange *change);
void trust_change_close(TrustChange *change);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TrustChange, trust_change_close)

/* The file that a host has, or would get; g_free. */
char *trust_change_path(const char *host);

/* What stands there of @host, or NULL. */
const TrustFile *trust_change_find(const TrustChange *change, const char *host);

/* A mistake in another file than @path, or NULL. */
const ConfMistake *trust_change_mistake(const TrustChange *change, const char *path);

typedef struct TrustWish {
        const char *host;
        const json_t *users, *roles, *keys; /* as Trust.List has them; all NULL: not there at all */
} TrustWish;

typedef struct TrustResult {
        bool changed; /* false: the file said so already, and tesserad goes by it */
        bool loaded;  /* false: there is no systemd here, so tesserad was not asked */
} TrustResult;

/*
 * Makes @edit, which it takes over, and has tesserad read it. Where it does not come to @wish, what was
 * added is taken back (what was removed stays removed: less trust is never what it refuses) and its
 * words are told. 0, or the exit code.
 */
int trust_change_make(Cli *cli, FileEdit *edit, const TrustWish *wish, TrustResult *ret);
