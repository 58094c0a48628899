/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/store-export.h"
#include "daemon/store/store-import.h"
#include "daemon/store/store-internal.h"
#include "daemon/store/store-move.h"

#define PAGE 500
#define TRIES_MAX 10 /* of a debt that others change at the same time */

void store_moved_deinit(StoreMoved *moved) {
        g_clear_pointer(&moved->kept, g_ptr_array_unref);
}

static int G_GNUC_PRINTF(3, 4) stop_at(int r, char **ret_at, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        *ret_at = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return r;
}

/* Users, with all that is theirs */

typedef struct His {
        LoginNews news;
        GPtrArray *assignments, *identities, *networks;
} His;

static void his_deinit(His *his) {
        login_news_deinit(&his->news);
        g_clear_pointer(&his->assignments, g_ptr_array_unref);
        g_clear_pointer(&his->identities, g_ptr_array_unref);
        g_clear_pointer(&his->networks, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(His, his_deinit)

static int load_his(Store *from, const User *user, His *his) {
        int r;

        r = store_export_news(from, user->name, &his->news);
        if (r == 0)
                r = store_assignment_list(from, user->uid, &his->assignments);
        if (r == 0)
                r = store_identity_list(from, user->uid, &his->identities);
        if (r == 0)
                r = store_export_networks(from, user->uid, &his->networks);
        return r;
}

static int move_user(const StoreMove *move, const User *user, StoreMoved *moved) {
        g_auto(His) his = { .assignments = NULL };
        bool is_new = false;
        int r;

        r = load_his(move->from, user, &his);
        if (r == 0 && !move->dry)
                r = store_import_user(move->to,
                                      &(ImportUser) { .user = user, .news = &his.news, .assignments = his.assignments,
                                                      .identities = his.identities, .networks = his.networks },
                                      &is_new);
        if (r != 0)
                return r;
        moved->roles.all += his.assignments->len;
        moved->identities.all += his.identities->len;
        if (is_new) {
                moved->users.new++;
                moved->roles.new += his.assignments->len;
                moved->identities.new += his.identities->len;
        } else if (!move->dry) {
                g_ptr_array_add(moved->kept, g_strdup(user->name));
        }
        return 0;
}

static int move_users(const StoreMove *move, StoreMoved *moved, char **ret_at) {
        g_autoptr(GPtrArray) users = NULL;
        int r;

        r = store_user_list(move->from, &users);
        if (r < 0)
                return stop_at(r, ret_at, "the list of users");
        moved->users.all = users->len;
        for (guint i = 0; i < users->len; i++) {
                const User *user = users->pdata[i];

                r = move_user(move, user, moved);
                if (r != 0)
                        return stop_at(r, ret_at, "user \"%s\"", user->name);
        }
        return 0;
}

/* Devices */

static int move_devices(const StoreMove *move, StoreMoved *moved, char **ret_at) {
        g_autoptr(GPtrArray) devices = NULL;
        int r;

        r = store_device_list(move->from, UID_UNSET, &devices);
        if (r < 0)
                return stop_at(r, ret_at, "the list of devices");
        moved->devices.all = devices->len;
        for (guint i = 0; !move->dry && i < devices->len; i++) {
                const Device *device = devices->pdata[i];
                bool is_new = false;

                r = store_import_device(move->to, device, move->now, &is_new);
                if (r != 0)
                        return stop_at(r, ret_at, "device \"%s\" of \"%s\"", device->name, device->user);
                moved->devices.new += is_new;
        }
        return 0;
}

/* Sessions, in the order in which they were opened */

static int load_events(Store *from, const GPtrArray *sessions, GPtrArray **ret) {
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify) g_ptr_array_unref);
        int r = 0;

        for (guint i = 0; r == 0 && i < sessions->len; i++) {
                GPtrArray *events;

                r = store_event_list(from, ((const Session *) sessions->pdata[i])->id, &events);
                if (r == 0)
                        g_ptr_array_add(all, events);
        }
        if (r == 0)
                *ret = g_steal_pointer(&all);
        return r;
}

static int move_page(const StoreMove *move, int64_t *after, StoreMoved *moved, bool *ret_more) {
        g_autoptr(GPtrArray) sessions = NULL, events = NULL;
        unsigned n = 0;
        int r;

        r = store_export_sessions(move->from, after, PAGE, &sessions);
        if (r == 0 && !move->dry)
                r = load_events(move->from, sessions, &events);
        if (r == 0 && !move->dry)
                r = store_import_sessions(move->to, sessions, events, move->now, &n);
        if (r != 0)
                return r;
        moved->sessions.all += sessions->len;
        moved->sessions.new += n;
        *ret_more = sessions->len == PAGE;
        return 0;
}

static int move_sessions(const StoreMove *move, StoreMoved *moved, char **ret_at) {
        int64_t after = 0;
        bool more = true;
        int r = 0;

        while (r == 0 && more)
                r = move_page(move, &after, moved, &more);
        return r == 0 ? 0 : stop_at(r, ret_at, "sessions, of which %u are there", moved->sessions.all);
}

/* Tickets that were used */

static int move_tickets(const StoreMove *move, StoreMoved *moved, char **ret_at) {
        g_autoptr(GPtrArray) tickets = NULL;
        int r;

        r = store_export_tickets(move->from, &tickets);
        if (r < 0)
                return stop_at(r, ret_at, "the list of used tickets");
        moved->tickets.all = tickets->len;
        for (guint i = 0; !move->dry && i < tickets->len; i++) {
                const SpentTicket *ticket = tickets->pdata[i];

                r = store_ticket_use(move->to, ticket->issuer, ticket->jti, ticket->until);
                if (r < 0)
                        return stop_at(r, ret_at, "a ticket of \"%s\"", ticket->issuer);
                moved->tickets.new += r == 0;
        }
        return 0;
}

/* What users owe: where they owe something there already, that counts */

static int move_debt(const StoreMove *move, const UserDebt *debt, unsigned *count) {
        SharedDebt shared = { .left = 0 };
        int r = 0;

        if (!move->share_debt(debt, move->now, move->data, &shared))
                return 0;
        for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
                SharedDebt there = { .left = 0 };

                r = store_shared_debt_get(move->to, debt->uid, debt->limit, debt->key, /* now= */ 0, &there);
                if (r < 0 || there.version != 0)
                        return r;
                r = store_shared_debt_swap(move->to, &shared, /* now= */ 0);
                if (r != STORE_E_STATE)
                        break;
        }
        *count += r == 0;
        return r;
}

static int move_debts(const StoreMove *move, StoreMoved *moved, char **ret_at) {
        g_autoptr(GPtrArray) debts = NULL;
        int r;

        r = store_debt_list(move->from, &debts);
        if (r < 0)
                return stop_at(r, ret_at, "the list of what users owe");
        moved->debts.all = debts->len;
        for (guint i = 0; !move->dry && i < debts->len; i++) {
                const UserDebt *debt = debts->pdata[i];

                r = move_debt(move, debt, &moved->debts.new);
                if (r != 0)
                        return stop_at(r, ret_at, "what uid %u owes", (unsigned) debt->uid);
        }
        return 0;
}

int store_move_run(const StoreMove *move, StoreMoved *ret, char **ret_at) {
        static int (*const steps[])(const StoreMove *move, StoreMoved *moved, char **ret_at) = {
                move_users, move_devices, move_debts, move_tickets, move_sessions,
        };
        g_auto(StoreMoved) moved = { .kept = g_ptr_array_new_with_free_func(g_free) };
        int r;

        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
                r = steps[i](move, &moved, ret_at);
                if (r != 0)
                        return r;
        }
        *ret = moved;
        moved.kept = NULL;
        return 0;
}
