/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "client/service-lines.h"
#include "client/service-pam.h"

/* argv[1]: a folder with the files of Debian 12 (openssh-server, sudo). */
static const char *data_folder;

static const PamLines sshd = { "/etc/pam.d/sshd", "sshd", PAM_LINES_SSHD };
static const PamLines sudo = { "/etc/pam.d/sudo", "sudo", PAM_LINES_SUDO };
static const PamLines sudo_i = { "/etc/pam.d/sudo-i", "sudo", PAM_LINES_SUDO };
static const PamLines *const all[] = { &sshd, &sudo, &sudo_i };

static char *debian(const PamLines *lines) {
        g_autofree char *path = g_build_filename(data_folder, strrchr(lines->path, '/') + 1, NULL);
        char *text = NULL;

        assert(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

static void check_text(const char *is, const char *wanted) {
        if (is && strcmp(is, wanted) == 0)
                return;
        fprintf(stderr, "--- is\n%s\n--- should be\n%s\n---\n", is ?: "(null)", wanted);
        assert(false);
}

static char *enabled(const char *text, const PamLines *lines, const char *breakglass) {
        g_autofree char *problem = NULL;
        char *result = service_pam_enable(text, lines, breakglass, &problem);

        if (!result)
                fprintf(stderr, "%s\n", problem);
        assert(result);
        return result;
}

static char *disabled(const char *text, const PamLines *lines) {
        g_autofree char *problem = NULL;
        char *result = service_pam_disable(text, lines->path, &problem);

        if (!result)
                fprintf(stderr, "%s\n", problem);
        assert(result);
        return result;
}

static void check_problem(const char *text, const PamLines *lines, const char *wanted) {
        g_autofree char *problem = NULL, *result = service_pam_enable(text, lines, NULL, &problem);

        assert(!result);
        if (!strstr(problem, wanted))
                fprintf(stderr, "is: %s\nshould have: %s\n", problem, wanted);
        assert(strstr(problem, wanted));
}

/* The words of the lines that PAM reads, one line each, without comments. */
static char *effective(const char *text) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        GString *result = g_string_new(NULL);

        for (char **line = lines; *line; line++) {
                g_auto(GStrv) words = NULL;
                *strchrnul(*line, '#') = '\0';
                words = g_strsplit_set(*line, " \t", -1);
                for (char **word = words; *word; word++)
                        if (**word)
                                g_string_append_printf(result, "%s ", *word);
                if (result->len > 0 && result->str[result->len - 1] == ' ')
                        result->str[result->len - 1] = '\n';
        }
        return g_string_free(result, FALSE);
}

static void test_P24_debian_sudo(void) {
        g_autofree char *text = debian(&sudo), *with = enabled(text, &sudo, "wheel"), *read = effective(with);

        check_text(read,
                   "session required pam_limits.so\n"
                   "auth [success=1 ignore=ignore default=die] pam_tessera.so breakglass=wheel\n"
                   "auth substack common-auth\n"
                   "auth required pam_permit.so\n"
                   "account [success=1 default=ignore] pam_rootok.so\n"
                   "account requisite pam_tessera.so breakglass=wheel\n"
                   "@include common-account\n"
                   "@include common-session-noninteractive\n");
}

static void test_P24_debian_sshd(void) {
        static const char *const order[] = {
                "auth [success=1 ignore=ignore default=die] pam_tessera.so\n"
                "auth substack common-auth\n"
                "auth required pam_permit.so\n"
                "account required pam_nologin.so\n"
                "account requisite pam_tessera.so\n"
                "@include common-account\n",
                "session required pam_loginuid.so\n",
                "@include common-session\n"
                "session required pam_tessera.so\n"
                "session optional pam_motd.so",
                "session required pam_env.so user_readenv=1",
        };
        g_autofree char *text = debian(&sshd), *with = enabled(text, &sshd, NULL), *read = effective(with);
        const char *at = read;

        for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
                at = strstr(at, order[i]);
                if (!at)
                        fprintf(stderr, "%s\nhas not, in its place:\n%s\n", read, order[i]);
                assert(at);
        }
        assert(!strstr(read, "@include common-auth"));
}

/* Enabling and disabling gives the file back, and doing either twice changes nothing. */
static void check_round_trip(const char *text, const PamLines *lines, const char *breakglass) {
        g_autofree char *once = enabled(text, lines, breakglass), *twice = enabled(once, lines, breakglass),
                        *back = disabled(once, lines), *still = disabled(text, lines), *group = NULL, *none = NULL;

        assert(strcmp(once, text) != 0);
        check_text(twice, once);
        check_text(back, text);
        check_text(still, text);
        assert(service_pam_is_enabled(once, &group));
        assert(g_strcmp0(group, breakglass) == 0);
        assert(!service_pam_is_enabled(text, &none) && !none);
}

static void test_round_trip(void) {
        static const char *const tails[] = { "", "\n", "\n\n", "# last", "session optional pam_x.so" };

        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                g_autofree char *text = debian(all[i]);
                check_round_trip(text, all[i], NULL);
                check_round_trip(text, all[i], "wheel");
                for (size_t n = 0; n < G_N_ELEMENTS(tails); n++) {
                        g_autofree char *longer = g_strconcat(text, tails[n], NULL);
                        check_round_trip(longer, all[i], NULL);
                }
        }
}

/* Each of the three lines as the last one, with and without a newline, in odd spelling. */
static void test_round_trip_last_line(void) {
        static const char *const texts[] = {
                "@include common-account\n@include common-session\n@include common-auth",
                "@include common-auth\n@include common-session\n@include common-account",
                "@include common-account\n@include common-auth\n@include common-session",
                "\t@Include\tcommon-account # a\n@include  common-auth \n @include common-session#b",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autofree char *newline = g_strconcat(texts[i], "\n", NULL);
                check_round_trip(texts[i], &sshd, NULL);
                check_round_trip(newline, &sshd, NULL);
        }
}

static void test_another_breakglass_replaces(void) {
        g_autofree char *text = debian(&sudo), *one = enabled(text, &sudo, "wheel"),
                        *two = enabled(one, &sudo, "glass"), *wanted = enabled(text, &sudo, "glass");

        check_text(two, wanted);
}

/* What an admin adds anywhere outside the blocks, while they are there, stays. */
static void test_edits_stay(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                g_autofree char *text = debian(all[i]), *with = enabled(text, all[i], NULL),
                                *edited = g_strconcat("# mine\n", with, "auth required pam_mine.so\n", NULL),
                                *back = disabled(edited, all[i]),
                                *wanted = g_strconcat("# mine\n", text, "auth required pam_mine.so\n", NULL);
                check_text(back, wanted);
        }
}

static void test_P38_second_factor_stays(void) {
        g_autofree char *with = enabled("@include common-auth\n"
                                        "auth required pam_second.so\n"
                                        "@include common-account\n"
                                        "@include common-session\n", &sshd, NULL),
                        *read = effective(with);

        /* The jump of one lands on pam_permit, and what follows is still asked: nothing ends the stack. */
        assert(g_str_has_prefix(read,
                                "auth [success=1 ignore=ignore default=die] pam_tessera.so\n"
                                "auth substack common-auth\n"
                                "auth required pam_permit.so\n"
                                "auth required pam_second.so\n"));
}

static void test_P5_nothing_ends_account(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                g_autofree char *text = debian(all[i]), *with = enabled(text, all[i], NULL), *read = effective(with);
                g_auto(GStrv) lines = g_strsplit(read, "\n", -1);
                for (char **line = lines; *line; line++)
                        if (g_str_has_prefix(*line, "account "))
                                assert(!strstr(*line, "sufficient") && !strstr(*line, "done"));
        }
}

static void test_P5_lines_that_get_past(void) {
        check_problem("@include common-auth\naccount sufficient pam_x.so\n@include common-account\n", &sudo,
                      "/etc/pam.d/sudo:2: this line can end the account checks");
        check_problem("@include common-auth\naccount [success=done default=ignore] pam_x.so\n@include common-account\n",
                      &sudo, "/etc/pam.d/sudo:2: this line can end the account checks");
        check_problem("@include common-auth\naccount [success=1 default=ignore] pam_x.so\n@include common-account\n",
                      &sudo, "/etc/pam.d/sudo:2: this line jumps over \"@include common-account\"");
        check_problem("auth [default=ignore success=2] pam_x.so\nauth required pam_y.so\n"
                      "@include common-auth\n@include common-account\n",
                      &sudo, "/etc/pam.d/sudo:1: this line jumps over \"@include common-auth\"");
        check_round_trip("auth [success=1 default=ignore] pam_x.so\nauth required pam_y.so\n"
                         "account [success=2 default=ignore] pam_x.so\naccount required pam_y.so\n"
                         "auth optional pam_z.so\n-account required pam_z.so\n"
                         "@include common-auth\n@include common-account\naccount sufficient pam_x.so\n",
                         &sudo, NULL);
}

static void test_places_missing(void) {
        check_problem("", &sudo, "no line \"@include common-auth\"");
        check_problem("@include common-auth\n", &sudo, "no line \"@include common-account\"");
        check_problem("@include common-auth\n@include common-account\n@include common-session-noninteractive\n", &sshd,
                      "no line \"@include common-session\"");
        check_problem("#@include common-auth\n@include common-account\n", &sudo, "no line \"@include common-auth\"");
        check_problem("auth required \\\n# note\n@include common-auth\n@include common-account\n", &sudo,
                      "no line \"@include common-auth\"");
        check_problem("@include common-auth\n@include common-account\n@include common-auth\n", &sudo,
                      "/etc/pam.d/sudo:3: \"@include common-auth\" is there a second time (first in line 1)");
        check_problem("@include common-auth\r\n@include common-account\r\n", &sudo,
                      "/etc/pam.d/sudo:1: the line ends in a carriage return");
}

static void test_damaged_blocks(void) {
        static const struct {
                const char *text, *problem;
        } cases[] = {
                { "a\n# tessera: begin\nauth x\n", "/etc/pam.d/sudo:2: tessera's block has no line \"# tessera: end\"" },
                { "# tessera: begin\n# tessera: begin\n# tessera: end\n", "/etc/pam.d/sudo:1: tessera's block has no" },
                { "# tessera: begin\nauth x\n# tessera: end\n", "/etc/pam.d/sudo:1: tessera's block has lost" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *problem = NULL,
                                *text = service_pam_disable(cases[i].text, sudo.path, &problem);
                assert(!text);
                assert(g_str_has_prefix(problem, cases[i].problem));
        }
}

/* Any text that no block is damaged in survives, and one that is damaged is refused, never crashed on. */
static void test_arbitrary_texts(void) {
        static const char *const pieces[] = {
                "\n", "# tessera: begin", "# tessera: end", "# tessera: was: ", "@include common-auth", "auth x",
                "@include common-account", "@include common-session", "\\", "\r", "#", " ", "account [a=3", "]",
        };
        g_autoptr(GRand) rand = g_rand_new_with_seed(7);

        for (int i = 0; i < 20000; i++) {
                g_autoptr(GString) text = g_string_new(NULL);
                g_autofree char *problem = NULL, *other = NULL, *with = NULL, *plain = NULL, *back = NULL;

                for (int n = g_rand_int_range(rand, 0, 14); n > 0; n--)
                        g_string_append(text, pieces[g_rand_int_range(rand, 0, G_N_ELEMENTS(pieces))]);
                with = service_pam_enable(text->str, &sshd, NULL, &problem);
                assert(!with == !!problem);
                if (!with)
                        continue;
                plain = disabled(text->str, &sshd);
                back = service_pam_disable(with, sshd.path, &other);
                check_text(back, plain);
        }
}

int main(int argc, char **argv) {
        assert(argc == 2);
        data_folder = argv[1];
        test_P24_debian_sudo();
        test_P24_debian_sshd();
        test_round_trip();
        test_round_trip_last_line();
        test_another_breakglass_replaces();
        test_edits_stay();
        test_P38_second_factor_stays();
        test_P5_nothing_ends_account();
        test_P5_lines_that_get_past();
        test_places_missing();
        test_damaged_blocks();
        test_arbitrary_texts();
        return 0;
}
