/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/name.h"
#include "common/service.h"
#include "policy/policy-explain.h"
#include "policy/policy-private.h"

#define NAMES_SHOWN 8

/* Steps */

static void step_free(void *data) {
        PolicyStep *step = data;

        g_free(step->text);
        g_free(step->file);
        g_free(step);
}

GPtrArray *policy_steps_new(void) {
        return g_ptr_array_new_with_free_func(step_free);
}

void policy_step_add(GPtrArray *steps, const char *file, unsigned line, const char *format, ...) {
        g_autofree char *text = NULL, *clean = g_malloc(POLICY_STEP_MAX + 1);
        PolicyStep *step = g_new(PolicyStep, 1);
        va_list args;

        va_start(args, format);
        text = g_strdup_vprintf(format, args);
        va_end(args);
        name_clean(text, clean, POLICY_STEP_MAX + 1);
        *step = (PolicyStep) {
                .text = g_steal_pointer(&clean),
                .file = g_strdup(file),
                .line = file ? line : 0,
        };
        g_ptr_array_add(steps, step);
}

char *policy_quote_names(const char *const *names, const char *last) {
        GString *text = g_string_new(NULL);
        size_t n = g_strv_length((char **) names);

        for (size_t i = 0; i < MIN(n, NAMES_SHOWN); i++)
                g_string_append_printf(text, "%s\"%s\"", i == 0 ? "" : i + 1 < n ? ", " : last, names[i]);
        if (n > NAMES_SHOWN)
                g_string_append_printf(text, "%s%zu others", last, n - NAMES_SHOWN);
        return g_string_free(text, FALSE);
}

static char *quote(const Names *names, const char *last) {
        return policy_quote_names((const char *const *) names->names, last);
}

/* Services */

/* The section that rules @name, told; NULL where there is none. */
static const Service *explain_service(const Policy *policy, const char *name, GPtrArray *steps) {
        const Service *service = policy_find_service(policy, name);
        const char *fallback = service_fallback(name);
        g_autofree char *roles = service ? quote(&service->roles, " or ") : NULL;

        if (!service) {
                policy_step_add(steps, NULL, 0, "there is no section [service:%s]%s%s%s", name,
                                fallback ? ", nor [service:" : "", fallback ? fallback : "", fallback ? "]" : "");
                return NULL;
        }
        if (strcmp(service->name, name) == 0)
                policy_step_add(steps, service->file, service->line, "\"%s\" is ruled by [service:%s]", name, name);
        else
                policy_step_add(steps, service->file, service->line,
                                "\"%s\" has no section and follows [service:%s]", name, service->name);
        policy_step_add(steps, service->file, service->roles.line, "wants the role %s", roles);
        return service;
}

/* Freshness and method */

static void explain_max_age(GPtrArray *steps, const Service *service, int64_t max_age) {
        g_autofree char *text = conf_duration_to_string(max_age);

        if (service->max_age > 0)
                policy_step_add(steps, service->file, service->max_age_line, "max-age is %s", text);
        else if (max_age > 0)
                policy_step_add(steps, NULL, 0, "max-age is %s, the default", text);
        else
                policy_step_add(steps, NULL, 0, "without max-age any sign-in is fresh enough here");
}

static void explain_login(GPtrArray *steps, const PolicyLogin *login, int64_t now) {
        int64_t age = login->auth_time > 0 ? now - login->auth_time : 0;
        g_autofree char *text = conf_duration_to_string(age < 0 ? -age : age);

        if (login->auth_time <= 0)
                policy_step_add(steps, NULL, 0, "nobody has proven anything in this login, such as a password");
        else if (age < 0)
                policy_step_add(steps, NULL, 0, "signed in %s ahead of the clock, which is never fresh", text);
        else
                policy_step_add(steps, NULL, 0, "signed in %s ago by \"%s\"", text,
                                login->auth_method ? login->auth_method : "?");
}

static void explain_freshness(GPtrArray *steps, const Service *service, const PolicyLogin *login,
                              const PolicyDecision *decision, int64_t now) {
        g_autofree char *methods = quote(&service->methods, " or ");

        explain_max_age(steps, service, decision->max_age);
        if (login)
                explain_login(steps, login, now);
        if (login && methods[0])
                policy_step_add(steps, service->file, service->methods.line, "wants the last sign-in to be by %s",
                                methods);
}

/* What it comes to */

static void conclude(GPtrArray *steps, const PolicyDecision *decision, bool of_login) {
        static const char *const sentences[_POLICY_REASON_MAX] = {
                [POLICY_REASON_UNKNOWN_SERVICE] = "a service without a section lets nobody in",
                [POLICY_REASON_ROLE_MISSING] = "none of the roles that it wants is held",
                [POLICY_REASON_LOOKUP] =
                        "no role that it wants is known to be held: a group cannot be looked up",
                [POLICY_REASON_NO_SESSION] = "there is no live session: one must sign in",
                [POLICY_REASON_STALE] = "that is not fresh enough: one must sign in again",
                [POLICY_REASON_METHOD] = "that is not a method that counts here: one must sign in again",
                [POLICY_REASON_OK] = "a role that it wants is held",
        };
        bool fresh = of_login && decision->reason == POLICY_REASON_OK;

        policy_step_add(steps, NULL, 0, "%s%s", sentences[decision->reason],
                        fresh ? ", and the sign-in is good enough" : "");
}

static const Service *explain_roles(const Policy *policy, const PolicyUser *user, const char *name,
                                    GPtrArray *steps) {
        g_autoptr(Holding) holding = policy_holding_new(policy, user, steps);
        const Service *service = explain_service(policy, name ? name : "", steps);

        for (guint i = 0; service && i < service->needed->len; i++)
                policy_holding_tell(holding, service->needed->pdata[i]);
        return service;
}

PolicyDecision policy_explain_role(Policy *policy, const PolicyUser *user, const char *service, GPtrArray *steps) {
        PolicyDecision decision = policy_decide_role(policy, user, service);

        (void) explain_roles(policy, user, service, steps);
        conclude(steps, &decision, /* of_login= */ false);
        return decision;
}

PolicyDecision policy_explain(Policy *policy, const PolicyUser *user, const PolicyLogin *login, const char *service,
                              int64_t now, GPtrArray *steps) {
        PolicyDecision decision = policy_decide(policy, user, login, service, now);
        const Service *found = explain_roles(policy, user, service, steps);

        if (found && decision.verdict != POLICY_DENY)
                explain_freshness(steps, found, login, &decision, now);
        conclude(steps, &decision, /* of_login= */ true);
        return decision;
}
