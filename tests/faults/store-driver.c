/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The store at work, for tests that kill it and take its disk away.
 *
 *      store-driver PATH storm THREADS    opens and ends sessions, uses devices and tickets, assigns roles until it is killed
 *      store-driver PATH steps            does what stdin says: open N, disable, users, use DEVICE COUNTER,
 *                                         spent TICKET, dump, quit
 *      store-driver PATH dump             prints all users, sessions, devices and roles
 *      store-driver PATH growth N         fills up to N sessions, then measures
 *      store-driver PATH uses CLIENTS     measures uses of devices beside plain writes with fdatasync
 *
 * A line is written (with one write) before each change, "try …", and one after the store has
 * acknowledged it: what is in the second kind must be there whatever happens next.
 */

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "daemon/store/store-sqlite.h"

#define HOST "web1.example.org"
#define BOOT "11111111-1111-1111-1111-111111111111"
#define N_USERS 16

G_GNUC_PRINTF(1, 2)
static void say(const char *format, ...) {
        char line[8192]; /* the gaps of a device */
        va_list arguments;
        int n;

        va_start(arguments, format);
        n = vsnprintf(line, sizeof(line), format, arguments);
        va_end(arguments);
        assert(n > 0 && (size_t) n < sizeof(line));
        assert(write(STDOUT_FILENO, line, (size_t) n) == n);
}

static void random_id(char id[SESSION_ID_SIZE]) {
        uint8_t bytes[16];

        assert(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++)
                (void) snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static Store *open_store(const char *path) {
        g_autofree char *message = NULL;
        Store *store = NULL;

        if (store_sqlite_open(path, /* must_exist= */ false, &store, &message) < 0) {
                fprintf(stderr, "%s\n", message);
                _exit(1);
        }
        return store;
}

static void add_users(Store *store) {
        for (unsigned i = 0; i < N_USERS; i++) {
                g_autofree char *name = g_strdup_printf("user%u", i);
                User user = { .name = name, .uid = 1000 + i, .enabled = true, .password_hash = (char *) "$h$" };

                if (store_user_add(store, &user) == 0)
                        say("added %s\n", name);
        }
}

static int open_session(Store *store, unsigned user, const char *id, const char *device) {
        g_autoptr(Session) session = session_new();
        g_autoptr(GPtrArray) ended = NULL;
        bool bound;

        memcpy(session->id, id, SESSION_ID_SIZE);
        session->user = g_strdup_printf("user%u", user);
        session->uid = 1000 + user;
        session->host = g_strdup(HOST);
        session->service = g_strdup("sshd");
        session->tty = g_strnfill(200, 't');
        session->boot_id = g_strdup(BOOT);
        session->opened = session->seen = 1700000000;
        session->ends = session->opened + 86400;
        session->state = SESSION_ACTIVE;
        if (device)
                memcpy(session->device, device, SESSION_ID_SIZE);
        return store_session_open(store, session, 100000, &bound, &ended);
}

static int revoke_session(Store *store, const char *id) {
        SessionSelector selector = { .id = id, .uid = UID_UNSET };
        g_autoptr(GPtrArray) ended = NULL;

        return store_session_end(store, &selector, SESSION_EVENT_REVOKE, "test", 1700000001, &ended);
}

static int add_device(Store *store, unsigned user, const char *id) {
        g_autoptr(Device) device = device_new();

        memcpy(device->id, id, SESSION_ID_SIZE);
        device->name = g_strdup(id);
        device->user = g_strdup_printf("user%u", user);
        device->uid = 1000 + user;
        device->audience = g_strdup(HOST);
        device->created = 1700000000;
        device->ends = device->created + 86400;
        return store_device_add(store, device, 100000);
}

/* Time goes on with the counter, so that what was skipped closes. */
static int use_device(Store *store, const char *id, uint32_t counter, DeviceUse *ret_use) {
        g_autoptr(Device) device = NULL;
        g_autoptr(GPtrArray) ended = NULL;

        return store_device_use(store, id, counter, NULL, 1700000000 + counter, 1700000000 + counter, ret_use, &device, &ended);
}

static int disable_user(Store *store, unsigned user) {
        g_autofree char *name = g_strdup_printf("user%u", user);
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        return store_user_disable(store, name, "test", 1700000002, &changed, &ended);
}

static int enable_user(Store *store, unsigned user) {
        g_autofree char *name = g_strdup_printf("user%u", user);
        bool changed;

        return store_user_enable(store, name, &changed);
}

/* Says what is tried and what came of it. */
static bool told(const char *what, const char *name, int r) {
        if (r == 0)
                say("%s %s\n", what, name);
        else
                say("failed %s %s %d\n", what, name, r);
        return r == 0;
}

static bool try_open(Store *store, unsigned user, const char *device, char ret_id[SESSION_ID_SIZE]) {
        random_id(ret_id);
        say("try opened %s user%u %s\n", ret_id, user, device ?: "-");
        return told("opened", ret_id, open_session(store, user, ret_id, device));
}

static void try_revoke(Store *store, const char *id) {
        say("try revoked %s\n", id);
        told("revoked", id, revoke_session(store, id));
}

static void try_user(Store *store, bool enable, unsigned user) {
        g_autofree char *name = g_strdup_printf("user%u", user);
        const char *what = enable ? "enabled" : "disabled";

        say("try %s %s\n", what, name);
        told(what, name, enable ? enable_user(store, user) : disable_user(store, user));
}

static bool try_register(Store *store, unsigned user, char ret_id[SESSION_ID_SIZE]) {
        random_id(ret_id);
        say("try registered %s user%u\n", ret_id, user);
        return told("registered", ret_id, add_device(store, user, ret_id));
}

/* One that must count; and one that must not, and revokes the device. */
static bool try_use(Store *store, const char *device, uint32_t counter) {
        g_autofree char *name = g_strdup_printf("%s:%u", device, counter);
        DeviceUse use = DEVICE_USE_NEXT;

        say("try used %s\n", name);
        if (!told("used", name, use_device(store, device, counter, &use)))
                return false;
        assert(use != DEVICE_USE_AGAIN);
        return true;
}

static void try_reuse(Store *store, const char *device, uint32_t counter) {
        DeviceUse use = DEVICE_USE_AGAIN;

        say("try reused %s\n", device);
        told("reused", device, use_device(store, device, counter, &use));
        assert(use == DEVICE_USE_AGAIN);
}

static void try_ticket(Store *store) {
        char id[SESSION_ID_SIZE];

        random_id(id);
        say("try spent %s\n", id);
        told("spent", id, store_ticket_use(store, "web2.example.org", id, 1700000060));
}

/* One user's role "USER:ROLE", so that each name's last word is the one that counts. */
static void try_assign(Store *store, unsigned user, unsigned role, bool assign) {
        g_autofree char *name = g_strdup_printf("user%u", user), *word = g_strdup_printf("role%u", role);
        g_autofree char *both = g_strdup_printf("%s:%s", name, word);
        const Assignment assignment = { .user = name, .uid = 1000 + user, .role = word, .by = (char *) "root" };
        const char *what = assign ? "assigned" : "unassigned";
        bool changed;

        say("try %s %s\n", what, both);
        told(what, both, assign ? store_assignment_set(store, &assignment, 64, &changed)
                                : store_assignment_remove(store, assignment.uid, word, &changed));
}

/* storm */

typedef struct Worker {
        pthread_t thread;
        Store *store;
        unsigned user;
} Worker;

/* A device's life: its counters, four at a time and out of order, a login, and a thief. */
static void storm_device(Store *store, unsigned user) {
        static const uint32_t order[] = { 3, 1, 4, 2 };
        char device[SESSION_ID_SIZE], session[SESSION_ID_SIZE];
        bool used = false;

        if (!try_register(store, user, device))
                return;
        for (uint32_t i = 0; i < 12; i++)
                used = try_use(store, device, i / 4 * 4 + order[i % 4]);
        (void) try_open(store, user, device, session); /* what failed is told; ignoring */
        if (used && user % 2)
                try_reuse(store, device, 10);
}

static void *storm(void *data) {
        Worker *worker = data;

        try_user(worker->store, true, worker->user); /* the last storm was killed somewhere */
        for (unsigned round = 1;; round++) {
                char keep[SESSION_ID_SIZE], revoke[SESSION_ID_SIZE];

                if (try_open(worker->store, worker->user, NULL, keep))
                        store_session_touch(worker->store, keep, 1700000100);
                if (try_open(worker->store, worker->user, NULL, revoke))
                        try_revoke(worker->store, revoke);
                try_ticket(worker->store);
                if (round % 4 == 1) {
                        try_assign(worker->store, worker->user, round / 4 % 4, true);
                        try_assign(worker->store, worker->user, (round / 4 + 1) % 4, false);
                }
                if (round % 4 == 2)
                        storm_device(worker->store, worker->user);
                if (round % 16 == 0) {
                        try_user(worker->store, false, worker->user);
                        try_user(worker->store, true, worker->user);
                }
        }
        return NULL;
}

static void run_storm(Store *store, unsigned n) {
        Worker workers[N_USERS];

        assert(n <= N_USERS);
        for (unsigned i = 0; i < n; i++) {
                workers[i] = (Worker) { .store = store, .user = i };
                assert(pthread_create(&workers[i].thread, NULL, storm, &workers[i]) == 0);
        }
        assert(pthread_join(workers[0].thread, NULL) == 0);
}

/* dump */

static void dump(Store *store) {
        g_autoptr(GPtrArray) users = NULL, sessions = NULL, devices = NULL, assignments = NULL;
        SessionFilter filter = { .uid = UID_UNSET, .ended = true };

        assert(store_user_list(store, &users) == 0);
        assert(store_session_list(store, &filter, &sessions) == 0);
        assert(store_device_list(store, UID_UNSET, &devices) == 0);
        assert(store_assignment_list(store, UID_UNSET, &assignments) == 0);
        for (guint i = 0; i < users->len; i++) {
                const User *user = users->pdata[i];

                say("user %s %s\n", user->name, user->enabled ? "enabled" : "disabled");
        }
        for (guint i = 0; i < sessions->len; i++) {
                const Session *session = sessions->pdata[i];

                say("session %s %s %s\n", session->id, session->user, session_state_to_string(session->state));
        }
        for (guint i = 0; i < devices->len; i++) {
                const Device *device = devices->pdata[i];
                g_autofree char *gaps = device_window_gaps_to_string(&device->window);

                say("device %s %s %s %u %s\n", device->id, device->user, device->revoked ? "revoked" : "active",
                    device->window.highest, gaps);
        }
        for (guint i = 0; i < assignments->len; i++) {
                const Assignment *assignment = assignments->pdata[i];

                say("role %s:%s\n", assignment->user, assignment->role);
        }
        say("end\n");
}

/* steps */

static void say_use(Store *store, const char *device, uint32_t counter) {
        static const char *const words[] = { "again", "next", "late" };
        DeviceUse use;
        int r;

        r = use_device(store, device, counter, &use);
        say("use %s\n", r == 0 ? words[use] : "failed");
}

static void say_spent(Store *store, const char *ticket) {
        bool used;

        assert(store_ticket_used(store, "web2.example.org", ticket, &used) == 0);
        say("spent %s %s\n", ticket, used ? "yes" : "no");
}

static void run_steps(Store *store) {
        char line[64], id[SESSION_ID_SIZE];
        unsigned n;

        while (fgets(line, sizeof(line), stdin)) {
                if (sscanf(line, "open %u", &n) == 1)
                        for (unsigned i = 0; i < n; i++)
                                (void) try_open(store, 1, NULL, id);
                else if (sscanf(line, "use %32s %u", id, &n) == 2)
                        say_use(store, id, n);
                else if (sscanf(line, "spent %32s", id) == 1)
                        say_spent(store, id);
                else if (strcmp(line, "users\n") == 0)
                        add_users(store);
                else if (strcmp(line, "disable\n") == 0)
                        try_user(store, false, 2);
                else if (strcmp(line, "dump\n") == 0)
                        dump(store);
                else if (strcmp(line, "quit\n") == 0)
                        return;
                say("done\n");
        }
}

/* growth */

static double seconds_of(Store *store, int (*what)(Store *store, const char *id), const char *const *ids, unsigned n) {
        int64_t start = g_get_monotonic_time();

        for (unsigned i = 0; i < n; i++)
                assert(what(store, ids[i]) == 0);
        return (double) (g_get_monotonic_time() - start) / 1e6 / n;
}

static int get_one(Store *store, const char *id) {
        g_autoptr(Session) session = NULL;

        return store_session_get(store, id, &session);
}

static int open_one(Store *store, const char *id) {
        return open_session(store, 3, id, NULL);
}

static int sweep_one(Store *store, const char *id) {
        g_autoptr(GPtrArray) ended = NULL;
        bool more;

        return store_session_sweep(store, HOST, BOOT, 1700000050, 86400, 86400, 100, &ended, &more);
}

static void *fill(void *data) {
        Worker *worker = data;
        char id[SESSION_ID_SIZE];

        for (unsigned i = 0; i < worker->user; i++) {
                random_id(id);
                assert(open_session(worker->store, 4 + i % 8, id, NULL) == 0);
                if (i % 16)
                        assert(revoke_session(worker->store, id) == 0);
        }
        return NULL;
}

static void run_growth(Store *store, unsigned n) {
        enum { N_FILLERS = 64, N_PROBES = 1000 };
        Worker workers[N_FILLERS];
        g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);

        for (unsigned i = 0; i < N_FILLERS; i++) {
                workers[i] = (Worker) { .store = store, .user = n / N_FILLERS };
                assert(pthread_create(&workers[i].thread, NULL, fill, &workers[i]) == 0);
        }
        for (unsigned i = 0; i < N_FILLERS; i++)
                assert(pthread_join(workers[i].thread, NULL) == 0);
        for (unsigned i = 0; i < N_PROBES; i++) {
                g_ptr_array_add(ids, g_malloc0(SESSION_ID_SIZE));
                random_id(ids->pdata[i]);
        }
        g_usleep(4 * G_USEC_PER_SEC); /* the checkpoint */
        say("open %.1f us\n", 1e6 * seconds_of(store, open_one, (const char *const *) ids->pdata, N_PROBES));
        say("get %.1f us\n", 1e6 * seconds_of(store, get_one, (const char *const *) ids->pdata, N_PROBES));
        say("sweep %.1f us\n", 1e6 * seconds_of(store, sweep_one, (const char *const *) ids->pdata, 100));
        say("revoke %.1f us\n", 1e6 * seconds_of(store, revoke_session, (const char *const *) ids->pdata, N_PROBES));
}

/* uses */

enum { N_USES = 200 };

static void *use_and_use(void *data) {
        Worker *worker = data;
        char id[SESSION_ID_SIZE];
        DeviceUse use;

        random_id(id);
        assert(add_device(worker->store, worker->user % N_USERS, id) == 0);
        for (uint32_t counter = 1; counter <= N_USES; counter++)
                assert(use_device(worker->store, id, counter, &use) == 0 && use == DEVICE_USE_NEXT);
        return NULL;
}

/* What the disk can do: pages appended to a file, each with fdatasync. */
static double plain_seconds(const char *path) {
        g_autofree char *name = g_strconcat(path, ".plain", NULL), *page = g_malloc0(4096);
        int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int64_t start = g_get_monotonic_time();

        assert(fd >= 0);
        for (unsigned i = 0; i < N_USES; i++)
                assert(pwrite(fd, page, 4096, i % 64 * 4096) == 4096 && fdatasync(fd) == 0);
        assert(close(fd) == 0 && unlink(name) == 0);
        return (double) (g_get_monotonic_time() - start) / 1e6;
}

static double use_seconds(Store *store, unsigned n) {
        Worker workers[256];
        int64_t start = g_get_monotonic_time();

        assert(n >= 1 && n <= G_N_ELEMENTS(workers));
        for (unsigned i = 0; i < n; i++) {
                workers[i] = (Worker) { .store = store, .user = i };
                assert(pthread_create(&workers[i].thread, NULL, use_and_use, &workers[i]) == 0);
        }
        for (unsigned i = 0; i < n; i++)
                assert(pthread_join(workers[i].thread, NULL) == 0);
        return (double) (g_get_monotonic_time() - start) / 1e6;
}

/* In turns, so that whatever else the machine does slows both. */
static void run_uses(Store *store, const char *path, unsigned n) {
        enum { N_ROUNDS = 8 };
        double plain = 0, uses = 0;

        for (unsigned round = 0; round < N_ROUNDS; round++) {
                plain += plain_seconds(path);
                uses += use_seconds(store, n);
        }
        say("uses %u clients %.0f/s, plain %.0f/s, ratio %.2f\n", n, n * N_USES * N_ROUNDS / uses,
            N_USES * N_ROUNDS / plain, n * plain / uses);
}

int main(int argc, char **argv) {
        unsigned n = argc > 3 ? (unsigned) g_ascii_strtoull(argv[3], NULL, 10) : 0;
        g_autoptr(Store) store = NULL;

        assert(argc >= 3);
        store = open_store(argv[1]);
        if (strcmp(argv[2], "dump") == 0)
                dump(store);
        else if (strcmp(argv[2], "steps") == 0)
                run_steps(store);
        else if (add_users(store), strcmp(argv[2], "storm") == 0)
                run_storm(store, n);
        else if (strcmp(argv[2], "uses") == 0)
                run_uses(store, argv[1], n);
        else
                run_growth(store, n);
        return 0;
}
