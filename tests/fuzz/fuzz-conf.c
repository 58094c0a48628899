/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The configuration reader: whatever a file holds, it is read or its mistakes are named, in words
 * that a terminal survives; and a policy that was read can be asked, explained and written down.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy-explain.h"
#include "policy/policy-private.h"
#include "policy/providers.h"
#include "policy/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* NSS would make a run depend on the machine, and slow: names that begin alike share a fate. */
static int look_up(const char *name, gid_t *ret_gid) {
        if (name[0] == 'n')
                return GROUP_E_NOT_FOUND;
        if (name[0] == 'e')
                return -5;
        *ret_gid = (gid_t) name[0];
        return 0;
}

static void check_line(const char *text, size_t max) {
        if (strlen(text) >= max)
                abort();
        for (const unsigned char *c = (const unsigned char *) text; *c; c++)
                if (*c < 0x20 || *c == 0x7f)
                        abort();
}

/* A result and no mistakes, or mistakes and no result; and what they look like. */
static void check_mistakes(GPtrArray *mistakes, bool good) {
        if (good != (mistakes->len == 0))
                abort();
        for (unsigned i = 0; i < mistakes->len; i++) {
                const ConfMistake *mistake = mistakes->pdata[i];
                g_autofree char *text = conf_mistake_to_string(mistake);

                check_line(text, 1000);
                if ((mistake->line == 0) != (mistake->column == 0))
                        abort();
        }
}

static void check_steps(Policy *policy, const PolicyUser *user, const PolicyLogin *login, const char *service) {
        g_autoptr(GPtrArray) steps = policy_steps_new();

        (void) policy_explain(policy, user, login, service, 1100, steps);
        if (steps->len < 2)
                abort();
        for (guint i = 0; i < steps->len; i++) {
                const PolicyStep *step = steps->pdata[i];

                check_line(step->text, POLICY_STEP_MAX + 1);
                if (!step->file != (step->line == 0))
                        abort();
        }
}

/* What is written of a policy is read without a mistake, and written the same. */
static void check_format(Policy *policy) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autofree char *text = policy_format(policy), *again = NULL;
        g_autoptr(Policy) copy = policy_new(look_up);

        if (!policy_add_text(copy, "f", text, strlen(text), mistakes) || !policy_link(copy, mistakes))
                abort();
        again = policy_format(copy);
        if (strcmp(text, again) != 0)
                abort();
}

static void ask(Policy *policy) {
        static const gid_t groups[] = { 's', 'x' };
        static const PolicyUser user = { "alice", 1001, groups, 2 }, nobody = { "alice", (uid_t) -1, groups, 2 };
        static const PolicyLogin login = { 1000, "pwd" };
        static const char *const services[] = { "sudo", "sudo-i", "sshd", "x", NULL };
        g_auto(GStrv) roles = policy_roles_of(policy, &user);

        for (size_t i = 0; services[i]; i++) {
                g_autofree char *refusal = policy_refusal(policy, &user, services[i]);
                PolicyDecision decision = policy_decide(policy, &user, &login, services[i], 1100);

                check_line(refusal, 200);
                check_steps(policy, &user, &login, services[i]);
                if (decision.verdict == POLICY_ALLOW && !roles[0])
                        abort();
                if (policy_decide_role(policy, &nobody, services[i]).verdict != POLICY_DENY)
                        abort();
        }
        for (size_t i = 0; roles[i]; i++) {
                g_auto(GStrv) of_role = policy_services_of(policy, roles[i]);

                if (!policy_holds(policy, &user, roles[i]))
                        abort();
                for (size_t j = 0; of_role[j]; j++)
                        if (policy_decide_role(policy, &user, of_role[j]).verdict != POLICY_ALLOW)
                                abort();
        }
}

/* Whatever is said of a provider, what it is talked to by is https or this very machine. */
static void check_providers(const char *text, size_t size) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(GPtrArray) providers = providers_read_text("corp.conf", text, size, mistakes);

        check_mistakes(mistakes, providers);
        for (guint i = 0; providers && i < providers->len; i++) {
                const Provider *provider = providers->pdata[i];

                if (!provider->urls[PROVIDER_ISSUER] || !provider->client_id || !provider->scopes ||
                    !provider->subject_claim)
                        abort();
                for (int j = 0; j < PROVIDER_URL_COUNT; j++)
                        if (provider->urls[j] && !g_str_has_prefix(provider->urls[j], "https://") &&
                            !g_str_has_prefix(provider->urls[j], "http://127.") &&
                            !g_str_has_prefix(provider->urls[j], "http://[::1]"))
                                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autoptr(GPtrArray) of_settings = conf_mistakes_new(), of_policy = conf_mistakes_new();
        g_autoptr(Settings) settings = settings_read_text("f", (const char *) data, size, of_settings);
        g_autoptr(Policy) policy = policy_new(look_up);
        bool good;

        check_mistakes(of_settings, settings);
        check_providers((const char *) data, size);
        good = policy_add_text(policy, "f", (const char *) data, size, of_policy);
        good = policy_link(policy, of_policy) && good;
        check_mistakes(of_policy, good);
        if (good) {
                ask(policy);
                check_format(policy);
        }
        return 0;
}
