/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/error.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/heard.h"
#include "daemon/core/sign-in.h"

#define ELSEWHERE "another host of the fleet"

/* The session may be bound to a login of this host, and what was made of it may be under way here. */
static void hear_session(Core *core, const CoreConfig *config, const StoreFeedEntry *entry) {
        g_autoptr(GPtrArray) ended = g_ptr_array_new();
        const Session *session = entry->session;

        pending_drop_children(core->pending, session->id);
        if (!g_str_equal(session->host, config->host))
                return;
        core_audit(core, &(AuditEvent) {
                .event = session_state_to_string(session->state),
                .user = session->user,
                .session = session->id,
                .reason = session->end_reason,
                .by = ELSEWHERE,
        });
        g_ptr_array_add(ended, (gpointer) session);
        if (entry->everybody)
                core_end_user(core, session->uid);
        else if (!entry->keep_login &&
                 (session->state == SESSION_REVOKED ||
                  (session->state == SESSION_EXPIRED && config->settings->end_login_expired)))
                core_end_logins(core, ended, /* spare= */ NULL);
}

/* What is under way was begun before: it does not come in behind it. */
static void bar(Core *core, uid_t uid, const char *user) {
        pending_bar(core->pending, uid);
        pending_unbar(core->pending, uid);
        sign_ins_drop(core->sign_ins, user);
}

/* Whatever that user has here: also a login that has no session, or one that ended before. */
static void hear_user(Core *core, const StoreFeedEntry *entry) {
        const User user = { .name = (char *) entry->user, .uid = entry->uid };

        bar(core, entry->uid, entry->user);
        if (entry->keep_login)
                return;
        if (entry->spares || entry->what == STORE_FEED_PASSWORD) /* one's own may be here */
                core_end_left_logins(core, entry->uid, /* device= */ NULL, /* spare= */ NULL);
        else
                core_end_account(core, &user);
}

static void hear(const StoreFeedEntry *entry, void *data) {
        Core *core = data;
        g_autoptr(CoreConfig) config = core_config(core);

        if (entry->own)
                return;
        switch (entry->what) {
        case STORE_FEED_SESSION:
                hear_session(core, config, entry);
                break;
        case STORE_FEED_DISABLED:
        case STORE_FEED_REMOVED:
        case STORE_FEED_REVOKED:
        case STORE_FEED_PASSWORD:
                hear_user(core, entry);
                break;
        case STORE_FEED_EVERYBODY:
                bar(core, UID_UNSET, /* user= */ NULL);
                break;
        case STORE_FEED_DEVICE:
                core_end_left_logins(core, entry->uid, entry->device, /* spare= */ NULL);
                break;
        case STORE_FEED_ADDED:
        case _STORE_FEED_MAX:
                break;
        }
}

static bool is_revoked(const Session *session) {
        return session->state == SESSION_REVOKED;
}

/* What was not heard may be anything: nobody who is under way comes in, and no login of a session that is revoked lives on. */
static bool hear_gap(void *data) {
        Core *core = data;
        g_autoptr(CoreConfig) config = core_config(core);
        const SessionFilter filter = { .uid = UID_UNSET, .host = config->host, .ended = true };
        g_autoptr(GPtrArray) sessions = NULL, revoked = g_ptr_array_new();

        bar(core, UID_UNSET, /* user= */ NULL);
        if (store_session_list(core->store, &filter, &sessions) < 0) {
                core_audit(core, &(AuditEvent) {
                        .event = "logins-left",
                        .message = "logins that another host ended may have been left alone: the store failed",
                });
                return false;
        }
        for (guint i = 0; i < sessions->len; i++)
                if (is_revoked(sessions->pdata[i]))
                        g_ptr_array_add(revoked, sessions->pdata[i]);
        core_end_logins(core, revoked, /* spare= */ NULL);
        return true;
}

StoreFeedHandler heard_handler(Core *core) {
        return (StoreFeedHandler) { .entry = hear, .gap = hear_gap, .data = core };
}

int heard_listen(Core *core, StoreFeed **ret) {
        const StoreFeedHandler handler = heard_handler(core);

        *ret = NULL;
        return store_is_shared(core->store) ? error_trace(store_feed_new(core->store, &handler, ret)) : 0;
}
