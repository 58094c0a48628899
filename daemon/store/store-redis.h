/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The store of a fleet, in one Redis or Valkey that all its hosts share.
 *
 * Everything that must be atomic is one Lua script (lua/: each says at its beginning what it promises); so is all
 * that is read, because each script first looks which store this is.
 * Redis undoes nothing, so a script looks first, plans, and writes last: see lua/write.lua.
 *
 * Keys: all begin with the prefix and the hash tag, "tessera:{tessera}:", so that all are in one slot. IDs
 * are 32 hex digits, times Unix seconds, words are separated by line breaks, a field that is unset is not
 * there; "packed" is several texts in one: "+text" or "-" (unset), separated by NUL.
 *
 *     store                  hash    id (random: which store this is), schema, seq (the last number given to a
 *                                    session or device), fed (the last one given to an entry of feed)
 *     user:NAME              hash    uid, enabled, hash, created, awaits; since, changed (lua/user.lua);
 *                                    last_login, last_from, failures, failed, failed_from (LoginNews)
 *     users                  hash    uid → name
 *     roles:UID              hash    role → packed user, until, by, reason, created
 *     role-ends              zset    "UID ROLE" by until
 *     identities             hash    packed issuer, subject → packed provider, issuer, subject, user, uid, linked, by
 *     links:UID              hash    issuer → packed issuer, subject
 *     networks:UID           zset    network by when the user was last there
 *     debts:UID              hash    packed limit, key → what is owed (lua/debt.lua)
 *     debt-ends              zset    "UID " and packed limit, key, of debts that pass, by when they are forgotten
 *     session:ID             hash    the fields of a Session, and n, its number
 *     events:ID              list    packed time, event, service, detail, the oldest first
 *     active, ended          zset    sessions by n; the same of a user (active:user:UID) and a host (active:host:HOST)
 *     active:ids, ended:ids  zset    sessions, all with score 0: in the order of their ids
 *     own:UID:HOST           zset    a user's active sessions on a host, by n
 *     login:AUDIT:UID:BOOT   zset    sessions that are or were bound to that login: who holds it is the last
 *     parent:ID, came:ID     zset    the sessions below one, the sessions that came from a device, by n
 *     seen, ends             zset    active sessions by these
 *     boot:HOST              zset    "BOOT ID" of active sessions, in the order of bytes
 *     held:HOST              zset    the same of ended ones whose login stays dead or capped until HOST boots
 *     forgettable            zset    all other ended sessions, by when that was
 *     device:ID              hash    the fields of a Device, and n
 *     devices                zset    devices by n; the same of a user (devices:user:UID); by when they were revoked
 *                                    (devices:revoked), are over (devices:ends), were last used or made (devices:idle)
 *     tickets                zset    packed issuer, jti by until
 *     batch:DAEMON           string  the last batch of notes that was written; expires by itself
 *     feed                   stream  see feed.h
 *
 * Nothing but batch: expires by the server's clock: a session that vanished by itself would leave its indexes
 * behind, and a ticket that did would count again where the server's clock is fast. The hosts sweep.
 *
 * What belongs to one host is no business of the fleet's, and stays in a file of that host (local-facts.h): its
 * name, which its own keys sign for and which must not change because somebody emptied Redis; and which store
 * this host knows. A store that lost its data would say of everybody that he is unknown, and leave him to the
 * stack behind; so every call of a host that knows another store fails (-ESTALE) until an administrator
 * says so: adopt.h.
 *
 * Different from what store.h says of all stores:
 *  - durable is what Redis calls so: with appendfsync always as promised, with everysec but for the last second;
 *  - -ETIMEDOUT and a lost connection do not say whether the change was made;
 *  - of more than a thousand sessions that end at once, a thousand end at a time;
 *  - what hosts noted and did not write yet (a second or two) only they show.
 */

#include "daemon/store/redis-link.h"
#include "daemon/store/store.h"

typedef struct StoreRedisSettings {
        RedisLinkSettings link;
        const char *prefix;       /* of all keys */
        const char *state_folder; /* of this host: absolute, only the daemon's */
        bool only_looks;          /* which store it is, is not remembered in there */
} StoreRedisSettings;

/*
 * Connects at the first call only. 0, or a negative errno and in @ret_message (g_free) what is wrong and
 * where: the settings (redis_link_new()), or the files of this host.
 */
int store_redis_open(const StoreRedisSettings *settings, Store **ret, char **ret_message);
