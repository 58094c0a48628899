/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "common/name.h"
#include "daemon/core/test-world.h"
#include "daemon/core/token-use.h"
#include "daemon/core/user-admin.h"
#include "daemon/store/store-internal.h"
#include "daemon/store/store-memory.h"

#define WORLD_OF(pointer, member) ((World *) (void *) ((char *) (pointer) - offsetof(World, member)))

/* Accounts */

static const char *name_of(World *world, uid_t wanted) {
        GHashTableIter i;
        gpointer name, uid;

        g_hash_table_iter_init(&i, world->identities.uids);
        while (g_hash_table_iter_next(&i, &name, &uid))
                if (GPOINTER_TO_UINT(uid) == wanted)
                        return name;
        return NULL;
}

static gid_t group_of(World *world, const char *name) {
        gpointer gid;

        return g_hash_table_lookup_extended(world->identities.gids, name, NULL, &gid) ? GPOINTER_TO_UINT(gid) : 60000;
}

static int world_look_up(const IdentitySource *source, const char *name, uid_t uid, Identity **ret) {
        World *world = WORLD_OF(source, identities.source);
        gpointer found;

        if (world->identities.error != 0)
                return world->identities.error;
        name = name ? name : name_of(world, uid);
        if (!name || !g_hash_table_lookup_extended(world->identities.uids, name, NULL, &found))
                return IDENTITY_E_NOT_FOUND;
        *ret = g_new0(Identity, 1);
        (*ret)->name = g_strdup(name);
        (*ret)->uid = GPOINTER_TO_UINT(found);
        (*ret)->groups = g_new0(gid_t, 1);
        (*ret)->groups[0] = group_of(world, name);
        (*ret)->n_groups = 1;
        return 0;
}

void world_set_account(World *world, const char *name, uid_t uid) {
        if (uid == UID_UNSET)
                (void) g_hash_table_remove(world->identities.uids, name);
        else
                (void) g_hash_table_insert(world->identities.uids, g_strdup(name), GUINT_TO_POINTER(uid));
}

void world_set_group(World *world, const char *name, gid_t gid) {
        (void) g_hash_table_insert(world->identities.gids, g_strdup(name), GUINT_TO_POINTER(gid));
}

/* Audit and ends */

static void check_text(const char *text) {
        char clean[2048];

        if (!text)
                return;
        name_clean(text, clean, sizeof(clean));
        if (strstr(text, "canary"))
                g_error("a secret or an unknown name in the audit: \"%s\"", text);
        g_assert_cmpstr(text, ==, clean);
}

static const char *text_of(const char *text) {
        return text ? text : "-";
}

static void world_emit(const AuditSink *sink, const AuditEvent *event) {
        World *world = WORLD_OF(sink, audit.sink);
        /* Most is asked for by root, or by whom it is about. */
        const char *by = g_strcmp0(event->by, "root") == 0 || g_strcmp0(event->by, event->user) == 0 ? NULL : event->by;

        assert(event->event && event->message && (!event->by || strstr(event->message, event->by)));
        check_text(event->by);
        check_text(event->event);
        check_text(event->user);
        check_text(event->session);
        check_text(event->service);
        check_text(event->rhost);
        check_text(event->reason);
        check_text(event->message);
        g_mutex_lock(&world->audit.lock);
        g_ptr_array_add(world->audit.lines, g_strdup_printf("%s %s %s %s%s%s", event->event, text_of(event->reason),
                                                            text_of(event->user), text_of(event->session),
                                                            by ? " by " : "", by ? by : ""));
        g_free(world->audit.place);
        world->audit.place = g_strdup_printf("%s %s", text_of(event->service), text_of(event->rhost));
        g_mutex_unlock(&world->audit.lock);
}

static void add_end(World *world, char *line) {
        g_mutex_lock(&world->logins.lock);
        g_ptr_array_add(world->logins.lines, line);
        g_mutex_unlock(&world->logins.lock);
}

static void world_end_session(const EndLogin *end, const char *logind_id) {
        add_end(WORLD_OF(end, logins.end), g_strdup_printf("session %s", logind_id));
}

static void world_end_user(const EndLogin *end, uid_t uid) {
        add_end(WORLD_OF(end, logins.end), g_strdup_printf("user %u", (unsigned) uid));
}

static char *take_lines(GMutex *lock, GPtrArray *lines) {
        GString *joined = g_string_new(NULL);

        g_mutex_lock(lock);
        for (guint i = 0; i < lines->len; i++)
                g_string_append_printf(joined, "%s%s", i > 0 ? "; " : "", (const char *) lines->pdata[i]);
        g_ptr_array_set_size(lines, 0);
        g_mutex_unlock(lock);
        return g_string_free(joined, FALSE);
}

char *world_audit(World *world) {
        return take_lines(&world->audit.lock, world->audit.lines);
}

char *world_ended(World *world) {
        return take_lines(&world->logins.lock, world->logins.lines);
}

char *world_reason(World *world) {
        g_autofree char *line = NULL;
        g_auto(GStrv) words = NULL;

        g_assert_cmpint(world->audit.lines->len, ==, 1);
        line = world_audit(world);
        words = g_strsplit(line, " ", 3);
        return g_strdup(words[1]);
}

void world_expect(World *world, const char *sentence, LoginAnswer answer, LoginVerdict verdict, const char *reason,
                  const char *why) {
        g_autofree char *said = world_reason(world);

        if (answer.verdict != verdict || g_strcmp0(answer.reason, reason) != 0 || g_strcmp0(said, why) != 0)
                g_error("%s: %s, %s, %s instead of %s, %s, %s", sentence, login_verdict_to_string(answer.verdict),
                        answer.reason, said, login_verdict_to_string(verdict), reason, why);
        assert(verdict == LOGIN_ALLOW || !answer.session[0]);
}

/* Configuration */

static Policy *policy_of(const char *admins, const char *sudo) {
        g_autoptr(GPtrArray) mistakes = g_ptr_array_new();
        g_autofree char *text = NULL;
        Policy *policy;

        text = g_strdup_printf("[role:admin]\nusers=%s\n[role:everyone]\nusers=*\n"
                               "[service:sshd]\nroles=everyone\n[service:sudo]\nroles=admin\n%s\n",
                               admins, sudo);
        policy = policy_read_text("policy.conf", text, strlen(text), mistakes);
        g_assert_cmpint(mistakes->len, ==, 0);
        assert(policy);
        return policy;
}

static Settings *settings_of(int64_t idle, int64_t lifetime, unsigned max_per_user) {
        Settings *settings = settings_new();

        settings->session_idle = idle;
        settings->session_lifetime = lifetime;
        settings->max_per_user = max_per_user;
        settings->password_memory = 64 * 1024; /* what a hash costs is not looked at here */
        settings->password_passes = 1;
        return settings;
}

void world_set_policy(World *world, const char *admins, const char *sudo) {
        g_autoptr(CoreConfig) config = core_config(world->core);

        core_reload(world->core,
                    settings_of(config->settings->session_idle, config->settings->session_lifetime,
                                config->settings->max_per_user),
                    policy_of(admins, sudo), trust_ref(config->trust), /* providers= */ NULL);
}

void world_use_policy(World *world, const char *text) {
        g_autoptr(GPtrArray) mistakes = g_ptr_array_new();
        Policy *policy = policy_read_text("policy.conf", text, strlen(text), mistakes);

        g_assert_cmpint(mistakes->len, ==, 0);
        core_reload(world->core, world_settings(world), policy, core_trust(world->core), /* providers= */ NULL);
}

void world_use_provider(World *world, const char *more, const char *policy) {
        g_autofree char *text = g_strdup_printf("[provider:corp]\nissuer=" WORLD_ISSUER "\nclient-id=tessera\n%s", more);
        g_autoptr(GPtrArray) mistakes = g_ptr_array_new();
        Policy *rules = policy_read_text("policy.conf", policy, strlen(policy), mistakes);
        GPtrArray *providers = providers_read_text("corp.conf", text, strlen(text), mistakes);

        g_assert_cmpint(mistakes->len, ==, 0);
        core_reload(world->core, world_settings(world), rules, core_trust(world->core), providers);
}

void world_set_settings(World *world, int64_t idle, int64_t lifetime, unsigned max_per_user) {
        core_reload(world->core, settings_of(idle, lifetime, max_per_user), policy_of("alice", "max-age=15min"),
                    core_trust(world->core), /* providers= */ NULL);
}

Settings *world_settings(World *world) {
        g_autoptr(CoreConfig) config = core_config(world->core);

        return settings_copy(config->settings);
}

void world_use_settings(World *world, Settings *settings) {
        core_reload(world->core, settings, core_policy(world->core), core_trust(world->core), /* providers= */ NULL);
}

/* Life */

static void enrol(World *world, const char *name, const char *password) {
        const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };
        _cleanup_secret_ Secret *secret = world_secret(password);
        g_autofree char *warning = NULL;

        g_assert_cmpint(user_add(world->core, &root, name, secret, /* role= */ NULL, /* provider= */ NULL, &warning), ==, 0);
}

/* With the store of @first, which outlives this one; NULL: one of its own. */
static World *new_world(World *first, Store *store, const char *host) {
        World *world = g_new0(World, 1);
        CoreParts parts;
        char *message;

        world->clock = (FakeClock) FAKE_CLOCK_INIT;
        if (first) /* ids that two hosts draw are not the same */
                world->clock.counter = (gint) (g_str_hash(host) & 0xffff00);
        world->identities.source.look_up = world_look_up;
        world->identities.uids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        world->identities.gids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        world->audit.sink.emit = world_emit;
        world->audit.lines = g_ptr_array_new_with_free_func(g_free);
        world->logins.end = (EndLogin) { .session = world_end_session, .user = world_end_user };
        world->logins.lines = g_ptr_array_new_with_free_func(g_free);
        lying_provider_init(&world->provider);
        world->store = store;
        world->is_beside = first;
        world->keys = g_dir_make_tmp("test-world-XXXXXX", NULL);
        assert(world->keys);
        parts = (CoreParts) {
                .clock = &world->clock.clock,
                .identities = &world->identities.source,
                .audit = &world->audit.sink,
                .end_login = &world->logins.end,
                .store = world->store,
                .provider_source = &world->provider.source,
                .host = g_strdup(host),
                .boot_id = g_strdup(BOOT),
                .settings = settings_of(24 * 3600, 7 * 24 * 3600, 32),
                .policy = policy_of("alice", "max-age=15min"),
        };
        g_assert_cmpint(key_ring_open(world->keys, /* create= */ true, world->clock.wall, &parts.keys, &message), ==,
                        0);
        g_assert_cmpint(core_new(&parts, &world->core), ==, 0);
        world_set_account(world, "root", 0);
        world_set_account(world, "alice", ALICE);
        world_set_account(world, "bob", BOB);
        world_set_account(world, "carol", CAROL);
        if (!first) {
                enrol(world, "alice", ALICE_PASSWORD);
                enrol(world, "bob", BOB_PASSWORD);
        }
        g_free(world_audit(world));
        return world;
}

World *world_new(void) {
        return new_world(/* first= */ NULL, store_memory_new(), HOST);
}

World *world_new_sharing(World *first, const char *host) {
        return new_world(first, first ? first->store : store_memory_new_shared(), host);
}

static void remove_folder(const char *path) {
        g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
        const char *name;

        while (folder && (name = g_dir_read_name(folder))) {
                g_autofree char *file = g_build_filename(path, name, NULL);
                (void) g_unlink(file);
        }
        (void) g_rmdir(path);
}

static void keep_store(Store *store) {
}

/* The store goes with the first of those that share it. */
static void free_core(World *world) {
        const StoreBackend *backend = world->store->backend;
        StoreBackend keeping = *backend;

        keeping.free = keep_store;
        if (world->is_beside)
                world->store->backend = &keeping;
        core_free(world->core);
        if (world->is_beside)
                world->store->backend = backend;
}

World *world_free(World *world) {
        free_core(world);
        g_hash_table_unref(world->identities.uids);
        g_hash_table_unref(world->identities.gids);
        g_ptr_array_unref(world->audit.lines);
        g_free(world->audit.place);
        g_ptr_array_unref(world->logins.lines);
        lying_provider_deinit(&world->provider);
        remove_folder(world->keys);
        g_free(world->keys);
        g_free(world->broken);
        g_free(world);
        return NULL;
}

/* Breaking things */

static int fail_user_get(Store *store, const char *name, User **ret) {
        return -EIO;
}

static int fail_assignment_list(Store *store, uid_t uid, GPtrArray **ret) {
        return -EIO;
}

static int fail_assignment_set(Store *store, const Assignment *assignment, unsigned max, bool *ret_changed) {
        return -EIO;
}

static int fail_assignment_remove(Store *store, uid_t uid, const char *role, bool *ret_changed) {
        return -EIO;
}

static int fail_session_get(Store *store, const char *id, Session **ret) {
        return -EIO;
}

static int fail_session_list(Store *store, const SessionFilter *filter, GPtrArray **ret) {
        return -EIO;
}

static int fail_session_bound(Store *store, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret) {
        return -EIO;
}

static int fail_session_open(Store *store, const Session *session, unsigned max, bool *ret_bound, GPtrArray **ret) {
        return -EIO;
}

static int fail_session_open_login(Store *store, const Session *session, unsigned max, const char *network, bool *ret_bound,
                                   GPtrArray **ret, LoginNews *ret_news) {
        return -EIO;
}

static int fail_device_add(Store *store, const Device *device, unsigned max) {
        return -EIO;
}

static int fail_device_use(Store *store, const char *id, uint32_t counter, const char *from, int64_t now,
                           int64_t steady, DeviceUse *ret_use, Device **ret, GPtrArray **ret_ended) {
        return -EIO;
}

static int fail_device_revoke(Store *store, const char *id, const char *reason, int64_t now, bool *ret_changed,
                              GPtrArray **ret_ended) {
        return -EIO;
}

static int fail_ticket_use(Store *store, const char *issuer, const char *jti, int64_t until) {
        return -EIO;
}

static int fail_session_authenticated(Store *store, const char *id, int64_t auth_time, const char *method,
                                      const Granted *granted) {
        return -EIO;
}

static int fail_session_end(Store *store, const SessionSelector *selector, SessionEvent event, const char *reason,
                            int64_t now, GPtrArray **ret_ended) {
        return -EIO;
}

static int fail_identity_find(Store *store, const char *issuer, const char *subject, UserIdentity **ret) {
        return -EIO;
}

static StoreBackend *break_store(World *world) {
        if (!world->broken) {
                world->sound = world->store->backend;
                world->broken = g_memdup2(world->sound, sizeof(StoreBackend));
                world->store->backend = world->broken;
        }
        return world->broken;
}

void world_break_reads(World *world) {
        StoreBackend *broken = break_store(world);

        broken->user_get = fail_user_get;
        broken->session_get = fail_session_get;
        broken->session_bound = fail_session_bound;
}

void world_break_lists(World *world) {
        break_store(world)->session_list = fail_session_list;
}

void world_break_assignments(World *world) {
        break_store(world)->assignment_list = fail_assignment_list;
}

void world_break_identities(World *world) {
        break_store(world)->identity_find = fail_identity_find;
}

void world_break_writes(World *world) {
        StoreBackend *broken = break_store(world);

        broken->session_open = fail_session_open;
        broken->session_open_login = fail_session_open_login;
        broken->assignment_set = fail_assignment_set;
        broken->assignment_remove = fail_assignment_remove;
        broken->device_add = fail_device_add;
        broken->device_use = fail_device_use;
        broken->device_revoke = fail_device_revoke;
        broken->ticket_use = fail_ticket_use;
        broken->session_authenticated = fail_session_authenticated;
        broken->session_end = fail_session_end;
}

/* The store knows nothing of the world around it; one world at a time is watched. */
static World *watched;

static void run_before_open(void) {
        WorldHook hook = watched->before_open;

        watched->before_open = NULL;
        if (hook)
                hook(watched);
}

static int watched_session_open(Store *store, const Session *session, unsigned max, bool *ret_bound,
                                GPtrArray **ret) {
        run_before_open();
        return watched->sound->session_open(store, session, max, ret_bound, ret);
}

static int watched_session_open_login(Store *store, const Session *session, unsigned max, const char *network, bool *ret_bound,
                                      GPtrArray **ret, LoginNews *ret_news) {
        run_before_open();
        return watched->sound->session_open_login(store, session, max, network, ret_bound, ret, ret_news);
}

static int watched_device_add(Store *store, const Device *device, unsigned max) {
        WorldHook hook = watched->before_add;

        watched->before_add = NULL;
        if (hook)
                hook(watched);
        return watched->sound->device_add(store, device, max);
}

static int watched_user_get(Store *store, const char *name, User **ret) {
        int r = watched->sound->user_get(store, name, ret);
        WorldHook hook = watched->after_user_read;

        watched->after_user_read = NULL;
        if (hook)
                hook(watched);
        return r;
}

void world_before_open(World *world, WorldHook hook) {
        watched = world;
        world->before_open = hook;
        break_store(world)->session_open = watched_session_open;
        break_store(world)->session_open_login = watched_session_open_login;
}

void world_before_add(World *world, WorldHook hook) {
        watched = world;
        world->before_add = hook;
        break_store(world)->device_add = watched_device_add;
}

void world_after_user_read(World *world, WorldHook hook) {
        watched = world;
        world->after_user_read = hook;
        break_store(world)->user_get = watched_user_get;
}

/* Callers */

const Caller world_root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

static Caller caller_of(uid_t uid, uint32_t audit_id) {
        Caller caller = { .uid = uid, .audit_id = audit_id, .logind_uid = uid == 0 ? ALICE : uid };

        if (audit_id != AUDIT_ID_UNSET)
                (void) g_snprintf(caller.logind_id, sizeof(caller.logind_id), "c%u", audit_id);
        return caller;
}

Caller world_pam(uint32_t audit_id) {
        Caller caller = caller_of(0, audit_id);

        caller.process = (Process) { .pid = 1000 + (pid_t) (audit_id % 10000), .start = 7 };
        caller.parent = (Process) { .pid = 1, .start = 1 };
        return caller;
}

Caller world_pam_child(uint32_t audit_id) {
        Caller parent = world_pam(audit_id);
        Caller caller = caller_of(0, AUDIT_ID_UNSET); /* pam_loginuid has not run yet */

        caller.process = (Process) { .pid = 20000 + parent.process.pid, .start = 8 };
        caller.parent = parent.process;
        return caller;
}

Caller world_person(uid_t uid, uint32_t audit_id) {
        Caller caller = caller_of(uid, audit_id);

        caller.process = (Process) { .pid = 30000, .start = 9 };
        return caller;
}

/* Asking */

Secret *world_secret(const char *text) {
        Secret *secret = secret_new(strlen(text));

        assert(secret);
        memcpy(secret->data, text, strlen(text));
        return secret;
}

static LoginAnswer without_message(LoginAnswer *answer) {
        check_text(answer->message);
        login_answer_deinit(answer);
        return *answer;
}

LoginAnswer world_authenticate(World *world, const Caller *caller, const LoginRequest *request, const char *text) {
        _cleanup_secret_ Secret *secret = world_secret(text);
        LoginAnswer answer;

        g_assert_cmpint(login_authenticate(world->core, caller, request, secret, &answer), ==, 0);
        return without_message(&answer);
}

LoginAnswer world_ask(World *world, Question question, const Caller *caller, const LoginRequest *request) {
        LoginAnswer answer;

        g_assert_cmpint(question(world->core, caller, request, &answer), ==, 0);
        return without_message(&answer);
}

char *world_log_in(World *world, const char *user, const char *password, uint32_t audit_id) {
        Caller child = world_pam_child(audit_id), pam = world_pam(audit_id);
        LoginRequest request = { .user = user, .service = "sshd", .rhost = "192.0.2.1", .tty = "ssh" };
        LoginAnswer answer;

        pam.logind_uid = g_str_equal(user, "bob") ? BOB : ALICE;
        answer = world_authenticate(world, &child, &request, password);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        request.session = answer.session;
        answer = world_ask(world, login_open, &pam, &request);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_free(world_audit(world));
        return g_strdup(answer.session);
}

char *world_token(World *world, uid_t uid, uint32_t audit_id) {
        Caller person = world_person(uid, audit_id);
        g_autoptr(TokenClaims) claims = NULL;
        char *token;

        g_assert_cmpint(token_print(world->core, &person, /* audience= */ NULL, /* min_ttl= */ 0, &token, &claims), ==, 0);
        g_free(world_audit(world));
        return token;
}

Session *world_session(World *world, const char *id) {
        Session *session;

        g_assert_cmpint(store_session_get(world->store, id, &session), ==, 0);
        return session;
}

SessionState world_state(World *world, const char *id) {
        g_autoptr(Session) session = world_session(world, id);

        return session->state;
}
