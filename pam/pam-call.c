/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/name.h"
#include "common/service.h"
#include "common/wire.h"
#include "pam/pam-call.h"
#include "pam/pam-log.h"

#define FAIL_DELAY_USEC 2000000 /* libpam draws the real one around it, and waits; we never sleep */
#define OUTAGE_TEXT "the login service does not answer; try again or contact an administrator"
#define SESSION_TEXT "the session could not be opened"
#define WRONG_TEXT "that password is not right, or cannot be tried now"

/* What the daemon is told about where the request came from, cleaned. */
typedef struct Context {
        char rhost[WIRE_RHOST_MAX + 1];
        char tty[WIRE_NAME_MAX + 1];
        char session[WIRE_NAME_MAX + 1];
        char auth_info[WIRE_AUTH_INFO_MAX + 1];
} Context;

/* @text cleaned in @buffer; NULL where there is none. */
static const char *clean_or_null(const char *text, char *buffer, size_t size) {
        if (!text || !text[0])
                return NULL;
        name_clean(text, buffer, size);
        return buffer;
}

static const char *get_item(pam_handle_t *pamh, int item) {
        const void *value = NULL;

        return pam_get_item(pamh, item, &value) == PAM_SUCCESS ? value : NULL;
}

/* sshd writes a line for each method that it accepted; on the wire, where no string has a newline, it is ';'. */
static const char *join_lines(const char *text, char *buffer, size_t size) {
        size_t n;

        if (!text || strlen(text) >= size)
                return NULL;
        n = strlen(text);
        while (n > 0 && text[n - 1] == '\n')
                n--;
        if (n == 0)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char) text[i];

                buffer[i] = c == '\n' ? ';' : c < 0x20 || c > 0x7e ? '?' : text[i];
        }
        buffer[n] = '\0';
        return buffer;
}

static int add_context(Call *call, ClientMessage *message, const char *flow) {
        const bool hurry = true;
        Context context;
        const ClientEntry entries[] = {
                { .key = WIRE_KEY_RHOST,
                  .string = clean_or_null(get_item(call->pamh, PAM_RHOST), context.rhost, sizeof(context.rhost)) },
                { .key = WIRE_KEY_TTY,
                  .string = clean_or_null(get_item(call->pamh, PAM_TTY), context.tty, sizeof(context.tty)) },
                /* A hint, which users can forge: to the session that is opened, and to its roles before that. */
                { .key = WIRE_KEY_SESSION,
                  .string = call->phase != PHASE_SESSION && call->phase != PHASE_ACCOUNT ?
                                    NULL :
                                    clean_or_null(pam_getenv(call->pamh, WIRE_PAM_ENV_SESSION), context.session,
                                                  sizeof(context.session)) },
                { .key = WIRE_KEY_AUTH_INFO,
                  .string = join_lines(pam_getenv(call->pamh, "SSH_AUTH_INFO_0"), context.auth_info,
                                       sizeof(context.auth_info)) },
                { .key = WIRE_KEY_FLOW, .string = flow },
                { .key = WIRE_KEY_HURRY, .boolean = flow ? &hurry : NULL },
        };

        return client_message_add_dict(message, entries, sizeof(entries) / sizeof(entries[0]));
}

/* What is asked of Login about the subject: a method, and the secrets that go with it. */
typedef struct Question {
        const char *method;
        const Typed *secrets[2]; /* NULL behind the last */
        const char *flow;        /* of a sign-in, or NULL */
} Question;

/* The members of Call that only a reply may set are set here, and at the very end. */
static int ask(Call *call, Client *client, const Question *question) {
        _cleanup_client_message_ ClientMessage *message = NULL, *reply = NULL;
        int r;

        r = client_call_new(client, WIRE_INTERFACE_LOGIN, question->method, &message);
        if (r == 0)
                r = client_message_add_string(message, call->subject.name);
        if (r == 0)
                r = client_message_add_string(message, call->service);
        if (r == 0)
                r = add_context(call, message, question->flow);
        for (size_t i = 0; r == 0 && i < 2 && question->secrets[i]; i++)
                r = client_message_add_secret(message, question->secrets[i]->text, question->secrets[i]->size);
        if (r == 0)
                r = client_message_call(client, message, &reply, &call->error);
        if (r == 0)
                r = client_message_read_answer(reply, &call->answer);
        return r;
}

/*
 * The call is without an answer: sets the situation. A daemon that is too busy is there: strangers
 * can bring that about by guessing, and must not get at Unix passwords by it.
 */
static void give_up(Call *call, int r) {
        bool busy = r == CLIENT_E_REMOTE && strcmp(call->error.name, WIRE_ERROR_BUSY) == 0;

        call->trouble = r;
        call->situation = result_from_error(r, &call->error);
        if (call->situation == SITUATION_OUTAGE && !busy && call->phase != PHASE_PASSWORD &&
            call->options.breakglass && subject_in_group(&call->subject, call->options.breakglass))
                call->situation = SITUATION_BREAKGLASS;
}

static void put(Call *call, const Question *question) {
        _cleanup_client_ Client *client = NULL;
        uint64_t deadline = client_deadline_in(call->left);
        int r;

        call->situation = SITUATION_UNFORESEEN;
        call->answer = (ClientAnswer) { .verdict = CLIENT_DENY };
        r = client_connect(deadline, &client);
        if (r == 0)
                r = ask(call, client, question);
        call->left = client_left(deadline);
        if (r == 0)
                call->situation = result_from_answer(&call->answer);
        else
                give_up(call, r);
        log_debug(call, question->method);
}

void call_ask(Call *call, const char *method, const Typed *secret) {
        put(call, &(Question) { .method = method, .secrets = { secret } });
}

void call_ask_flow(Call *call, const char *flow) {
        const Typed none = { NULL, 0 };

        put(call, &(Question) { .method = "Authenticate", .secrets = { &none }, .flow = flow });
}

void call_give_up(Call *call) {
        give_up(call, CLIENT_E_VERSION);
}

void call_change_password(Call *call, const Typed *current, const Typed *password) {
        put(call, &(Question) { .method = "ChangePassword", .secrets = { current, password } });
}

void call_close_session(Call *call, const char *id) {
        _cleanup_client_message_ ClientMessage *message = NULL, *reply = NULL;
        _cleanup_client_ Client *client = NULL;
        int r;

        r = client_connect(client_deadline_in(call->left), &client);
        if (r == 0)
                r = client_call_new(client, WIRE_INTERFACE_LOGIN, "CloseSession", &message);
        if (r == 0)
                r = client_message_add_string(message, id);
        if (r == 0)
                r = client_message_call(client, message, &reply, &call->error);
        if (r == 0)
                call->situation = SITUATION_ALLOWED;
        else
                give_up(call, r);
        log_debug(call, "CloseSession");
}

bool call_export_session(Call *call) {
        char pair[sizeof(WIRE_PAM_ENV_SESSION "=") + WIRE_SESSION_ID_LENGTH];

        (void) snprintf(pair, sizeof(pair), "%s=%s", WIRE_PAM_ENV_SESSION, call->answer.session);
        return pam_putenv(call->pamh, pair) == PAM_SUCCESS;
}

static bool begin(Call *call, int argc, const char **argv) {
        const char *culprit;

        call->service = get_item(call->pamh, PAM_SERVICE);
        if (options_parse(argc, argv, &call->options, &culprit) < 0) {
                log_option(call, culprit);
                return false;
        }
        if (!call->service || !name_is_word(call->service))
                return false;
        /* A password is changed for PAM_USER, whoever invoked what. */
        call->invoker = service_is_invoker(call->service) && call->phase != PHASE_PASSWORD;
        call->own = !call->invoker && getuid() != 0;
        call->left = (uint64_t) call->options.timeout * 1000000;
        /* sudo and su open no session of their own; by now PAM_USER is their target. */
        if (call->invoker && call->phase == PHASE_SESSION) {
                call->situation = SITUATION_NOT_OURS;
                return false;
        }
        /* A login's session is opened by who lets it in: a screen locker does not. */
        if (call->phase == PHASE_SESSION && geteuid() != 0) {
                log_not_root(call);
                return false;
        }
        return true;
}

bool call_begin_close(Call *call, int argc, const char **argv) {
        call->closing = true;
        return begin(call, argc, argv);
}

bool call_begin(Call *call, int argc, const char **argv) {
        if (!begin(call, argc, argv))
                return false;
        if (!subject_find(call->pamh, call->phase, call->invoker, &call->subject, &call->situation))
                return false;
        if (call->phase != PHASE_AUTH && !subject_unchanged(call->pamh, &call->subject)) {
                call->situation = SITUATION_CHANGED;
                return false;
        }
        /* In auth a name that nobody can have gets the prompt that everybody gets. */
        if (call->phase != PHASE_AUTH && !call->subject.name[0]) {
                call->situation = SITUATION_CREDENTIAL;
                return false;
        }
        return true;
}

/*
 * A stranger at a login's prompt is told nothing at all: wrong, throttled and disabled must look
 * alike. Who runs a program of his own is no stranger to it; and the daemon says no more to the three
 * there either.
 */
static const char *refusal(const Call *call) {
        bool stranger = call->phase == PHASE_AUTH && !call->invoker && !call->own;

        if (call->phase == PHASE_PASSWORD && call->situation == SITUATION_CREDENTIAL)
                return WRONG_TEXT;
        if (call->answer.message[0] && !stranger)
                return call->answer.message;
        return call->phase == PHASE_SESSION ? SESSION_TEXT : NULL;
}

/*
 * sudo always passes PAM_SILENT, and a refusal without its reason would be a riddle: only what is
 * no refusal is silent.
 */
static void show(const Call *call) {
        const char *text = NULL;

        switch (call->situation) {
        case SITUATION_ALLOWED:
                if (call->answer.message[0] && !(call->flags & PAM_SILENT))
                        ask_show(call->pamh, PAM_TEXT_INFO, call->answer.message);
                break;
        case SITUATION_CREDENTIAL:
        case SITUATION_ROLE:
        case SITUATION_STEP_UP:
        case SITUATION_PENDING:
        case SITUATION_NEW_PASSWORD:
        case SITUATION_NOT_YOURS:
                text = refusal(call);
                break;
        case SITUATION_OUTAGE:
                text = OUTAGE_TEXT;
                break;
        case SITUATION_NOT_OURS:
        case SITUATION_BREAKGLASS:
        case SITUATION_CONVERSATION:
                break;
        default:
                if (call->phase == PHASE_SESSION)
                        text = SESSION_TEXT;
        }
        if (text)
                ask_show(call->pamh, PAM_ERROR_MSG, text);
}

/* By the code, not by the situation: whatever looks alike also takes alike. */
static bool is_wrong_secret(Phase phase, int code) {
        return (phase == PHASE_AUTH && code == PAM_AUTH_ERR) ||
               (phase == PHASE_PASSWORD && code == PAM_AUTHTOK_RECOVERY_ERR);
}

int call_finish(Call *call) {
        int code = result_code(call->phase, call->invoker, call->situation);

        if (is_wrong_secret(call->phase, code))
                (void) pam_fail_delay(call->pamh, FAIL_DELAY_USEC);
        log_outcome(call);
        if (!call->closing)
                show(call);
        return code;
}
