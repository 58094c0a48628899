/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The pool: who may call, on which connection, and until when. A call's own thread does all of it but
 * one thing: GIO has no deadline over several steps, so one thread watches all calls and cancels the
 * connection of each that is late.
 */

#include <errno.h>
#include <glib.h>

#include "common/error.h"
#include "daemon/store/backoff.h"
#include "daemon/store/redis-connection.h"
#include "daemon/store/redis-settings.h"

#define IDLE_MAX (60 * G_USEC_PER_SEC) /* packet filters on the way forget a silent connection, and tell nobody */
#define NEVER INT64_MAX

typedef struct Slot {
        RedisConnection *connection; /* NULL: not open */
        bool busy;                   /* in a call; then only the call uses the connection, but to cancel it */
        bool probe;                  /* the one call that tries whether the server is back */
        bool late;                   /* cancelled at its deadline */
        bool old;                    /* of before redis_link_reopen() */
        int64_t due, idle_since;
} Slot;

struct RedisLink {
        RedisLinkSettings settings; /* its own copy */
        GThread *watch;

        GMutex mutex; /* over what follows */
        Slot slots[REDIS_LINK_CONNECTIONS_MAX];
        GCond given_back;
        GCond wake; /* the watch */
        int64_t watch_sleeps_until;
        Backoff backoff;
        bool probing;
        bool stopped, quit;
        int error; /* the last one */
        char *problem;
};

/* The deadlines */

static gpointer watch_main(gpointer data) {
        RedisLink *link = data;

        g_mutex_lock(&link->mutex);
        while (!link->quit) {
                int64_t now = g_get_monotonic_time(), next = NEVER;

                for (unsigned i = 0; i < G_N_ELEMENTS(link->slots); i++) {
                        Slot *slot = &link->slots[i];

                        if (!slot->busy || slot->late)
                                continue;
                        if (slot->due <= now) {
                                slot->late = true;
                                redis_connection_cancel(slot->connection);
                        } else
                                next = MIN(next, slot->due);
                }
                link->watch_sleeps_until = next;
                if (next == NEVER)
                        g_cond_wait(&link->wake, &link->mutex);
                else
                        (void) g_cond_wait_until(&link->wake, &link->mutex, next);
        }
        g_mutex_unlock(&link->mutex);
        return NULL;
}

/* Whose turn it is */

static void close_slot(Slot *slot) {
        slot->connection = redis_connection_free(slot->connection);
}

static int remember(RedisLink *link, int r, const char *words) {
        if (words) {
                g_free(link->problem);
                link->problem = g_strdup_printf("%s:%u: %s", link->settings.host, link->settings.port, words);
        }
        link->error = r;
        return r;
}

/* An open one before one that is to be opened, so that no more are open than are needed. */
static Slot *find_free(RedisLink *link) {
        Slot *closed = NULL;

        for (unsigned i = 0; i < G_N_ELEMENTS(link->slots); i++) {
                Slot *slot = &link->slots[i];

                if (slot->busy)
                        continue;
                if (slot->connection)
                        return slot;
                if (!closed)
                        closed = slot;
        }
        return closed;
}

/* May a call be made now? While the server is known to be away, one in a while may. */
static int admit(RedisLink *link, int64_t now) {
        if (link->stopped)
                return -ECANCELED;
        if (link->backoff.failures > 0 && (link->probing || now < link->backoff.again))
                return link->error;
        return 0;
}

static void begin(RedisLink *link, Slot *slot, int64_t now, int64_t due) {
        if (slot->connection && (now - slot->idle_since > IDLE_MAX || !redis_connection_is_quiet(slot->connection)))
                close_slot(slot);
        if (!slot->connection)
                slot->connection = redis_connection_new();
        slot->busy = true;
        slot->late = slot->old = false;
        slot->due = due;
        slot->probe = link->probing = link->backoff.failures > 0;
        if (due < link->watch_sleeps_until)
                g_cond_signal(&link->wake);
}

static int take(RedisLink *link, int64_t due, Slot **ret) {
        Slot *slot;
        int r;

        for (;;) {
                int64_t now = g_get_monotonic_time();

                r = admit(link, now);
                if (r < 0)
                        return r;
                slot = find_free(link);
                if (slot) {
                        begin(link, slot, now, due);
                        *ret = slot;
                        return 0;
                }
                if (now >= due)
                        return remember(link, -ETIMEDOUT, "all connections are busy");
                (void) g_cond_wait_until(&link->given_back, &link->mutex, due);
        }
}

static void server_is_away(RedisLink *link) {
        backoff_failed(&link->backoff, g_get_monotonic_time(), g_random_double());
        for (unsigned i = 0; i < G_N_ELEMENTS(link->slots); i++)
                if (!link->slots[i].busy)
                        close_slot(&link->slots[i]);
        g_cond_broadcast(&link->given_back); /* who waits for a connection waits for nothing now */
}

/* Only what never came to an answer, or too late, says that the server is away: not one broken connection. */
static void judge(RedisLink *link, const Slot *slot, int r) {
        if (redis_connection_answered(slot->connection))
                link->backoff = (Backoff) {};
        else if (r < 0 && (slot->late || !redis_connection_heard(slot->connection)))
                server_is_away(link);
}

/* What became of the call, and its own result. */
static int conclude(RedisLink *link, const Slot *slot, int r, const char *words) {
        if (r >= 0)
                return 0;
        if (link->stopped)
                return -ECANCELED;
        if (slot->late)
                return remember(link, -ETIMEDOUT, redis_connection_late_words(slot->connection));
        return remember(link, r, words);
}

static void give_back(RedisLink *link, Slot *slot) {
        if (slot->probe)
                link->probing = false;
        if (slot->late || slot->old || !redis_connection_is_sound(slot->connection))
                close_slot(slot);
        slot->busy = slot->probe = false;
        slot->idle_since = g_get_monotonic_time();
        g_cond_signal(&link->given_back);
}

int redis_link_call(RedisLink *link, size_t argc, const RedisArg *argv, RedisReply **ret) {
        int64_t due = g_get_monotonic_time() + link->settings.deadline;
        g_autofree char *words = NULL;
        char *command = NULL;
        size_t size = 0;
        Slot *slot;
        int r;

        r = redis_command_new(argc, argv, &command, &size);
        if (r < 0)
                return r;
        g_mutex_lock(&link->mutex);
        r = take(link, due, &slot);
        g_mutex_unlock(&link->mutex);
        if (r == 0) {
                r = redis_connection_call(slot->connection, &link->settings, command, size, ret, &words);
                g_mutex_lock(&link->mutex);
                r = conclude(link, slot, r, words);
                if (!link->stopped)
                        judge(link, slot, r);
                give_back(link, slot);
                g_mutex_unlock(&link->mutex);
        }
        redis_command_free(command, size);
        return error_trace(r);
}

char *redis_link_problem(RedisLink *link) {
        char *problem;

        g_mutex_lock(&link->mutex);
        problem = g_strdup(link->problem);
        g_mutex_unlock(&link->mutex);
        return problem;
}

void redis_link_reopen(RedisLink *link) {
        g_mutex_lock(&link->mutex);
        for (unsigned i = 0; i < G_N_ELEMENTS(link->slots); i++)
                if (link->slots[i].busy)
                        link->slots[i].old = true;
                else
                        close_slot(&link->slots[i]);
        g_mutex_unlock(&link->mutex);
}

void redis_link_stop(RedisLink *link) {
        g_mutex_lock(&link->mutex);
        link->stopped = true;
        for (unsigned i = 0; i < G_N_ELEMENTS(link->slots); i++)
                if (link->slots[i].busy)
                        redis_connection_cancel(link->slots[i].connection);
        g_cond_broadcast(&link->given_back);
        g_mutex_unlock(&link->mutex);
}

/* Life */

static bool settings_are_whole(const RedisLinkSettings *settings) {
        return settings->host && settings->host[0] && settings->port > 0 && settings->deadline > 0 &&
                !settings->client_cert == !settings->client_key && (settings->password || !settings->user);
}

RedisLink *redis_link_free(RedisLink *link) {
        if (!link)
                return NULL;
        if (link->watch) {
                g_mutex_lock(&link->mutex);
                link->quit = true;
                g_cond_signal(&link->wake);
                g_mutex_unlock(&link->mutex);
                (void) g_thread_join(link->watch);
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(link->slots); i++)
                close_slot(&link->slots[i]);
        redis_settings_deinit(&link->settings);
        g_free(link->problem);
        g_cond_clear(&link->given_back);
        g_cond_clear(&link->wake);
        g_mutex_clear(&link->mutex);
        g_free(link);
        return NULL;
}

int redis_link_new(const RedisLinkSettings *settings, RedisLink **ret) {
        RedisLink *link;
        int r;

        if (!settings_are_whole(settings))
                return error_trace(-EINVAL);
        link = g_new0(RedisLink, 1);
        g_mutex_init(&link->mutex);
        g_cond_init(&link->given_back);
        g_cond_init(&link->wake);
        r = redis_settings_copy(settings, &link->settings);
        if (r == 0) {
                link->watch = g_thread_try_new("redis-watch", watch_main, link, NULL);
                r = link->watch ? 0 : error_trace(-EAGAIN);
        }
        if (r < 0) {
                (void) redis_link_free(link);
                return r;
        }
        *ret = link;
        return 0;
}
