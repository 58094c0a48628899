/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/identity-cache.h"
#include "daemon/core/test-fake-clock.h"
#include "daemon/core/types.h"

/* A source that counts how often it is asked, and tells one more group each time. */
typedef struct Fake {
        IdentitySource source;
        unsigned asked;
        int result;
        const char *touch; /* a file that changes while it is asked */
} Fake;

static int fake_look_up(const IdentitySource *source, const char *name, uid_t uid, Identity **ret) {
        Fake *fake = (Fake *) source;

        fake->asked++;
        if (fake->touch)
                assert(g_file_set_contents(fake->touch, "changed", -1, NULL));
        if (fake->result != 0)
                return fake->result;
        *ret = g_new0(Identity, 1);
        (*ret)->name = g_strdup(name ? name : "by-uid");
        (*ret)->uid = 1000;
        (*ret)->groups = g_new0(gid_t, fake->asked);
        (*ret)->n_groups = fake->asked;
        return 0;
}

typedef struct World {
        Fake fake;
        FakeClock clock;
        char *folder;
        const char *files[3];
        IdentityCache *cache;
} World;

static void world_init(World *world) {
        *world = (World) { .fake.source.look_up = fake_look_up, .clock = FAKE_CLOCK_INIT };
        world->folder = g_dir_make_tmp("identity-cache-XXXXXX", NULL);
        assert(world->folder);
        world->files[0] = g_build_filename(world->folder, "passwd", NULL);
        world->files[1] = g_build_filename(world->folder, "group", NULL);
        for (size_t i = 0; i < 2; i++)
                assert(g_file_set_contents(world->files[i], "a line\n", -1, NULL));
        world->cache = identity_cache_new(&world->fake.source, &world->clock.clock, world->files);
}

static void world_deinit(World *world) {
        world->cache = identity_cache_free(world->cache);
        for (size_t i = 0; i < 2; i++) {
                (void) g_unlink(world->files[i]);
                g_free((char *) world->files[i]);
        }
        (void) g_rmdir(world->folder);
        g_free(world->folder);
}

/* Asks, and says how many groups came back: which answer of the source's that was. */
static size_t ask(World *world, const char *name) {
        const IdentitySource *source = identity_cache_source(world->cache);
        g_autoptr(Identity) identity = NULL;

        assert(source->look_up(source, name, name ? UID_UNSET : 1000, &identity) == 0);
        g_assert_cmpstr(identity->name, ==, name ? name : "by-uid");
        return identity->n_groups;
}

static void test_an_answer_is_good_for_a_moment(World *world) {
        g_assert_cmpuint(ask(world, "alice"), ==, 1);
        g_assert_cmpuint(ask(world, "alice"), ==, 1);
        world->clock.running += IDENTITY_CACHE_MS - 1;
        g_assert_cmpuint(ask(world, "alice"), ==, 1);
        world->clock.running += 1; /* however often it was used */
        g_assert_cmpuint(ask(world, "alice"), ==, 2);
}

static void test_another_name_is_another_question(World *world) {
        g_assert_cmpuint(ask(world, "alice"), ==, 1);
        g_assert_cmpuint(ask(world, "bob"), ==, 2);
        g_assert_cmpuint(ask(world, "Alice"), ==, 3);
        g_assert_cmpuint(ask(world, "alice"), ==, 1);
}

static void test_a_uid_is_always_asked_for(World *world) {
        g_assert_cmpuint(ask(world, NULL), ==, 1);
        g_assert_cmpuint(ask(world, NULL), ==, 2);
}

static void test_a_changed_file_ends_all_answers_at_once(World *world) {
        for (size_t i = 0; i < 2; i++) {
                size_t answer = ask(world, "alice");

                g_assert_cmpuint(ask(world, "alice"), ==, answer);
                assert(g_file_set_contents(world->files[i], "a LINE\n", -1, NULL)); /* as usermod: a new file */
                g_assert_cmpuint(ask(world, "alice"), ==, answer + 1);
        }
}

static void test_a_change_during_the_look_up_counts(World *world) {
        world->fake.touch = world->files[1];
        g_assert_cmpuint(ask(world, "alice"), ==, 1);
        g_assert_cmpuint(ask(world, "alice"), ==, 2);
}

static void test_without_the_files_nothing_is_kept(World *world) {
        g_assert_cmpuint(ask(world, "alice"), ==, 1);
        assert(g_unlink(world->files[0]) == 0);
        g_assert_cmpuint(ask(world, "alice"), ==, 2);
        g_assert_cmpuint(ask(world, "alice"), ==, 3);
}

static void test_a_no_is_never_kept(World *world) {
        const IdentitySource *source = identity_cache_source(world->cache);
        static const int results[] = { IDENTITY_E_NOT_FOUND, -EIO };

        for (size_t i = 0; i < G_N_ELEMENTS(results); i++) {
                Identity *identity = NULL;

                world->fake.result = results[i];
                g_assert_cmpint(source->look_up(source, "carol", UID_UNSET, &identity), ==, results[i]);
                g_assert_cmpint(source->look_up(source, "carol", UID_UNSET, &identity), ==, results[i]);
                assert(!identity);
        }
        g_assert_cmpuint(world->fake.asked, ==, 4);
}

static void test_many_names_are_not_all_kept(World *world) {
        for (unsigned i = 0; i < 1000; i++) {
                g_autofree char *name = g_strdup_printf("user%u", i);

                (void) ask(world, name);
        }
        g_assert_cmpuint(ask(world, "user0"), ==, 1);
        g_assert_cmpuint(ask(world, "user999"), ==, 1001); /* there was no room */
        world->clock.running += IDENTITY_CACHE_MS;
        g_assert_cmpuint(ask(world, "user999"), ==, 1002);
        g_assert_cmpuint(ask(world, "user999"), ==, 1002); /* the old ones made some */
}

int main(void) {
        static void (*const tests[])(World *world) = {
                test_an_answer_is_good_for_a_moment,
                test_another_name_is_another_question,
                test_a_uid_is_always_asked_for,
                test_a_changed_file_ends_all_answers_at_once,
                test_a_change_during_the_look_up_counts,
                test_without_the_files_nothing_is_kept,
                test_a_no_is_never_kept,
                test_many_names_are_not_all_kept,
        };

        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                World world;

                world_init(&world);
                tests[i](&world);
                world_deinit(&world);
        }
        return 0;
}
