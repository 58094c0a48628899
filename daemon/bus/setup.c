/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/name.h"
#include "daemon/bus/caller.h"
#include "daemon/bus/setup.h"
#include "daemon/bus/setup-store.h"
#include "daemon/bus/state-lock.h"
#include "daemon/store/store-sqlite.h"
#include "policy/conf.h"
#include "policy/providers.h"
#include "policy/trust-files.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define INIT_STAT_FILE "/proc/1/stat"

/* Configuration */

void config_deinit(Config *config) {
        config->settings = settings_free(config->settings);
        g_clear_pointer(&config->policy, policy_unref);
        g_clear_pointer(&config->trust, trust_unref);
        g_clear_pointer(&config->providers, g_ptr_array_unref);
}

static void log_mistakes(const GPtrArray *mistakes) {
        for (guint i = 0; mistakes && i < mistakes->len; i++) {
                g_autofree char *text = conf_mistake_to_string(mistakes->pdata[i]);
                g_warning("%s", text);
        }
}

/* The name is in every token that is out: no file changes it alone. */
static void check_name(const char *file, const Settings *settings, const char *host, GPtrArray *mistakes) {
        g_autofree char *remedy = NULL;

        if (!settings || !settings->name || !host || g_str_equal(settings->name, host))
                return;
        remedy = g_strdup_printf("remove name=, or make it name=%s", host);
        g_ptr_array_add(mistakes, conf_mistake_new(file, 0, 0, remedy, "name=%s, but this host's tokens are made for "
                                                   "\"%s\"", settings->name, host));
}

/* Sessions do not move from one store to another: that takes a start, and whoever moves them. */
static void check_store(const char *file, const Settings *settings, const StoreSettings *store, GPtrArray *mistakes) {
        if (!settings || !store || store_settings_equal(&settings->store, store))
                return;
        g_ptr_array_add(mistakes, conf_mistake_new(file, 0, 0, "run \"systemctl restart tesserad.service\", or take the "
                                                   "change back", "[store] has changed, and a reload keeps the store"));
}

/* A host of the fleet's name could make tickets, and be meant by tokens, as if it were all of them. */
static void check_fleet(const char *file, const Settings *settings, const char *host, const Trust *trust,
                        GPtrArray *mistakes) {
        const char *fleet = settings ? settings->fleet : NULL;
        const TrustHost *other;
        bool taken;

        if (!fleet)
                return;
        taken = g_strcmp0(fleet, host ?: settings->name) == 0;
        for (size_t i = 0; trust && (other = trust_at(trust, i)); i++)
                taken = taken || g_str_equal(fleet, other->file->name);
        if (taken)
                g_ptr_array_add(mistakes, conf_mistake_new(file, 0, 0, "give the fleet a name that no host has",
                                                           "name=%s of [fleet] is the name of a host", fleet));
}

/* NULL when there were mistakes. */
static Trust *read_trust(const Options *options, GPtrArray *mistakes) {
        g_autofree char *folder = g_build_filename(options->config_dir, "trust.d", NULL);
        GPtrArray *files = trust_files_read(folder, mistakes);

        return files ? trust_new(files, mistakes) : NULL;
}

static GPtrArray *read_providers(const Options *options, GPtrArray *mistakes) {
        g_autofree char *folder = g_build_filename(options->config_dir, "providers.d", NULL);

        return providers_read(folder, mistakes);
}

static void log_providers(const Config *config) {
        g_autoptr(GPtrArray) warnings = conf_mistakes_new();

        providers_warn(config->providers, config->policy, warnings);
        log_mistakes(warnings);
}

static void log_trust(const Config *config) {
        g_autoptr(GPtrArray) warnings = conf_mistakes_new();
        const TrustHost *host;

        for (size_t i = 0; (host = trust_at(config->trust, i)); i++)
                trust_file_warn(host->file, config->policy, warnings);
        log_mistakes(warnings);
}

void setup_warn(Core *core) {
        if (core_fleet_is_alone(core))
                g_warning("name= of [fleet] does not count: this host's store is its own, and no fleet's");
}

bool setup_config(const Options *options, const char *host, const StoreSettings *store, Config *ret, char **ret_summary) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autofree char *settings_file = g_build_filename(options->config_dir, "tessera.conf", NULL);
        g_autofree char *policy_file = g_build_filename(options->config_dir, "policy.conf", NULL);
        g_autofree char *policy_folder = g_build_filename(options->config_dir, "policy.d", NULL);
        g_auto(Config) config = { .read = g_get_real_time() };

        config.settings = settings_read(settings_file, mistakes);
        check_name(settings_file, config.settings, host, mistakes);
        check_store(settings_file, config.settings, store, mistakes);
        config.policy = policy_read(policy_file, policy_folder, mistakes);
        config.trust = read_trust(options, mistakes);
        config.providers = read_providers(options, mistakes);
        if (config.policy && config.providers)
                providers_check(config.providers, config.policy, mistakes);
        check_fleet(settings_file, config.settings, host, config.trust, mistakes);
        log_mistakes(mistakes);
        if (mistakes->len > 0 || !config.settings || !config.policy || !config.trust ||
            !config.providers) {
                g_autofree char *first = mistakes->len > 0 ? conf_mistake_to_string(mistakes->pdata[0]) : NULL;

                *ret_summary = g_strdup_printf("%u mistake%s in \"%s\": %s", mistakes->len,
                                               mistakes->len == 1 ? "" : "s", options->config_dir,
                                               first ? first : "it could not be read");
                return false;
        }
        log_mistakes(policy_warnings(config.policy));
        log_trust(&config);
        log_providers(&config);
        *ret = config;
        config = (Config) { .settings = NULL };
        return true;
}

/* State */

static int G_GNUC_PRINTF(3, 4) complain(char **ret_message, int r, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        *ret_message = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return r;
}

int setup_folder(const char *path, char **ret_message) {
        _cleanup_close_ int fd = -1;
        struct stat st;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0)
                return complain(ret_message, -errno, "\"%s\": %s; create it, 0700 and the daemon's own", path,
                                g_strerror(errno));
        if (st.st_uid != geteuid() || (st.st_mode & 0077))
                return complain(ret_message, -EPERM,
                                "\"%s\" must belong to uid %u alone (0700), because it holds keys and passwords",
                                path, (unsigned) geteuid());
        return 0;
}

int setup_find_keys(const char *path, bool *ret) {
        struct dirent *entry;
        bool found = false;
        DIR *folder;

        folder = opendir(path);
        if (!folder) {
                if (errno != ENOENT)
                        return -errno;
                *ret = false;
                return 0;
        }
        while ((errno = 0, entry = readdir(folder)))
                found = found || !(g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, ".."));
        if (errno != 0) {
                int r = -errno;

                (void) closedir(folder);
                return r;
        }
        (void) closedir(folder);
        *ret = found;
        return 0;
}

static int new_name(const Settings *settings, char **ret, char **ret_message) {
        g_autofree char *name = NULL;
        char host[256];

        if (settings->name) {
                *ret = g_strdup(settings->name);
                return 0;
        }
        if (gethostname(host, sizeof(host) - 1) < 0)
                return complain(ret_message, -errno, "cannot read this host's name: %s", g_strerror(errno));
        host[sizeof(host) - 1] = '\0';
        name = g_ascii_strdown(host, -1);
        if (!name_is_host(name))
                return complain(ret_message, -EINVAL,
                                "this host's name cannot stand in tokens; write one of [a-z0-9.-] as name= into "
                                "[daemon] of tessera.conf");
        *ret = g_steal_pointer(&name);
        return 0;
}

typedef struct State {
        Store *store;
        KeyRing *keys;
        char *name;
} State;

static void state_deinit(State *state) {
        state->store = store_free(state->store);
        state->keys = key_ring_unref(state->keys);
        g_clear_pointer(&state->name, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(State, state_deinit)

static int open_store(const Options *options, const StoreSettings *settings, const char *database, bool must_exist,
                      Store **ret, char **ret_message) {
        if (settings->redis)
                return setup_store_redis(settings, options->state_dir, /* only_look= */ false,
                                         clock_wall(&clock_system), ret, ret_message);
        return store_sqlite_open(database, must_exist, ret, ret_message);
}

/* Of a host that has a database of its own, and whose store is not in there (any more, or yet); "" else. */
static const char *what_to_do(const Options *options, const StoreSettings *settings) {
        g_autofree char *own = g_build_filename(options->state_dir, SETUP_DATABASE, NULL);
        g_autofree char *moving = g_build_filename(options->state_dir, SETUP_DATABASE_MOVING, NULL);

        if (settings->redis && access(own, F_OK) == 0)
                return "; this host's users are in a database of its own (" SETUP_DATABASE "): \"tessera store migrate\" "
                       "moves them, or move it away";
        if (access(moving, F_OK) == 0)
                return "; this host's users are on their way to Redis (" SETUP_DATABASE_MOVING "): \"tessera store "
                       "migrate\" goes on";
        return "";
}

/* @database: the file that is there from the first start on; for Redis what this host keeps for itself. */
static int open_database(const Options *options, const StoreSettings *settings, const char *database, const char *keys,
                         State *state, bool *ret_first, char **ret_message) {
        bool with_keys = false, with_database = access(database, F_OK) == 0;
        int r;

        if (!with_database && errno != ENOENT)
                return complain(ret_message, -errno, "\"%s\": %s", database, g_strerror(errno));
        r = setup_find_keys(keys, &with_keys);
        if (r < 0)
                return complain(ret_message, r, "\"%s\": %s", keys, g_strerror(-r));
        if (with_keys && !with_database)
                return complain(ret_message, -ENOENT,
                                "there are keys in \"%s\" but no database \"%s\"; restore it, or to begin anew "
                                "(nobody will be enrolled) remove the keys too%s", keys, database,
                                what_to_do(options, settings));
        r = open_store(options, settings, database, with_keys, &state->store, ret_message);
        if (r < 0)
                return r;
        r = store_meta_get(state->store, STORE_META_NAME, &state->name);
        if (r < 0)
                return complain(ret_message, r, "\"%s\": %s", database, g_strerror(-r));
        if (r == 0 && !with_keys)
                return complain(ret_message, -ENOENT,
                                "there is a database \"%s\" but no key in \"%s\"; restore the keys, or to begin anew "
                                "(nobody will be enrolled) remove the database too", database, keys);
        if (r == STORE_E_NOT_FOUND && what_to_do(options, settings)[0])
                return complain(ret_message, -ENOENT, "\"%s\" is not finished%s", database, what_to_do(options, settings));
        *ret_first = r == STORE_E_NOT_FOUND;
        return 0;
}

/*
 * The first start makes the database, then the keys, and writes the name into the database last.
 * So a database without a name is a first start that did not come to its end, whatever interrupted
 * it, and the next start goes on with it: nobody can have been enrolled and no token made. Once the
 * name is there both have to be.
 */
static int open_state(const Options *options, const Settings *settings, State *state, char **ret_message) {
        const char *file = settings->store.redis ? SETUP_STORE_REDIS_FILE : SETUP_DATABASE;
        g_autofree char *database = g_build_filename(options->state_dir, file, NULL);
        g_autofree char *keys = g_build_filename(options->state_dir, "keys", NULL);
        bool first = false;
        int r;

        r = open_database(options, &settings->store, database, keys, state, &first, ret_message);
        if (r < 0)
                return r;
        r = key_ring_open(keys, /* create= */ first, clock_wall(&clock_system), &state->keys, ret_message);
        if (r < 0)
                return r;
        if (!first)
                return 0;
        r = new_name(settings, &state->name, ret_message);
        if (r < 0)
                return r;
        r = store_meta_set(state->store, STORE_META_NAME, state->name);
        if (r < 0)
                return complain(ret_message, r, "\"%s\": %s", database, g_strerror(-r));
        g_message("first start: this host is called \"%s\"", state->name);
        return 0;
}

static int read_proc_file(const char *path, char *buffer, size_t size) {
        _cleanup_close_ int fd = -1;
        ssize_t n;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, buffer, size - 1);
        if (n < 0)
                return -errno;
        buffer[n] = '\0';
        return 0;
}

/*
 * The boot, as "<the kernel's boot id>/<when PID 1 started>". A container shares the kernel's boot
 * with its host, and starts anew without it: its PID 1 tells. (systemd-nspawn mounts a boot id of
 * the container's own there, which ProtectKernelTunables= in our unit takes out of sight again.)
 */
static int read_boot_id(char **ret) {
        char boot[64], stat[1024];
        uint64_t start;
        pid_t parent;
        int r;

        r = read_proc_file(BOOT_ID_FILE, boot, sizeof(boot));
        if (r == 0)
                r = read_proc_file(INIT_STAT_FILE, stat, sizeof(stat));
        if (r < 0)
                return r;
        if (!g_uuid_string_is_valid(g_strchomp(boot)) || !caller_parse_stat(stat, &parent, &start))
                return -EPROTO;
        *ret = g_strdup_printf("%s/%" G_GUINT64_FORMAT, boot, start);
        return 0;
}

int setup_state(const Options *options, Config *config, CoreParts *ret, char **ret_message) {
        g_auto(Config) taken = *config;
        g_auto(State) state = { .store = NULL };
        g_autofree char *boot_id = NULL;
        int r;

        *config = (Config) { .settings = NULL };
        r = setup_folder(options->state_dir, ret_message);
        if (r == 0)
                r = state_lock(options->state_dir, /* alone= */ false, ret_message);
        if (r < 0)
                return r;
        r = read_boot_id(&boot_id);
        if (r < 0)
                return complain(ret_message, r, "\"%s\" or \"%s\": %s; /proc must not be mounted with hidepid=",
                                BOOT_ID_FILE, INIT_STAT_FILE, g_strerror(-r));
        r = open_state(options, taken.settings, &state, ret_message);
        if (r < 0)
                return r;
        if (taken.settings->name && !g_str_equal(taken.settings->name, state.name))
                return complain(ret_message, -EINVAL,
                                "tessera.conf says name=%s, but this host's tokens are made for \"%s\"; remove name= "
                                "or keep %s", taken.settings->name, state.name, state.name);
        if (g_strcmp0(taken.settings->fleet, state.name) == 0)
                return complain(ret_message, -EINVAL, "tessera.conf says name=%s in [fleet], which is this host's own "
                                "name; give the fleet a name that no host has", state.name);
        *ret = (CoreParts) {
                .store = g_steal_pointer(&state.store),
                .keys = g_steal_pointer(&state.keys),
                .host = g_steal_pointer(&state.name),
                .boot_id = g_steal_pointer(&boot_id),
                .settings = g_steal_pointer(&taken.settings),
                .policy = g_steal_pointer(&taken.policy),
                .trust = g_steal_pointer(&taken.trust),
                .providers = g_steal_pointer(&taken.providers),
        };
        return 0;
}
