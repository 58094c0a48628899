/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/bus/end-login.h"

static unsigned count(const char *path) {
        g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
        unsigned n = 0;

        assert(folder);
        while (g_dir_read_name(folder))
                n++;
        return n;
}

static void assert_empty_file(const char *folder, const char *name) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        struct stat st;

        assert(lstat(path, &st) == 0);
        assert(S_ISREG(st.st_mode) && st.st_size == 0 && (st.st_mode & 0077) == 0);
        assert(unlink(path) == 0);
}

static void test_logins_are_asked_for_by_name(const char *path) {
        EndLoginFolder folder = end_login_folder(path);
        const EndLogin *end = &folder.end_login;

        end->session(end, "c12");
        end->session(end, "c12"); /* asked for already */
        end->user(end, 1000);
        assert(count(path) == 2);
        assert_empty_file(path, "session-c12");
        assert_empty_file(path, "user-1000");
}

static void test_S6_no_name_leads_elsewhere(const char *path) {
        static const char *const ids[] = {
                "", "..", "../x", "a/b", "3\n", "-", ".", " 3", "012345678901234567890123456789012", NULL,
        };
        EndLoginFolder folder = end_login_folder(path);
        const EndLogin *end = &folder.end_login;

        for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
                end->session(end, ids[i]);
        end->user(end, 0);
        end->user(end, UID_UNSET);
        assert(count(path) == 0);
}

static void test_S6_no_symlink_is_followed(const char *path) {
        g_autofree char *link = g_build_filename(path, "session-7", NULL);
        g_autofree char *target = g_build_filename(path, "target", NULL);
        EndLoginFolder folder = end_login_folder(path);

        assert(symlink(target, link) == 0);
        folder.end_login.session(&folder.end_login, "7");
        assert(access(target, F_OK) < 0);
        assert(unlink(link) == 0);
}

int main(void) {
        g_autofree char *path = g_dir_make_tmp("test-end-XXXXXX", NULL);

        assert(path);
        test_logins_are_asked_for_by_name(path);
        test_S6_no_name_leads_elsewhere(path);
        test_S6_no_symlink_is_followed(path);
        assert(g_rmdir(path) == 0);
        return 0;
}
