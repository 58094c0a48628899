/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "client/doctor.h"
#include "client/lib/call.h"
#include "client/service-files.h"
#include "client/service-host.h"
#include "client/shape.h"

#define NAMES_MAX 5

static void finding_free(void *p) {
        Finding *finding = p;

        g_free(finding->text);
        g_free(finding->remedy);
        g_free(finding);
}

void doctor_init(Doctor *doctor) {
        *doctor = (Doctor) {
                .findings = g_ptr_array_new_with_free_func(finding_free),
                .root = "",
                .as_root = geteuid() == 0,
                .booted = service_host_is_booted(),
                .now = g_get_real_time() / G_USEC_PER_SEC,
        };
}

void doctor_deinit(Doctor *doctor) {
        g_clear_pointer(&doctor->findings, g_ptr_array_unref);
        json_decref(doctor->users);
        doctor->users = NULL;
        doctor->said = client_dict_free(doctor->said);
        g_clear_pointer(&doctor->unsaid, g_free);
}

G_GNUC_PRINTF(4, 0)
static void say(Doctor *doctor, FindingState state, const char *remedy, const char *format, va_list arguments) {
        Finding *finding = g_new0(Finding, 1);

        *finding = (Finding) { doctor->check, state, g_strdup_vprintf(format, arguments), g_strdup(remedy) };
        g_ptr_array_add(doctor->findings, finding);
}

#define SAY(state, remedy)                                                                                    \
        va_list arguments;                                                                                    \
        va_start(arguments, format);                                                                          \
        say(doctor, state, remedy, format, arguments);                                                        \
        va_end(arguments)

void doctor_ok(Doctor *doctor, const char *format, ...) {
        SAY(FINDING_OK, NULL);
}

void doctor_skip(Doctor *doctor, const char *format, ...) {
        SAY(FINDING_SKIPPED, NULL);
}

void doctor_warn(Doctor *doctor, const char *remedy, const char *format, ...) {
        SAY(FINDING_WARN, remedy);
}

void doctor_fail(Doctor *doctor, const char *remedy, const char *format, ...) {
        SAY(FINDING_FAIL, remedy);
}

void doctor_say(Doctor *doctor, FindingState state, const char *remedy, const char *format, ...) {
        SAY(state, remedy);
}

void doctor_ok_unless(Doctor *doctor, guint said_before, const char *text) {
        if (doctor->findings->len == said_before)
                doctor_ok(doctor, "%s", text);
}

bool doctor_needs_root(Doctor *doctor, const char *what) {
        if (!doctor->as_root)
                doctor_skip(doctor, "%s: only root can see", what);
        return doctor->as_root;
}

char *doctor_names(const GPtrArray *names) {
        GString *text = g_string_new(NULL);
        guint shown = names->len > NAMES_MAX + 1 ? NAMES_MAX : names->len; /* "and 1 more" is as long as a name */

        for (guint i = 0; i < shown; i++)
                g_string_append_printf(text, "%s%s", i == 0 ? "" : i + 1 == names->len ? " and " : ", ",
                                       (const char *) names->pdata[i]);
        if (shown < names->len)
                g_string_append_printf(text, " and %u more", names->len - shown);
        return g_string_free(text, FALSE);
}

char *doctor_read(const Doctor *doctor, const char *path) {
        g_autofree char *whole = g_strconcat(doctor->root, path, NULL);
        char *text = NULL;

        return file_look(whole, &text) ? text : NULL;
}

char *doctor_quote(const char *path) {
        static const char plain[] = G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_-./+@:";

        return path[strspn(path, plain)] ? g_shell_quote(path) : g_strdup(path);
}

char *doctor_sed(const char *path, unsigned line, const char *from, const char *to) {
        g_autofree char *script = g_strdup_printf("%us/%s/%s/", line, from, to), *quoted = g_shell_quote(script);
        g_autofree char *file = doctor_quote(path);

        return g_strdup_printf("sed -i %s %s", quoted, file);
}

char *doctor_comment_out(const char *complaint) {
        g_autoptr(GRegex) regex = g_regex_new("(/[^: ]+):? ?(?:line |:)([0-9]+)", 0, 0, NULL);
        g_autoptr(GMatchInfo) match = NULL;
        g_autofree char *path = NULL, *line = NULL;

        if (!g_regex_match(regex, complaint, 0, &match))
                return NULL;
        path = g_match_info_fetch(match, 1);
        line = g_match_info_fetch(match, 2);
        return doctor_sed(path, (unsigned) g_ascii_strtoull(line, NULL, 10), "^", "# ");
}

void doctor_run(Doctor *doctor, const DoctorCheck *checks) {
        for (const DoctorCheck *check = checks; check->name; check++) {
                doctor->check = check->name;
                check->look(doctor);
        }
}

static const char *const state_names[_FINDING_STATE_MAX] = {
        [FINDING_OK] = "ok",
        [FINDING_SKIPPED] = "skipped",
        [FINDING_WARN] = "warn",
        [FINDING_FAIL] = "fail",
};

json_t *doctor_to_json(const Doctor *doctor) {
        json_t *list = json_array();

        for (guint i = 0; i < doctor->findings->len; i++) {
                const Finding *finding = doctor->findings->pdata[i];

                (void) json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "check", finding->check, "state",
                                                             state_names[finding->state], "text",
                                                             shape_text(finding->text), "remedy",
                                                             shape_text(finding->remedy)));
        }
        return list;
}
