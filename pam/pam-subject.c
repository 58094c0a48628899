/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_modules.h>

#include "common/cleanup.h"
#include "common/name.h"
#include "pam/pam-subject.h"

#define DATA_USER "tessera-user"
#define NSS_BUFFER_MIN 1024
#define NSS_BUFFER_MAX (1024 * 1024) /* group entries list their members */
#define GROUPS_MAX 65536             /* NGROUPS_MAX */

/* The name in the item, or NULL. */
static const char *get_name(pam_handle_t *pamh, int item) {
        const void *value = NULL;

        return pam_get_item(pamh, item, &value) == PAM_SUCCESS ? value : NULL;
}

/* Reads the account into @subject. 0, also where NSS positively knows none; else a negative errno. */
static int look_up(Subject *subject) {
        for (size_t size = NSS_BUFFER_MIN; size <= NSS_BUFFER_MAX; size *= 4) {
                _cleanup_free_ char *buffer = malloc(size);
                struct passwd entry, *found = NULL;
                int r;

                if (!buffer)
                        return -ENOMEM;
                r = getpwnam_r(subject->name, &entry, buffer, size, &found);
                if (r == ERANGE)
                        continue;
                /* glibc says "not found" as 0 with NULL; these come from backends that say it as an error. */
                if (!found)
                        return r == ENOENT || r == ESRCH ? 0 : -r;
                subject->exists = true;
                subject->uid = entry.pw_uid;
                subject->gid = entry.pw_gid;
                return 0;
        }
        return -ERANGE;
}

/* Asks for the name where the application left that to us (only in auth). */
static Situation get_user(pam_handle_t *pamh, Phase phase, const char **ret) {
        const char *user = NULL;

        if (phase != PHASE_AUTH)
                user = get_name(pamh, PAM_USER);
        else
                switch (pam_get_user(pamh, &user, NULL)) {
                case PAM_SUCCESS:
                        break;
                case PAM_BUF_ERR:
                        return SITUATION_NO_MEMORY;
                case PAM_CONV_ERR:
                case PAM_CONV_AGAIN:
                        return SITUATION_CONVERSATION;
                default:
                        return SITUATION_UNFORESEEN;
                }
        if (!user)
                return SITUATION_UNFORESEEN;
        *ret = user;
        return SITUATION_ALLOWED;
}

bool subject_find(pam_handle_t *pamh, Phase phase, bool invoker, Subject *ret, Situation *ret_situation) {
        Subject subject = { .uid = (uid_t) -1, .gid = (gid_t) -1 };
        const char *name = NULL;
        int r;

        *ret_situation = SITUATION_UNFORESEEN;
        if (invoker) {
                name = get_name(pamh, PAM_RUSER);
                if (!name)
                        return false;
        } else {
                Situation situation = get_user(pamh, phase, &name);
                if (situation != SITUATION_ALLOWED) {
                        *ret_situation = situation;
                        return false;
                }
        }
        if (!name_is_user(name)) {
                *ret = subject;
                return !invoker;
        }
        memcpy(subject.name, name, strlen(name) + 1);
        r = look_up(&subject);
        if (r < 0) {
                *ret_situation = r == -ENOMEM ? SITUATION_NO_MEMORY : SITUATION_OUTAGE;
                return false;
        }
        /* The kernel knows who invoked a setuid program; a PAM_RUSER that says otherwise is a mistake or a trick. */
        if (invoker && !(subject.exists && subject.uid == getuid()))
                return false;
        *ret = subject;
        if (subject.exists && subject.uid == 0) {
                *ret_situation = SITUATION_NOT_OURS;
                return false;
        }
        return true;
}

/* The group's gid. False where there is none, and where that cannot be known. */
static bool find_group(const char *name, gid_t *ret) {
        for (size_t size = NSS_BUFFER_MIN; size <= NSS_BUFFER_MAX; size *= 4) {
                _cleanup_free_ char *buffer = malloc(size);
                struct group entry, *found = NULL;
                int r;

                if (!buffer)
                        return false;
                r = getgrnam_r(name, &entry, buffer, size, &found);
                if (r == ERANGE)
                        continue;
                if (r == 0 && found)
                        *ret = entry.gr_gid;
                return r == 0 && found;
        }
        return false;
}

bool subject_in_group(const Subject *subject, const char *group) {
        _cleanup_free_ gid_t *gids = NULL;
        gid_t wanted;
        int n = 64;

        if (!subject->exists || !find_group(group, &wanted))
                return false;
        for (;;) {
                gid_t *grown = reallocarray(gids, (size_t) n, sizeof(*gids));
                int room = n;

                if (!grown)
                        return false;
                gids = grown;
                if (getgrouplist(subject->name, subject->gid, gids, &n) >= 0)
                        break;
                /* Too small: it says how many there are. Anything else is a failed look-up. */
                if (n <= room || n > GROUPS_MAX)
                        return false;
        }
        for (int i = 0; i < n; i++)
                if (gids[i] == wanted)
                        return true;
        return false;
}

static void free_data(pam_handle_t *pamh, void *data, int status) {
        free(data);
}

Situation subject_remember(pam_handle_t *pamh, const Subject *subject) {
        char *name = strdup(subject->name);

        if (!name)
                return SITUATION_NO_MEMORY;
        if (pam_set_data(pamh, DATA_USER, name, free_data) != PAM_SUCCESS) {
                free(name);
                return SITUATION_NO_MEMORY;
        }
        return SITUATION_ALLOWED;
}

bool subject_unchanged(pam_handle_t *pamh, const Subject *subject) {
        const void *name = NULL;

        if (pam_get_data(pamh, DATA_USER, &name) != PAM_SUCCESS || !name)
                return true;
        return strcmp(name, subject->name) == 0;
}

bool subject_current(pam_handle_t *pamh, bool invoker, const Subject *subject) {
        const char *name = get_name(pamh, invoker ? PAM_RUSER : PAM_USER);

        return name && strcmp(name, subject->name) == 0;
}
