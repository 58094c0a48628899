/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * tessera-oidc: parse, set up, run, exit. systemd starts it when tesserad comes to its socket, and it
 * ends by itself once there is nothing to do.
 */

#include <errno.h>
#include <glib-unix.h>
#include <pwd.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/activation.h"
#include "common/process.h"
#include "common/wire.h"
#include "daemon/oidc/discovery.h"
#include "daemon/oidc/jwks-cache.h"
#include "daemon/oidc/server.h"
#include "daemon/oidc/strict-json.h"

#define EXIT_USAGE 2
#define IDLE_S 60

typedef struct Arguments {
        char *config_dir, *socket;
        int idle;
        gboolean version;
} Arguments;

typedef struct Run {
        const Arguments *arguments;
        GMainLoop *loop;
        Http *http;
        FetchCache *discovery, *jwks;
        Flows *flows;
        Object *object;
        Server *server;
        guint idle; /* the timer that ends it */
        bool stopping;
} Run;

/* What libraries read of the environment and could do harm: keys of TLS in a file, other authorities or names. */
static const char *const unwanted[] = {
        "SSLKEYLOGFILE", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "HOSTALIASES", "LOCALDOMAIN", "RES_OPTIONS", "CURL_HOME", "CURL_SSL_BACKEND", NULL,
};

/* Nothing of us is ever swapped out, where that is allowed without a limit: else each page would count. */
static void lock_memory(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY &&
            mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
                g_warning("cannot lock memory: %s, going on without", g_strerror(errno));
}

static int prepare(void) {
        int r;

        r = process_begin();
        if (r < 0)
                return r;
        for (size_t i = 0; unwanted[i]; i++)
                (void) unsetenv(unwanted[i]);
        lock_memory();
        strict_json_need_memory();
        return sodium_init() < 0 ? -EIO : 0;
}

/* 0, or the code to exit with. */
static int parse_argv(int argc, char **argv, Arguments *arguments) {
        const GOptionEntry entries[] = {
                { "config-dir", 0, 0, G_OPTION_ARG_FILENAME, &arguments->config_dir,
                  "read the configuration there (/etc/tessera)", "PATH" },
                { "socket", 0, 0, G_OPTION_ARG_FILENAME, &arguments->socket,
                  "bind this socket (else it comes from systemd)", "PATH" },
                { "idle", 0, 0, G_OPTION_ARG_INT, &arguments->idle, "end after so many idle seconds (60)", "SECONDS" },
                { "version", 0, 0, G_OPTION_ARG_NONE, &arguments->version, "print the version and exit", NULL },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) error = NULL;

        g_option_context_set_summary(context, "Talks with identity providers for tesserad; systemd starts it.");
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1 || arguments->idle < 1) {
                (void) fprintf(stderr, "tessera-oidc: %s; see --help\n", error ? error->message : "unfit arguments");
                return EXIT_USAGE;
        }
        return 0;
}

static void arguments_deinit(Arguments *arguments) {
        g_free(arguments->config_dir);
        g_free(arguments->socket);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_deinit)

static int get_socket(const Arguments *arguments, int *ret_fd) {
        int r;

        if (arguments->socket) {
                r = activation_bind(arguments->socket, ret_fd);
                if (r < 0)
                        g_warning("cannot bind \"%s\": %s", arguments->socket, g_strerror(-r));
                return r;
        }
        r = activation_socket(ret_fd);
        if (r < 0)
                g_warning("systemd passed something else than one listening socket: %s", g_strerror(-r));
        else if (*ret_fd < 0)
                g_warning("no socket; \"systemctl start tessera-oidc.socket\" passes one");
        return *ret_fd < 0 && r == 0 ? -ENOENT : r;
}

/* Whom it serves. An account that is not there is nobody, never root. */
static int get_caller(uid_t *ret) {
        const struct passwd *account = getpwnam(WIRE_DAEMON_USER);

        if (!account || account->pw_uid == 0) {
                g_warning("there is no user \"" WIRE_DAEMON_USER "\" to serve");
                return -ESRCH;
        }
        *ret = account->pw_uid;
        return 0;
}

static gboolean on_stop(gpointer data) {
        g_main_loop_quit(((Run *) data)->loop);
        return G_SOURCE_CONTINUE;
}

static gboolean on_idle(gpointer data) {
        Run *run = data;

        run->idle = 0;
        g_main_loop_quit(run->loop);
        return G_SOURCE_REMOVE;
}

/* A connection or a flow came or went. A connection that comes while we end waits for the next of us. */
static void on_changed(gpointer data) {
        Run *run = data;
        bool busy;

        if (run->stopping)
                return;
        busy = flows_size(run->flows) > 0 || (run->server && server_connections(run->server) > 0);
        if (busy)
                g_clear_handle_id(&run->idle, g_source_remove);
        else if (run->idle == 0)
                run->idle = g_timeout_add_seconds((guint) run->arguments->idle, on_idle, run);
}

static void set_up(Run *run, int fd, uid_t caller) {
        FlowsParts parts = { .changed = on_changed, .data = run };

        run->loop = g_main_loop_new(NULL, FALSE);
        parts.http = run->http;
        parts.discovery = run->discovery = discovery_cache_new(run->http);
        parts.jwks = run->jwks = jwks_cache_new(run->http);
        run->flows = flows_new(&parts);
        run->object = object_new(&parts, run->flows, run->arguments->config_dir ?: "/etc/tessera");
        run->server = server_new(run->object, fd, caller, on_changed, run);
        (void) g_unix_signal_add(SIGTERM, on_stop, run);
        (void) g_unix_signal_add(SIGINT, on_stop, run);
        on_changed(run);
}

static void tear_down(Run *run) {
        run->stopping = true;
        g_clear_handle_id(&run->idle, g_source_remove);
        (void) flows_free(g_steal_pointer(&run->flows));
        (void) server_free(g_steal_pointer(&run->server));
        (void) object_free(run->object);
        (void) fetch_cache_free(run->discovery);
        (void) fetch_cache_free(run->jwks);
        (void) http_free(run->http);
        g_main_loop_unref(run->loop);
}

static int start(const Arguments *arguments) {
        Run run = { .arguments = arguments };
        uid_t caller = 0;
        int fd = -1;

        if (get_socket(arguments, &fd) < 0 || get_caller(&caller) < 0)
                return EXIT_FAILURE;
        run.http = http_new();
        if (!run.http) {
                g_warning("libcurl cannot be used");
                return EXIT_FAILURE;
        }
        set_up(&run, fd, caller);
        g_main_loop_run(run.loop);
        tear_down(&run);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        g_auto(Arguments) arguments = { .idle = IDLE_S };
        int r;

        r = prepare();
        if (r < 0) {
                g_warning("cannot begin: %s", g_strerror(-r));
                return EXIT_FAILURE;
        }
        r = parse_argv(argc, argv, &arguments);
        if (r != 0)
                return r;
        if (arguments.version) {
                (void) puts("tessera-oidc " TESSERA_VERSION);
                return EXIT_SUCCESS;
        }
        return start(&arguments);
}
