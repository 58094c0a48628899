/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib-unix.h>
#include <malloc.h>
#include <signal.h>

#include "daemon/bus/caller.h"
#include "daemon/bus/run.h"

#define SWEEP_EVERY_S 60
#define SIGN_INS_EVERY_S 5
#define DRAIN_MS 5000
#define DRAIN_LOOK_MS 10

typedef struct Loop {
        const Run *run;
        GMainLoop *main;
        GThreadPool *background; /* one thread: what may block and is no call */
        bool reloading, reload_again;
        bool sweeping, sweeping_sign_ins;
        bool stopping;
        gint64 deadline;
        unsigned flushing; /* connections whose queue is being written */
        bool drained;
} Loop;

/* What the background does, and what follows on the main loop. */
typedef struct Work {
        Loop *loop;
        void (*work)(struct Work *work);
        GSourceFunc done;
        char *status; /* of a reload */
        int64_t read; /* when it began; 0: the old configuration stays */
} Work;

static void work_begin(Loop *loop, void (*work)(Work *work), GSourceFunc done) {
        Work *item = g_new(Work, 1);

        *item = (Work) { .loop = loop, .work = work, .done = done };
        (void) g_thread_pool_push(loop->background, item, NULL);
}

static void background(gpointer data, gpointer user_data) {
        Work *item = data;

        item->work(item);
        (void) g_idle_add(item->done, item);
}

static void work_free(Work *item) {
        g_free(item->status);
        g_free(item);
}

/* Reload: reading may ask NSS for groups, so it is not the main loop's. */

static void reload(Work *item) {
        const Run *run = item->loop->run;
        g_autofree char *summary = NULL, *host = core_host(run->core);
        Config config;

        if (setup_config(run->options, host, run->store, &config, &summary)) {
                core_reload(run->core, config.settings, config.policy, config.trust, config.providers);
                setup_warn(run->core);
                item->read = config.read;
                item->status = g_strdup("serving");
                g_message("the configuration was read again");
                return;
        }
        item->status = g_strdup_printf("serving; the old configuration stays: %s", summary);
        g_warning("the old configuration stays: %s", summary);
}

static gboolean reload_done(gpointer data);

static void reload_begin(Loop *loop) {
        loop->reloading = true;
        notify_reloading(loop->run->notify);
        work_begin(loop, reload, reload_done);
}

static gboolean reload_done(gpointer data) {
        Work *item = data;
        Loop *loop = item->loop;

        if (item->read > 0)
                edge_reloaded(loop->run->edge, item->read);
        loop->reloading = false;
        if (loop->reload_again) { /* whoever asked for that waits for "ready", and must not take this one's for it */
                loop->reload_again = false;
                reload_begin(loop);
        } else {
                notify_ready(loop->run->notify, item->status);
        }
        work_free(item);
        return G_SOURCE_REMOVE;
}

static gboolean on_hangup(gpointer data) {
        Loop *loop = data;

        if (loop->reloading)
                loop->reload_again = true; /* the file may have changed after it was read */
        else if (!loop->stopping)
                reload_begin(loop);
        return G_SOURCE_CONTINUE;
}

/* The sweep, every minute */

static void sweep_now(const Run *run) {
        int r;

        r = core_sweep(run->core);
        if (r < 0)
                g_warning("the sweep failed: %s", g_strerror(-r));
}

static void sweep(Work *item) {
        sweep_now(item->loop->run);
        /* What a storm of logins, or a huge message, has used is the system's again. */
        (void) malloc_trim(0);
}

static gboolean sweep_done(gpointer data) {
        Work *item = data;

        item->loop->sweeping = false;
        work_free(item);
        return G_SOURCE_REMOVE;
}

static gboolean on_minute(gpointer data) {
        Loop *loop = data;

        if (!loop->sweeping) {
                loop->sweeping = true;
                work_begin(loop, sweep, sweep_done);
        }
        return G_SOURCE_CONTINUE;
}

/* And sign-ins at providers, which hang on processes, every few seconds */

static bool is_alive(const Process *process, void *edge) {
        return caller_is_alive(edge_proc(edge), process);
}

static void sweep_sign_ins(Work *item) {
        core_sweep_sign_ins(item->loop->run->core, is_alive, item->loop->run->edge);
}

static gboolean sweep_sign_ins_done(gpointer data) {
        Work *item = data;

        item->loop->sweeping_sign_ins = false;
        work_free(item);
        return G_SOURCE_REMOVE;
}

static gboolean on_sign_ins(gpointer data) {
        Loop *loop = data;

        if (!loop->sweeping_sign_ins) {
                loop->sweeping_sign_ins = true;
                work_begin(loop, sweep_sign_ins, sweep_sign_ins_done);
        }
        return G_SOURCE_CONTINUE;
}

/* Stopping */

static void on_flushed(GObject *source, GAsyncResult *result, gpointer data) {
        Loop *loop = data;

        /* One that failed is a client that has gone. */
        (void) g_dbus_connection_flush_finish(G_DBUS_CONNECTION(source), result, NULL);
        loop->flushing--;
}

/* First the calls, then the writing of their replies. */
static gboolean on_drain(gpointer data) {
        Loop *loop = data;
        const Run *run = loop->run;

        if (!loop->drained && edge_under_way(run->edge) == 0) {
                loop->drained = true;
                loop->flushing = system_bus_flush(run->bus, on_flushed, loop);
                if (run->socket)
                        loop->flushing += private_socket_flush(run->socket, on_flushed, loop);
        }
        if ((!loop->drained || loop->flushing > 0) && g_get_monotonic_time() < loop->deadline)
                return G_SOURCE_CONTINUE;
        g_main_loop_quit(loop->main);
        return G_SOURCE_REMOVE;
}

static gboolean on_terminate(gpointer data) {
        Loop *loop = data;
        const Run *run = loop->run;

        if (loop->stopping)
                return G_SOURCE_CONTINUE;
        loop->stopping = true;
        loop->deadline = g_get_monotonic_time() + DRAIN_MS * G_TIME_SPAN_MILLISECOND;
        notify_stopping(run->notify);
        system_bus_release(run->bus);
        if (run->socket)
                private_socket_stop(run->socket);
        edge_stop(run->edge);
        (void) g_timeout_add(DRAIN_LOOK_MS, on_drain, loop);
        return G_SOURCE_CONTINUE;
}

bool run(const Run *run) {
        Loop loop = { .run = run };
        guint sources[5];

        loop.main = g_main_loop_new(NULL, FALSE);
        loop.background = g_thread_pool_new(background, NULL, 1, /* exclusive= */ FALSE, NULL);
        sources[0] = g_unix_signal_add(SIGHUP, on_hangup, &loop);
        sources[1] = g_unix_signal_add(SIGTERM, on_terminate, &loop);
        sources[2] = g_unix_signal_add(SIGINT, on_terminate, &loop);
        sources[3] = g_timeout_add_seconds(SWEEP_EVERY_S, on_minute, &loop);
        sources[4] = g_timeout_add_seconds(SIGN_INS_EVERY_S, on_sign_ins, &loop);
        /* Nobody is shown a session of another boot as alive: that is done before the first call. */
        sweep_now(run);
        notify_ready(run->notify, "serving");

        g_main_loop_run(loop.main);

        for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
                (void) g_source_remove(sources[i]);
        g_thread_pool_free(loop.background, /* immediate= */ TRUE, /* wait= */ TRUE);
        while (g_main_context_iteration(NULL, FALSE))
                ; /* what the background has finished */
        g_main_loop_unref(loop.main);
        return loop.drained && loop.flushing == 0;
}
