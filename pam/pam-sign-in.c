/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * No connection is held while somebody walks to a browser, and none while we wait for the provider:
 * each question has one of its own. What is asked before Enter is nothing; after it the daemon gives
 * the sign-in twenty seconds, and we give the daemon a little longer than that.
 *
 * Lines go out one message each, with a short prompt behind them: ssh holds messages back until there is
 * one, and sudo -p puts its own in the place of both of ours, so there a line says what to do. In su what is
 * no error goes to stdout, which is often a pipe: there nobody would see the link, and the next program
 * would read it. Where the prompt of sudo and su goes, errors go, too.
 */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "client/lib/sign-in-text.h"
#include "common/wire.h"
#include "pam/pam-sign-in.h"

#define PAUSE_USEC UINT64_C(1000000)
#define COME_BACK "When you have approved it, come back here and press Enter."
#define HURRY_SECONDS 20 /* what the daemon gives after the first question */

/* Signals are the program's, and do not make it shorter. */
static void pause_until(uint64_t wake) {
        uint64_t left;

        while ((left = client_left(wake)) > 0) {
                const struct timespec rest = {
                        .tv_sec = (time_t) (left / 1000000),
                        .tv_nsec = (long) (left % 1000000) * 1000,
                };

                if (nanosleep(&rest, NULL) < 0 && errno != EINTR)
                        return;
        }
}

/* One question; none takes longer than any other call of ours. */
static void ask_once(Call *call, const char *flow, uint64_t end) {
        uint64_t timeout = (uint64_t) call->options.timeout * 1000000, left = client_left(end);

        call->left = left < timeout ? left : timeout;
        call_ask_flow(call, flow);
}

/* A daemon that is too busy for this question has not answered it. */
static bool is_under_way(const Call *call) {
        if (call->situation == SITUATION_PENDING)
                return true;
        return call->trouble == CLIENT_E_REMOTE && strcmp(call->error.name, WIRE_ERROR_BUSY) == 0;
}

static void wait_for_approval(Call *call, const char *flow) {
        uint64_t end = client_deadline(call->options.timeout + HURRY_SECONDS);

        for (;;) {
                uint64_t wake = client_deadline_in(PAUSE_USEC);

                call->trouble = 0;
                ask_once(call, flow, end);
                if (!is_under_way(call) || client_left(end) <= PAUSE_USEC)
                        return;
                pause_until(wake);
        }
}

static void tell(Call *call, char *text) {
        int style = call->invoker ? PAM_ERROR_MSG : PAM_TEXT_INFO;
        char *line;

        while ((line = strsep(&text, "\n")))
                ask_tell(call->pamh, style, line);
        if (call->invoker)
                ask_tell(call->pamh, style, COME_BACK);
}

void sign_in(Call *call) {
        char text[SIGN_IN_TEXT_SIZE], flow[CLIENT_FLOW_LENGTH + 1];

        if (sign_in_text(&call->answer.pending, call->subject.name, call->service, text) != 0) {
                call_give_up(call);
                return;
        }
        memcpy(flow, call->answer.pending.flow, sizeof(flow));
        tell(call, text);
        call->situation = ask_enter(call->pamh, SIGN_IN_PROMPT);
        if (call->situation != SITUATION_ALLOWED)
                return;
        if (!subject_current(call->pamh, call->invoker, &call->subject)) {
                call->situation = SITUATION_CHANGED;
                return;
        }
        wait_for_approval(call, flow);
}
