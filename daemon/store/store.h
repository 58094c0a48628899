/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The store's contract. One suite (test-store.c) holds every backend to it.
 *
 * Calls are synchronous and may come from any thread. A function that changes something returns 0
 * only when the change is durable: it survives kill -9 and power loss. Each is atomic: other
 * callers, and a restart, see all of it or nothing. Backends may commit the changes of many
 * callers together.
 *
 * Results: 0, a STORE_E_* that the function's comment names, or a negative errno: the store failed,
 * nothing was changed, and what depends on it must be refused.
 *
 * Only active and ended sessions live here; pending ones are core's, in memory.
 *
 * What can never be right (a session without user or host, an id that is none, a limit of 0) is
 * -EINVAL before a backend sees it; an id or prefix that is only looked for, and is none, is found
 * nowhere.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/types.h"

typedef struct Store Store;

enum {
        _STORE_E_SUCCESS = 0,
        STORE_E_NOT_FOUND,
        STORE_E_EXISTS,
        STORE_E_AMBIGUOUS, /* more than one id begins with the prefix */
        STORE_E_STATE,     /* the session, its user or its parent is not in a state in which this may happen */
};

/* Opening: constructors are the backends' (store-sqlite.h, store-memory.h). */

Store *store_free(Store *store); /* waits for commits under way; accepts NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)

/*
 * How many touches and events were let go because more came than could be written: they never wait
 * (see there). Since the store was opened.
 */
uint64_t store_dropped(Store *store);

/*
 * Reads all that there is through, for at most @limit microseconds and in nobody's way. 0 where it is whole;
 * -EUCLEAN and what is wrong in @ret_problem (g_free); -EINTR where the time was too short to say.
 */
int store_check(Store *store, int64_t limit, char **ret_problem);

/*
 * Is what keeps the store fit for it, apart from what is in it: a server's version, settings, clock and rights? A
 * line each (g_strfreev): in @ret_faults what nothing may rely on, in @ret_warnings what is worth mending. A
 * server that cannot be asked is a fault. @now: microseconds since 1970. Backends that are of this host
 * alone have nothing to say.
 */
int store_probe(Store *store, int64_t now, char ***ret_faults, char ***ret_warnings);

/* Meta: small facts that outlive restarts. */

#define STORE_META_NAME "name" /* this host's */

/* STORE_E_NOT_FOUND. @ret is freed with g_free. */
int store_meta_get(Store *store, const char *key, char **ret);
int store_meta_set(Store *store, const char *key, const char *value);

/* Users */

/* STORE_E_NOT_FOUND; -ENODATA: the store has lost this user (tombstones.h) */
int store_user_get(Store *store, const char *name, User **ret);
/* All, by name: an array of User *, freed with g_ptr_array_unref. */
int store_user_list(Store *store, GPtrArray **ret);
/* STORE_E_EXISTS, when the name or the uid is taken. */
int store_user_add(Store *store, const User *user);
/*
 * Rehash of the same password: replaces the hash only where it still is @expected.
 * STORE_E_NOT_FOUND, STORE_E_STATE.
 */
int store_user_rehash(Store *store, const char *name, const char *expected, const char *hash);
/* STORE_E_NOT_FOUND; @ret_changed is false when it was enabled already. */
int store_user_enable(Store *store, const char *name, bool *ret_changed);

/* Sessions: finding */

/* STORE_E_NOT_FOUND */
int store_session_get(Store *store, const char *id, Session **ret);

/*
 * By the first 1 to 32 hex digits (lower case) of its id; only sessions of @uid unless UID_UNSET. An
 * active session is preferred to ended ones. STORE_E_NOT_FOUND, STORE_E_AMBIGUOUS.
 */
int store_session_find(Store *store, const char *prefix, uid_t uid, Session **ret);

/*
 * The session bound to this login: the active one, else the latest revoked one, else the latest of
 * any state. STORE_E_NOT_FOUND; always for AUDIT_ID_UNSET.
 */
int store_session_bound(Store *store, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret);

typedef struct SessionFilter {
        uid_t uid;          /* UID_UNSET: all users */
        const char *host;   /* NULL: all hosts */
        const char *device; /* only those that came from it, of the user @uid; NULL: all */
        bool ended;         /* also those that are not active any more */
        unsigned limit;     /* at most so many, the newest; 0: all */
} SessionFilter;

/* By time of opening, newest last: an array of Session *, freed with g_ptr_array_unref. */
int store_session_list(Store *store, const SessionFilter *filter, GPtrArray **ret);

/* Sessions: changing */

/*
 * Adds @session, which must be SESSION_ACTIVE. In the same transaction:
 * - where its login (boot id, audit id, uid) has an active or revoked session already, the new one
 *   is added unbound (audit id unset), as a child of that one if that is active and @session has no
 *   parent; *@ret_bound says whether it was bound;
 * - a parent that is not active any more: STORE_E_STATE, nothing added;
 * - the same where the user (name and uid) is not there or is disabled, or @session's device is not
 *   there, not the user's or revoked: a login that was under way when that happened must not come
 *   in behind it;
 * - a child ends no later than its parent, whoever chose the parent;
 * - where the user then has more than @max_per_user active sessions on this host, the least
 *   recently seen others are closed ("evicted", at the time @session was opened) and returned in
 *   @ret_ended.
 * An id that exists is STORE_E_EXISTS. @ret_ended: an array of Session *.
 */
int store_session_open(Store *store, const Session *session, unsigned max_per_user, bool *ret_bound,
                       GPtrArray **ret_ended);

/*
 * The same for a login of a person: also counts as one, and tells what is to be told at it; and
 * remembers that the user was at @network at @session->opened (network_to_string(); NULL: local).
 * @ret_news is filled with 0 only (login_news_deinit()).
 */
int store_session_open_login(Store *store, const Session *session, unsigned max_per_user, const char *network,
                             bool *ret_bound, GPtrArray **ret_ended, LoginNews *ret_news);

/*
 * seen = max(seen, @now), shown at once. Need not be durable (what a crash takes is at most the last
 * minute) and never waits; a session that is not active is left alone.
 */
void store_session_touch(Store *store, const char *id, int64_t now);

/*
 * Step-up: sets auth_time and auth_method, adds the method. @granted takes the place of what the session
 * had of that (NULL: which stays). STORE_E_NOT_FOUND, STORE_E_STATE when not active.
 */
int store_session_authenticated(Store *store, const char *id, int64_t auth_time, const char *method,
                                const Granted *granted);

/* The first that is set of id, device, all and uid selects. */
typedef struct SessionSelector {
        const char *id;     /* this one (with its children when revoking) */
        const char *device; /* or all that came from this device (with their children when revoking) */
        bool all;           /* or everybody's */
        uid_t uid;          /* or all of this user (UID_UNSET: not selected by user) */
        const char *except; /* but not this id, nor its ancestors; with uid or all */
        bool keep_login;    /* whoever hears of it (feed.h) leaves the live logins alone */
} SessionSelector;

/*
 * Moves the selected active sessions by @event (CLOSE, REVOKE or EXPIRE), with active children of
 * any depth for REVOKE, also where the selected id, one of the device, or one between, has ended
 * already. @reason becomes end_reason, @now ended. @ret_ended is what was ended by this call (an
 * array of Session *, as they are now): empty when nothing changed, which is no error.
 */
int store_session_end(Store *store, const SessionSelector *selector, SessionEvent event, const char *reason,
                      int64_t now, GPtrArray **ret_ended);

/*
 * Expires what is idle (seen < @now - @idle) or over (ends <= @now), closes what belongs to another
 * boot than @boot_id ("reboot"; bound or not, on host @host), forgets, with its events, what ended
 * before @now - @keep; but not a revoked session while the login it is bound to may still run: that
 * login stays dead; and not one with a role_cap that is bound to a login of boot @boot_id, or of another
 * host: that login stays capped. The reasons are "idle", "lifetime" and "reboot". At most @limit sessions a
 * call, so that it never holds others up for long. @ret_ended as above; @ret_more says whether to
 * call again.
 */
int store_session_sweep(Store *store, const char *host, const char *boot_id, int64_t now, int64_t idle, int64_t keep,
                        unsigned limit, GPtrArray **ret_ended, bool *ret_more);

/* Compound: both or neither */

/* Adds a user together with its first role. As store_user_add(). */
int store_user_add_assigned(Store *store, const User *user, const Assignment *assignment);

/* Adds a user together with who that is at a provider. STORE_E_EXISTS also when that is somebody's. */
int store_user_add_linked(Store *store, const User *user, const UserIdentity *identity);

/*
 * Disables or removes the user and revokes all sessions and devices of its uid; removing also drops
 * its assignments and identities. STORE_E_NOT_FOUND.
 */
int store_user_disable(Store *store, const char *name, const char *reason, int64_t now, bool *ret_changed,
                       GPtrArray **ret_ended);
int store_user_remove(Store *store, const char *name, const char *reason, int64_t now, GPtrArray **ret_ended);
/*
 * New password; revokes all sessions but @except (may be NULL) and its ancestors, and all devices
 * but those that they came from. STORE_E_NOT_FOUND.
 */
int store_user_change_password(Store *store, const char *name, const char *hash, const char *except,
                               const char *reason, int64_t now, GPtrArray **ret_ended);

/* Assignments of roles */

/*
 * Adds it, or puts it in the place of the one that this user has of this role. STORE_E_STATE when
 * the user (name and uid) is not there, or has @max of others; nothing is changed then.
 * @ret_changed is false where the one that was there says the same (but for created).
 */
int store_assignment_set(Store *store, const Assignment *assignment, unsigned max, bool *ret_changed);
/* @ret_changed is false where there is none. */
int store_assignment_remove(Store *store, uid_t uid, const char *role, bool *ret_changed);
/*
 * Of @uid (UID_UNSET: all), by user and role: an array of Assignment *, also those whose time is
 * over and that no sweep has seen.
 */
int store_assignment_list(Store *store, uid_t uid, GPtrArray **ret);
/* Removes those whose time is over at @now (until <= @now), and returns them, by user and role. */
int store_assignment_sweep(Store *store, int64_t now, GPtrArray **ret_ended);

/* Identities: who users are at identity providers */

/*
 * Links it to its user, who then awaits that provider no more. STORE_E_STATE when the user (name and
 * uid) is not there, or, with @awaiting, is disabled or does not await @identity->provider (any more);
 * STORE_E_EXISTS when that subject of the issuer is linked, to whomever, or the user to one of that
 * issuer. Nothing is changed then.
 */
int store_identity_add(Store *store, const UserIdentity *identity, bool awaiting);
/* STORE_E_NOT_FOUND */
int store_identity_find(Store *store, const char *issuer, const char *subject, UserIdentity **ret);
/* Of @uid (UID_UNSET: all), by user and provider: an array of UserIdentity *. */
int store_identity_list(Store *store, uid_t uid, GPtrArray **ret);
/*
 * Unlinks what @uid has of the provider, by its name or @issuer (NULL: by name alone), and lets it
 * await that no more. @ret_changed is false where there was neither.
 */
int store_identity_remove(Store *store, uid_t uid, const char *provider, const char *issuer, bool *ret_changed);

/* Devices */

/*
 * STORE_E_EXISTS when the id is taken, or the uid has a device of that name which is neither
 * revoked nor over at @device->created; STORE_E_STATE when the user (name and uid) is not there or
 * is disabled, or has @max devices that are not; nothing is added then. Of the uid's revoked devices
 * @max are kept, those of DEVICE_REASON_REUSE before all others, then the latest.
 */
int store_device_add(Store *store, const Device *device, unsigned max);
/* STORE_E_NOT_FOUND */
int store_device_get(Store *store, const char *id, Device **ret);
/* Of @uid (UID_UNSET: all), by time of creation: an array of Device *. */
int store_device_list(Store *store, uid_t uid, GPtrArray **ret);

/*
 * Uses the counter of a token that was found genuine, in one transaction: of any number of uses of
 * one counter, at the same time or not, exactly one is not DEVICE_USE_AGAIN. What counts moves
 * used (never back) and from. @steady is what its window goes by: @now, but of a clock that nobody
 * sets. DEVICE_USE_AGAIN revokes the device (DEVICE_REASON_REUSE) and its sessions with
 * their children, which are returned in @ret_ended; that is committed, and the result is 0.
 * STORE_E_NOT_FOUND; STORE_E_STATE where it is revoked already: nothing changed. @ret: the device as
 * it is now.
 */
int store_device_use(Store *store, const char *id, uint32_t counter, const char *from, int64_t now, int64_t steady,
                     DeviceUse *ret_use, Device **ret, GPtrArray **ret_ended);

/* Revokes the device and its sessions. STORE_E_NOT_FOUND; @ret_changed is false when it was already. */
int store_device_revoke(Store *store, const char *id, const char *reason, int64_t now, bool *ret_changed,
                        GPtrArray **ret_ended);

/*
 * Forgets devices that were revoked, over (ends) or idle before @now - @keep (@idle: seconds since
 * used, or since created), and tickets whose time is over. In as many steps as it takes not to hold
 * others up for long.
 */
int store_device_sweep(Store *store, int64_t now, int64_t idle, int64_t keep);

/* Tickets: remembers that @jti of @issuer was used, until @until. STORE_E_EXISTS when it was before. */
int store_ticket_use(Store *store, const char *issuer, const char *jti, int64_t until);
/* Was it? */
int store_ticket_used(Store *store, const char *issuer, const char *jti, bool *ret);

/* What users owe, and where they were (daemon/core/throttle.h). Removing a user forgets both. */

/* Of a user's networks the latest are kept. */
#define STORE_NETWORKS_KEPT 64

/* Did a login of @uid come from @network at @since or later? */
int store_known_network(Store *store, uid_t uid, const char *network, int64_t since, bool *ret);

/*
 * Takes the place of what is kept under the same uid, limit and key; without failures nothing is kept.
 * Durable within a second or two, and never waits.
 */
void store_debt_set(Store *store, const UserDebt *debt);
/* All, with every one that was set before: an array of UserDebt *. */
int store_debt_list(Store *store, GPtrArray **ret);

/*
 * Where hosts share the store they share what users owe, too: it is read before each attempt, and changed
 * only by who has seen the last change. @now is the caller's clock_running(), for backends that have no
 * clock of their own. Where they do not share it these three are not there (-EOPNOTSUPP), else the two before:
 * what is set is forgotten.
 */
bool store_is_shared(Store *store);
/* What is kept of @uid under @limit and @key: all but these three and keep is filled in. Never STORE_E_NOT_FOUND. */
int store_shared_debt_get(Store *store, uid_t uid, const char *limit, const char *key, int64_t now, SharedDebt *ret);
/* STORE_E_STATE where that is not of @debt->version (any more). With 0 it gets the version that it has then. */
int store_shared_debt_swap(Store *store, SharedDebt *debt, int64_t now);
/* Of @uid (UID_UNSET: all): an array of SharedDebt *. */
int store_shared_debt_list(Store *store, uid_t uid, int64_t now, GPtrArray **ret);

/* Another wrong answer for the user, for the next login's LoginNews. Need not be durable and never waits. */
void store_user_failed(Store *store, const char *name, const char *from, int64_t now);

/* This host is called @to from now on: STORE_META_NAME, and the host of its sessions. */
int store_rename_host(Store *store, const char *from, const char *to);

/* Events: the last 64 of each session are kept. Adding need not be durable and never waits. */

void store_event_add(Store *store, const Event *event);
/* Oldest first, with all that was added before this call: an array of Event *. */
int store_event_list(Store *store, const char *session, GPtrArray **ret);
