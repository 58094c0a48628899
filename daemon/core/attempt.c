/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Answers to a prompt that may be guesses: charged before they are judged. */

#include "common/error.h"
#include "daemon/core/api-limit.h"
#include "daemon/core/core-internal.h"

/* A host where the user logged in within that time is known. */
#define KNOWN_FOR (30 * 24 * 3600)

static char *client_of_session(const Session *session) {
        return g_strdup_printf("session %s", session->id);
}

void core_forget_client(Core *core, const Session *session) {
        g_autofree char *client = client_of_session(session);

        throttle_drop_client(core->throttle, session->uid, client);
}

int core_forget_limits(Core *core, uid_t uid, bool *ret_changed) {
        bool of_calls = api_limit_reset(core->api_limit, uid), of_user = false;
        int r;

        r = throttle_reset_user(core->throttle, uid, &of_user);
        if (r < 0)
                return error_trace(r);
        *ret_changed = of_user || of_calls;
        return 0;
}

char *core_client_of(const Session *session) {
        if (session->device[0])
                return g_strdup_printf("device %s", session->device);
        if (session->auth_time > 0 && session->auth_method && session->methods &&
            g_strv_contains((const char *const *) session->methods, session->auth_method))
                return client_of_session(session);
        return g_strdup(CORE_CLIENT_LOGIN);
}

static int is_known_host(Core *core, uid_t uid, const char *rhost, bool *ret) {
        Network network = network_of(rhost);
        char text[NETWORK_TEXT_MAX];

        *ret = false;
        if (network.kind == NETWORK_NONE || network.kind == NETWORK_OTHER)
                return 0;
        network_to_string(&network, text);
        return store_known_network(core->store, uid, text, clock_wall(core->clock) - KNOWN_FOR, ret);
}

/* What the limits are asked of. 0 or a negative errno. */
static int as_throttled(Core *core, const Attempt *attempt, ThrottleAttempt *ret) {
        bool ours = subject_is_ours(attempt->subject);
        ThrottleAttempt throttled = {
                .uid = ours ? attempt->subject->user->uid : UID_UNSET,
                .client = ours ? attempt->client : NULL,
                .rhost = attempt->rhost,
        };
        int r;

        if (ours && !attempt->client) {
                r = is_known_host(core, throttled.uid, attempt->rhost, &throttled.known_host);
                if (r < 0)
                        return error_trace(r);
        }
        *ret = throttled;
        return 0;
}

/* 0 and whether it was charged; a charge is to be settled. */
static int charge(Core *core, const Attempt *attempt, ThrottleCharge *ret, ThrottleRefusal *ret_refusal,
                  bool *ret_charged) {
        ThrottleAttempt throttled;
        int r;

        r = as_throttled(core, attempt, &throttled);
        if (r < 0)
                return r;
        r = throttle_charge(core->throttle, &attempt->config->settings->throttle, &throttled, ret, ret_refusal);
        if (r < 0)
                return error_trace(r);
        *ret_charged = r == 0;
        return 0;
}

int core_charge_guess(Core *core, const Attempt *attempt, bool *ret_charged) {
        ThrottleRefusal refusal;
        ThrottleCharge charged;
        int r;

        r = charge(core, attempt, &charged, &refusal, ret_charged);
        if (r == 0 && *ret_charged)
                throttle_failed(core->throttle, &charged);
        return r;
}

/* Passwords */

static const char *why_wrong(const Subject *subject) {
        if (subject_hindrance(subject))
                return subject_hindrance(subject);
        return subject->user->password_hash ? "wrong-password" : "no-password";
}

/* Hashes @password with the parameters of now. The old hash is as good as before: failure is ignored. */
static void rehash(Core *core, const User *user, const Secret *password) {
        g_autofree char *hash = NULL;

        if (password_hash(core->hasher, password, &hash) == 0)
                (void) store_user_rehash(core->store, user->name, user->password_hash, hash);
}

int core_take_time(Core *core, const Secret *answer, int64_t *ret_delay) {
        int r;

        r = password_take_time(core->hasher, answer, ret_delay);
        return r == PASSWORD_E_BUSY ? CORE_E_BUSY : error_trace(r);
}

static int refuse_throttled(Core *core, const ThrottleRefusal *refusal, const Secret *password,
                            WrongPassword *ret_wrong) {
        int64_t delay;
        int r;

        r = core_take_time(core, password, &delay);
        if (r != 0)
                return r;
        *ret_wrong = (WrongPassword) { .why = "throttled", .wait = refusal->wait, .delay = delay };
        return CORE_PASSWORD_E_WRONG;
}

/* Settles the charge by what the check of the password said. */
static int judge(Core *core, const Attempt *attempt, const ThrottleCharge *charged, const Secret *password,
                 WrongPassword *ret_wrong) {
        const User *user = attempt->subject->user;
        bool worth_it = attempt->subject->state == SUBJECT_ENABLED, old_parameters = false;
        int r;

        /* Whoever cannot succeed is compared with nothing, which takes as long. */
        r = password_verify(core->hasher, worth_it ? user->password_hash : NULL, password, &old_parameters);
        if (r == PASSWORD_E_MISMATCH) {
                throttle_failed(core->throttle, charged);
                if (worth_it)
                        store_user_failed(core->store, user->name, attempt->rhost, clock_wall(core->clock));
                *ret_wrong = (WrongPassword) { .why = why_wrong(attempt->subject) };
                return CORE_PASSWORD_E_WRONG;
        }
        if (r != 0) { /* an outage is nobody's guess */
                throttle_refund(core->throttle, charged);
                return r == PASSWORD_E_BUSY ? CORE_E_BUSY : error_trace(r);
        }
        throttle_succeeded(core->throttle, charged);
        throttle_reopen(core->throttle, &attempt->config->settings->throttle, user->uid);
        if (old_parameters)
                rehash(core, user, password);
        return 0;
}

int core_check_password(Core *core, const Attempt *attempt, const Secret *password, WrongPassword *ret_wrong) {
        ThrottleRefusal refusal = { .wait = 0 };
        ThrottleCharge charged;
        bool is_charged = false;
        int r;

        r = charge(core, attempt, &charged, &refusal, &is_charged);
        if (r < 0)
                return r;
        if (!is_charged)
                return refuse_throttled(core, &refusal, password, ret_wrong);
        return judge(core, attempt, &charged, password, ret_wrong);
}

/* Sign-ins at providers */

/*
 * Whoever only begins guesses nothing. So from where strangers come the host alone pays: what a user owes there
 * would tell from any other host that there is one, and a stranger's Enter would keep him off.
 */
static int as_beginning(Core *core, const Attempt *attempt, ThrottleAttempt *ret) {
        int r;

        r = as_throttled(core, attempt, ret);
        if (r == 0 && ret->rhost && !ret->client && !ret->known_host)
                ret->uid = UID_UNSET;
        return r;
}

int core_begin_sign_in(Core *core, const Attempt *attempt, const SignInWish *wish, WrongPassword *ret_wrong,
                       char ret_handle[PROVIDER_FLOW_SIZE], ProviderFlow *ret) {
        static char nothing[] = "";
        const Secret empty = { .data = nothing };
        const ThrottleSettings *settings = &attempt->config->settings->throttle;
        ThrottleRefusal refusal = { .wait = 0 };
        ThrottleAttempt throttled;
        ThrottleCharge charged;
        int r;

        r = as_beginning(core, attempt, &throttled);
        if (r < 0)
                return r;
        r = throttle_charge(core->throttle, settings, &throttled, &charged, &refusal);
        if (r < 0)
                return error_trace(r);
        if (r == THROTTLE_E_LIMITED)
                return refuse_throttled(core, &refusal, &empty, ret_wrong);
        throttle_takes_long(core->throttle, &charged);
        r = sign_in_begin(core->sign_ins, wish, ret_handle, ret);
        /* Who approves it will be known in minutes, and the next attempt cannot wait for that. */
        if (r == 0)
                throttle_failed(core->throttle, &charged);
        else
                throttle_refund(core->throttle, &charged);
        return r == SIGN_IN_E_BUSY ? CORE_E_BUSY : r;
}

int core_sign_in_was_right(Core *core, const Attempt *attempt) {
        const ThrottleSettings *settings = &attempt->config->settings->throttle;
        ThrottleAttempt throttled;
        int r;

        r = as_throttled(core, attempt, &throttled);
        if (r < 0)
                return r;
        throttle_forgive(core->throttle, settings, &throttled);
        if (throttled.uid != UID_UNSET)
                throttle_reopen(core->throttle, settings, throttled.uid);
        return 0;
}
