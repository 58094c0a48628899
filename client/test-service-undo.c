/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/service-undo.h"

static char *folder;

static void check_write(const Pending *pending) {
        g_autofree char *problem = NULL;

        assert(pending_write(pending, folder, &problem));
}

static Pending *check_read(void) {
        g_autofree char *problem = NULL;
        Pending *pending = pending_read(folder, &problem);

        assert(pending);
        return pending;
}

static void test_round_trip(void) {
        const ServiceSpec *sshd = service_spec_by_name("sshd"), *sudo = service_spec_by_name("sudo");
        g_autoptr(Pending) pending = check_read();
        g_autoptr(Pending) again = NULL;
        g_autoptr(Pending) gone = NULL;
        g_auto(ServiceState) off = { 0 }, on = { .enabled = true, .roles = true,
                                                                    .breakglass = g_strdup("wheel") };
        g_autofree char *path = g_build_filename(folder, "pending", NULL), *problem = NULL;

        assert(pending->services->len == 0);
        pending_add(pending, sshd, &off);
        pending_add(pending, sudo, &on);
        assert(pending_stamp(pending, &problem));
        pending->undo_at = 12345;
        check_write(pending);
        again = check_read();
        assert(again->since == pending->since && again->undo_at == 12345);
        assert(strcmp(again->boot, pending->boot) == 0);
        assert(again->services->len == 2);
        assert(!pending_find(again, sshd)->before.enabled && !pending_find(again, sshd)->before.breakglass);
        assert(!pending_find(again, sshd)->before.roles);
        assert(pending_find(again, sudo)->before.enabled && pending_find(again, sudo)->before.roles);
        assert(strcmp(pending_find(again, sudo)->before.breakglass, "wheel") == 0);

        pending_remove(again, sshd);
        pending_remove(again, sshd);
        pending_remove(again, sudo);
        check_write(again);
        check_write(again);
        assert(access(path, F_OK) < 0);
        gone = check_read();
        assert(gone->services->len == 0);
}

/* A second change before the first is confirmed goes back to what was before the first. */
static void test_first_state_is_kept(void) {
        const ServiceSpec *sshd = service_spec_by_name("sshd");
        g_autoptr(Pending) pending = pending_new();
        g_auto(ServiceState) off = { 0 }, on = { .enabled = true };

        pending_add(pending, sshd, &off);
        pending_add(pending, sshd, &on);
        assert(pending->services->len == 1);
        assert(!pending_find(pending, sshd)->before.enabled);
}

static void test_older(void) {
        g_autoptr(Pending) pending = pending_new();
        g_autofree char *problem = NULL;

        assert(pending_stamp(pending, &problem));
        /* Of the clock that nobody sets: an old login must not become a new one by it. */
        assert(pending->since <= (uint64_t) g_get_monotonic_time());
        assert(pending_is_older(pending, pending->since + 1));
        assert(!pending_is_older(pending, pending->since));
        assert(!pending_is_older(pending, 0));
        pending->boot[0] ^= 1;
        assert(!pending_is_older(pending, pending->since + 1));
}

static void test_damage(void) {
        static const char *const texts[] = { "", "x", "[pending]\n", "[pending]\nsince=0\nboot=x\n", "[pending]\nsince=7\n",
                                             "[pending]\nsince=x\nboot=y\n" };
        g_autofree char *path = g_build_filename(folder, "pending", NULL);
        g_autoptr(Pending) all = pending_new_all_disabled();

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autofree char *problem = NULL;
                assert(g_file_set_contents_full(path, texts[i], -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
                assert(!pending_read(folder, &problem));
                assert(strstr(problem, "damaged"));
        }
        assert(unlink(path) == 0);
        for (const ServiceSpec *spec = service_specs; spec->name; spec++)
                assert(!pending_find(all, spec)->before.enabled);
}

int main(void) {
        folder = g_dir_make_tmp("tessera-XXXXXX", NULL);
        assert(folder);
        test_round_trip();
        test_first_state_is_kept();
        test_older();
        test_damage();
        assert(rmdir(folder) == 0);
        g_free(folder);
        return 0;
}
