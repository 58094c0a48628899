/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/errors.h"
#include "client/lib/sign-in-text.h"
#include "client/request.h"
#include "client/sign-in-listener.h"
#include "client/sign-in-page.h"
#include "client/sign-in-qr.h"
#include "client/sign-in-request.h"
#include "client/sign-in.h"
#include "client/step-up.h"
#include "common/name.h"

#define LIFETIME_S 600 /* nobody walks to a browser for longer */
#define PROVIDER_TIMEOUT 30 /* s, where the daemon waits for the provider, which may take 12 */

/*
 * Nobody presses Enter here, so the daemon is asked by the clock: often at first, when most people approve,
 * then so that ten minutes of it stay below what a user may ask of the daemon (tessera.conf, api-burst).
 */
#define OFTEN_S 2
#define OFTEN_FOR_S 60
#define SELDOM_S 6
#define THROTTLED_S 10

typedef struct SignIn {
        Cli *cli;
        const char *user;
        ClientPending pending;
        int64_t deadline; /* g_get_monotonic_time() */
        bool spins;       /* the terminal shows that we wait */
        unsigned turn;
} SignIn;

static int start(SignIn *sign_in, const char *provider, const char *redirect_uri) {
        const ClientEntry options[] = {
                { .key = WIRE_KEY_PROVIDER, .string = provider },
                { .key = "redirect_uri", .string = redirect_uri },
        };
        const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "StartSignIn",
                .arguments = { REQUEST_ARG_DICT(options) },
                .reply = "sa{sv}",
                .timeout = PROVIDER_TIMEOUT,
                .denied_hint = "",
        };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        Cli *cli = sign_in->cli;
        unsigned lifetime;
        int r;

        r = request_call(cli, &request, &reply);
        if (r == 0)
                r = request_read(cli, client_message_read_sign_in(reply, &sign_in->pending));
        if (r != 0)
                return r;
        lifetime = sign_in->pending.expires_in;
        lifetime = lifetime == 0 || lifetime > LIFETIME_S ? LIFETIME_S : lifetime;
        sign_in->deadline = g_get_monotonic_time() + (int64_t) lifetime * G_USEC_PER_SEC;
        return 0;
}

/* One question. 0 and the answer, which may be pending; CLIENT_E_* or a negative errno. */
static int ask(const SignIn *sign_in, const SecretInput *query, ClientAnswer *ret, ClientError *ret_error) {
        const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "FinishSignIn",
                .arguments = { REQUEST_ARG_STRING(sign_in->pending.flow), REQUEST_ARG_SECRET(query), REQUEST_ARG_NO_DICT },
                .reply = "sa{sv}",
                .timeout = query->size > 0 ? PROVIDER_TIMEOUT : 0,
        };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        int r;

        r = request_try(&request, &reply, ret_error);
        return r == 0 ? client_message_read_answer(reply, ret) : r;
}

static bool is_error(int r, const ClientError *error, const char *name) {
        return r == CLIENT_E_REMOTE && strcmp(error->name, name) == 0;
}

/* Seconds until the next question, or 0: the answer is there. */
static unsigned pause_after(int r, const ClientAnswer *answer, const ClientError *error, int64_t waited) {
        if (is_error(r, error, WIRE_ERROR_THROTTLED))
                return THROTTLED_S;
        if ((r == 0 && answer->verdict == CLIENT_PENDING) || is_error(r, error, WIRE_ERROR_BUSY))
                return waited < OFTEN_FOR_S * G_USEC_PER_SEC ? OFTEN_S : SELDOM_S;
        return 0;
}

static void spin(SignIn *sign_in) {
        if (!sign_in->spins)
                return;
        (void) fprintf(stderr, "\rWaiting for the approval %c ", "|/-\\"[sign_in->turn++ % 4]);
        (void) fflush(stderr);
}

static void stop_spinning(const SignIn *sign_in) {
        if (sign_in->spins)
                (void) fputs("\r\033[K", stderr);
}

/* Four turns a second, where somebody sees it. */
static void pause_for(SignIn *sign_in, int64_t seconds) {
        int64_t end = MIN(g_get_monotonic_time() + seconds * G_USEC_PER_SEC, sign_in->deadline), now;

        while ((now = g_get_monotonic_time()) < end) {
                spin(sign_in);
                g_usleep((gulong) MIN(end - now, sign_in->spins ? G_USEC_PER_SEC / 4 : end - now));
        }
}

static int tell_late(Cli *cli, const char *option) {
        g_autofree char *hint = g_strdup_printf("begin again: tessera login --%s", option);

        return cli_fail(cli, CLI_FAILED, "expired", hint, "nobody approved it in time");
}

/* Asks until it is over. The exit code of a failure was told. */
static int await(SignIn *sign_in, const SecretInput *query, const char *option, ClientAnswer *ret) {
        int64_t begin = g_get_monotonic_time();
        ClientAnswer answer = { 0 };
        ClientError error = { 0 };
        unsigned pause;
        int r;

        for (;;) {
                r = ask(sign_in, query, &answer, &error);
                pause = pause_after(r, &answer, &error, g_get_monotonic_time() - begin);
                if (pause == 0 || g_get_monotonic_time() >= sign_in->deadline)
                        break;
                pause_for(sign_in, pause);
        }
        stop_spinning(sign_in);
        if (r != 0)
                return request_fail(sign_in->cli, r, &error);
        if (pause > 0)
                return tell_late(sign_in->cli, option);
        *ret = answer;
        return answer.verdict == CLIENT_ALLOW ? 0 : step_up_refuse(sign_in->cli, &answer, "the sign-in was not accepted");
}

static bool wants_color(const Cli *cli) {
        return cli->color && cli_has_screen();
}

static void show_code(const Cli *cli, const ClientPending *pending) {
        int columns, rows;
        g_autofree char *code = sign_in_qr(pending->uri_complete[0] ? pending->uri_complete : pending->uri,
                                           wants_color(cli), &columns, &rows);

        if (code && sign_in_qr_fits(columns, rows))
                (void) fprintf(stderr, "\n%s\n", code);
}

static int refuse_to_ask(Cli *cli) {
        return cli_usage(cli, "by password, as one line of stdin: tessera login",
                         "somebody has to approve it, and --no-input is given");
}

int sign_in_with_code(Cli *cli, const char *provider, ClientAnswer *ret) {
        SignIn sign_in = { .cli = cli, .spins = cli_has_screen() && !cli->json };
        const SecretInput nothing = { 0 };
        g_autofree char *user = NULL;
        char text[SIGN_IN_TEXT_SIZE];
        int r;

        if (cli->no_input)
                return refuse_to_ask(cli);
        r = cli_own_name(cli, &user);
        if (r == 0)
                r = start(&sign_in, provider, /* redirect_uri= */ NULL);
        if (r == 0)
                r = request_read(cli, sign_in_text(&sign_in.pending, user, /* service= */ NULL, text));
        if (r != 0)
                return r;
        (void) fprintf(stderr, "%s\n", text);
        show_code(cli, &sign_in.pending);
        return await(&sign_in, &nothing, "device-code", ret);
}

/* Whether a browser was asked to come. A link is handed to nobody but the desktop's own opener. */
static bool open_browser(const char *uri) {
        g_autofree char *program = g_find_program_in_path("xdg-open");
        char *argv[] = { program, (char *) uri, NULL };

        if (!program || !(g_getenv("DISPLAY") || g_getenv("WAYLAND_DISPLAY")))
                return false;
        return g_spawn_async(NULL, argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
                             NULL);
}

static void show_link(const ClientPending *pending, const char *user, unsigned port) {
        bool opened = open_browser(pending->uri);

        (void) fprintf(stderr, "Sign in to %s as %s, with %s.\n", pending->host, user, pending->provider);
        if (opened)
                (void) fputs("A browser opens now; if none does, open this link on this machine:\n", stderr);
        else
                (void) fputs("Open this link in a browser on this machine:\n", stderr);
        (void) fprintf(stderr, "    %s\n", pending->uri);
        if (!opened && g_getenv("SSH_CONNECTION"))
                (void) fprintf(stderr,
                               "It comes back to port %u of this machine. Where your browser is elsewhere, use\n"
                               "tessera login --device-code, or ssh -L %u:127.0.0.1:%u.\n",
                               port, port, port);
        (void) fputs("Go on only if you began this yourself, just now.\n", stderr);
}

static bool can_be_shown(const ClientPending *pending, const char *user) {
        return pending->host[0] && pending->provider[0] && pending->uri[0] && name_is_user(user);
}

static int fail_listener(Cli *cli, int r) {
        if (r == -ETIMEDOUT)
                return tell_late(cli, "browser");
        return cli_fail(cli, CLI_FAILED, "internal", NULL, "the browser's answer could not be taken: %s", g_strerror(-r));
}

/* What the page says; the terminal says the same, and more. */
static void answer_browser(SignInListener *listener, const SignIn *sign_in, int r, const ClientAnswer *answer) {
        const SignInPage page = {
                .kind = r == 0 ? SIGN_IN_PAGE_DONE : SIGN_IN_PAGE_REFUSED,
                .user = sign_in->user,
                .host = sign_in->pending.host,
                .why = answer->message[0] ? answer->message : "the sign-in was not accepted",
        };
        g_autofree char *response = sign_in_page(&page);

        sign_in_listener_answer(listener, response);
}

int sign_in_with_browser(Cli *cli, const char *provider, ClientAnswer *ret) {
        _cleanup_sign_in_listener_ SignInListener *listener = NULL;
        _cleanup_secret_input_ SecretInput query = { 0 };
        g_autofree char *user = NULL, *redirect_uri = NULL;
        SignIn sign_in = { .cli = cli };
        ClientAnswer answer = { 0 };
        int r;

        if (cli->no_input)
                return refuse_to_ask(cli);
        r = cli_own_name(cli, &user);
        if (r != 0)
                return r;
        r = sign_in_listener_new(&listener);
        if (r < 0)
                return fail_listener(cli, r);
        redirect_uri = g_strdup_printf("http://127.0.0.1:%u" SIGN_IN_PATH, sign_in_listener_port(listener));
        sign_in.user = user;
        r = start(&sign_in, provider, redirect_uri);
        if (r == 0 && !can_be_shown(&sign_in.pending, user))
                r = request_read(cli, CLIENT_E_VERSION);
        if (r != 0)
                return r;
        show_link(&sign_in.pending, user, sign_in_listener_port(listener));
        r = sign_in_listener_wait(listener, sign_in.deadline, &query);
        if (r < 0)
                return fail_listener(cli, r);
        r = await(&sign_in, &query, "browser", &answer);
        answer_browser(listener, &sign_in, r, &answer);
        *ret = answer;
        return r;
}
