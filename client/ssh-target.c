/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/ssh-target.h"
#include "common/name.h"

#define SUN_PATH_MAX 108
#define SSH_TEMPORARY 17 /* what ssh puts behind a control path while it binds it */
#define ANSWER_MAX (1 << 20)
#define PASSWORD_USER_MAX 30 /* sshconnect2.c cuts there */
#define PASSWORD_HOST_MAX 128

/* Copies what has no place for a secret's sake: too long is none. */
static bool copy(const char *value, char *ret, size_t room) {
        return g_strlcpy(ret, value, room) < room;
}

static bool take_line(const char *key, const char *value, SshTarget *target) {
        guint64 number;

        if (strcmp(key, "user") == 0)
                return copy(value, target->user, sizeof(target->user));
        if (strcmp(key, "hostname") == 0) {
                g_autofree char *lower = g_ascii_strdown(value, -1);
                return copy(lower, target->host, sizeof(target->host));
        }
        if (strcmp(key, "hostkeyalias") == 0)
                return copy(value, target->shown, sizeof(target->shown));
        if (strcmp(key, "port") == 0) {
                if (!g_ascii_string_to_unsigned(value, 10, 1, UINT16_MAX, &number, NULL))
                        return false;
                target->port = (uint16_t) number;
        }
        if (strcmp(key, "controlpath") == 0 && strlen(value) + SSH_TEMPORARY < SUN_PATH_MAX)
                (void) copy(value, target->control_path, sizeof(target->control_path));
        if (strcmp(key, "controlmaster") == 0)
                target->control_master = strcmp(value, "false") != 0 && strcmp(value, "no") != 0;
        if (strcmp(key, "controlpersist") == 0)
                target->control_persist = strcmp(value, "no") != 0;
        if (strcmp(key, "serveraliveinterval") == 0)
                target->alive = strcmp(value, "0") != 0;
        return true;
}

bool ssh_target_parse(const char *text, SshTarget *ret) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        char name[DEVICE_FILE_NAME_MAX];
        SshTarget target = { 0 };

        for (char **line = lines; *line; line++) {
                char *value = strchr(*line, ' ');

                if (!value)
                        continue;
                *value = '\0';
                if (!take_line(*line, value + 1, &target))
                        return false;
        }
        if (!device_file_name(target.user, target.host, target.port, name))
                return false;
        if (!target.shown[0])
                (void) copy(target.host, target.shown, sizeof(target.shown));
        *ret = target;
        return true;
}

static bool run(char **argv, SshTarget *ret) {
        g_autofree char *text = NULL;
        int status;

        if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &text, NULL,
                          &status, NULL))
                return false;
        return g_spawn_check_wait_status(status, NULL) && strlen(text) <= ANSWER_MAX && ssh_target_parse(text, ret);
}

bool ssh_target_resolve(const SshLine *line, SshTarget *ret) {
        g_autoptr(GPtrArray) argv = g_ptr_array_new();

        if (!line->destination || line->destination[0] == '-')
                return false;
        g_ptr_array_add(argv, (gpointer) "ssh");
        g_ptr_array_add(argv, (gpointer) "-G");
        for (guint i = 0; i < line->before; i++)
                g_ptr_array_add(argv, g_ptr_array_index(line->resolving, i));
        g_ptr_array_add(argv, (gpointer) "-G"); /* so that a value "--" in front is not taken for the end of options */
        g_ptr_array_add(argv, (gpointer) line->destination);
        for (guint i = line->before; i < line->resolving->len; i++)
                g_ptr_array_add(argv, g_ptr_array_index(line->resolving, i));
        g_ptr_array_add(argv, NULL);
        return run((char **) argv->pdata, ret);
}

bool ssh_target_resolve_name(const char *destination, SshTarget *ret) {
        char *argv[] = { (char *) "ssh", (char *) "-G", (char *) "--", (char *) destination, NULL };

        return run(argv, ret);
}

char *ssh_target_name(const SshTarget *target) {
        if (target->port == 22)
                return g_strdup_printf("%s@%s", target->user, target->host);
        return g_strdup_printf("%s@%s:%u", target->user, target->host, target->port);
}

bool ssh_target_is_asking(const SshTarget *target, const char *prompt, bool *ret_ours) {
        g_autofree char *ours = g_strdup_printf("(%s@%s) " WIRE_PROMPT, target->user, target->shown);
        g_autofree char *blind = g_strdup_printf("%.*s@%.*s's password: ", PASSWORD_USER_MAX, target->user,
                                                 PASSWORD_HOST_MAX, target->shown);
        bool is_ours = strcmp(prompt, ours) == 0;

        if (ret_ours)
                *ret_ours = is_ours;
        return is_ours || strcmp(prompt, blind) == 0;
}
