/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* tessera.conf as a value. Times in seconds, sizes in bytes. Immutable once read. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/conf.h"
#include "policy/store-settings.h"

#define SETTINGS_FILE "/etc/tessera/tessera.conf"

/* The limits on failed attempts, of people and hosts. */
typedef struct ThrottleSettings {
        unsigned burst;          /* failures at once, 1 to 1000 */
        int64_t pay_back;        /* after them one in that time */
        int64_t cap;             /* which doubles with each, up to this */
        unsigned stranger_limit; /* so many in a row close an account to strange hosts */
} ThrottleSettings;

#define THROTTLE_SETTINGS_DEFAULT { .burst = 10, .pay_back = 90, .cap = 3600, .stranger_limit = 100 }

/* What a password may cost at most. */
#define PASSWORD_MEMORY_MAX (UINT64_C(1024) * 1024 * 1024)
#define PASSWORD_PASSES_MAX 20

typedef struct Settings {
        char *name; /* [daemon] name; NULL: the FQDN at first start, then what the database keeps */
        char *fleet; /* [fleet] name; NULL: this host is of none */

        int64_t session_idle;     /* [session] idle */
        int64_t session_lifetime; /* [session] lifetime */
        unsigned max_per_user;    /* [session] max-per-user */
        bool end_login_expired;   /* [session] end-login=revoked;expired */

        int64_t token_lifetime;  /* [token] lifetime, 5 to 900 */
        int64_t ticket_lifetime; /* [token] ticket-lifetime, 5 to 60 */

        int64_t device_idle;     /* [device] idle */
        int64_t device_lifetime; /* [device] lifetime */

        uint64_t password_memory;     /* [password] memory */
        unsigned password_passes;     /* [password] passes */
        unsigned password_min_length; /* [password] min-length, in characters */

        int64_t undo_after; /* [service] undo-after */

        ThrottleSettings throttle; /* [throttle] burst, pay-back, cap, stranger-limit */
        unsigned api_burst;        /* [throttle] api-burst */
        int64_t api_pay_back;      /* [throttle] api-pay-back */
        char **exempt_users;       /* [throttle] exempt-users; NULL: nobody but root */

        StoreSettings store; /* [store] */
} Settings;

/* Every key that there is; the shipped tessera.conf explains each. The target is a Settings. */
extern const ConfSection settings_sections[];

/* The defaults. */
Settings *settings_new(void);
Settings *settings_copy(const Settings *settings);
Settings *settings_free(Settings *settings); /* accepts NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Settings, settings_free)

/* Reads @path over the defaults; an absent file is the defaults. NULL when there were mistakes (ConfMistake *). */
Settings *settings_read(const char *path, GPtrArray *mistakes);
Settings *settings_read_text(const char *file, const char *text, size_t size, GPtrArray *mistakes);
