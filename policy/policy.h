/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Who may use what: policy.conf and what lies in policy.d as a value, and the decision.
 *
 * A Policy is immutable once read and counted by reference, so a reload swaps a pointer and a
 * decision under way keeps the one it began with; any thread may ask it. Default deny: an unknown
 * service or role, a user without a name or with uid -1, or a group that cannot be resolved is a no.
 *
 * Membership of groups counts by gid, never by a name that the user brings. A group's gid is looked
 * up (getgrnam_r) when the policy is read, and kept. One that could not be had then, because the
 * group did not exist yet or NSS failed, is looked up again at each decision that depends on it,
 * and not kept: so a later groupadd counts at once, and the policy stays immutable. (A group that is
 * made anew under another gid counts from the next reload.) Roles only ever add rights, so a failed
 * look-up can only take away: it lets nobody in, and where it decided, the reason says so.
 *
 * "includes" goes downwards: who holds a role also holds what it includes, never the other way. A cap
 * counts after that: an admin whose admin includes operator holds, with the cap {operator}, operator.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define POLICY_FILE "/etc/tessera/policy.conf"
#define POLICY_FOLDER "/etc/tessera/policy.d"

/* Services without max-age of their own, but sshd and login, want auth_time within this (s). */
#define POLICY_MAX_AGE_DEFAULT 900

/* [service:tessera]: who may administer. */
#define POLICY_SERVICE_ADMIN "tessera"

typedef struct Policy Policy;

Policy *policy_ref(Policy *policy);
Policy *policy_unref(Policy *policy); /* accepts NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Policy, policy_unref)

/* Reading */

/*
 * Reads @file and every file of @folder that ends in .conf (in the order of their names; either may be absent, or
 * NULL). Both must be root's and writable by nobody else; to look at a draft use
 * policy_read_text(). Returns NULL when there were mistakes; each is appended to @mistakes
 * (ConfMistake *). Mistakes are also: a role that a service or an include names and no section
 * defines, a circle of includes, a role or service defined twice (also across files), a service
 * without roles, a method that does not exist, more than 512 roles. A group that does not exist is
 * no mistake (it may come later): policy_warnings() names it.
 */
Policy *policy_read(const char *file, const char *folder, GPtrArray *mistakes);
Policy *policy_read_text(const char *file, const char *text, size_t size, GPtrArray *mistakes);

/* As policy_read(), with @text, a draft, in the place of the file called @file; whose it is does not matter. */
Policy *policy_read_draft(const char *file, const char *text, size_t size, const char *folder, GPtrArray *mistakes);

/* What is worth a look but is no mistake (ConfMistake *): unknown groups, roles nobody has, no service at all. Owned by @policy. */
GPtrArray *policy_warnings(Policy *policy);

/* Deciding */

/*
 * A role that somebody has beside what the policy's own files say: an administrator assigned it to the user, or
 * a group at a provider brought it to the login. Counts while it is in a PolicyUser. All but the role is for showing.
 */
typedef struct PolicyGrant {
        const char *role; /* one that the policy does not have gives nothing */
        int64_t until;    /* Unix seconds; 0: until it is taken away. Whose time is over is not passed on */
        const char *by;   /* who assigned it, as is */
        const char *reason; /* NULL */
        const char *provider; /* NULL: it was assigned; else the rest is about that */
        const char *group;    /* there */
        const char *file;     /* where that brings the role */
        unsigned line;
} PolicyGrant;

/* Who is asked about. Made by the caller from NSS and the store; a failed look-up never gets here. */
typedef struct PolicyUser {
        const char *name;
        uid_t uid;
        const gid_t *groups; /* all of them, the primary one too */
        size_t n_groups;
        const PolicyGrant *grants; /* as of now; an administrator's before a provider's */
        size_t n_grants;
        const char *const *cap; /* at most these roles, ended by NULL, whatever the policy gives; NULL: no cap */
} PolicyUser;

/* What is known of the login; NULL in its place means there is no live session. */
typedef struct PolicyLogin {
        int64_t auth_time;       /* Unix seconds; 0: never, and never fresh */
        const char *auth_method; /* the method that set auth_time: "pwd", "oidc:NAME"; NULL without auth_time */
} PolicyLogin;

typedef enum PolicyVerdict {
        POLICY_DENY = 0, /* a zeroed decision is a no */
        POLICY_STEP_UP,
        POLICY_ALLOW,
        _POLICY_VERDICT_MAX,
} PolicyVerdict;

typedef enum PolicyReason {
        POLICY_REASON_UNKNOWN_SERVICE = 0,
        POLICY_REASON_ROLE_MISSING,
        POLICY_REASON_LOOKUP,     /* deny: a role is missing as far as is known, and a group could not be looked up */
        POLICY_REASON_NO_SESSION, /* step-up */
        POLICY_REASON_STALE,      /* step-up: auth_time older than max-age, ahead of now, or never */
        POLICY_REASON_METHOD,     /* step-up: auth_method is not one of methods= */
        POLICY_REASON_OK,
        _POLICY_REASON_MAX,
} PolicyReason;

typedef struct PolicyDecision {
        PolicyVerdict verdict;
        PolicyReason reason;
        int64_t max_age; /* that applied, in seconds; 0: any age */
} PolicyDecision;

/* "allow", "deny", "step-up"; what is none of them is "deny" */
const char *policy_verdict_to_string(PolicyVerdict verdict);
/* "unknown-service", "role-missing", "lookup-failed", "no-session", "stale", "method", "ok" */
const char *policy_reason_to_string(PolicyReason reason);

/* Role alone: may this user use @service at all? verdict is ALLOW or DENY. This is PAM's account. */
PolicyDecision policy_decide_role(Policy *policy, const PolicyUser *user, const char *service);

/*
 * Role, freshness and method: is this login enough for @service now? This is PAM's auth for an
 * existing login. @now is in Unix seconds. DENY (a role is missing) comes before STEP_UP. Where any
 * age will do (max_age 0), so does no auth_time; everywhere else it is never fresh.
 */
PolicyDecision policy_decide(Policy *policy, const PolicyUser *user, const PolicyLogin *login, const char *service,
                             int64_t now);

/*
 * Freshness and method alone, of a login that is live: STEP_UP (STALE, METHOD) or ALLOW. For what
 * everybody does for himself and a service guards all the same.
 */
PolicyDecision policy_decide_fresh(Policy *policy, const PolicyLogin *login, const char *service, int64_t now);

/*
 * Seconds a login of @service may be old for it to be fresh; 0: any age. Follows sudo-i → sudo and
 * su-l → su. A service that is not in the policy has the default of its name.
 */
int64_t policy_max_age(Policy *policy, const char *service);

/*
 * One line for a person who was refused for want of a role, of less than 200 bytes and without
 * control characters, to be freed with g_free:
 *   sudo needs the role "admin"; you have "everyone". An admin can add you: usermod -aG sudo bob
 * (where no group gives the role: ... An admin can add you: tessera role grant admin bob; where only
 * the cap is in the way: ... This login came by ticket and has no more: log in anew)
 */
char *policy_refusal(Policy *policy, const PolicyUser *user, const char *service);

/* How a sign-in at the provider NAME is called where methods are: "oidc:NAME". */
#define POLICY_METHOD_PROVIDER "oidc:"

/* NAME, or NULL where @method is another; borrows from it. */
const char *policy_method_provider(const char *method);

/* The first provider that methods= of @service names; the policy's. NULL: none, and nobody signs in there for it. */
const char *policy_provider_of(Policy *policy, const char *service);

/* Roles of a user, includes resolved, sorted; a NULL-terminated vector for g_strfreev. */
char **policy_roles_of(Policy *policy, const PolicyUser *user);

/* Does the user hold @role, by name, group, grant or include? An unknown role is held by nobody. */
bool policy_holds(Policy *policy, const PolicyUser *user, const char *role);

/* The same, and why not: POLICY_REASON_OK, _ROLE_MISSING or _LOOKUP. */
PolicyReason policy_holds_reason(Policy *policy, const PolicyUser *user, const char *role);

/* Looking at it */

typedef struct PolicyRole {
        const char *name;
        const char *const *users; /* these three end in NULL and are never NULL themselves */
        const char *const *groups;
        const char *const *includes;
        const char *file;
        unsigned line;
} PolicyRole;

/* In the order of their names; owned by @policy. NULL beyond the last, or for an unknown name. */
const PolicyRole *policy_role_at(Policy *policy, size_t index);
const PolicyRole *policy_role_find(Policy *policy, const char *name);

/*
 * The whole policy as one canonical policy.conf: sections by name, one list separator, no comments.
 * Reading it again gives a policy that decides the same. To be freed with g_free.
 */
char *policy_format(Policy *policy);

/* Reads what policy_format() wrote, which may be larger than one file may be. NULL where there are mistakes in it. */
Policy *policy_read_formatted(const char *file, const char *text, GPtrArray *mistakes);

/* Are holders of @role, by what it includes too, let in to @service? False for a role or service that is not there. */
bool policy_role_opens(Policy *policy, const char *role, const char *service);

/* @role comes from outside, too: it is not warned of that nobody has it. Before @policy is asked by anybody else. */
void policy_role_is_given(Policy *policy, const char *role);

/* Services with a section that lets holders of @role in, also by what it includes; sorted, for g_strfreev. */
char **policy_services_of(Policy *policy, const char *role);
