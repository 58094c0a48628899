/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What the use cases share among themselves; nobody outside this folder includes it. */

#include "daemon/core/core.h"
#include "daemon/core/refusals.h"
#include "daemon/core/sign-in.h"
#include "daemon/core/turns.h"

/* All that can change while the daemon serves, at one moment: a request takes it once and keeps it to its end. */
typedef struct CoreConfig {
        Settings *settings;
        Policy *policy;
        Trust *trust;
        GPtrArray *providers; /* Provider * */
        KeyRing *keys;
        char *host;
} CoreConfig;

#define CORE_UID_PEOPLE 1000 /* below are the system's own */

struct Core {
        const Clock *clock;
        const IdentitySource *identities;
        const AuditSink *audit;
        const EndLogin *end_login;
        Store *store;
        char *boot_id;
        PasswordHasher *hasher;
        Throttle *throttle;
        ThrottleShare throttle_share; /* of a fleet */
        struct ApiLimit *api_limit;
        Pending *pending;
        const ProviderSource *provider_source;
        SignIns *sign_ins;
        Refusals *refusals;
        GMutex lock; /* over config */
        CoreConfig *config;
        GMutex changing; /* held by a change of keys or name from its beginning to its end */
        Turns *refreshing; /* by device */
        GMutex checking; /* held while the database is read through */
        int64_t steady_from; /* see core_steady() */
};

CoreConfig *core_config(Core *core); /* a reference of the caller's own */
void core_config_unref(CoreConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CoreConfig, core_config_unref)

/* Puts what is set of @with, which is taken over, in the place of what was. */
void core_replace(Core *core, CoreConfig *with);

/*
 * The name of this host's fleet; NULL: none. It counts only where the store is shared: what is good once
 * at any host of a fleet would without that be good once at each.
 */
const char *core_fleet_of(const Core *core, const CoreConfig *config);

/* Does @audience name this host, or its fleet? */
bool core_is_audience(const Core *core, const CoreConfig *config, const char *audience);

/* Sets @session bound to this boot's login of @caller, or none. */
void core_session_bind(const Core *core, const Caller *caller, Session *session);

/* Seconds as of the wall, but of a clock that nobody sets: since this daemon's start they only go on. */
int64_t core_steady(const Core *core);

/* Reporting */

/* The end of a login itself: nothing of it runs on. */
#define CORE_REASON_LOGIN_ENDED "login-ended"

/* Sends @event to the audit; without a message it gets one line that says the same. */
void core_audit(Core *core, const AuditEvent *event);

/* The same, and keeps it with the session (which must be one that the store knows). */
void core_report(Core *core, const AuditEvent *event);

/* One event per session that a call of the store ended; at whose request, or NULL: see AuditEvent. */
void core_report_ended(Core *core, const GPtrArray *ended);
void core_report_ended_by(Core *core, const GPtrArray *ended, const char *by);

/* Sessions, as they are now */

/*
 * Is this host still called @host, as a session says that was opened just now? One of an older name,
 * opened behind the renaming, would be closed by no reboot, and its login ended by no revocation.
 * False also where the store cannot say.
 */
bool core_is_called(Core *core, const char *host);

/* NULL while @session is alive; else what ended it: its state, or what the sweep has not seen yet ("idle", …). */
const char *core_session_over(const Core *core, const CoreConfig *config, const Session *session, int64_t now);

enum {
        _CORE_LOGIN_E_SUCCESS = 0,
        CORE_LOGIN_E_NONE,    /* no session, or one that is over: the last that it had is given too */
        CORE_LOGIN_E_REVOKED, /* it was revoked: this login stays dead; the session is given too */
};

/* The session of @uid that is bound to the caller's login. What turns out to be over is expired on the way. */
int core_login_session(Core *core, const CoreConfig *config, const Caller *caller, uid_t uid, int64_t now,
                       Session **ret);

/*
 * Ends the live logins of @ended sessions, where they are this host's and this boot's and belong
 * to people (uid 1000 and above), but not the logind session @spare (NULL: none is spared).
 */
void core_end_logins(Core *core, const GPtrArray *ended, const char *spare);

/*
 * Ends those of @uid's logins (which came from @device; NULL: all) that run on although their session
 * was closed or has expired: whoever logs out first must not escape what ends everything.
 */
void core_end_left_logins(Core *core, uid_t uid, const char *device, const char *spare);

/* The user manager too. */
void core_end_user(Core *core, uid_t uid);

/*
 * The same for @user, who may have been enrolled with a uid that is another's by now: whose name is
 * not under it, and another's is, loses nothing. A failed look-up spares nobody.
 */
void core_end_account(Core *core, const User *user);

/* Keys: drops those whose time is over. 0 or a negative errno, reported. */
int core_drop_keys(Core *core);

/* Users */

/* In this order: the later, the more is known of them. */
typedef enum SubjectState {
        SUBJECT_NOBODY = 0, /* neither NSS nor tessera knows the name */
        SUBJECT_STRANGER,   /* a Unix account that is not enrolled, or root */
        SUBJECT_GONE,       /* enrolled, but the Unix account is gone */
        SUBJECT_MOVED,      /* enrolled, but the name now belongs to another uid */
        SUBJECT_DISABLED,
        SUBJECT_ENABLED,
} SubjectState;

typedef struct Subject {
        SubjectState state;
        Identity *identity; /* NULL for NOBODY and GONE */
        User *user;         /* NULL for NOBODY and STRANGER */
        GPtrArray *assignments; /* Assignment *, those that count at this moment; NULL but for DISABLED and ENABLED */
        PolicyGrant *grants;    /* the same, as a decision wants them, and behind them what subject_enter() found */
        size_t n_assigned, n_grants; /* borrows from @assignments and the configuration */
        char **cap;         /* of the login; NULL: none */
        uint64_t mark;      /* taken before the user was read; see pending_mark() */
} Subject;

void subject_deinit(Subject *subject);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Subject, subject_deinit)

/*
 * Who @name is to us, and which roles were assigned to it, now: the one place where assignments are
 * read for a decision, so that each decision sees those of its moment. 0, or a negative errno when
 * NSS or the store could not say, which is never "no such user" nor "no role".
 */
int subject_find(Core *core, const char *name, Subject *ret);

static inline bool subject_is_ours(const Subject *subject) {
        return subject->state >= SUBJECT_GONE;
}

/* A reason code: why a subject that is ours may not do anything, or NULL when it may. */
const char *subject_hindrance(const Subject *subject);

/*
 * From here on decisions see the subject as it is in @session: with what groups at a provider gave it there, and
 * all of that within the session's cap. A pair counts while
 *
 *     the identity that signed in is still linked to this user,
 *     the provider of that issuer is in a file, and the pair still stands in its group-roles=, and
 *     its role may not administer (which no configuration has, either: see providers_check())
 *
 * so what an administrator takes away, by unlinking or in a file, is gone at the next decision, and what is
 * added to a file gives nobody more than he had when he signed in. A session keeps pairs, and neither groups nor
 * roles, because groups would grow with the file, and a role would not tell which group it is from. What
 * counts for a session alone is not for its user: [service:tessera], devices and other logins never see it.
 *
 * @config outlives the subject. 0, or a negative errno: the store could not say, and nothing has changed.
 */
int subject_enter(Core *core, const CoreConfig *config, Subject *subject, const Session *session);

/* The same where a cap (NULL: none) is all there is: a session that is over, a ticket's, a device's. */
void subject_set_cap(Subject *subject, char *const *cap);

/* As a decision wants it; borrows from @subject. Whoever has no Unix account is nobody, and holds nothing. */
PolicyUser subject_policy_user(const Subject *subject);

/* Roles of now, for g_strfreev; of one that has no Unix account none. */
char **subject_roles(const Subject *subject, Policy *policy);

/* Assignments */

/* Does it count at @now? A user's record decides further: see subject_find(). */
bool assignment_counts(const Assignment *assignment, int64_t now);

/* Who acts, by name (g_free): "root", or the administrator's. 0, CORE_E_DENIED or a negative errno. */
int role_actor(Core *core, const Caller *caller, char **ret);

/* Tells of one that is there now. */
void role_report_granted(Core *core, const Assignment *assignment);

/* Drops those whose time is over, and tells. 0 or a negative errno. */
int role_sweep(Core *core, int64_t now);

/* Passwords: every check goes through here, for PAM, the CLI and a change of password alike. */

enum {
        _CORE_PASSWORD_E_SUCCESS = 0,
        CORE_PASSWORD_E_WRONG = _CORE_E_MAX, /* beside CORE_E_BUSY */
};

/* One attempt of @subject's, or of nobody's account (a subject that is not ours): whence it comes. */
typedef struct Attempt {
        const CoreConfig *config;
        const Subject *subject;
        const char *client; /* see ThrottleAttempt */
        const char *rhost;  /* NULL: local */
} Attempt;

#define CORE_CLIENT_LOGIN "login" /* somebody who sits in a login that proves nothing of its own, or has no session */

/* Which client a live session is; g_free. Not as many as one can have: only who proved himself in it has one of his own. */
char *core_client_of(const Session *session);
/* That session is over. Who logs in and fails ever anew would leave something of each of them. */
void core_forget_client(Core *core, const Session *session);

/* All that @uid owes, for guesses and for calls. 0 or a negative errno; @ret_changed is false where that is nothing. */
int core_forget_limits(Core *core, uid_t uid, bool *ret_changed);

typedef struct WrongPassword {
        const char *why; /* a reason code: throttled, hindered, without a password, or wrong */
        int64_t wait;    /* s until it may be tried again; 0: it was not throttled */
        int64_t delay;   /* µs to hold the answer back: then all of them take as long */
} WrongPassword;

/* Charges, checks, settles. 0, CORE_PASSWORD_E_WRONG with @ret_wrong, CORE_E_BUSY or a negative errno. */
int core_check_password(Core *core, const Attempt *attempt, const Secret *password, WrongPassword *ret_wrong);

/* What was answered was wrong, and that cost nothing to find out: charges it. False: throttled. Or a negative errno. */
int core_charge_guess(Core *core, const Attempt *attempt, bool *ret_charged);

/*
 * Of an answer that was refused and costs no check: how long (µs) to hold that back, so that it takes
 * as long as one. 0, CORE_E_BUSY where a check would hear that, or a negative errno.
 */
int core_take_time(Core *core, const Secret *answer, int64_t *ret_delay);

/*
 * Begins a sign-in at a provider, which is charged like a guess: whoever it turns out to be settles it
 * with core_sign_in_was_right(), and what nobody could begin costs nothing. 0; CORE_PASSWORD_E_WRONG
 * where it is throttled (with @ret_wrong as above); CORE_E_BUSY; or a
 * negative errno of the provider's.
 */
int core_begin_sign_in(Core *core, const Attempt *attempt, const SignInWish *wish, WrongPassword *ret_wrong,
                       char ret_handle[PROVIDER_FLOW_SIZE], ProviderFlow *ret);

/* It was the user: what the attempt has cost is forgotten as after a right password. 0 or a negative errno. */
int core_sign_in_was_right(Core *core, const Attempt *attempt);

/* A new one's hash: 0, CORE_E_PASSWORD, CORE_E_BUSY or a negative errno. */
int core_hash_password(Core *core, const Secret *password, char **ret);

/* Tells the audit what was done to a user, at whose request. */
void core_report_user(Core *core, const Caller *caller, const char *event, const User *user, const char *reason);

/* Text from outside without control characters, cut at @max bytes; NULL for NULL and "". */
char *core_clean(const char *text, size_t max);
