/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/core/sign-in.h"
#include "daemon/core/test-fake-clock.h"
#include "daemon/core/test-lying-provider.h"

/* What there is in every test. */
typedef struct Desk {
        FakeClock clock;
        LyingProvider liar;
        SignIns *sign_ins;
} Desk;

static Desk *desk_new(void) {
        Desk *desk = g_new0(Desk, 1);

        desk->clock = (FakeClock) FAKE_CLOCK_INIT;
        lying_provider_init(&desk->liar);
        desk->sign_ins = sign_ins_new(&desk->clock.clock, &desk->liar.source);
        return desk;
}

static void desk_free(Desk *desk) {
        assert(!sign_ins_free(desk->sign_ins));
        lying_provider_deinit(&desk->liar);
        g_free(desk);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Desk, desk_free)

static Caller process(pid_t pid, uint64_t start) {
        return (Caller) { .uid = 0, .process = { .pid = pid, .start = start } };
}

static const Caller sshd = { .uid = 0, .process = { .pid = 100, .start = 7 } };

static SignInWish wish_of(const Caller *caller) {
        return (SignInWish) { .provider = "corp", .user = "alice", .service = "sshd", .caller = caller, .mark = 42 };
}

static int begin_of(Desk *desk, const Caller *caller, char handle[PROVIDER_FLOW_SIZE]) {
        g_auto(ProviderFlow) flow = { .expires_in = 0 };
        SignInWish wish = wish_of(caller);

        return sign_in_begin(desk->sign_ins, &wish, handle, &flow);
}

static void begin(Desk *desk, char handle[PROVIDER_FLOW_SIZE]) {
        g_assert_cmpint(begin_of(desk, &sshd, handle), ==, 0);
}

/* Its state, or -1 where there was no answer, with the result in @ret_r. */
static int answer_to(Desk *desk, const char *handle, const SignInWish *wish, bool hurry, int *ret_r) {
        g_auto(SignInAnswer) answer = { .state = PROVIDER_STATE_FAILED };

        *ret_r = sign_in_answer(desk->sign_ins, handle, wish, NULL, 0, hurry, &answer);
        if (*ret_r == 0 && answer.provider) {
                g_assert_cmpstr(answer.provider, ==, "corp");
                g_assert_cmpuint(answer.mark, ==, 42);
        }
        return *ret_r == 0 ? (int) answer.state : -1;
}

static int answer(Desk *desk, const char *handle) {
        SignInWish wish = wish_of(&sshd);
        int r, state = answer_to(desk, handle, &wish, false, &r);

        g_assert_cmpint(r, ==, 0);
        return state;
}

static int result(Desk *desk, const char *handle) {
        SignInWish wish = wish_of(&sshd);
        int r;

        (void) answer_to(desk, handle, &wish, false, &r);
        return r;
}

static void test_what_is_shown_and_told_once(void) {
        g_autoptr(Desk) desk = desk_new();
        g_auto(ProviderFlow) flow = { .expires_in = 0 };
        SignInWish wish = wish_of(&sshd);
        char handle[PROVIDER_FLOW_SIZE];

        g_assert_cmpint(sign_in_begin(desk->sign_ins, &wish, handle, &flow), ==, 0);
        g_assert_cmpstr(desk->liar.asked_for, ==, "corp -");
        g_assert_cmpstr(flow.user_code, ==, "WDJB-MJHT");
        g_assert_cmpstr(flow.uri, ==, "https://login.corp.example/device");
        g_assert_cmpint(strspn(handle, "0123456789abcdef"), ==, 32);
        g_assert_cmpstr(handle, !=, flow.id); /* the helper's own is never shown */
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_PENDING);
        desk->liar.state = PROVIDER_STATE_APPROVED;
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_APPROVED);
        g_assert_cmpint(result(desk, handle), ==, SIGN_IN_E_UNKNOWN);
        g_assert_cmpuint(sign_ins_size(desk->sign_ins), ==, 0);
        g_assert_cmpuint(desk->liar.cancelled, ==, 0);
}

/* Every end forgets it. */
static void test_ends(void) {
        static const ProviderState ends[] = { PROVIDER_STATE_FAILED, PROVIDER_STATE_DENIED, PROVIDER_STATE_EXPIRED };
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE];

        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
                begin(desk, handle);
                desk->liar.state = ends[i];
                g_assert_cmpint(answer(desk, handle), ==, ends[i]);
                g_assert_cmpint(result(desk, handle), ==, SIGN_IN_E_UNKNOWN);
        }
}

/* P7: a provider that says "pending" for ever, and a user who never asks. */
static void test_P7_pending_for_ever(void) {
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE];

        begin(desk, handle);
        for (int s = 0; s < SIGN_IN_LIFETIME_S; s += 5) {
                g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_PENDING);
                fake_clock_forward(&desk->clock, 5);
        }
        desk->liar.state = PROVIDER_STATE_APPROVED; /* too late */
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_EXPIRED);
        g_assert_cmpuint(desk->liar.cancelled, ==, 1);
        g_assert_cmpint(result(desk, handle), ==, SIGN_IN_E_UNKNOWN);
}

static void test_the_provider_may_set_less_time(void) {
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE];

        desk->liar.expires_in = 30;
        begin(desk, handle);
        fake_clock_forward(&desk->clock, 29);
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_PENDING);
        fake_clock_forward(&desk->clock, 1);
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_EXPIRED);
        desk->liar.expires_in = 100000; /* but not more */
        begin(desk, handle);
        fake_clock_forward(&desk->clock, SIGN_IN_LIFETIME_S);
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_EXPIRED);
}

/* Enter too early is a no after a while, however often it is pressed. */
static void test_hurry(void) {
        g_autoptr(Desk) desk = desk_new();
        SignInWish wish = wish_of(&sshd);
        char handle[PROVIDER_FLOW_SIZE];
        int r;

        begin(desk, handle);
        fake_clock_forward(&desk->clock, 60);
        for (int s = 0; s < SIGN_IN_HURRY_S; s++) {
                g_assert_cmpint(answer_to(desk, handle, &wish, /* hurry= */ true, &r), ==, PROVIDER_STATE_PENDING);
                fake_clock_forward(&desk->clock, 1);
        }
        g_assert_cmpint(answer_to(desk, handle, &wish, /* hurry= */ true, &r), ==, PROVIDER_STATE_EXPIRED);
        g_assert_cmpuint(desk->liar.cancelled, ==, 1);
}

static void test_hurry_counts_where_nobody_can_say(void) {
        g_autoptr(Desk) desk = desk_new();
        SignInWish wish = wish_of(&sshd);
        char handle[PROVIDER_FLOW_SIZE];
        int r;

        begin(desk, handle);
        desk->liar.error = -ETIMEDOUT;
        (void) answer_to(desk, handle, &wish, /* hurry= */ true, &r);
        g_assert_cmpint(r, ==, -ETIMEDOUT);
        desk->liar.error = 0;
        fake_clock_forward(&desk->clock, SIGN_IN_HURRY_S);
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_EXPIRED);
}

/* O3: who has the handle alone has nothing, and takes nothing from who began it. */
static void test_O3_nobody_elses_word_counts(void) {
        const Caller other = process(101, 7), again = process(100, 8), nobody = process(0, 0);
        const Caller as_user = { .uid = 1000, .process = { .pid = 100, .start = 7 } };
        SignInWish rows[] = { wish_of(&other), wish_of(&again), wish_of(&nobody), wish_of(&as_user), wish_of(&sshd),
                              wish_of(&sshd) };
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE];
        int r;

        rows[4].user = "bob";
        rows[5].service = "sudo";
        begin(desk, handle);
        desk->liar.state = PROVIDER_STATE_APPROVED;
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_assert_cmpint(answer_to(desk, handle, &rows[i], false, &r), ==, -1);
                g_assert_cmpint(r, ==, SIGN_IN_E_UNKNOWN);
        }
        g_assert_cmpuint(desk->liar.asked, ==, 0);
        g_assert_cmpint(result(desk, "0123456789abcdef0123456789abcdef"), ==, SIGN_IN_E_UNKNOWN);
        g_assert_cmpint(result(desk, ""), ==, SIGN_IN_E_UNKNOWN);
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_APPROVED);
        g_assert_cmpint(begin_of(desk, &nobody, handle), ==, -ESRCH);
        g_assert_cmpuint(desk->liar.begun, ==, 1);
}

static void test_one_for_each_process(void) {
        const Caller other = process(101, 7);
        g_autoptr(Desk) desk = desk_new();
        char first[PROVIDER_FLOW_SIZE], second[PROVIDER_FLOW_SIZE], others[PROVIDER_FLOW_SIZE];

        begin(desk, first);
        g_assert_cmpint(begin_of(desk, &other, others), ==, 0);
        begin(desk, second);
        g_assert_cmpuint(desk->liar.cancelled, ==, 1);
        g_assert_cmpuint(sign_ins_size(desk->sign_ins), ==, 2);
        g_assert_cmpint(result(desk, first), ==, SIGN_IN_E_UNKNOWN);
        g_assert_cmpint(answer(desk, second), ==, PROVIDER_STATE_PENDING);
}

static void test_no_more_than_256(void) {
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE];
        Caller caller;

        for (int i = 0; i < SIGN_IN_MAX; i++) {
                caller = process(1000 + i, 1);
                g_assert_cmpint(begin_of(desk, &caller, handle), ==, 0);
        }
        caller = process(999, 1);
        g_assert_cmpint(begin_of(desk, &caller, handle), ==, SIGN_IN_E_BUSY);
        g_assert_cmpuint(desk->liar.begun, ==, SIGN_IN_MAX);
        caller = process(1000, 1); /* in the place of its own */
        g_assert_cmpint(begin_of(desk, &caller, handle), ==, 0);
        g_assert_cmpuint(sign_ins_size(desk->sign_ins), ==, SIGN_IN_MAX);
        desk->sign_ins = sign_ins_free(desk->sign_ins);
        g_assert_cmpuint(desk->liar.cancelled, ==, SIGN_IN_MAX + 1); /* nothing is left running */
}

/* One user on the host, with however many processes, his own or sudo's, leaves room for the others. */
static void test_no_more_than_16_of_one_uid(void) {
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE];
        Caller caller;

        for (int i = 0; i < SIGN_IN_PER_UID; i++) {
                caller = process(1000 + i, 1);
                caller.uid = i % 2 ? 1000 : 0;
                caller.real_uid = 1000;
                g_assert_cmpint(begin_of(desk, &caller, handle), ==, 0);
        }
        caller = process(999, 1);
        caller.real_uid = 1000;
        g_assert_cmpint(begin_of(desk, &caller, handle), ==, SIGN_IN_E_BUSY);
        caller.uid = 1000;
        g_assert_cmpint(begin_of(desk, &caller, handle), ==, SIGN_IN_E_BUSY);
        g_assert_cmpuint(desk->liar.begun, ==, SIGN_IN_PER_UID);
        caller.process.pid = 1000; /* in the place of its own */
        g_assert_cmpint(begin_of(desk, &caller, handle), ==, 0);
        caller = process(999, 1);
        caller.uid = caller.real_uid = 1001;
        g_assert_cmpint(begin_of(desk, &caller, handle), ==, 0);
}

/* 4 at once wait for a provider; what the helper knows is heard meanwhile. */

static GMutex gate;
static GCond came, opened;
static unsigned inside;
static bool is_open;

static void wait_inside(gpointer data) {
        g_mutex_lock(&gate);
        inside++;
        g_cond_broadcast(&came);
        while (!is_open)
                g_cond_wait(&opened, &gate);
        g_mutex_unlock(&gate);
}

static gpointer begin_slowly(gpointer data) {
        static gint number = 0;
        Caller caller = process(500 + g_atomic_int_add(&number, 1), 1);
        char handle[PROVIDER_FLOW_SIZE];

        g_assert_cmpint(begin_of(data, &caller, handle), ==, 0);
        return NULL;
}

static void test_four_at_once(void) {
        g_autoptr(Desk) desk = desk_new();
        GThread *threads[SIGN_IN_AT_ONCE];
        char handle[PROVIDER_FLOW_SIZE], more[PROVIDER_FLOW_SIZE];
        const Caller fifth = process(99, 1);
        SignInWish wish = wish_of(&sshd);
        SignInAnswer unused;

        begin(desk, handle);
        desk->liar.while_begun = wait_inside;
        for (unsigned i = 0; i < SIGN_IN_AT_ONCE; i++)
                threads[i] = g_thread_new("begin", begin_slowly, desk);
        g_mutex_lock(&gate);
        while (inside < SIGN_IN_AT_ONCE)
                g_cond_wait(&came, &gate);
        g_mutex_unlock(&gate);
        g_assert_cmpint(begin_of(desk, &fifth, more), ==, SIGN_IN_E_BUSY);
        wish.redirect_uri = "http://127.0.0.1:4711/";
        g_assert_cmpint(sign_in_answer(desk->sign_ins, handle, &wish, "code=a", 6, false, &unused), ==, SIGN_IN_E_BUSY);
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_PENDING);
        g_mutex_lock(&gate);
        is_open = true;
        g_cond_broadcast(&opened);
        g_mutex_unlock(&gate);
        for (unsigned i = 0; i < SIGN_IN_AT_ONCE; i++)
                (void) g_thread_join(threads[i]);
        desk->liar.while_begun = NULL;
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_PENDING);
        g_assert_cmpint(begin_of(desk, &fifth, more), ==, 0);
        g_assert_cmpuint(sign_ins_size(desk->sign_ins), ==, SIGN_IN_AT_ONCE + 2);
}

static bool is_alive(const Process *process, void *data) {
        return process->pid != 101 && !(process->pid == 102 && process->start == 1);
}

static void test_sweep(void) {
        const Caller gone = process(101, 7), reused = process(102, 1), living = process(102, 2);
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE], other[PROVIDER_FLOW_SIZE];

        begin(desk, handle);
        g_assert_cmpint(begin_of(desk, &gone, other), ==, 0);
        g_assert_cmpint(begin_of(desk, &reused, other), ==, 0);
        g_assert_cmpint(begin_of(desk, &living, other), ==, 0);
        sign_ins_sweep(desk->sign_ins, is_alive, NULL);
        g_assert_cmpuint(sign_ins_size(desk->sign_ins), ==, 2);
        g_assert_cmpuint(desk->liar.cancelled, ==, 2);
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_PENDING);
        fake_clock_forward(&desk->clock, SIGN_IN_LIFETIME_S);
        sign_ins_sweep(desk->sign_ins, is_alive, NULL);
        g_assert_cmpuint(sign_ins_size(desk->sign_ins), ==, 0);
        g_assert_cmpuint(desk->liar.cancelled, ==, 4);
}

static void test_drop(void) {
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE];

        begin(desk, handle);
        sign_ins_drop(desk->sign_ins, "bob");
        g_assert_cmpuint(sign_ins_size(desk->sign_ins), ==, 1);
        sign_ins_drop(desk->sign_ins, "alice");
        g_assert_cmpuint(desk->liar.cancelled, ==, 1);
        g_assert_cmpint(result(desk, handle), ==, SIGN_IN_E_UNKNOWN);
}

static void drop_alice(gpointer data) {
        sign_ins_drop(((Desk *) data)->sign_ins, "alice");
}

/* R15: the user was disabled while the helper was asked. What it says then counts no more. */
static void test_R15_dropped_while_asked(void) {
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE];

        begin(desk, handle);
        desk->liar.state = PROVIDER_STATE_APPROVED;
        desk->liar.issuer = "https://login.corp.example";
        desk->liar.while_asked = drop_alice;
        desk->liar.data = desk;
        g_assert_cmpint(result(desk, handle), ==, SIGN_IN_E_UNKNOWN);
        g_assert_cmpint(result(desk, handle), ==, SIGN_IN_E_UNKNOWN);
        begin(desk, handle); /* and what it took is given back */
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_APPROVED);
}

typedef struct Second {
        Desk *desk;
        const char *handle;
        int r;
} Second;

static void ask_again(gpointer data) {
        Second *second = data;

        second->r = result(second->desk, second->handle);
}

static void test_two_ask_at_once(void) {
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE];
        Second second = { .desk = desk, .handle = handle };

        begin(desk, handle);
        desk->liar.state = PROVIDER_STATE_APPROVED;
        desk->liar.while_asked = ask_again;
        desk->liar.data = &second;
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_APPROVED);
        g_assert_cmpint(second.r, ==, SIGN_IN_E_BUSY);
}

static void test_outages(void) {
        g_autoptr(Desk) desk = desk_new();
        char handle[PROVIDER_FLOW_SIZE];

        desk->liar.error = -ECONNREFUSED;
        for (int i = 0; i < 2 * SIGN_IN_AT_ONCE; i++)
                g_assert_cmpint(begin_of(desk, &sshd, handle), ==, -ECONNREFUSED);
        g_assert_cmpuint(sign_ins_size(desk->sign_ins), ==, 0);
        desk->liar.error = 0;
        begin(desk, handle);
        desk->liar.error = -EPROTO;
        for (int i = 0; i < 2 * SIGN_IN_AT_ONCE; i++)
                g_assert_cmpint(result(desk, handle), ==, -EPROTO);
        desk->liar.error = 0;
        g_assert_cmpint(answer(desk, handle), ==, PROVIDER_STATE_PENDING);
}

static void test_a_browsers_word(void) {
        g_autoptr(Desk) desk = desk_new();
        g_auto(ProviderFlow) flow = { .expires_in = 0 };
        g_auto(SignInAnswer) answer = { .state = PROVIDER_STATE_FAILED };
        SignInWish wish = wish_of(&sshd);
        g_autofree char *expected = NULL;
        char handle[PROVIDER_FLOW_SIZE];

        wish.redirect_uri = "http://127.0.0.1:4711/";
        g_assert_cmpint(sign_in_begin(desk->sign_ins, &wish, handle, &flow), ==, 0);
        g_assert_cmpstr(desk->liar.asked_for, ==, "corp http://127.0.0.1:4711/");
        desk->liar.state = PROVIDER_STATE_APPROVED;
        g_assert_cmpint(sign_in_answer(desk->sign_ins, handle, &wish, "code=abcdef", 8, false, &answer), ==, 0);
        expected = g_strdup_printf("%s code=abc", flow.id);
        g_assert_cmpstr(desk->liar.asked_for, ==, expected);
        g_assert_cmpint(answer.state, ==, PROVIDER_STATE_APPROVED);
}

int main(void) {
        test_what_is_shown_and_told_once();
        test_ends();
        test_P7_pending_for_ever();
        test_the_provider_may_set_less_time();
        test_hurry();
        test_hurry_counts_where_nobody_can_say();
        test_O3_nobody_elses_word_counts();
        test_one_for_each_process();
        test_no_more_than_256();
        test_no_more_than_16_of_one_uid();
        test_four_at_once();
        test_sweep();
        test_drop();
        test_R15_dropped_while_asked();
        test_two_ask_at_once();
        test_outages();
        test_a_browsers_word();
        return 0;
}
