/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "common/error.h"
#include "common/name.h"
#include "daemon/core/admin.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/user-admin.h"

#define UID_FIRST 1000       /* people begin here (login.defs) */
#define UID_NOBODY 65534     /* the kernel's overflow uid */
#define UID_DYNAMIC_FIRST 61184 /* systemd's DynamicUser=: whose uid it is changes from day to day */
#define UID_DYNAMIC_LAST 65519
#define SUBJECT_MAX 255

/* Looking */

UserView *user_view_free(UserView *view) {
        if (!view)
                return NULL;
        user_free(view->user);
        g_strfreev(view->roles);
        g_strfreev(view->identities);
        g_free(view->error);
        g_free(view);
        return NULL;
}

static void free_view(void *view) {
        user_view_free(view);
}

/* Why the roles of one that is enrolled are unknown, g_free; NULL. */
static char *why_unknown(int r, const Subject *subject) {
        if (r < 0)
                return g_strdup("the Unix account, or its roles, could not be looked up");
        switch (subject->state) {
        case SUBJECT_ENABLED:
        case SUBJECT_DISABLED:
                return NULL;
        case SUBJECT_MOVED:
                return g_strdup_printf("the Unix account has another uid now: %u", (unsigned) subject->identity->uid);
        case SUBJECT_GONE:
                return g_strdup("there is no such Unix account any more");
        case SUBJECT_STRANGER:
        case SUBJECT_NOBODY:
                break;
        }
        return g_strdup("it was removed meanwhile");
}

static char **identities_of(const GPtrArray *identities, uid_t uid) {
        GStrvBuilder *words = g_strv_builder_new();
        char **list;

        for (guint i = 0; i < identities->len; i++) {
                const UserIdentity *identity = identities->pdata[i];
                g_autofree char *word = g_strdup_printf("%s: %s", identity->provider, identity->subject);

                if (identity->uid == uid)
                        g_strv_builder_add(words, word);
        }
        list = g_strv_builder_end(words);
        g_strv_builder_unref(words);
        return list;
}

/* One user who cannot be looked up must not hide all the others. @identities: at least all of the user's. */
static UserView *view_new(Core *core, Policy *policy, const User *user, const GPtrArray *identities) {
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        UserView *view = g_new0(UserView, 1);
        int r;

        view->user = user_copy(user);
        view->identities = identities_of(identities, user->uid);
        r = subject_find(core, user->name, &subject);
        view->error = why_unknown(r, &subject);
        if (!view->error)
                view->roles = subject_roles(&subject, policy);
        return view;
}

int user_list(Core *core, const Caller *caller, GPtrArray **ret) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(GPtrArray) users = NULL, identities = NULL;
        GPtrArray *views;
        int r;

        r = admin_check(core, caller);
        if (r != 0)
                return r;
        r = store_user_list(core->store, &users);
        if (r == 0)
                r = store_identity_list(core->store, UID_UNSET, &identities);
        if (r < 0)
                return error_trace(r);
        views = g_ptr_array_new_with_free_func(free_view);
        for (guint i = 0; i < users->len; i++)
                g_ptr_array_add(views, view_new(core, config->policy, users->pdata[i], identities));
        *ret = views;
        return 0;
}

/* Whom the store has lost is no stranger who signs in; to an administrator he is not there, and can be added again. */
static int get_user(Core *core, const char *name, User **ret) {
        int r;

        r = store_user_get(core->store, name, ret);
        return r == -ENODATA ? STORE_E_NOT_FOUND : r;
}

int user_show(Core *core, const Caller *caller, const char *name, UserView **ret) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(GPtrArray) identities = NULL;
        g_autoptr(User) user = NULL;
        int r;

        r = admin_check(core, caller);
        if (r != 0)
                return r;
        r = get_user(core, name, &user);
        if (r == STORE_E_NOT_FOUND)
                return CORE_E_NOT_FOUND;
        if (r == 0)
                r = store_identity_list(core->store, user->uid, &identities);
        if (r < 0)
                return error_trace(r);
        *ret = view_new(core, config->policy, user, identities);
        return 0;
}

/* Enrolling */

bool user_may_be_enrolled(uid_t uid) {
        return uid >= UID_FIRST && uid != UID_UNSET && uid != UID_NOBODY &&
               !(uid >= UID_DYNAMIC_FIRST && uid <= UID_DYNAMIC_LAST);
}

/* 0, CORE_E_ACCOUNT, CORE_E_EXISTS or a negative errno. */
static int find_account(Core *core, const char *name, Identity **ret) {
        g_autoptr(Identity) identity = NULL;
        g_autoptr(User) user = NULL;
        int r;

        if (!name_is_user(name))
                return CORE_E_ACCOUNT;
        r = core->identities->look_up(core->identities, name, UID_UNSET, &identity);
        if (r < 0)
                return error_trace(r);
        if (r == IDENTITY_E_NOT_FOUND || !user_may_be_enrolled(identity->uid) || !name_is_user(identity->name))
                return CORE_E_ACCOUNT;
        r = get_user(core, identity->name, &user);
        if (r < 0)
                return error_trace(r);
        if (r == 0)
                return CORE_E_EXISTS;
        *ret = g_steal_pointer(&identity);
        return 0;
}

/* Both or neither. */
static int add_to_store(Core *core, const Caller *caller, const User *user, const char *role) {
        g_autofree char *by = NULL;
        Assignment assignment = {
                .user = user->name,
                .uid = user->uid,
                .role = (char *) role,
                .created = user->created,
        };
        int r;

        r = role_actor(core, caller, &by);
        if (r != 0)
                return r;
        assignment.by = by;
        r = role ? store_user_add_assigned(core->store, user, &assignment) : store_user_add(core->store, user);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_EXISTS)
                return CORE_E_EXISTS;
        core_report_user(core, caller, "user-added", user, NULL);
        if (role)
                role_report_granted(core, &assignment);
        return 0;
}

bool user_provider_is_known(Core *core, const char *provider) {
        g_autoptr(CoreConfig) config = core_config(core);

        return providers_find(config->providers, provider) != NULL;
}

/* Nobody who cannot come in by a provider is without a password. */
static int set_password(Core *core, User *user, const Secret *password) {
        if (user->awaits && password->size == 0)
                return 0;
        return core_hash_password(core, password, &user->password_hash);
}

int user_add(Core *core, const Caller *caller, const char *name, const Secret *password, const char *role,
             const char *provider, char **ret_warning) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(Identity) identity = NULL;
        g_autoptr(User) user = user_new();
        int r;

        r = admin_check(core, caller);
        if (r != 0)
                return r;
        if (role && !policy_role_find(config->policy, role))
                return CORE_E_NOT_FOUND;
        if (provider && !providers_find(config->providers, provider))
                return CORE_E_NOT_FOUND;
        r = find_account(core, name, &identity);
        if (r != 0)
                return r;
        user->awaits = g_strdup(provider);
        r = set_password(core, user, password);
        if (r == 0) /* which took its time */
                r = admin_check_still(core, caller);
        if (r != 0)
                return r;
        user->name = g_strdup(identity->name);
        user->uid = identity->uid;
        user->enabled = true;
        user->created = clock_wall(core->clock);
        r = add_to_store(core, caller, user, role);
        if (r == 0)
                *ret_warning = NULL;
        return r;
}

/* Changing: what ends everything of a user is done behind a bar, so that nothing under way gets through. */

static void after_end(Core *core, const Caller *caller, const User *user, const GPtrArray *ended) {
        g_autofree char *by = admin_name(core, caller);

        core_report_ended_by(core, ended, by);
        core_end_logins(core, ended, /* spare= */ NULL);
        core_end_account(core, user);
}

static int disable(Core *core, const Caller *caller, const User *user, bool *ret_changed) {
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;
        int r;

        pending_bar(core->pending, user->uid);
        r = store_user_disable(core->store, user->name, "user-disabled", clock_wall(core->clock), &changed, &ended);
        pending_unbar(core->pending, user->uid);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND)
                return CORE_E_NOT_FOUND;
        if (changed) {
                sign_ins_drop(core->sign_ins, user->name);
                core_report_user(core, caller, "user-disabled", user, NULL);
                after_end(core, caller, user, ended);
        }
        *ret_changed = changed;
        return 0;
}

static int enable(Core *core, const Caller *caller, const User *user, bool *ret_changed) {
        bool changed;
        int r;

        r = store_user_enable(core->store, user->name, &changed);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND)
                return CORE_E_NOT_FOUND;
        if (changed)
                core_report_user(core, caller, "user-enabled", user, NULL);
        *ret_changed = changed;
        return 0;
}

int user_set_enabled(Core *core, const Caller *caller, const char *name, bool enabled, bool *ret_changed) {
        g_autoptr(User) user = NULL;
        int r;

        r = admin_check(core, caller);
        if (r != 0)
                return r;
        r = store_user_get(core->store, name, &user);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND)
                return CORE_E_NOT_FOUND;
        return enabled ? enable(core, caller, user, ret_changed) : disable(core, caller, user, ret_changed);
}

int user_remove(Core *core, const Caller *caller, const char *name, bool *ret_changed) {
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(User) user = NULL;
        bool forgot;
        int r;

        r = admin_check(core, caller);
        if (r != 0)
                return r;
        r = store_user_get(core->store, name, &user);
        if (r < 0)
                return error_trace(r);
        if (r == 0) {
                pending_bar(core->pending, user->uid);
                r = store_user_remove(core->store, user->name, "user-removed", clock_wall(core->clock), &ended);
                pending_unbar(core->pending, user->uid);
                if (r < 0)
                        return error_trace(r);
        }
        if (r == 0) {
                sign_ins_drop(core->sign_ins, user->name);
                (void) core_forget_limits(core, user->uid, &forgot); /* which may be another's next */
                core_report_user(core, caller, "user-removed", user, NULL);
                after_end(core, caller, user, ended);
        }
        *ret_changed = r == 0;
        return 0;
}

/* Who they are elsewhere */

static int find_user(Core *core, const Caller *caller, const char *name, User **ret) {
        int r;

        r = admin_check(core, caller);
        if (r != 0)
                return r;
        r = store_user_get(core->store, name, ret);
        if (r < 0)
                return error_trace(r);
        return r == STORE_E_NOT_FOUND ? CORE_E_NOT_FOUND : 0;
}

/* As providers give them: OpenID Connect allows 255 characters of ASCII. */
static bool is_subject(const char *subject) {
        g_autofree char *clean = core_clean(subject, SUBJECT_MAX);

        return clean && g_str_equal(clean, subject);
}

static int add_identity(Core *core, const Caller *caller, const User *user, const Provider *provider,
                        const char *subject) {
        g_autofree char *by = admin_name(core, caller);
        const UserIdentity identity = {
                .issuer = provider->urls[PROVIDER_ISSUER],
                .subject = (char *) subject,
                .user = user->name,
                .uid = user->uid,
                .provider = provider->name,
                .linked = clock_wall(core->clock),
                .by = by,
        };
        int r;

        r = store_identity_add(core->store, &identity, /* awaiting= */ false);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_EXISTS)
                return CORE_E_EXISTS;
        if (r != 0) /* removed meanwhile */
                return CORE_E_NOT_FOUND;
        core_report_user(core, caller, "linked", user, provider->name);
        return 0;
}

int user_link(Core *core, const Caller *caller, const char *name, const char *provider, const char *subject,
              bool *ret_changed) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(UserIdentity) linked = NULL;
        g_autoptr(User) user = NULL;
        const Provider *found;
        int r;

        r = find_user(core, caller, name, &user);
        if (r != 0)
                return r;
        found = providers_find(config->providers, provider);
        if (!found)
                return CORE_E_NOT_FOUND;
        if (!is_subject(subject))
                return CORE_E_INVALID;
        r = store_identity_find(core->store, found->urls[PROVIDER_ISSUER], subject, &linked);
        if (r < 0)
                return error_trace(r);
        if (linked && linked->uid != user->uid)
                return CORE_E_EXISTS;
        r = linked ? 0 : add_identity(core, caller, user, found, subject);
        if (r == 0)
                *ret_changed = !linked;
        return r;
}

int user_unlink(Core *core, const Caller *caller, const char *name, const char *provider, bool *ret_changed) {
        g_autoptr(CoreConfig) config = core_config(core);
        const Provider *found = providers_find(config->providers, provider);
        g_autoptr(User) user = NULL;
        bool changed;
        int r;

        r = find_user(core, caller, name, &user);
        if (r != 0)
                return r;
        if (!provider[0])
                return CORE_E_INVALID;
        pending_bar(core->pending, user->uid);
        r = store_identity_remove(core->store, user->uid, provider, found ? found->urls[PROVIDER_ISSUER] : NULL,
                                  &changed);
        pending_unbar(core->pending, user->uid);
        if (r < 0)
                return error_trace(r);
        if (changed) {
                sign_ins_drop(core->sign_ins, user->name);
                core_report_user(core, caller, "unlinked", user, provider);
        }
        *ret_changed = changed;
        return 0;
}
