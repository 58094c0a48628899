/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The floor: a PAM module that does nothing but what any module of tessera's shape has to do. Each
 * entry point connects to a socket (echo-service), makes one call, with a sealed memfd where a
 * secret would cross, reads the reply and closes. It decides nothing, checks nothing and logs
 * nothing. Never installed.
 *
 *   socket=PATH   where echo-service listens
 *   commit        the session's calls are those that write durably
 *   silent        authenticate sends no secret, as where sudo needs none
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <systemd/sd-bus.h>

#include "common/cleanup.h"
#include "common/memfd.h"

#define EXPORT __attribute__((visibility("default")))

typedef struct Floor {
        pam_handle_t *pamh;
        const char *path;
        bool commit;
        bool silent;
} Floor;

static Floor parse(pam_handle_t *pamh, int argc, const char **argv) {
        Floor floor = { .pamh = pamh, .path = "" };

        for (int i = 0; i < argc; i++)
                if (strncmp(argv[i], "socket=", strlen("socket=")) == 0)
                        floor.path = argv[i] + strlen("socket=");
                else if (strcmp(argv[i], "commit") == 0)
                        floor.commit = true;
                else if (strcmp(argv[i], "silent") == 0)
                        floor.silent = true;
        return floor;
}

static const char *get_item(const Floor *floor, int item) {
        const void *value = NULL;

        return pam_get_item(floor->pamh, item, &value) == PAM_SUCCESS && value ? value : "";
}

static int connect_echo(const Floor *floor, sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        char address[256];
        int r;

        (void) snprintf(address, sizeof(address), "unix:path=%s", floor->path);
        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = bus;
        bus = NULL;
        return 0;
}

static int append_secret(sd_bus_message *message, const char *secret) {
        _cleanup_close_ int fd = -1;
        int r;

        r = memfd_new_sealed(secret, strlen(secret), &fd);
        return r < 0 ? r : sd_bus_message_append(message, "h", fd);
}

static int ask(const Floor *floor, const char *method, const char *secret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const char *verdict;
        int r;

        r = connect_echo(floor, &bus);
        if (r >= 0)
                r = sd_bus_message_new_method_call(bus, &call, NULL, "/bench", "bench.Echo", method);
        if (r >= 0)
                r = sd_bus_message_append(call, "ssa{sv}", get_item(floor, PAM_USER), get_item(floor, PAM_SERVICE), 2,
                                          "rhost", "s", get_item(floor, PAM_RHOST),
                                          "tty", "s", get_item(floor, PAM_TTY));
        if (r >= 0 && secret)
                r = append_secret(call, secret);
        if (r >= 0)
                r = sd_bus_call(bus, call, /* usec= */ 10000000, NULL, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &verdict);
        if (r < 0)
                return PAM_SYSTEM_ERR;
        return strcmp(verdict, "allow") == 0 ? PAM_SUCCESS : PAM_PERM_DENIED;
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        const Floor floor = parse(pamh, argc, argv);
        _cleanup_free_ char *secret = NULL;

        if (floor.silent)
                return ask(&floor, "Ask", NULL);
        if (pam_prompt(pamh, PAM_PROMPT_ECHO_OFF, &secret, "Answer: ") != PAM_SUCCESS || !secret)
                return PAM_CONV_ERR;
        return ask(&floor, "Authenticate", secret);
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        return PAM_IGNORE;
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        const Floor floor = parse(pamh, argc, argv);

        return ask(&floor, "Ask", NULL);
}

static int session(pam_handle_t *pamh, int argc, const char **argv) {
        const Floor floor = parse(pamh, argc, argv);

        return ask(&floor, floor.commit ? "Commit" : "Ask", NULL);
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        return session(pamh, argc, argv);
}

EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        return session(pamh, argc, argv);
}
