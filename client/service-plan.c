/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/service-lines.h"
#include "client/service-plan.h"

#define MARK "# tessera:"
#define GROUP_PLUGIN "\nDefaults group_plugin=" /* in a drop-in of ours, of whatever release */

const ServiceSpec service_specs[] = {
        {
                .name = "sshd",
                .pam = { { "/etc/pam.d/sshd", "sshd", PAM_LINES_SSHD } },
                .package = "openssh-server",
                .drop_in = "/etc/ssh/sshd_config.d/00-tessera.conf",
                .drop_in_mode = 0644,
                .drop_in_text = SSHD_DROP_IN,
        },
        {
                .name = "sudo",
                .pam = {
                        { "/etc/pam.d/sudo", "sudo", PAM_LINES_SUDO },
                        { "/etc/pam.d/sudo-i", "sudo", PAM_LINES_SUDO },
                },
                .package = "sudo",
                .drop_in = "/etc/sudoers.d/tessera",
                .drop_in_mode = 0440,
                .drop_in_text = SUDOERS_DROP_IN,
                .drop_in_roles = SUDOERS_ROLES,
        },
        {
                .name = "su",
                .pam = {
                        { "/etc/pam.d/su", "su", PAM_LINES_SU },
                        { "/etc/pam.d/su-l", "su", PAM_LINES_SU, .follows = "su" },
                },
                .package = "util-linux",
        },
        {
                .name = "login",
                .pam = { { "/etc/pam.d/login", "login", PAM_LINES_LOGIN } },
                .package = "login",
        },
        {
                .name = "passwd",
                .pam = { { "/etc/pam.d/passwd", "passwd", PAM_LINES_PASSWD } },
                .package = "passwd",
        },
        { .name = NULL },
};

const ServiceSpec *service_spec_by_name(const char *name) {
        for (const ServiceSpec *spec = service_specs; spec->name; spec++)
                if (strcmp(spec->name, name) == 0)
                        return spec;
        return NULL;
}

char *service_drop_in(const ServiceSpec *spec, bool roles) {
        return g_strconcat(spec->drop_in_text, roles ? spec->drop_in_roles : NULL, NULL);
}

bool service_spec_is_gate(const ServiceSpec *spec) {
        return strstr(spec->pam[0].lines, "\naccount ");
}

void service_state_deinit(ServiceState *state) {
        g_clear_pointer(&state->breakglass, g_free);
        *state = (ServiceState) { .enabled = false };
}

static FileEdit *load(const char *root, const char *path, mode_t mode, char **ret_problem) {
        g_autofree char *whole = g_strconcat(root, path, NULL);

        return file_edit_new(whole, mode, ret_problem);
}

static bool is_ours(const char *text) {
        return g_str_has_prefix(text, MARK);
}

/*
 * A file that may not be edited (a link, another's) is no hindrance to having nothing of ours in it,
 * where there is nothing: services and packages go away without it.
 */
static bool is_free(const char *root, const char *path) {
        g_autofree char *whole = g_strconcat(root, path, NULL), *text = NULL, *group = NULL;

        return file_look(whole, &text) && (!text || (!is_ours(text) && !service_pam_is_enabled(text, &group)));
}

/* The same as load(), or NULL without a problem where the file stays as it is. */
static FileEdit *load_for(const ServiceState *wanted, const char *root, const char *path, mode_t mode,
                          char **ret_problem) {
        FileEdit *edit = load(root, path, mode, ret_problem);

        if (!edit && !wanted->enabled && is_free(root, path))
                g_clear_pointer(ret_problem, g_free);
        return edit;
}

/* The state is what a file says, also where it may not be edited. */
static bool look(const char *root, const char *path, char **ret_text, char **ret_problem) {
        g_autofree char *whole = g_strconcat(root, path, NULL);

        if (file_look(whole, ret_text))
                return true;
        *ret_problem = g_strdup_printf("%s cannot be read, or is no text", whole);
        return false;
}

bool service_state_read(const ServiceSpec *spec, const char *root, ServiceState *ret, char **ret_problem) {
        g_auto(ServiceState) state = { 0 };
        g_autofree char *drop_in = NULL;

        if (spec->drop_in && !look(root, spec->drop_in, &drop_in, ret_problem))
                return false;
        state.partly = drop_in && is_ours(drop_in);
        state.enabled = state.partly || !spec->drop_in;
        state.roles = state.partly && strstr(drop_in, GROUP_PLUGIN);
        for (size_t i = 0; i < SERVICE_PAM_FILES_MAX && spec->pam[i].path; i++) {
                g_autofree char *text = NULL, *group = NULL;
                if (!look(root, spec->pam[i].path, &text, ret_problem))
                        return false;
                if (text && service_pam_is_enabled(text, &group))
                        state.partly = true;
                else if (!text || !service_pam_follows(text, &spec->pam[i]))
                        state.enabled = false;
                if (!state.breakglass)
                        state.breakglass = g_steal_pointer(&group);
        }
        state.partly = state.partly && !state.enabled;
        *ret = state;
        state.breakglass = NULL;
        return true;
}

static void add_edit(GPtrArray *edits, FileEdit *edit) {
        if (file_edit_changes(edit))
                g_ptr_array_add(edits, edit);
        else
                file_edit_free(edit);
}

static bool plan_pam(const ServiceSpec *spec, const PamLines *lines, const char *root, const ServiceState *wanted,
                     GPtrArray *edits, char **ret_problem) {
        g_autoptr(FileEdit) edit = load_for(wanted, root, lines->path, 0644, ret_problem);

        if (!edit)
                return !*ret_problem;
        if (!edit->before) {
                /* Without a file of its own PAM would ask "other", and nobody tessera. */
                if (wanted->enabled)
                        *ret_problem = g_strdup_printf("there is no %s%s; is %s installed?", root, lines->path,
                                                       spec->package);
                return !wanted->enabled;
        }
        edit->after = wanted->enabled && !service_pam_follows(edit->before, lines)
                              ? service_pam_enable(edit->before, lines, wanted->breakglass, ret_problem)
                              : service_pam_disable(edit->before, lines->path, ret_problem);
        if (!edit->after)
                return false;
        add_edit(edits, g_steal_pointer(&edit));
        return true;
}

static bool plan_drop_in(const ServiceSpec *spec, const char *root, const ServiceState *wanted, GPtrArray *edits,
                         char **ret_problem) {
        g_autoptr(FileEdit) edit = load_for(wanted, root, spec->drop_in, spec->drop_in_mode, ret_problem);

        if (!edit)
                return !*ret_problem;
        if (edit->before && !is_ours(edit->before)) {
                if (wanted->enabled)
                        *ret_problem = g_strdup_printf("%s is there, but is not tessera's; move it away", edit->path);
                return !wanted->enabled;
        }
        edit->after = wanted->enabled ? service_drop_in(spec, wanted->roles) : NULL;
        add_edit(edits, g_steal_pointer(&edit));
        return true;
}

bool service_plan(const ServiceSpec *spec, const char *root, const ServiceState *wanted, GPtrArray *edits,
                  char **ret_problem) {
        /* The drop-in first: it makes no difference to PAM, and PAM's lines need it. */
        if (spec->drop_in && !plan_drop_in(spec, root, wanted, edits, ret_problem))
                return false;
        for (size_t i = 0; i < SERVICE_PAM_FILES_MAX && spec->pam[i].path; i++)
                if (!plan_pam(spec, &spec->pam[i], root, wanted, edits, ret_problem))
                        return false;
        return true;
}
