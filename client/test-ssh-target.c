/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* ssh's command lines, what `ssh -G` says of them, and which prompts are meant. */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "client/ssh-line.h"
#include "client/ssh-run.h"
#include "client/ssh-target.h"

static char **words_of(const char *line) {
        return g_strsplit(line, " ", -1);
}

static void assert_line(const char *text, const char *destination, int insert, const char *resolving) {
        _cleanup_ssh_line_ SshLine line = { 0 };
        g_auto(GStrv) words = words_of(text);
        g_autofree char *kept = NULL;

        g_assert_true(ssh_line_parse(words, &line));
        g_assert_cmpstr(line.destination, ==, destination);
        g_assert_cmpint(line.insert, ==, insert);
        g_ptr_array_add(line.resolving, NULL);
        kept = g_strjoinv(" ", (char **) line.resolving->pdata);
        g_assert_cmpstr(kept, ==, resolving);
}

static void test_lines(void) {
        assert_line("web1", "web1", 0, "");
        assert_line("alice@web1 ls -l", "alice@web1", 0, "");
        assert_line("-p 2222 web1", "web1", 2, "-p 2222");
        assert_line("-p2222 web1", "web1", 1, "-p 2222");
        assert_line("-vNTp 2222 web1", "web1", 2, "-p 2222");
        assert_line("-tt -l bob web1 -l alice -- ls -p 3", "web1", 3, "-l bob -l alice");
        assert_line("-oUser=bob -o Port=3 -F /x -J jump -4A web1 ls", "web1", 8,
                    "-o User=bob -o Port=3 -F /x -J jump -4 -A");
        assert_line("-x -oForwardAgent=no -- web1 scp -t /tmp", "web1", 2, "-x -o ForwardAgent=no");
        assert_line("-- web1 -p 22 ls", "web1", 0, "");
        assert_line("-i -- web1 -p 22 ls", "web1", 2, "-i --");
        assert_line("-L 80:a:80 -R 1:b:2 -D 3 -b 1.2.3.4 web1", "web1", 8, "-b 1.2.3.4");
        assert_line("ssh://alice@web1:2222 ls", "ssh://alice@web1:2222", 0, "");
        assert_line("-V", NULL, 1, "");
        assert_line("web1 -- -p 3", "web1", 0, "");
}

static char *resolve(char **argv) {
        g_autofree char *text = NULL;
        GString *said = g_string_new(NULL);
        g_auto(GStrv) lines = NULL;

        (void) g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &text, NULL,
                            NULL, NULL);
        lines = g_strsplit(text ?: "", "\n", -1);
        for (char **line = lines; *line; line++)
                if (g_str_has_prefix(*line, "user ") || g_str_has_prefix(*line, "hostname ") ||
                    g_str_has_prefix(*line, "port "))
                        g_string_append_printf(said, "%s,", *line);
        return g_string_free(said, FALSE);
}

/* Which of two options wins depends on where they stand, so ssh is asked in the words that it was given. */
static void test_P36_whom_ssh_means_wherever_its_options_stand(void) {
        static const char *const rows[] = {
                "alice@web1 -l bob", "alice@web1 -o User=bob", "-l bob alice@web1", "ssh://alice@web1:2222 -p 3333",
                "-p 3333 ssh://alice@web1:2222", "-- alice@web1 -p 2222", "-- alice@web1 -l bob",
                "-i -- alice@web1 -p 2222", "-i -- -D 1 alice@web1 -p 2222", "alice@web1 -- -p 2222", "alice@web1 -i -- -p 2222", "-l a -l b web1",
                "-oUser=a -l b web1", "-tt -lbob -p2 web1 -oPort=3 cmd -p 4",
        };
        g_autofree char *ssh = g_find_program_in_path("ssh");

        for (size_t i = 0; ssh && i < G_N_ELEMENTS(rows); i++) {
                _cleanup_ssh_line_ SshLine line = { 0 };
                g_autofree char *whole = g_strconcat("ssh -F none -G ", rows[i], NULL), *said = NULL, *ours = NULL;
                g_auto(GStrv) all = words_of(whole);
                SshTarget target;

                g_assert_true(ssh_line_parse(all + 4, &line));
                g_ptr_array_insert(line.resolving, 0, (gpointer) "none");
                g_ptr_array_insert(line.resolving, 0, (gpointer) "-F");
                line.before += 2;
                g_assert_true(ssh_target_resolve(&line, &target));
                said = resolve(all);
                ours = g_strdup_printf("user %s,hostname %s,port %u,", target.user, target.host, target.port);
                g_assert_cmpstr(ours, ==, said);
        }
}

static void test_lines_that_ssh_judges(void) {
        static const char *const rows[] = { "-p", "-z web1", "-P tag web1", "--help", "-o", "-- -oProxyCommand=x",
                                            "web1 -z" };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                _cleanup_ssh_line_ SshLine line = { 0 };
                g_auto(GStrv) words = words_of(rows[i]);

                g_assert_false(ssh_line_parse(words, &line));
        }
}

static void assert_kind(const char *text, bool control, bool forwards, bool no_login) {
        _cleanup_ssh_line_ SshLine line = { 0 };
        g_auto(GStrv) words = words_of(text);

        g_assert_true(ssh_line_parse(words, &line));
        g_assert_cmpint(line.control, ==, control);
        g_assert_cmpint(line.forwards, ==, forwards);
        g_assert_cmpint(line.no_login, ==, no_login);
}

static void test_kinds(void) {
        assert_kind("web1", false, false, false);
        assert_kind("-W [web2]:22 web1", false, true, false);
        assert_kind("-vW[web2]:22 web1", false, true, false);
        assert_kind("web1 -W x:1", false, true, false);
        assert_kind("web1 cat -W x:1", false, false, false);
        assert_kind("-M web1", true, false, false);
        assert_kind("-S none web1", true, false, false);
        assert_kind("-o controlPath=/x web1", true, false, false);
        assert_kind("-oControlMaster=no web1", true, false, false);
        assert_kind("-O check web1", false, false, true);
        assert_kind("-G web1", false, false, true);
}

static const char answer[] = "host web\nuser alice\nhostname WEB1.Example\nport 2222\nserveraliveinterval 0\n"
                             "controlmaster false\ncontrolpersist no\ncontrolpath /run/x\n";

static void test_answers(void) {
        g_autofree char *alias = g_strconcat(answer, "hostkeyalias other\n", NULL);
        g_autofree char *name = NULL;
        SshTarget target;

        g_assert_true(ssh_target_parse(answer, &target));
        name = ssh_target_name(&target);
        g_assert_cmpstr(name, ==, "alice@web1.example:2222");
        g_assert_cmpstr(target.shown, ==, "web1.example");
        g_assert_cmpstr(target.control_path, ==, "/run/x");
        g_assert_false(target.control_master || target.control_persist || target.alive);
        g_assert_true(ssh_target_parse(alias, &target));
        g_assert_cmpstr(target.host, ==, "web1.example");
        g_assert_cmpstr(target.shown, ==, "other");
        g_assert_false(ssh_target_parse("user alice\nport 22\n", &target));
        g_assert_false(ssh_target_parse("user alice\nhostname ../x\nport 22\n", &target));
        g_assert_false(ssh_target_parse("", &target));
}

static void test_P36_prompts_exactly(void) {
        static const struct {
                const char *prompt;
                bool answered, ours;
        } rows[] = {
                { "(alice@web1) Password or token: ", true, true },
                { "alice@web1's password: ", true, false },
                { "(alice@web1) Password or token:", false, false },
                { "(alice@web1) password or token: ", false, false },
                { "(alice@web1) Password: ", false, false },
                { "(alice@web10) Password or token: ", false, false },
                { "(alice@web) Password or token: ", false, false },
                { "(bob@web1) Password or token: ", false, false },
                { "(alice@jump) Password or token: ", false, false },
                { "(alice@jump) (alice@web1) Password or token: ", false, false },
                { "(alice@jump) x\n(alice@web1) Password or token: ", false, false },
                { "alice@jump's password: ", false, false },
                { " alice@web1's password: ", false, false },
                { "alice@web1's password: \n", false, false },
                { "Password or token: ", false, false },
                { "Enter passphrase for key '/home/alice/.ssh/id': ", false, false },
                { "Are you sure you want to continue connecting (yes/no/[fingerprint])? ", false, false },
                { "", false, false },
        };
        SshTarget target = { .user = "alice", .host = "web1", .shown = "web1", .port = 22 };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                bool ours;

                g_assert_cmpint(ssh_target_is_asking(&target, rows[i].prompt, &ours), ==, rows[i].answered);
                g_assert_cmpint(ours, ==, rows[i].ours);
        }
}

/* ssh cuts names in the prompt of the method "password" only. */
static void test_long_names(void) {
        SshTarget target = { .port = 22 };
        g_autofree char *blind = NULL, *whole = NULL, *prompt = NULL;

        memset(target.user, 'u', WIRE_USER_MAX);
        memset(target.shown, 'h', 200);
        blind = g_strdup_printf("%.30s@%.128s's password: ", target.user, target.shown);
        whole = g_strdup_printf("%s@%s's password: ", target.user, target.shown);
        prompt = g_strdup_printf("(%s@%s) Password or token: ", target.user, target.shown);
        g_assert_true(ssh_target_is_asking(&target, blind, NULL));
        g_assert_false(ssh_target_is_asking(&target, whole, NULL));
        g_assert_true(ssh_target_is_asking(&target, prompt, NULL));
}

static void test_marks(void) {
        static const char *const wrong[] = { "", "1", "1 alice web1 web1 22", "0 alice web1 web1 22 1",
                                             "1 alice web1 web1 0 1", "1 alice web1 a b 22 1", "x alice web1 web1 22 1",
                                             "1 alice ../web1 web1 22 1", "1  web1 web1 22 0" };
        SshRunMark mark;

        g_assert_true(ssh_run_mark_parse("12 alice web1 alias 2222 1", &mark));
        g_assert_cmpint(mark.pid, ==, 12);
        g_assert_cmpstr(mark.target.shown, ==, "alias");
        g_assert_true(mark.no_input);
        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
                g_assert_false(ssh_run_mark_parse(wrong[i], &mark));
}

int main(void) {
        test_lines();
        test_P36_whom_ssh_means_wherever_its_options_stand();
        test_lines_that_ssh_judges();
        test_kinds();
        test_answers();
        test_P36_prompts_exactly();
        test_long_names();
        test_marks();
        return 0;
}
