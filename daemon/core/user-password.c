/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* A password is changed: by its user, who gives the old one, or by who may administer. */

#include "common/error.h"
#include "daemon/core/admin.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/user-admin.h"

/* Is it the caller's own? Its uid must be the user's, in the record and in NSS. */
static bool is_self(const Caller *caller, const Subject *subject) {
        return caller->uid != 0 && caller->uid != UID_UNSET && subject_is_ours(subject) && subject->identity &&
               subject->user->uid == caller->uid && subject->identity->uid == caller->uid;
}

/* The session of the caller's own login, which is spared, also where root changes it from inside (sudo). */
static int find_own(Core *core, const Caller *caller, const User *user, Session **ret) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(Session) session = NULL;
        int r;

        r = core_login_session(core, config, caller, user->uid, clock_wall(core->clock), &session);
        if (r < 0)
                return r;
        if (r == 0)
                *ret = g_steal_pointer(&session);
        return 0;
}

static int check_self(Core *core, const Caller *caller, const Subject *subject, const Secret *current,
                      int64_t *ret_delay) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autofree char *client = NULL;
        g_autoptr(Session) own = NULL;
        WrongPassword wrong;
        int r;

        if (!current || current->size == 0)
                return CORE_E_CREDENTIAL;
        r = find_own(core, caller, subject->user, &own);
        if (r < 0)
                return r;
        client = own ? core_client_of(own) : g_strdup(CORE_CLIENT_LOGIN);
        r = core_check_password(core, &(Attempt) { .config = config, .subject = subject, .client = client }, current,
                                &wrong);
        if (r != CORE_PASSWORD_E_WRONG)
                return r;
        core_report_user(core, caller, "refused", subject->user, wrong.why);
        if (ret_delay)
                *ret_delay = wrong.delay;
        return CORE_E_CREDENTIAL;
}

static const char *change_reason(const Caller *caller, const User *user) {
        return caller->uid == 0 ? "by-root" : caller->uid == user->uid ? "by-user" : "by-admin";
}

static int change(Core *core, const Caller *caller, const User *user, const char *hash) {
        g_autofree char *by = admin_name(core, caller);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Session) own = NULL;
        int r;

        r = find_own(core, caller, user, &own);
        if (r < 0)
                return r;
        pending_bar(core->pending, user->uid);
        r = store_user_change_password(core->store, user->name, hash, own ? own->id : NULL, "password-changed",
                                       clock_wall(core->clock), &ended);
        pending_unbar(core->pending, user->uid);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND)
                return CORE_E_NOT_FOUND;
        core_report_user(core, caller, "password-changed", user, change_reason(caller, user));
        core_report_ended_by(core, ended, by);
        core_end_logins(core, ended, own && caller->logind_id[0] ? caller->logind_id : NULL);
        core_end_left_logins(core, user->uid, /* device= */ NULL, caller->logind_id[0] ? caller->logind_id : NULL);
        return 0;
}

int user_check_current(Core *core, const Caller *caller, const char *name, const Secret *current,
                       int64_t *ret_delay) {
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        int r;

        if (caller->uid == 0)
                return 0;
        r = subject_find(core, name, &subject);
        if (r < 0)
                return r;
        return is_self(caller, &subject) ? check_self(core, caller, &subject, current, ret_delay) : CORE_E_DENIED;
}

/* Is the caller called @name? Root is not: it changes anybody's password in one way. */
static int has_name(Core *core, const Caller *caller, const char *name, bool *ret) {
        g_autoptr(Identity) identity = NULL;
        int r;

        *ret = false;
        if (caller->uid == 0)
                return 0;
        r = core->identities->look_up(core->identities, NULL, caller->uid, &identity);
        if (r < 0)
                return error_trace(r);
        *ret = r == 0 && g_str_equal(identity->name, name);
        return 0;
}

/* Whose it is, when the caller may change it; @ret_mark as of before. Root may also mend what NSS cannot say. */
static int find_changeable(Core *core, const Caller *caller, const char *name, const Secret *current, User **ret,
                           uint64_t *ret_mark, int64_t *ret_delay) {
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        bool own_name;
        int r;

        /* No other's name is looked up for who may not administer. */
        r = has_name(core, caller, name, &own_name);
        if (r == 0 && own_name)
                r = subject_find(core, name, &subject);
        if (r < 0)
                return r;
        if (is_self(caller, &subject)) {
                *ret_mark = subject.mark;
                r = check_self(core, caller, &subject, current, ret_delay);
                if (r == 0)
                        *ret = g_steal_pointer(&subject.user);
                return r;
        }
        r = admin_check(core, caller);
        if (r != 0)
                return r;
        r = store_user_get(core->store, name, ret);
        if (r != 0)
                return r < 0 ? error_trace(r) : CORE_E_NOT_FOUND;
        *ret_mark = pending_mark(core->pending, (*ret)->uid);
        return 0;
}

int user_change_password(Core *core, const Caller *caller, const char *name, const Secret *current,
                         const Secret *password, int64_t *ret_delay) {
        g_autofree char *hash = NULL;
        g_autoptr(User) user = NULL;
        uint64_t mark;
        int r;

        r = find_changeable(core, caller, name, current, &user, &mark, ret_delay);
        if (r != 0)
                return r;
        r = core_hash_password(core, password, &hash);
        if (r == 0 && caller->uid != user->uid) /* it took its time, and an administrator may be none any more */
                r = admin_check_still(core, caller);
        if (r != 0)
                return r;
        if (!pending_mark_holds(core->pending, user->uid, mark)) /* changed or disabled meanwhile by another */
                return CORE_E_BUSY;
        return change(core, caller, user, hash);
}
