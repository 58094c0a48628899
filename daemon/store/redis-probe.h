/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Is this server fit to be the store of a fleet? Asked before the daemon starts with it, and by
 * "tessera doctor". Writes nothing but one key of its own below the prefix, which ends by itself.
 */

#include <glib.h>

#include "daemon/store/redis-link.h"

#define REDIS_CLOCK_APART_MAX (5 * G_USEC_PER_SEC)

typedef struct RedisFinding {
        bool fatal; /* false: a warning */
        char *text; /* what it is and what to do, without a full stop */
} RedisFinding;

void redis_finding_free(RedisFinding *finding);

/*
 * What speaks against the server, in @ret; empty: nothing. In this order and as far as it can be asked:
 * its version, whether it is a replica or of a cluster, eviction, persistence, its clock, and what the
 * ACL forbids. 0, or the negative errno of a call that failed, about which redis_link_problem() says more;
 * that is not said of what the ACL forbids, which is a finding.
 *
 * @base: what all keys begin with, the hash tag included. @now: microseconds since the epoch, as the host has it.
 */
int redis_probe(RedisLink *link, const char *base, int64_t now, GPtrArray **ret);
