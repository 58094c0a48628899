/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* argv: the manual page's source, the completion script. */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "client/options.h"
#include "client/service-plan.h"

static GPtrArray *lines; /* what Arguments point into */

static void free_line(gpointer line) {
        g_strfreev(line);
}

static int parse(const char *line, Cli *cli, Arguments *ret) {
        char **argv = g_strsplit(line, " ", -1);

        g_ptr_array_add(lines, argv);
        *cli = (Cli) { 0 };
        return options_parse(cli, (int) g_strv_length(argv), argv, ret);
}

static void assert_command(const char *line, const char *noun, const char *verb) {
        Arguments arguments;
        Cli cli;

        g_assert_cmpint(parse(line, &cli, &arguments), ==, 0);
        g_assert_cmpstr(arguments.command->noun, ==, noun);
        g_assert_cmpstr(arguments.command->verb, ==, verb);
        arguments_deinit(&arguments);
}

static void test_names(void) {
        assert_command("tessera", "status", NULL);
        assert_command("tessera --json", "status", NULL);
        assert_command("tessera status", "status", NULL);
        assert_command("tessera session", "session", "list");
        assert_command("tessera sessions", "session", "list");
        assert_command("tessera sessions --all-users", "session", "list");
        assert_command("tessera --json session -q list --user alice", "session", "list");
        assert_command("tessera sessions revoke 1a2b", "session", "revoke");
        assert_command("tessera user", "user", "list");
        assert_command("tessera role", "role", "list");
        assert_command("tessera key", "key", "list");
        assert_command("tessera device", "device", "list");
        assert_command("tessera trust", "trust", "list");
        assert_command("tessera token print --audience h", "token", "print");
        assert_command("tessera passwd alice", "passwd", NULL);
        assert_command("tessera enable sshd sudo", "service", "enable");
        assert_command("tessera service enable sshd", "service", "enable");
        assert_command("tessera disable --all", "service", "disable");
}

static void test_usage(void) {
        static const char *const rows[] = {
                "tessera sesion",
                "tessera session lst",
                "tessera session list extra",
                "tessera session show",
                "tessera session show a b",
                "tessera session list --al",        /* no abbreviations: they would bind us */
                "tessera session list --user",
                "tessera session list --all-users=yes",
                "tessera session list --user a --user b",
                "tessera session revoke --json=yes x",
                "tessera status --user alice",
                "tessera status HOST OTHER",
                "tessera ssh",
                "tessera askpass a b",
                "tessera token",                    /* prints nothing unasked */
                "tessera policy",
                "tessera policy explain alice",
                "tessera policy explain alice sudo su",
                "tessera policy check a b",
                "tessera user add",
                "tessera -x",
                "tessera \xff",
                "tessera user link",
                "tessera user link alice corp",
                "tessera user unlink alice --subject x",
                "tessera login --browser=yes",
                "tessera role grant admin",
                "tessera role grant admin bob extra",
                "tessera role grant admin bob --for",
                "tessera role revoke admin",
                "tessera role revoke admin bob --for 2h",
                "tessera device add extra",
                "tessera device revoke",
                "tessera device revoke a b",
                "tessera key rename",
                "tessera trust add",
                "tessera trust remove",
                "tessera log alice",
                "tessera log --since",
                "tessera monitor sshd",
                "tessera help",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                Arguments arguments;
                Cli cli;

                g_assert_cmpint(parse(rows[i], &cli, &arguments), ==, OPTIONS_USAGE);
                arguments_deinit(&arguments);
        }
}

static void test_values_and_operands(void) {
        Arguments arguments;
        Cli cli;

        g_assert_cmpint(parse("tessera --yes session revoke a --reason=it --json b --keep-login -- --c", &cli,
                              &arguments),
                        ==, 0);
        g_assert_true(cli.json && cli.yes && !cli.quiet && !cli.no_input);
        g_assert_cmpstr(arguments_get(&arguments, "reason"), ==, "it");
        g_assert_cmpstr(arguments_get(&arguments, "keep-login"), ==, "");
        g_assert_null(arguments_get(&arguments, "user"));
        g_assert_cmpint(arguments.n_operands, ==, 3);
        g_assert_cmpstr(arguments.operands[2], ==, "--c");
        arguments_deinit(&arguments);
}

/* What belongs to ssh reaches ssh. */
static void test_words_of_another_program(void) {
        Arguments arguments;
        Cli cli;

        g_assert_cmpint(parse("tessera --no-input ssh --yes -q -p 22 web1 ls --json -- -h \xff", &cli, &arguments), ==, 0);
        g_assert_true(cli.no_input && cli.yes && !cli.quiet && !cli.json);
        g_assert_cmpint(arguments.n_operands, ==, 9);
        g_assert_cmpstr(arguments.operands[0], ==, "-q");
        g_assert_cmpstr(arguments.operands[8], ==, "\xff");
        g_assert_null(arguments.operands[9]);
        arguments_deinit(&arguments);
        g_assert_cmpint(parse("tessera ssh -- web1 --json", &cli, &arguments), ==, 0);
        g_assert_cmpint(arguments.n_operands, ==, 3);
        arguments_deinit(&arguments);
}

static void test_json_counts_for_mistakes_before_it(void) {
        Arguments arguments;
        Cli cli;

        g_assert_cmpint(parse("tessera bogus --json", &cli, &arguments), ==, OPTIONS_USAGE);
        g_assert_true(cli.json);
        arguments_deinit(&arguments);
}

static void test_help_and_version_need_no_operands(void) {
        Arguments arguments;
        Cli cli;

        g_assert_cmpint(parse("tessera session show --help", &cli, &arguments), ==, OPTIONS_HELP);
        arguments_deinit(&arguments);
        g_assert_cmpint(parse("tessera token -h", &cli, &arguments), ==, OPTIONS_HELP);
        arguments_deinit(&arguments);
        g_assert_cmpint(parse("tessera --version", &cli, &arguments), ==, OPTIONS_VERSION);
        arguments_deinit(&arguments);
}

static void test_nearest(void) {
        static const char *const words[] = { "session", "status", "user", "role", NULL };

        g_assert_cmpstr(options_nearest("sesion", words), ==, "session");
        g_assert_cmpstr(options_nearest("sessoin", words), ==, "session");
        g_assert_cmpstr(options_nearest("usr", words), ==, "user");
        g_assert_null(options_nearest("banana", words));
        g_assert_null(options_nearest("x", words));
}

/* The next row, beginning with @command, that people are shown. */
static const CommandSpec *shown(const CommandSpec *command) {
        while (command->noun && !command->help)
                command++;
        return command->noun ? command : NULL;
}

static char *command_name(const CommandSpec *command) {
        return g_strjoin(" ", command->noun, command->verb, NULL);
}

static char *help_of(const char *line) {
        Arguments arguments;
        char *help;
        Cli cli;

        g_assert_cmpint(parse(line, &cli, &arguments), ==, OPTIONS_HELP);
        help = options_help(&arguments);
        arguments_deinit(&arguments);
        return help;
}

static void assert_has(const char *text, const char *what, const char *where) {
        if (!strstr(text, what))
                g_error("\"%s\" is missing in %s", what, where);
}

static void test_help_has_it_all(void) {
        g_autofree char *whole = help_of("tessera --help");

        for (const CommandSpec *command = shown(command_table); command; command = shown(command + 1)) {
                g_autofree char *name = command_name(command);
                g_autofree char *line = g_strjoin(" ", "tessera", name, "--help", NULL);
                g_autofree char *help = help_of(line);

                assert_has(whole, name, "tessera --help");
                assert_has(whole, command->help, "tessera --help");
                for (const OptionSpec *option = command->options; option && option->name; option++) {
                        g_autofree char *entry = g_strjoin("", "--", option->name, option->argument ? " " : NULL,
                                                           option->argument, NULL);
                        assert_has(help, entry, line);
                        assert_has(help, option->help, line);
                }
        }
}

static void test_what_units_run_is_not_shown(void) {
        g_autofree char *whole = help_of("tessera --help");

        for (const CommandSpec *command = command_table; command->noun; command++) {
                g_autofree char *name = command_name(command);
                g_assert_true(command->help || !strstr(whole, name));
        }
}

/* A command stands in the manual as *noun verb*, with its options as *--name* or *--name* _ARGUMENT_ in that entry. */
static void test_manual_has_it_all(const char *path) {
        g_autofree char *manual = NULL;

        g_assert_true(g_file_get_contents(path, &manual, NULL, NULL));
        for (const CommandSpec *command = shown(command_table); command; command = shown(command + 1)) {
                g_autofree char *name = command_name(command);
                g_autofree char *heading = g_strdup_printf("\n*%s*", name);
                const char *entry = strstr(manual, heading), *end;
                g_autofree char *text = NULL;

                assert_has(manual, heading, path);
                end = strstr(entry + 1, "\n*");
                text = g_strndup(entry, (gsize) (end - entry));
                if (command->operands && !strchr(command->operands, '.')) {
                        g_auto(GStrv) parts = g_strsplit_set(command->operands, "[]", -1);
                        g_autofree char *operand = g_strjoinv("", parts);
                        g_auto(GStrv) words = g_strsplit(operand, " ", -1);
                        g_autofree char *between = g_strjoinv("_ _", words);
                        g_autofree char *marked = g_strdup_printf("_%s_", between);
                        assert_has(text, marked, heading);
                }
                for (const OptionSpec *option = command->options; option && option->name; option++) {
                        g_autofree char *marked = g_strjoin("", "*--", option->name, "*",
                                                            option->argument ? " _" : NULL, option->argument, "_",
                                                            NULL);
                        assert_has(text, marked, heading);
                }
        }
        for (const OptionSpec *option = global_options; option->name; option++) {
                g_autofree char *letter = option->letter ? g_strdup_printf("*-%c*, ", option->letter) : g_strdup("");
                g_autofree char *heading = g_strjoin("", "\n", letter, "*--", option->name, "*\n", NULL);
                assert_has(manual, heading, path);
        }
}

static void test_completion_has_it_all(const char *path) {
        g_autofree char *script = NULL;

        g_assert_true(g_file_get_contents(path, &script, NULL, NULL));
        for (const CommandSpec *command = shown(command_table); command; command = shown(command + 1)) {
                assert_has(script, command->noun, path);
                if (command->verb)
                        assert_has(script, command->verb, path);
                for (const OptionSpec *option = command->options; option && option->name; option++) {
                        g_autofree char *word = g_strdup_printf("--%s", option->name);
                        assert_has(script, word, path);
                }
        }
        for (const OptionSpec *option = global_options; option->name; option++) {
                g_autofree char *word = g_strdup_printf("--%s", option->name);
                assert_has(script, word, path);
        }
}

static void test_services_are_named(const char *manual_path, const char *script_path) {
        g_autofree char *manual = NULL, *script = NULL, *operands = NULL;
        g_autoptr(GString) names = g_string_new(NULL);

        g_assert_true(g_file_get_contents(manual_path, &manual, NULL, NULL));
        g_assert_true(g_file_get_contents(script_path, &script, NULL, NULL));
        for (const ServiceSpec *spec = service_specs; spec->name; spec++) {
                g_autofree char *bold = g_strdup_printf("*%s*", spec->name);
                assert_has(manual, bold, manual_path);
                g_string_append_printf(names, "%s%s", names->len > 0 ? " " : "", spec->name);
        }
        operands = g_strdup_printf("echo \"%s\"", names->str);
        assert_has(script, operands, script_path);
}

/* No command may take a secret by an option, and each fits the parser's limits. */
static void test_S5_no_option_for_a_secret(void) {
        for (const CommandSpec *command = command_table; command->noun; command++) {
                int n = 0;

                for (const OptionSpec *option = command->options; option && option->name; option++, n++)
                        if (option->argument)
                                g_assert_false(strstr(option->name, "password") || strstr(option->name, "token") ||
                                               strstr(option->name, "secret"));
                g_assert_cmpint(n, <=, OPTIONS_PER_COMMAND_MAX);
        }
}

int main(int argc, char **argv) {
        g_assert_cmpint(argc, ==, 3);
        lines = g_ptr_array_new_with_free_func(free_line);
        test_names();
        test_usage();
        test_values_and_operands();
        test_words_of_another_program();
        test_json_counts_for_mistakes_before_it();
        test_help_and_version_need_no_operands();
        test_nearest();
        test_help_has_it_all();
        test_what_units_run_is_not_shown();
        test_manual_has_it_all(argv[1]);
        test_completion_has_it_all(argv[2]);
        test_services_are_named(argv[1], argv[2]);
        test_S5_no_option_for_a_secret();
        g_ptr_array_unref(lines);
        return 0;
}
