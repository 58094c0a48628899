/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/service-diff.h"
#include "client/service-plan.h"
#include "client/service-sudoers.h"

/* argv[1]: a folder with the PAM files of Debian 12. */
static const char *data_folder;

typedef struct Root {
        char *path;
} Root;

static void remove_tree(const char *path) {
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *child = g_build_filename(path, name, NULL);
                remove_tree(child);
        }
        (void) (dir ? rmdir(path) : unlink(path));
}

static void root_deinit(Root *root) {
        remove_tree(root->path);
        g_free(root->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Root, root_deinit)

static char *root_file(const Root *root, const char *path) {
        return g_strconcat(root->path, path, NULL);
}

static void put(const Root *root, const char *path, const char *text) {
        g_autofree char *whole = root_file(root, path);

        assert(g_file_set_contents_full(whole, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, NULL));
}

static char *get(const Root *root, const char *path) {
        g_autofree char *whole = root_file(root, path);
        char *text = NULL;

        (void) g_file_get_contents(whole, &text, NULL, NULL);
        return text;
}

static Root root_new(void) {
        static const char *const folders[] = { "/etc/pam.d", "/etc/ssh/sshd_config.d", "/etc/sudoers.d" };
        static const char *const files[] = { "sshd", "sudo", "sudo-i", "su", "su-l", "login", "passwd" };
        Root root = { g_dir_make_tmp("tessera-XXXXXX", NULL) };

        assert(root.path);
        for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autofree char *folder = root_file(&root, folders[i]);
                assert(g_mkdir_with_parents(folder, 0755) == 0);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *from = g_build_filename(data_folder, files[i], NULL), *text = NULL;
                g_autofree char *to = g_build_filename("/etc/pam.d", files[i], NULL);
                assert(g_file_get_contents(from, &text, NULL, NULL));
                put(&root, to, text);
        }
        return root;
}

static void edit_free(void *p) {
        file_edit_free(p);
}

static GPtrArray *plan(const Root *root, const char *name, bool enabled, const char *breakglass) {
        const ServiceState wanted = { .enabled = enabled, .breakglass = (char *) breakglass };
        GPtrArray *edits = g_ptr_array_new_with_free_func(edit_free);
        g_autofree char *problem = NULL;
        bool good = service_plan(service_spec_by_name(name), root->path, &wanted, edits, &problem);

        if (!good)
                fprintf(stderr, "%s\n", problem);
        assert(good);
        return edits;
}

static void change(const Root *root, const char *name, bool enabled, const char *breakglass) {
        g_autoptr(GPtrArray) edits = plan(root, name, enabled, breakglass);
        g_autofree char *problem = NULL;

        assert(edits->len > 0);
        assert(file_edits_apply(edits, &problem));
}

static void check_state(const Root *root, const char *name, bool enabled, const char *breakglass) {
        g_auto(ServiceState) state = { 0 };
        g_autofree char *problem = NULL;

        assert(service_state_read(service_spec_by_name(name), root->path, &state, &problem));
        assert(state.enabled == enabled);
        assert(g_strcmp0(state.breakglass, breakglass) == 0);
}

static void check_partly(const Root *root, const char *name) {
        g_auto(ServiceState) state = { 0 };
        g_autofree char *problem = NULL;

        assert(service_state_read(service_spec_by_name(name), root->path, &state, &problem));
        assert(state.partly && !state.enabled);
}

static void check_refused(const Root *root, const char *name, const char *wanted_problem) {
        const ServiceState wanted = { .enabled = true };
        g_autoptr(GPtrArray) edits = g_ptr_array_new_with_free_func(edit_free);
        g_autofree char *problem = NULL;

        assert(!service_plan(service_spec_by_name(name), root->path, &wanted, edits, &problem));
        if (!strstr(problem, wanted_problem))
                fprintf(stderr, "is: %s\nshould have: %s\n", problem, wanted_problem);
        assert(strstr(problem, wanted_problem));
}

/* Everything below the folder as one text: paths, modes and contents. */
static int compare_names(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void append_tree(GString *text, const char *path) {
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const char *name;

        while (dir && (name = g_dir_read_name(dir)))
                g_ptr_array_add(names, g_strdup(name));
        g_ptr_array_sort(names, compare_names);
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *child = g_build_filename(path, g_ptr_array_index(names, i), NULL), *contents = NULL;
                struct stat st;
                assert(lstat(child, &st) == 0);
                g_string_append_printf(text, "== %s %o\n", child, st.st_mode);
                if (S_ISREG(st.st_mode) && g_file_get_contents(child, &contents, NULL, NULL))
                        g_string_append(text, contents);
                else
                        append_tree(text, child);
        }
}

static char *tree(const Root *root) {
        GString *text = g_string_new(NULL);

        append_tree(text, root->path);
        return g_string_free(text, FALSE);
}

static void test_there_and_back(void) {
        for (const ServiceSpec *spec = service_specs; spec->name; spec++) {
                g_auto(Root) root = root_new();
                g_autofree char *before = tree(&root), *after = NULL;

                check_state(&root, spec->name, false, NULL);
                change(&root, spec->name, true, NULL);
                check_state(&root, spec->name, true, NULL);
                change(&root, spec->name, true, "wheel");
                check_state(&root, spec->name, true, "wheel");
                change(&root, spec->name, false, NULL);
                check_state(&root, spec->name, false, NULL);
                after = tree(&root);
                assert(strcmp(before, after) == 0);
        }
}

static void test_twice_is_nothing(void) {
        g_auto(Root) root = root_new();
        g_autoptr(GPtrArray) none = plan(&root, "sudo", false, NULL);
        g_autoptr(GPtrArray) again = NULL;

        assert(none->len == 0);
        change(&root, "sudo", true, "wheel");
        again = plan(&root, "sudo", true, "wheel");
        assert(again->len == 0);
}

static void test_drop_ins(void) {
        g_auto(Root) root = root_new();
        g_autofree char *sshd = NULL, *path = root_file(&root, "/etc/sudoers.d/tessera");
        struct stat st;

        change(&root, "sshd", true, NULL);
        change(&root, "sudo", true, NULL);
        sshd = get(&root, "/etc/ssh/sshd_config.d/00-tessera.conf");
        assert(strstr(sshd, "\nUsePAM yes\nKbdInteractiveAuthentication yes\n"));
        assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0440);
}

/* Whether sudoers names roles is part of the state: an undo brings back the file that was there. */
static void test_roles_in_sudoers(void) {
        static const bool states[] = { false, true, false, true };
        const ServiceSpec *sudo = service_spec_by_name("sudo");
        g_autofree char *plugin = g_strdup_printf("\nDefaults group_plugin=\"%s\"\n", SUDO_PLUGIN), *end = NULL;
        g_auto(Root) root = root_new();

        for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
                const ServiceState wanted = { .enabled = true, .roles = states[i] };
                g_autoptr(GPtrArray) edits = g_ptr_array_new_with_free_func(edit_free);
                g_auto(ServiceState) found = { 0 };
                g_autofree char *text = NULL, *problem = NULL;

                assert(service_plan(sudo, root.path, &wanted, edits, &problem) && edits->len == (i == 0 ? 3 : 1));
                assert(file_edits_apply(edits, &problem));
                text = get(&root, "/etc/sudoers.d/tessera");
                assert(!strstr(text, plugin) == !states[i]);
                assert(!strstr(text, "\n%:admin ALL=(ALL:ALL) ALL\n") == !states[i]);
                assert(strstr(text, "\nDefaults timestamp_timeout=0\n"));
                assert(service_state_read(sudo, root.path, &found, &problem));
                assert(found.enabled && found.roles == states[i]);
        }
        change(&root, "sudo", false, NULL);
        end = get(&root, "/etc/sudoers.d/tessera");
        assert(!end);
}

static void test_somebody_elses_drop_in(void) {
        g_auto(Root) root = root_new();
        g_autofree char *text = NULL;
        g_autoptr(GPtrArray) edits = NULL;

        put(&root, "/etc/sudoers.d/tessera", "Defaults insults\n");
        check_refused(&root, "sudo", "/etc/sudoers.d/tessera is there, but is not tessera's");
        edits = plan(&root, "sudo", false, NULL);
        assert(edits->len == 0);
        text = get(&root, "/etc/sudoers.d/tessera");
        assert(strcmp(text, "Defaults insults\n") == 0);
}

/* With one of its files gone, or put back by a package, the service is no gate, and can be mended or left. */
static void test_half_enabled(void) {
        g_auto(Root) root = root_new();
        g_autofree char *sudo_i = get(&root, "/etc/pam.d/sudo-i"), *before = tree(&root), *after = NULL;

        change(&root, "sudo", true, NULL);
        put(&root, "/etc/pam.d/sudo-i", sudo_i);
        check_partly(&root, "sudo");
        change(&root, "sudo", true, NULL);
        put(&root, "/etc/pam.d/sudo-i", sudo_i);
        change(&root, "sudo", false, NULL);
        after = tree(&root);
        assert(strcmp(before, after) == 0);
}

/* Debian's su-l includes su and is left alone; one that stands for itself gets lines of its own. */
static void test_P40_su_l(void) {
        g_auto(Root) root = root_new();
        g_autofree char *debian = get(&root, "/etc/pam.d/su-l"), *su = get(&root, "/etc/pam.d/su"), *same = NULL,
                        *own = NULL, *back = NULL;

        change(&root, "su", true, "wheel");
        same = get(&root, "/etc/pam.d/su-l");
        assert(strcmp(same, debian) == 0);
        check_state(&root, "su", true, "wheel");

        put(&root, "/etc/pam.d/su-l", su);
        check_partly(&root, "su");
        change(&root, "su", true, "wheel");
        check_state(&root, "su", true, "wheel");
        own = get(&root, "/etc/pam.d/su-l");
        assert(strstr(own, "pam_tessera.so breakglass=wheel"));
        change(&root, "su", false, NULL);
        back = get(&root, "/etc/pam.d/su-l");
        assert(strcmp(back, su) == 0);

        put(&root, "/etc/pam.d/su-l", "auth include su\n");
        check_refused(&root, "su", "/etc/pam.d/su-l has no line \"@include common-auth\"");
}

static void test_service_missing(void) {
        g_auto(Root) root = root_new();
        g_autofree char *path = root_file(&root, "/etc/pam.d/sudo-i");

        assert(unlink(path) == 0);
        check_refused(&root, "sudo", "/etc/pam.d/sudo-i; is sudo installed?");
}

static void test_files_that_are_not_edited(void) {
        g_auto(Root) root = root_new();
        g_autofree char *path = root_file(&root, "/etc/pam.d/sshd"), *target = root_file(&root, "/etc/target");

        assert(chmod(path, 0666) == 0);
        check_refused(&root, "sshd", "others may write it");
        assert(rename(path, target) == 0 && chmod(target, 0644) == 0 && symlink(target, path) == 0);
        check_refused(&root, "sshd", "symbolic link");
        assert(unlink(path) == 0 && mkdir(path, 0755) == 0);
        check_refused(&root, "sshd", "no plain file");
}

/* What was never enabled keeps neither the packages on the host nor the list from being shown. */
static void test_foreign_files_do_not_hold_up_disable(void) {
        g_auto(Root) root = root_new();
        g_autofree char *path = root_file(&root, "/etc/pam.d/sudo-i"), *target = root_file(&root, "/etc/pam.d/sudo");
        g_autoptr(GPtrArray) edits = NULL, none = g_ptr_array_new();
        const ServiceState off = { 0 };
        g_autofree char *problem = NULL;

        assert(unlink(path) == 0 && symlink(target, path) == 0);
        edits = plan(&root, "sudo", false, NULL);
        assert(edits->len == 0);
        check_state(&root, "sudo", false, NULL);

        /* Lines of ours behind the link would stay: that is told. */
        assert(unlink(target) == 0);
        put(&root, "/etc/pam.d/sudo", "# tessera: begin\n# tessera: end\n");
        check_partly(&root, "sudo");
        assert(unlink(target) == 0);
        put(&root, "/etc/target", "# tessera: begin\n# tessera: end\n");
        assert(symlink("../target", target) == 0);
        assert(!service_plan(service_spec_by_name("sudo"), root.path, &off, none, &problem));
        assert(strstr(problem, "symbolic link"));
}

static void test_mode_stays(void) {
        g_auto(Root) root = root_new();
        g_autofree char *path = root_file(&root, "/etc/pam.d/sshd");
        struct stat st;

        assert(chmod(path, 0640) == 0);
        if (geteuid() == 0)
                assert(chown(path, 0, 4) == 0);
        change(&root, "sshd", true, NULL);
        assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
        assert(geteuid() != 0 || st.st_gid == 4);
}

/* One file that changed under us, or that cannot be written, and none is changed. */
static void test_all_or_none(void) {
        g_auto(Root) root = root_new();
        g_autoptr(GPtrArray) edits = plan(&root, "sudo", true, NULL);
        g_autofree char *problem = NULL, *other = NULL, *changed = NULL, *after = NULL, *blocked = NULL, *still = NULL,
                        *temporary = root_file(&root, "/etc/pam.d/sudo-i.new");

        assert(edits->len == 3);
        assert(file_edits_untouched(edits));
        put(&root, "/etc/pam.d/sudo-i", "# edited meanwhile\n");
        changed = tree(&root);
        assert(!file_edits_untouched(edits));
        assert(!file_edits_apply(edits, &problem));
        assert(strstr(problem, "/etc/pam.d/sudo-i could not be written: somebody else is editing it"));
        after = tree(&root);
        assert(strcmp(changed, after) == 0);

        put(&root, "/etc/pam.d/sudo-i", ((FileEdit *) g_ptr_array_index(edits, 2))->before);
        assert(mkdir(temporary, 0755) == 0);
        blocked = tree(&root);
        assert(!file_edits_apply(edits, &other));
        still = tree(&root);
        assert(strcmp(blocked, still) == 0);
}

static void test_diff(void) {
        static const struct {
                const char *before, *after, *text;
        } cases[] = {
                { "a\n", "a\n", "--- F\n+++ F\n" },
                { NULL, "a\nb\n", "--- /dev/null\n+++ F\n@@ -0,0 +1,2 @@\n+a\n+b\n" },
                { "a\n", NULL, "--- F\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n" },
                { "a", "a\n", "--- F\n+++ F\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n" },
                { "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nX\n6\n7\n8\n9\n",
                  "--- F\n+++ F\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+X\n 6\n 7\n 8\n" },
                { "A\n2\n3\n4\n5\n6\n7\n8\nB\n", "a\n2\n3\n4\n5\n6\n7\n8\nb\n",
                  "--- F\n+++ F\n@@ -1,4 +1,4 @@\n-A\n+a\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-B\n+b\n" },
                { "A\n2\n3\n4\n5\n6\n7\nB\n", "a\n2\n3\n4\n5\n6\n7\nb\n",
                  "--- F\n+++ F\n@@ -1,8 +1,8 @@\n-A\n+a\n 2\n 3\n 4\n 5\n 6\n 7\n-B\n+b\n" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                const FileEdit edit = { (char *) "F", (char *) cases[i].before, (char *) cases[i].after, 0, 0, 0 };
                g_autoptr(GString) text = g_string_new(NULL);
                service_diff(&edit, text);
                if (strcmp(text->str, cases[i].text) != 0)
                        fprintf(stderr, "is:\n%s\nshould be:\n%s\n", text->str, cases[i].text);
                assert(strcmp(text->str, cases[i].text) == 0);
        }
}

int main(int argc, char **argv) {
        assert(argc == 2);
        data_folder = argv[1];
        test_there_and_back();
        test_twice_is_nothing();
        test_drop_ins();
        test_roles_in_sudoers();
        test_somebody_elses_drop_in();
        test_half_enabled();
        test_P40_su_l();
        test_service_missing();
        test_files_that_are_not_edited();
        test_foreign_files_do_not_hold_up_disable();
        test_mode_stays();
        test_all_or_none();
        test_diff();
        return 0;
}
