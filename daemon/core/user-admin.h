/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Users and their passwords. All but user_change_password() of oneself is for who may administer;
 * others get what admin_check() says, whoever they name.
 */

#include "common/secret.h"
#include "daemon/core/core.h"

/*
 * A user as shown: the record, and the roles it has now (NULL-terminated; NULL with @error).
 * @error: why the roles are unknown, e.g. the Unix account is gone; NULL.
 */
typedef struct UserView {
        User *user;
        char **roles;
        char **identities; /* "PROVIDER: SUBJECT", NULL-terminated */
        char *error;
} UserView;

UserView *user_view_free(UserView *view);

int user_list(Core *core, const Caller *caller, GPtrArray **ret); /* UserView * */
int user_show(Core *core, const Caller *caller, const char *name, UserView **ret);

/*
 * Enrols a Unix account, and assigns @role to it (NULL: none), both or neither. With @provider (NULL:
 * none) it awaits that one, and may do without a password: an empty one. CORE_E_ACCOUNT,
 * CORE_E_EXISTS, CORE_E_PASSWORD, CORE_E_NOT_FOUND (the role, or the provider). @ret_warning (g_free,
 * may be NULL): something an admin should know.
 */
int user_add(Core *core, const Caller *caller, const char *name, const Secret *password, const char *role,
             const char *provider, char **ret_warning);

/*
 * Ties the user to a subject of a provider: whoever signs in there as that is this user. CORE_E_INVALID (what
 * can be no subject), CORE_E_NOT_FOUND (user, or provider: user_provider_is_known()), CORE_E_EXISTS when the
 * subject is somebody else's, or the user has another one there.
 */
int user_link(Core *core, const Caller *caller, const char *name, const char *provider, const char *subject,
              bool *ret_changed);
/* And unties it; what the user awaits of that provider, too. A provider that is in no file any more will do. */
int user_unlink(Core *core, const Caller *caller, const char *name, const char *provider, bool *ret_changed);

/* Is it in a file? */
bool user_provider_is_known(Core *core, const char *provider);

/* People's: from 1000, and none that is another's from one day to the next. */
bool user_may_be_enrolled(uid_t uid);

/* enable; disable also revokes everything of the user. @ret_changed false: it was so already. */
int user_set_enabled(Core *core, const Caller *caller, const char *name, bool enabled, bool *ret_changed);

/* Unknown users are @ret_changed false. */
int user_remove(Core *core, const Caller *caller, const char *name, bool *ret_changed);

/* Would user_change_password() take @current? Asked of the same ledger; nothing is changed. */
int user_check_current(Core *core, const Caller *caller, const char *name, const Secret *current,
                       int64_t *ret_delay);

/*
 * Of oneself with the current password (charged like every attempt): CORE_E_CREDENTIAL. That is a
 * sign-in of now, so what [service:tessera] says of freshness adds nothing to it. Of others, by who may
 * administer, @current is ignored, as it is for root.
 * Revokes the user's sessions but the caller's own login. @ret_delay (µs; may be NULL) is set where
 * the current one was wrong: see WrongPassword.
 */
int user_change_password(Core *core, const Caller *caller, const char *name, const Secret *current,
                         const Secret *password, int64_t *ret_delay);
