/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "client/service-lines.h"
#include "client/service-pam.h"

/* argv[1]: a folder with the files of Debian 12 (openssh-server, sudo, util-linux, login, passwd). */
static const char *data_folder;

static const PamLines sshd = { "/etc/pam.d/sshd", "sshd", PAM_LINES_SSHD };
static const PamLines sudo = { "/etc/pam.d/sudo", "sudo", PAM_LINES_SUDO };
static const PamLines sudo_i = { "/etc/pam.d/sudo-i", "sudo", PAM_LINES_SUDO };
static const PamLines su = { "/etc/pam.d/su", "su", PAM_LINES_SU };
static const PamLines su_l = { "/etc/pam.d/su-l", "su", PAM_LINES_SU, .follows = "su" };
static const PamLines login = { "/etc/pam.d/login", "login", PAM_LINES_LOGIN };
static const PamLines passwd = { "/etc/pam.d/passwd", "passwd", PAM_LINES_PASSWD };
static const PamLines *const all[] = { &sshd, &sudo, &sudo_i, &su, &login, &passwd };

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

static void test_P24_P37_debian_su(void) {
        g_autofree char *text = debian(&su), *with = enabled(text, &su, NULL), *read = effective(with);

        check_text(read,
                   "auth sufficient pam_rootok.so\n"
                   "session required pam_env.so readenv=1\n"
                   "session required pam_env.so readenv=1 envfile=/etc/default/locale\n"
                   "session optional pam_mail.so nopen\n"
                   "session required pam_limits.so\n"
                   "auth [success=1 ignore=ignore default=die] pam_tessera.so\n"
                   "auth substack common-auth\n"
                   "auth required pam_permit.so\n"
                   "account [success=1 default=ignore] pam_rootok.so\n"
                   "account requisite pam_tessera.so\n"
                   "@include common-account\n"
                   "@include common-session\n");
}

static void test_P24_debian_passwd(void) {
        g_autofree char *text = debian(&passwd), *with = enabled(text, &passwd, NULL), *read = effective(with);

        check_text(read,
                   "password [success=1 ignore=ignore default=die] pam_tessera.so\n"
                   "password substack common-password\n"
                   "password required pam_permit.so\n");
}

static void check_order(const PamLines *lines, const char *const *order, size_t n) {
        g_autofree char *text = debian(lines), *with = enabled(text, lines, NULL), *read = effective(with);
        const char *at = read;

        for (size_t i = 0; i < n; i++) {
                at = strstr(at, order[i]);
                if (!at)
                        fprintf(stderr, "%s\nhas not, in its place:\n%s\n", read, order[i]);
                assert(at);
        }
        assert(!strstr(read, "@include common-auth"));
}

static void test_P24_debian_login(void) {
        static const char *const order[] = {
                "auth requisite pam_nologin.so\n",
                "session required pam_loginuid.so\n",
                "auth [success=1 ignore=ignore default=die] pam_tessera.so\n"
                "auth substack common-auth\n"
                "auth required pam_permit.so\n"
                "auth optional pam_group.so\n",
                "account requisite pam_tessera.so\n"
                "@include common-account\n"
                "@include common-session\n"
                "session required pam_tessera.so\n"
                "@include common-password\n",
        };

        check_order(&login, order, G_N_ELEMENTS(order));
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

        check_order(&sshd, order, G_N_ELEMENTS(order));
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
                         "@include common-auth\n@include common-account\naccount sufficient pam_x.so\n"
                         "auth sufficient pam_x.so\n",
                         &sudo, NULL);
}

/* The role is asked by account all the same; how fresh the sign-in is, by nobody. */
static void test_lines_that_get_past_freshness(void) {
        static const char rest[] = "@include common-auth\n@include common-account\n@include common-session\n";
        static const char *const past[] = {
                "auth sufficient pam_wheel.so trust",
                "-AUTH\tSufficient pam_u2f.so",
                "auth [success=done default=ignore] pam_x.so",
                "auth [ success = done default=ignore ] pam_x.so",
                "auth [success=ok ignore=done] pam_x.so",
                "auth [default=done] pam_rootok.so",
                "auth \\\n\n# note\n  sufficient \\\n  pam_x.so",
                "auth [success=ok \\\n default=done] pam_x.so",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(past); i++)
                for (size_t k = 0; k < G_N_ELEMENTS(all); k++) {
                        g_autofree char *text = g_strconcat("# a\n", past[i], "\n", rest, NULL),
                                        *wanted = g_strconcat(all[k]->path, ":2: this line can end the auth checks with "
                                                              "a yes before tessera is asked; take it out, or move it "
                                                              "behind \"@include common-auth\"", NULL);
                        if (all[k] != &passwd)
                                check_problem(text, all[k], wanted);
                }
        check_problem("auth [success = 2 default=ignore] pam_x.so\nauth required pam_y.so\n"
                      "@include common-auth\n@include common-account\n",
                      &sudo, "/etc/pam.d/sudo:1: this line jumps over \"@include common-auth\"");
        check_problem("@include common-auth\n@include common-account\nsession sufficient pam_x.so\n"
                      "@include common-session\n",
                      &sshd, "/etc/pam.d/sshd:3: this line can end the session checks");
        check_round_trip("password sufficient pam_x.so\n@include common-password\n", &passwd, NULL);
        check_problem("auth sufficient pam_x.so\nauth include su\naccount include su\n", &su_l,
                      "/etc/pam.d/su-l:1: this line can end the auth checks with a yes before tessera is asked; "
                      "take it out, or move it behind the include of \"su\"");
        check_problem("auth include su\naccount sufficient pam_x.so\naccount include su\n", &su_l,
                      "/etc/pam.d/su-l:2: this line can end the account checks");
}

/* Of root alone the daemon is not asked, so root may come by; in sshd that would be everybody. */
static void test_P37_rootok_may_end_the_auth_checks_of_su(void) {
        static const char rest[] = "auth sufficient pam_rootok.so\n@include common-auth\n@include common-account\n"
                                   "@include common-session\n";

        check_round_trip(rest, &su, NULL);
        check_problem(rest, &sshd, "/etc/pam.d/sshd:1: this line can end the auth checks");
        check_problem(rest, &login, "/etc/pam.d/login:1: this line can end the auth checks");
}

/* Where the process has the invoker's uid that is root alone; in sshd it would be everybody. */
static void test_P5_P37_rootok_may_end_the_account_checks_of_su_and_sudo(void) {
        static const char rest[] = "@include common-auth\naccount sufficient pam_rootok.so\n@include common-account\n"
                                   "@include common-session\n";
        static const char *const others[] = {
                "account sufficient pam_rootok.so.so", "account sufficient pam_permit.so pam_rootok.so",
                "account [default=done] pam_rootok.so", "account sufficient /tmp/pam_rootok.so",
                "account sufficient pam_wheel.so trust",
        };

        check_round_trip(rest, &su, NULL);
        check_round_trip(rest, &sudo, NULL);
        check_problem(rest, &sshd, "/etc/pam.d/sshd:2: this line can end the account checks");
        check_problem(rest, &login, "/etc/pam.d/login:2: this line can end the account checks");
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
                g_autofree char *text = g_strconcat(others[i], "\n", rest, NULL);
                check_problem(text, &su, "/etc/pam.d/su:1: this line can end the account checks");
        }
}

/* su-l takes in su, and with it our lines; but only if nothing gets past them there. */
static void test_P40_su_l_follows_su(void) {
        static const struct {
                const char *text;
                bool follows;
        } cases[] = {
                { "auth include su\naccount include su\n", true },
                { "auth\tsubstack su # a\n-account  Include  su", true },
                { "@include su\n", true },
                { "auth required pam_x.so\nauth include su\naccount optional pam_x.so\naccount include su\n", true },
                { "auth sufficient pam_rootok.so\nauth include su\naccount include su\n", true },
                { "auth sufficient pam_x.so\nauth include su\naccount include su\n", false },
                { "", false },
                { "auth include su\n", false },
                { "account include su\n", false },
                { "#auth include su\naccount include su\n", false },
                { "auth include su\naccount include sudo\n", false },
                { "auth include su\naccount required su\n", false },
                { "auth include su\nsession include su\n", false },
                { "auth include su\naccount sufficient pam_x.so\naccount include su\n", false },
                { "auth include su\naccount [success=1 default=ignore] pam_x.so\naccount include su\n", false },
                { "auth [success=1 default=ignore] pam_x.so\nauth include su\naccount include su\n", false },
                { "auth include su\naccount required \\\naccount include su\n", false },
                { "auth include su\r\naccount include su\r\n", false },
        };
        g_autofree char *text = debian(&su_l);

        assert(service_pam_follows(text, &su_l));
        assert(!service_pam_follows(text, &su));
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                if (service_pam_follows(cases[i].text, &su_l) != cases[i].follows)
                        fprintf(stderr, "follows %d: %s\n", !cases[i].follows, cases[i].text);
                assert(service_pam_follows(cases[i].text, &su_l) == cases[i].follows);
        }
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
                { "# tessera: begin\npassword x\n# tessera: end\n", "/etc/pam.d/sudo:1: tessera's block has lost" },
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
        test_P24_P37_debian_su();
        test_P24_debian_passwd();
        test_P24_debian_login();
        test_P24_debian_sshd();
        test_round_trip();
        test_round_trip_last_line();
        test_another_breakglass_replaces();
        test_edits_stay();
        test_P38_second_factor_stays();
        test_P5_nothing_ends_account();
        test_P5_lines_that_get_past();
        test_lines_that_get_past_freshness();
        test_P37_rootok_may_end_the_auth_checks_of_su();
        test_P5_P37_rootok_may_end_the_account_checks_of_su_and_sudo();
        test_P40_su_l_follows_su();
        test_places_missing();
        test_damaged_blocks();
        test_arbitrary_texts();
        return 0;
}
