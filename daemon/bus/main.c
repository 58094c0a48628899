/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * tesserad: parse, set up, run, exit.
 */

#include <errno.h>
#include <gio/gio.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/activation.h"
#include "common/oidc-wire.h"
#include "common/process.h"
#include "common/wire.h"
#include "daemon/bus/end-login.h"
#include "daemon/bus/journal.h"
#include "daemon/bus/monitor.h"
#include "daemon/bus/offline.h"
#include "daemon/bus/provider-client.h"
#include "daemon/bus/run.h"
#include "daemon/core/claims.h"
#include "daemon/core/es256.h"
#include "daemon/core/heard.h"
#include "daemon/core/identity-cache.h"

/* More heaps would keep, each for itself, what a storm has used; one was not slower (8 clients, 2 cores). */
#define ARENAS_MAX 1
#define MMAP_FROM (128 * 1024)

#define EXIT_USAGE 2

typedef struct Arguments {
        Options options;
        gboolean version, check, migrate, dry;
        char *adopt;
        bool as_root; /* --state-dir was given: a test */
} Arguments;

static int prepare(void) {
        int r;

        r = process_begin();
        if (r < 0)
                return r;
        (void) mallopt(M_ARENA_MAX, ARENAS_MAX);
        (void) mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
        claims_need_memory();
        if (!es256_need_memory())
                return -EBUSY;
        es256_load_less();
        return sodium_init() < 0 ? -EIO : 0;
}

static void set_default(char **option, const char *value) {
        if (!*option)
                *option = g_strdup(value);
}

/* 0, or the code to exit with. */
static int parse_argv(int argc, char **argv, Arguments *arguments) {
        Options *options = &arguments->options;
        const GOptionEntry entries[] = {
                { "config-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->config_dir,
                  "read the configuration there (/etc/tessera)", "PATH" },
                { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->state_dir,
                  "keep database and keys there (/var/lib/tessera)", "PATH" },
                { "run-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->run_dir,
                  "leave in its \"end\" the logins to end (/run/tessera)", "PATH" },
                { "bus-address", 0, 0, G_OPTION_ARG_STRING, &options->bus_address,
                  "serve on this message bus (the system bus)", "ADDRESS" },
                { "private-socket", 0, 0, G_OPTION_ARG_FILENAME, &options->private_socket,
                  "bind this socket for root (else it comes from systemd)", "PATH" },
                { "provider-socket", 0, 0, G_OPTION_ARG_FILENAME, &options->provider_socket,
                  "ask tessera-oidc there (" OIDC_SOCKET ")", "PATH" },
                { "check", 0, 0, G_OPTION_ARG_NONE, &arguments->check, "check the configuration and exit", NULL },
                { "migrate-store", 0, 0, G_OPTION_ARG_NONE, &arguments->migrate,
                  "move this host's own store to Redis and exit; tessera store migrate runs it", NULL },
                { "dry-run", 0, 0, G_OPTION_ARG_NONE, &arguments->dry, "with --migrate-store: only tell", NULL },
                { "adopt-store", 0, 0, G_OPTION_ARG_STRING, &arguments->adopt,
                  "make that store at the address of Redis this host's and exit; tessera store adopt runs it", "ID" },
                { "version", 0, 0, G_OPTION_ARG_NONE, &arguments->version, "print the version and exit", NULL },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) error = NULL;

        g_option_context_set_summary(context, "The session daemon of tessera; systemd starts it.");
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
                (void) fprintf(stderr, "tesserad: %s; see --help\n", error ? error->message : "too many arguments");
                return EXIT_USAGE;
        }
        arguments->as_root = options->state_dir != NULL;
        set_default(&options->config_dir, "/etc/tessera");
        set_default(&options->state_dir, "/var/lib/tessera");
        set_default(&options->run_dir, "/run/tessera");
        set_default(&options->bus_address, WIRE_SYSTEM_BUS);
        set_default(&options->provider_socket, OIDC_SOCKET);
        return 0;
}

static void arguments_deinit(Arguments *arguments) {
        Options *options = &arguments->options;

        g_free(options->config_dir);
        g_free(options->state_dir);
        g_free(options->run_dir);
        g_free(options->bus_address);
        g_free(options->private_socket);
        g_free(options->provider_socket);
        g_free(arguments->adopt);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_deinit)

static int check_user(const Arguments *arguments) {
        if (geteuid() != 0)
                return 0;
        if (!arguments->as_root) {
                g_warning("tesserad does not run as root; \"systemctl start tesserad\" runs it as its own user");
                return -EPERM;
        }
        g_warning("running as root: for tests only");
        return 0;
}

static int get_socket(const Options *options, int *ret_fd) {
        int r;

        if (options->private_socket) {
                r = activation_bind(options->private_socket, ret_fd);
                if (r < 0)
                        g_warning("cannot bind \"%s\": %s", options->private_socket, g_strerror(-r));
                return r;
        }
        r = activation_socket(ret_fd);
        if (r < 0)
                g_warning("systemd passed something else than one listening socket: %s", g_strerror(-r));
        else if (*ret_fd < 0)
                g_warning("no private socket: root's calls have to take the message bus; "
                          "enable tesserad.socket");
        return r;
}

/* Core, with all that it needs. */
static int set_up(const Options *options, const EndLogin *end_login, const IdentitySource *identities,
                  const ProviderSource *providers, const AuditSink *audit, Core **ret, StoreSettings *ret_store,
                  int64_t *ret_read) {
        g_auto(Config) config = { .settings = NULL };
        g_autofree char *message = NULL;
        CoreParts parts;
        int r;

        if (!setup_config(options, /* host= */ NULL, /* store= */ NULL, &config, &message)) {
                g_warning("not started: %s", message);
                return -EINVAL;
        }
        *ret_read = config.read;
        store_settings_copy(&config.settings->store, ret_store);
        r = setup_state(options, &config, &parts, &message);
        if (r < 0) {
                g_warning("not started: %s", message ? message : g_strerror(-r));
                return r;
        }
        parts.clock = &clock_system;
        parts.identities = identities;
        parts.audit = audit;
        parts.end_login = end_login;
        parts.provider_source = providers;
        r = core_new(&parts, ret);
        if (r < 0)
                g_warning("not started: %s", g_strerror(-r));
        else
                setup_warn(*ret);
        return r;
}

/* Serves until it is told to stop. */
static int serve(const Options *options, const StoreSettings *store, Core *core, int64_t configuration_read,
                 Monitor *monitor, int socket) {
        Notify notify;
        Run daemon = { .options = options, .notify = &notify, .store = store, .core = core };
        int r;

        r = edge_new(&(EdgeParts) { .core = core, .identities = &identity_nss,
                                    .audit = monitor_sink(monitor), .monitor = monitor,
                                    .configuration_read = configuration_read },
                     &daemon.edge);
        if (r < 0)
                return r;
        notify_init(&notify);
        if (socket >= 0)
                daemon.socket = private_socket_new(daemon.edge, socket);
        daemon.bus = system_bus_new(daemon.edge, options->bus_address);
        if (!run(&daemon)) {
                /* Their threads use all of this; what they have not committed never happened. */
                g_warning("calls were still under way after 5 s");
                _exit(EXIT_SUCCESS);
        }
        (void) private_socket_free(daemon.socket);
        (void) system_bus_free(daemon.bus);
        (void) edge_free(daemon.edge);
        monitor_stop(monitor);
        notify_deinit(&notify);
        return 0;
}

static int check(const Options *options) {
        g_auto(Config) config = { .settings = NULL };
        g_autofree char *summary = NULL;

        return setup_config(options, /* host= */ NULL, /* store= */ NULL, &config, &summary) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int start(const Arguments *arguments) {
        static const char *const account_files[] = { "/etc/passwd", "/etc/group", NULL };
        const Options *options = &arguments->options;
        g_autofree char *end_folder = g_build_filename(options->run_dir, "end", NULL);
        EndLoginFolder end_login = end_login_folder(end_folder);
        g_autoptr(IdentityCache) identities = identity_cache_new(&identity_nss, &clock_system, account_files);
        g_autoptr(ProviderClient) providers = provider_client_new(options->provider_socket);
        g_autoptr(Monitor) monitor = monitor_new(&journal_sink);
        g_autoptr(Core) core = NULL;
        g_autoptr(StoreFeed) feed = NULL;
        g_auto(StoreSettings) store = { .redis = false };
        int64_t configuration_read = 0;
        int r, socket = -1;

        r = check_user(arguments);
        if (r == 0)
                r = set_up(options, &end_login.end_login, identity_cache_source(identities),
                           provider_client_source(providers), monitor_sink(monitor), &core, &store, &configuration_read);
        if (r == 0)
                r = heard_listen(core, &feed);
        if (r == 0)
                r = get_socket(options, &socket);
        if (r == 0)
                r = serve(options, &store, core, configuration_read, monitor, socket);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What needs that no daemon runs. */
static int run_offline(const Arguments *arguments) {
        if (check_user(arguments) < 0)
                return EXIT_FAILURE;
        return arguments->migrate ? offline_migrate(&arguments->options, arguments->dry)
                                  : offline_adopt(&arguments->options, arguments->adopt);
}

int main(int argc, char **argv) {
        g_auto(Arguments) arguments = { .check = FALSE };
        int r;

        r = prepare();
        if (r < 0)
                return EXIT_FAILURE;
        r = parse_argv(argc, argv, &arguments);
        if (r != 0)
                return r;
        if (arguments.version) {
                (void) puts("tesserad " TESSERA_VERSION);
                return EXIT_SUCCESS;
        }
        journal_init();
        if (arguments.migrate || arguments.adopt)
                return run_offline(&arguments);
        return arguments.check ? check(&arguments.options) : start(&arguments);
}
