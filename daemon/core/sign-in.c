/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "common/error.h"
#include "daemon/core/sign-in.h"

/* One that is under way. */
typedef struct SignIn {
        char handle[PROVIDER_FLOW_SIZE];
        char flow[PROVIDER_FLOW_SIZE]; /* the helper's */
        char *provider, *user, *service;
        uid_t uid, owner;
        Process process;
        uint64_t mark;
        int64_t until; /* milliseconds of clock_running() */
        bool asked;    /* somebody waits for its answer now */
} SignIn;

struct SignIns {
        const Clock *clock;
        const ProviderSource *source;
        GMutex lock;       /* never held while the helper is asked */
        GHashTable *table; /* handle in SignIn → SignIn * */
        unsigned talking;  /* that wait for a provider now */
        unsigned looking;  /* that ask the helper what it knows now */
        unsigned coming;   /* of those that talk, that will be in the table */
};

static void sign_in_free(gpointer data) {
        SignIn *sign_in = data;

        g_free(sign_in->provider);
        g_free(sign_in->user);
        g_free(sign_in->service);
        g_free(sign_in);
}

SignIns *sign_ins_new(const Clock *clock, const ProviderSource *source) {
        SignIns *sign_ins = g_new0(SignIns, 1);

        sign_ins->clock = clock;
        sign_ins->source = source;
        g_mutex_init(&sign_ins->lock);
        sign_ins->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sign_in_free);
        return sign_ins;
}

/* Out of the table under the lock, and cancelled outside it. */

static void cancel_all(SignIns *sign_ins, const GPtrArray *flows) {
        for (guint i = 0; i < flows->len; i++)
                sign_ins->source->cancel(sign_ins->source, flows->pdata[i]);
}

/* Takes out those for which @over says so, and adds their flows to @flows. */
static void take(SignIns *sign_ins, bool (*over)(const SignIn *sign_in, const void *data), const void *data,
                 GPtrArray *flows) {
        GHashTableIter i;
        gpointer value;

        g_hash_table_iter_init(&i, sign_ins->table);
        while (g_hash_table_iter_next(&i, NULL, &value))
                if (over(value, data)) {
                        g_ptr_array_add(flows, g_strdup(((const SignIn *) value)->flow));
                        g_hash_table_iter_remove(&i);
                }
}

static void end(SignIns *sign_ins, bool (*over)(const SignIn *sign_in, const void *data), const void *data) {
        g_autoptr(GPtrArray) flows = g_ptr_array_new_with_free_func(g_free);

        g_mutex_lock(&sign_ins->lock);
        take(sign_ins, over, data, flows);
        g_mutex_unlock(&sign_ins->lock);
        cancel_all(sign_ins, flows);
}

static bool is_of_user(const SignIn *sign_in, const void *user) {
        return !user || g_str_equal(sign_in->user, user);
}

static bool is_late(const SignIn *sign_in, const void *now) {
        return sign_in->until <= *(const int64_t *) now;
}

static bool is_of_process(const SignIn *sign_in, const void *process) {
        return process_equal(&sign_in->process, process);
}

SignIns *sign_ins_free(SignIns *sign_ins) {
        if (!sign_ins)
                return NULL;
        sign_ins_drop(sign_ins, NULL);
        g_hash_table_unref(sign_ins->table);
        g_mutex_clear(&sign_ins->lock);
        g_free(sign_ins);
        return NULL;
}

void sign_ins_drop(SignIns *sign_ins, const char *user) {
        end(sign_ins, is_of_user, user);
}

unsigned sign_ins_size(SignIns *sign_ins) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sign_ins->lock);

        return g_hash_table_size(sign_ins->table);
}

/* Beginning */

/* Who runs the program. root, and UID_UNSET, are nobody: sshd's, login's. */
static uid_t owner_of(const Caller *caller) {
        uid_t owner = caller->uid != 0 ? caller->uid : caller->real_uid;

        return owner == 0 ? UID_UNSET : owner;
}

static bool has_many(SignIns *sign_ins, uid_t owner) {
        GHashTableIter i;
        unsigned n = 0;
        gpointer value;

        g_hash_table_iter_init(&i, sign_ins->table);
        while (g_hash_table_iter_next(&i, NULL, &value))
                n += ((const SignIn *) value)->owner == owner;
        return owner != UID_UNSET && n >= SIGN_IN_PER_UID;
}

/* A place among those that talk, and among all. One process has one sign-in: what it began before is over. */
static bool reserve(SignIns *sign_ins, const Caller *caller) {
        g_autoptr(GPtrArray) flows = g_ptr_array_new_with_free_func(g_free);
        bool there_is_room;

        g_mutex_lock(&sign_ins->lock);
        take(sign_ins, is_of_process, &caller->process, flows);
        there_is_room = sign_ins->talking < SIGN_IN_AT_ONCE && !has_many(sign_ins, owner_of(caller)) &&
                        g_hash_table_size(sign_ins->table) + sign_ins->coming < SIGN_IN_MAX;
        if (there_is_room) {
                sign_ins->talking++;
                sign_ins->coming++;
        }
        g_mutex_unlock(&sign_ins->lock);
        cancel_all(sign_ins, flows);
        return there_is_room;
}

static SignIn *sign_in_new(SignIns *sign_ins, const SignInWish *wish, const ProviderFlow *flow) {
        SignIn *sign_in = g_new0(SignIn, 1);
        int64_t lifetime = SIGN_IN_LIFETIME_S;

        if (flow->expires_in > 0)
                lifetime = MIN(lifetime, (int64_t) flow->expires_in);
        clock_new_session_id(sign_ins->clock, sign_in->handle);
        (void) g_strlcpy(sign_in->flow, flow->id, sizeof(sign_in->flow));
        sign_in->provider = g_strdup(wish->provider);
        sign_in->user = g_strdup(wish->user);
        sign_in->service = g_strdup(wish->service);
        sign_in->uid = wish->caller->uid;
        sign_in->owner = owner_of(wish->caller);
        sign_in->process = wish->caller->process;
        sign_in->mark = wish->mark;
        sign_in->until = clock_running(sign_ins->clock) + lifetime * 1000;
        return sign_in;
}

int sign_in_begin(SignIns *sign_ins, const SignInWish *wish, char ret_handle[PROVIDER_FLOW_SIZE], ProviderFlow *ret) {
        SignIn *sign_in;
        int r;

        if (wish->caller->process.pid <= 0) /* nobody could ever ask for it */
                return error_trace(-ESRCH);
        if (!reserve(sign_ins, wish->caller))
                return SIGN_IN_E_BUSY;
        r = sign_ins->source->begin(sign_ins->source, wish->provider, wish->redirect_uri, ret);
        g_mutex_lock(&sign_ins->lock);
        sign_ins->talking--;
        sign_ins->coming--;
        if (r == 0) {
                sign_in = sign_in_new(sign_ins, wish, ret);
                (void) g_strlcpy(ret_handle, sign_in->handle, PROVIDER_FLOW_SIZE);
                (void) g_hash_table_replace(sign_ins->table, sign_in->handle, sign_in);
        }
        g_mutex_unlock(&sign_ins->lock);
        return r;
}

/* Answering */

static SignIn *find(SignIns *sign_ins, const char *handle, const SignInWish *wish) {
        SignIn *sign_in = g_hash_table_lookup(sign_ins->table, handle);

        if (!sign_in || sign_in->uid != wish->caller->uid || !process_equal(&sign_in->process, &wish->caller->process))
                return NULL;
        return g_str_equal(sign_in->user, wish->user) && g_str_equal(sign_in->service, wish->service) ? sign_in : NULL;
}

/* 0: it may be asked now, and @ret is its flow. @busy: how many are, in the same way. */
static int enter(SignIns *sign_ins, const char *handle, const SignInWish *wish, bool hurry, unsigned *busy,
                 char ret[PROVIDER_FLOW_SIZE], bool *ret_late) {
        int64_t now = clock_running(sign_ins->clock);
        SignIn *sign_in = find(sign_ins, handle, wish);

        if (!sign_in)
                return SIGN_IN_E_UNKNOWN;
        (void) g_strlcpy(ret, sign_in->flow, PROVIDER_FLOW_SIZE);
        *ret_late = is_late(sign_in, &now);
        if (*ret_late) {
                (void) g_hash_table_remove(sign_ins->table, handle);
                return 0;
        }
        if (hurry) /* the first time counts, however often it is said */
                sign_in->until = MIN(sign_in->until, now + SIGN_IN_HURRY_S * 1000);
        if (sign_in->asked || *busy >= SIGN_IN_AT_ONCE)
                return SIGN_IN_E_BUSY;
        sign_in->asked = true;
        (*busy)++;
        return 0;
}

/* What was heard counts only for one that is still there: it may have been dropped meanwhile, and for a reason. */
static int leave(SignIns *sign_ins, const char *handle, unsigned *busy, int r, SignInAnswer *answer) {
        SignIn *sign_in = g_hash_table_lookup(sign_ins->table, handle);

        (*busy)--;
        if (!sign_in)
                return SIGN_IN_E_UNKNOWN;
        sign_in->asked = false;
        if (r != 0)
                return r;
        answer->provider = g_strdup(sign_in->provider);
        answer->mark = sign_in->mark;
        if (answer->state != PROVIDER_STATE_PENDING)
                (void) g_hash_table_remove(sign_ins->table, handle);
        return 0;
}

static int ask(SignIns *sign_ins, const char *flow, const char *query, size_t size, SignInAnswer *answer) {
        const ProviderSource *source = sign_ins->source;

        return query ? source->redirect(source, flow, query, size, &answer->state, &answer->identity)
                     : source->look(source, flow, &answer->state, &answer->identity);
}

int sign_in_answer(SignIns *sign_ins, const char *handle, const SignInWish *wish, const char *query, size_t size,
                   bool hurry, SignInAnswer *ret) {
        g_auto(SignInAnswer) answer = { .state = PROVIDER_STATE_FAILED };
        unsigned *busy = query ? &sign_ins->talking : &sign_ins->looking;
        char flow[PROVIDER_FLOW_SIZE];
        bool late = false;
        int r;

        g_mutex_lock(&sign_ins->lock);
        r = enter(sign_ins, handle, wish, hurry, busy, flow, &late);
        g_mutex_unlock(&sign_ins->lock);
        if (r != 0)
                return r;
        if (late) {
                sign_ins->source->cancel(sign_ins->source, flow);
                *ret = (SignInAnswer) { .state = PROVIDER_STATE_EXPIRED };
                return 0;
        }
        r = ask(sign_ins, flow, query, size, &answer);
        g_mutex_lock(&sign_ins->lock);
        r = leave(sign_ins, handle, busy, r, &answer);
        g_mutex_unlock(&sign_ins->lock);
        if (r != 0)
                return r;
        *ret = answer;
        answer = (SignInAnswer) { .state = PROVIDER_STATE_FAILED };
        return 0;
}

void sign_in_answer_deinit(SignInAnswer *answer) {
        provider_identity_deinit(&answer->identity);
        g_clear_pointer(&answer->provider, g_free);
}

/* Sweeping */

static GArray *list_processes(SignIns *sign_ins) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sign_ins->lock);
        GArray *processes = g_array_new(FALSE, FALSE, sizeof(Process));
        GHashTableIter i;
        gpointer value;

        g_hash_table_iter_init(&i, sign_ins->table);
        while (g_hash_table_iter_next(&i, NULL, &value))
                g_array_append_val(processes, ((SignIn *) value)->process);
        return processes;
}

void sign_ins_sweep(SignIns *sign_ins, bool (*alive)(const Process *process, void *data), void *data) {
        g_autoptr(GArray) processes = list_processes(sign_ins);
        int64_t now = clock_running(sign_ins->clock);

        end(sign_ins, is_late, &now);
        for (guint i = 0; i < processes->len; i++) {
                const Process *process = &g_array_index(processes, Process, i);
                if (!alive(process, data))
                        end(sign_ins, is_of_process, process);
        }
}
