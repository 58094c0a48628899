/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "common/name.h"
#include "common/wire.h"
#include "daemon/core/admin.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/session-admin.h"

#define REASON_MAX 200

static bool is_root(const Caller *caller) {
        return caller->uid == 0;
}

/* What is not the caller's own, and everybody's (UID_UNSET), is for who may administer. */
static int check_reach(Core *core, const Caller *caller, uid_t uid) {
        if (caller->uid == UID_UNSET)
                return CORE_E_DENIED;
        return caller->uid == uid ? 0 : admin_check(core, caller);
}

int session_current(Core *core, const Caller *caller, Session **ret) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(Session) session = NULL;
        int64_t now = clock_wall(core->clock);
        int r;

        if (caller->uid == UID_UNSET)
                return CORE_E_DENIED;
        r = core_login_session(core, config, caller, caller->uid, now, &session);
        if (r != 0)
                return r < 0 ? r : CORE_E_NOT_SIGNED_IN;
        store_session_touch(core->store, session->id, now);
        session->seen = MAX(session->seen, now);
        *ret = g_steal_pointer(&session);
        return 0;
}

/* Moves seen of the caller's own login. Its id, or "" where there is none. */
static int touch_own(Core *core, const Caller *caller, char ret_id[SESSION_ID_SIZE]) {
        g_autoptr(Session) own = NULL;
        int r;

        r = session_current(core, caller, &own);
        if (r != 0 && r != CORE_E_NOT_SIGNED_IN)
                return r;
        (void) g_strlcpy(ret_id, own ? own->id : "", SESSION_ID_SIZE);
        return 0;
}

/* What is over is shown as over, also before the sweep has seen it. */
static bool show_as_of_now(Core *core, const CoreConfig *config, Session *session, int64_t now) {
        const char *over = core_session_over(core, config, session, now);

        if (!over || session->state != SESSION_ACTIVE)
                return !over;
        session->state = session_transition(session->state, g_str_equal(over, "reboot") ? SESSION_EVENT_CLOSE :
                                                                                          SESSION_EVENT_EXPIRE);
        session->end_reason = g_strdup(over);
        session->ended = g_str_equal(over, "lifetime") ? session->ends : now;
        return false;
}

int session_list(Core *core, const Caller *caller, const SessionFilter *filter, GPtrArray **ret) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(GPtrArray) sessions = NULL;
        int64_t now = clock_wall(core->clock);
        char own[SESSION_ID_SIZE];
        int r;

        r = check_reach(core, caller, filter->uid);
        if (r != 0)
                return r;
        r = touch_own(core, caller, own);
        if (r != 0)
                return r;
        r = store_session_list(core->store, filter, &sessions);
        if (r < 0)
                return error_trace(r);
        for (guint i = 0; i < sessions->len;)
                if (!show_as_of_now(core, config, sessions->pdata[i], now) && !filter->ended)
                        (void) g_ptr_array_remove_index(sessions, i);
                else
                        i++;
        *ret = g_steal_pointer(&sessions);
        return 0;
}

static int find_of(Core *core, uid_t uid, const char *prefix, Session **ret) {
        int r;

        r = store_session_find(core->store, prefix, uid, ret);
        if (r == STORE_E_NOT_FOUND)
                return CORE_E_NOT_FOUND;
        if (r == STORE_E_AMBIGUOUS)
                return CORE_E_AMBIGUOUS;
        return error_trace(r);
}

/* One's own first: what they are called must not hang on how fresh a login is. */
static int find(Core *core, const Caller *caller, const char *prefix, Session **ret) {
        int r;

        if (is_root(caller))
                return find_of(core, UID_UNSET, prefix, ret);
        r = find_of(core, caller->uid, prefix, ret);
        if (r != CORE_E_NOT_FOUND)
                return r;
        r = admin_check(core, caller);
        if (r == CORE_E_DENIED) /* whether there is one is not everybody's business */
                return CORE_E_NOT_FOUND;
        return r == 0 ? find_of(core, UID_UNSET, prefix, ret) : r;
}

int session_show(Core *core, const Caller *caller, const char *prefix, Session **ret, GPtrArray **ret_events) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(GPtrArray) events = NULL;
        g_autoptr(Session) session = NULL;
        char own[SESSION_ID_SIZE];
        int r;

        r = touch_own(core, caller, own);
        if (r != 0)
                return r;
        r = find(core, caller, prefix, &session);
        if (r != 0)
                return r;
        r = store_event_list(core->store, session->id, &events);
        if (r < 0)
                return error_trace(r);
        (void) show_as_of_now(core, config, session, clock_wall(core->clock));
        *ret = g_steal_pointer(&session);
        *ret_events = g_steal_pointer(&events);
        return 0;
}

/* Revoking */

static void free_session(void *session) {
        session_free(session);
}

typedef struct Revocation {
        Core *core;
        const Caller *caller;
        const char *reason, *by;
        const char *spare; /* the logind session that lives on; NULL: none does */
        bool keep_login;
        int64_t now;
        GPtrArray *ended; /* of all selectors so far */
} Revocation;

/*
 * Ends what @selector names, with the live logins. Whatever was committed is reported and its
 * logins are ended before anything else can fail.
 */
static int revoke_selected(Revocation *revocation, const SessionSelector *selector) {
        Core *core = revocation->core;
        SessionSelector told = *selector;
        g_autoptr(GPtrArray) ended = NULL;
        int r;

        told.keep_login = revocation->keep_login;
        r = store_session_end(core->store, &told, SESSION_EVENT_REVOKE, revocation->reason, revocation->now,
                              &ended);
        if (r < 0)
                return error_trace(r);
        core_report_ended_by(core, ended, revocation->by);
        if (!revocation->keep_login)
                core_end_logins(core, ended, revocation->spare);
        for (guint i = 0; i < ended->len; i++)
                pending_drop_children(core->pending, ((const Session *) ended->pdata[i])->id);
        g_ptr_array_extend_and_steal(revocation->ended, g_steal_pointer(&ended));
        return 0;
}

static int revoke_ids(Revocation *revocation, const char *const *prefixes, char **ret_culprit) {
        g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(free_session);
        int r;

        for (size_t i = 0; prefixes[i]; i++) {
                Session *session = NULL;

                r = find(revocation->core, revocation->caller, prefixes[i], &session);
                if ((r == CORE_E_NOT_FOUND || r == CORE_E_AMBIGUOUS) && ret_culprit)
                        *ret_culprit = core_clean(prefixes[i], WIRE_NAME_MAX);
                if (r != 0)
                        return r;
                g_ptr_array_add(found, session);
        }
        for (guint i = 0; i < found->len; i++) {
                const Session *session = found->pdata[i];

                r = revoke_selected(revocation, &(SessionSelector) { .id = session->id, .uid = UID_UNSET });
                if (r != 0)
                        return r;
        }
        return 0;
}

/* Everything of @uid (UID_UNSET: of everybody) but @except; nothing that is under way gets through behind it. */
static int revoke_uid(Revocation *revocation, uid_t uid, const char *except) {
        const SessionSelector selector = { .uid = uid, .except = except, .all = uid == UID_UNSET };
        int r;

        pending_bar(revocation->core->pending, uid);
        r = revoke_selected(revocation, &selector);
        pending_unbar(revocation->core->pending, uid);
        if (uid == UID_UNSET) /* one user's find that their mark is broken */
                sign_ins_drop(revocation->core->sign_ins, /* user= */ NULL);
        return r;
}

static int revoke_user(Revocation *revocation, const char *name) {
        g_autoptr(User) user = NULL;
        int r, found;

        found = store_user_get(revocation->core->store, name, &user);
        if (found < 0)
                return error_trace(found);
        /* Whether somebody else is enrolled is not everybody's business: the same answer either way. */
        r = check_reach(revocation->core, revocation->caller, found == 0 ? user->uid : UID_UNSET);
        if (r != 0)
                return r;
        if (found != 0)
                return CORE_E_NOT_FOUND;
        r = revoke_uid(revocation, user->uid, /* except= */ NULL);
        if (r == 0 && !revocation->keep_login)
                core_end_account(revocation->core, user);
        return r;
}

static int revoke_others(Revocation *revocation) {
        const Caller *caller = revocation->caller;
        char own[SESSION_ID_SIZE];
        int r;

        r = touch_own(revocation->core, caller, own);
        if (r != 0)
                return r;
        revocation->spare = caller->logind_id[0] ? caller->logind_id : NULL;
        r = revoke_uid(revocation, caller->uid, own[0] ? own : NULL);
        if (r == 0 && !revocation->keep_login)
                core_end_left_logins(revocation->core, caller->uid, /* device= */ NULL, revocation->spare);
        return r;
}

static int revoke_all(Revocation *revocation) {
        g_autoptr(GHashTable) uids = g_hash_table_new(NULL, NULL);
        GHashTableIter iter;
        void *uid;
        int r;

        r = check_reach(revocation->core, revocation->caller, UID_UNSET);
        if (r != 0)
                return r;
        r = revoke_uid(revocation, UID_UNSET, /* except= */ NULL);
        if (r != 0 || revocation->keep_login)
                return r;
        for (guint i = 0; i < revocation->ended->len; i++)
                (void) g_hash_table_add(uids, GUINT_TO_POINTER(((Session *) revocation->ended->pdata[i])->uid));
        g_hash_table_iter_init(&iter, uids);
        while (g_hash_table_iter_next(&iter, &uid, NULL))
                core_end_user(revocation->core, GPOINTER_TO_UINT(uid));
        return 0;
}

int session_revoke(Core *core, const Caller *caller, const SessionRevoke *what, GPtrArray **ret_ended,
                   char **ret_culprit) {
        g_autoptr(GPtrArray) ended = g_ptr_array_new_with_free_func(free_session);
        g_autofree char *reason = core_clean(what->reason, REASON_MAX), *by = admin_name(core, caller);
        Revocation revocation = {
                .core = core,
                .caller = caller,
                .reason = reason ? reason : "revoked",
                .by = by,
                .keep_login = what->keep_login,
                .now = clock_wall(core->clock),
                .ended = ended,
        };
        int r;

        if (caller->uid == UID_UNSET)
                return CORE_E_DENIED;
        if (!!what->ids + !!what->user + what->others + what->all != 1 ||
            (what->reason && strlen(what->reason) > REASON_MAX))
                return CORE_E_INVALID;
        if (what->ids)
                r = revoke_ids(&revocation, what->ids, ret_culprit);
        else if (what->user)
                r = revoke_user(&revocation, what->user);
        else if (what->others)
                r = revoke_others(&revocation);
        else
                r = revoke_all(&revocation);
        if (r != 0)
                return r;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}

int session_logout(Core *core, const Caller *caller, bool others, GPtrArray **ret_ended) {
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Session) own = NULL;
        int r;

        if (others)
                return session_revoke(core, caller, &(SessionRevoke) { .others = true }, ret_ended,
                                      /* ret_culprit= */ NULL);
        r = session_current(core, caller, &own);
        if (r != 0)
                return r;
        r = store_session_end(core->store, &(SessionSelector) { .id = own->id, .uid = UID_UNSET },
                              SESSION_EVENT_CLOSE, "logout", clock_wall(core->clock), &ended);
        if (r < 0)
                return error_trace(r);
        core_report_ended(core, ended);
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}
