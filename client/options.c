/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/errors.h"
#include "client/options.h"

/* A word further away than this is no misspelling of another. */
#define NEAR_MAX 2
#define WORD_MAX 32

const OptionSpec global_options[] = {
        { "json",     0,   NULL, "print JSON: Unix seconds, full ids, null for what is unset" },
        { "no-color", 0,   NULL, "no colours (so does NO_COLOR in the environment)" },
        { "quiet",    'q', NULL, "say nothing about changes that were done" },
        { "no-input", 0,   NULL, "never ask; fail instead" },
        { "yes",      0,   NULL, "do not ask for confirmation" },
        { "version",  0,   NULL, "print the version" },
        { "help",     'h', NULL, "print this help" },
        { NULL }
};

/* Position while reading: what of argv is next, and whether "--" ended the options. */
typedef struct Reader {
        Cli *cli;
        char **argv;
        int argc, next;
        bool only_operands;
        int special; /* OPTIONS_HELP or OPTIONS_VERSION once it was seen */
} Reader;

/* Edits (insert, delete, replace, swap neighbours) from @a to @b. */
static size_t distance(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b);
        size_t d[WORD_MAX + 1][WORD_MAX + 1] = { 0 };

        if (n > WORD_MAX || m > WORD_MAX)
                return WORD_MAX;
        for (size_t i = 0; i <= n; i++) {
                for (size_t j = 0; j <= m; j++) {
                        if (i == 0 || j == 0) {
                                d[i][j] = i + j;
                                continue;
                        }
                        d[i][j] = MIN(MIN(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
                }
        }
        return d[n][m];
}

const char *options_nearest(const char *word, const char *const *words) {
        const char *nearest = NULL;
        size_t best = NEAR_MAX + 1;

        for (; *words; words++) {
                size_t far = distance(word, *words);
                if (far < best && far < strlen(word)) {
                        best = far;
                        nearest = *words;
                }
        }
        return nearest;
}

void arguments_deinit(Arguments *arguments) {
        g_free(arguments->operands);
        *arguments = (Arguments) { 0 };
}

const char *arguments_get(const Arguments *arguments, const char *name) {
        const OptionSpec *options = arguments->command->options;

        for (size_t i = 0; options && options[i].name; i++)
                if (strcmp(options[i].name, name) == 0)
                        return arguments->values[i];
        g_assert_not_reached(); /* a command asked for an option that its row does not have */
}

/* The row of @table that @word ("--name", "--name=value" or "-x") means, or -1. */
static int find_option(const OptionSpec *table, const char *word) {
        for (int i = 0; table && table[i].name; i++) {
                size_t size = strlen(table[i].name);

                if (table[i].letter && word[1] == table[i].letter && word[2] == '\0')
                        return i;
                if (g_str_has_prefix(word, "--") && strncmp(word + 2, table[i].name, size) == 0 &&
                    (word[2 + size] == '\0' || word[2 + size] == '='))
                        return i;
        }
        return -1;
}

static bool is_option(const Reader *reader, const char *word) {
        return !reader->only_operands && word[0] == '-' && word[1] != '\0';
}

static void set_global(Reader *reader, const char *name) {
        Cli *cli = reader->cli;

        if (strcmp(name, "json") == 0)
                cli->json = true;
        else if (strcmp(name, "no-color") == 0)
                cli->color = false;
        else if (strcmp(name, "quiet") == 0)
                cli->quiet = true;
        else if (strcmp(name, "no-input") == 0)
                cli->no_input = true;
        else if (strcmp(name, "yes") == 0)
                cli->yes = true;
        else if (reader->special == 0)
                reader->special = strcmp(name, "help") == 0 ? OPTIONS_HELP : OPTIONS_VERSION;
}

/* Takes a global option, if one is next. Returns 1 when it was, 0 when not, -1 for a mistake (told). */
static int take_global(Reader *reader) {
        const char *word = reader->argv[reader->next];
        int i = is_option(reader, word) ? find_option(global_options, word) : -1;

        if (i < 0)
                return 0;
        if (strchr(word, '=')) {
                (void) cli_usage(reader->cli, NULL, "--%s takes no value", global_options[i].name);
                return -1;
        }
        reader->next++;
        set_global(reader, global_options[i].name);
        return 1;
}

/* The next word that is no option, after global options; NULL at the end or before another option. */
static int take_word(Reader *reader, const char **ret) {
        *ret = NULL;
        while (reader->next < reader->argc) {
                const char *word = reader->argv[reader->next];
                int r = take_global(reader);

                if (r < 0)
                        return OPTIONS_USAGE;
                if (r > 0)
                        continue;
                if (!is_option(reader, word))
                        *ret = word;
                return 0;
        }
        return 0;
}

static const CommandSpec *find_command(const char *noun, const char *verb) {
        for (const CommandSpec *command = command_table; command->noun; command++)
                if (strcmp(command->noun, noun) == 0 && (!verb || g_strcmp0(command->verb, verb) == 0))
                        return command;
        return NULL;
}

static int unknown_noun(Cli *cli, const char *word) {
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        g_autofree char *hint = NULL;
        const char *nearest;

        for (const CommandSpec *command = command_table; command->noun; command++)
                g_ptr_array_add(words, (gpointer) command->noun);
        for (const CommandAlias *alias = command_aliases; alias->alias; alias++)
                g_ptr_array_add(words, (gpointer) alias->alias);
        g_ptr_array_add(words, NULL);
        nearest = options_nearest(word, (const char *const *) words->pdata);
        hint = nearest ? g_strdup_printf("did you mean \"%s\"? tessera --help lists all", nearest)
                       : g_strdup("tessera --help lists all commands");
        return cli_usage(cli, hint, "unknown command \"%s\"", word);
}

static int unknown_verb(Cli *cli, const char *noun, const char *word) {
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        g_autofree char *hint = NULL;
        const char *nearest;

        for (const CommandSpec *command = command_table; command->noun; command++)
                if (command->help && strcmp(command->noun, noun) == 0)
                        g_ptr_array_add(words, (gpointer) command->verb);
        g_ptr_array_add(words, NULL);
        nearest = options_nearest(word, (const char *const *) words->pdata);
        hint = nearest ? g_strdup_printf("did you mean \"%s\"? tessera %s --help lists all", nearest, noun)
                       : g_strdup_printf("tessera %s --help lists its commands", noun);
        return cli_usage(cli, hint, "unknown command \"%s %s\"", noun, word);
}

/* Reads noun and verb, by alias or name; the command's own options begin behind them. */
static int read_command(Reader *reader, Arguments *ret) {
        const char *noun = NULL, *verb = NULL, *word;

        if (take_word(reader, &word) != 0)
                return OPTIONS_USAGE;
        if (!word) {
                ret->command = command_table;
                ret->whole_noun = true;
                return 0;
        }
        reader->next++;
        noun = word;
        for (const CommandAlias *alias = command_aliases; alias->alias; alias++)
                if (strcmp(alias->alias, word) == 0) {
                        noun = alias->noun;
                        verb = alias->verb;
                }
        ret->command = find_command(noun, verb);
        if (!ret->command)
                return unknown_noun(reader->cli, word);
        if (verb || !ret->command->verb)
                return 0;
        if (take_word(reader, &word) != 0)
                return OPTIONS_USAGE;
        ret->whole_noun = !word;
        if (!word)
                return 0; /* options_parse() looks whether this noun may stand alone */
        ret->command = find_command(noun, word);
        if (!ret->command)
                return unknown_verb(reader->cli, noun, word);
        reader->next++;
        return 0;
}

static int unknown_option(Cli *cli, const CommandSpec *command, const char *word) {
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        g_autofree char *name = g_strndup(word, strcspn(word, "="));
        g_autofree char *hint = NULL;
        const char *nearest;

        for (const OptionSpec *option = command->options; option && option->name; option++)
                g_ptr_array_add(words, (gpointer) option->name);
        for (const OptionSpec *option = global_options; option->name; option++)
                g_ptr_array_add(words, (gpointer) option->name);
        g_ptr_array_add(words, NULL);
        nearest = g_str_has_prefix(name, "--") ? options_nearest(name + 2, (const char *const *) words->pdata) : NULL;
        hint = nearest ? g_strdup_printf("did you mean --%s?", nearest)
                       : g_strdup_printf("tessera %s%s%s --help lists all", command->noun, command->verb ? " " : "",
                                         command->verb ?: "");
        return cli_usage(cli, hint, "unknown option \"%s\"", name);
}

/* Takes the command's own option that is next, with its value. */
static int take_option(Reader *reader, Arguments *ret) {
        char *word = reader->argv[reader->next];
        const OptionSpec *options = ret->command->options;
        int i = find_option(options, word);
        char *value;

        if (i < 0)
                return unknown_option(reader->cli, ret->command, word);
        reader->next++;
        value = strchr(word, '=');
        value = value ? value + 1 : NULL;
        if (!options[i].argument && value)
                return cli_usage(reader->cli, NULL, "--%s takes no value", options[i].name);
        if (options[i].argument && !value) {
                if (reader->next == reader->argc)
                        return cli_usage(reader->cli, NULL, "--%s needs a value: --%s %s", options[i].name,
                                         options[i].name, options[i].argument);
                value = reader->argv[reader->next++];
        }
        if (ret->values[i])
                return cli_usage(reader->cli, NULL, "--%s was given twice", options[i].name);
        ret->values[i] = value ?: "";
        return 0;
}

static int read_rest(Reader *reader, Arguments *ret) {
        while (reader->next < reader->argc) {
                char *word = reader->argv[reader->next];
                int r = take_global(reader);

                if (r < 0)
                        return OPTIONS_USAGE;
                if (r > 0)
                        continue;
                if (is_option(reader, word)) {
                        if (strcmp(word, "--") == 0) {
                                reader->only_operands = true;
                                reader->next++;
                                continue;
                        }
                        r = take_option(reader, ret);
                        if (r != 0)
                                return r;
                        continue;
                }
                ret->operands[ret->n_operands++] = word;
                reader->next++;
        }
        return 0;
}

/* Another program's words: "tessera ssh --no-input -q web1 ls --json", where -q is ssh's. */
static int read_raw(Reader *reader, Arguments *ret) {
        while (reader->next < reader->argc && g_str_has_prefix(reader->argv[reader->next], "--")) {
                int r = take_global(reader);

                if (r < 0)
                        return OPTIONS_USAGE;
                if (r == 0)
                        break;
        }
        while (reader->next < reader->argc)
                ret->operands[ret->n_operands++] = reader->argv[reader->next++];
        return 0;
}

/* Is the first word that is no option a command whose words are not ours? */
static bool is_raw(int argc, char **argv) {
        const CommandSpec *command;
        int i = 1;

        while (i < argc && argv[i][0] == '-')
                i++;
        command = i < argc ? find_command(argv[i], NULL) : NULL;
        return command && command->raw;
}

/* A bare noun lists; one that has nothing to list does nothing by itself, least of all print a token. */
static int needs_verb(Cli *cli, const char *noun) {
        g_autoptr(GString) verbs = g_string_new(NULL);

        for (const CommandSpec *command = command_table; command->noun; command++)
                if (command->help && strcmp(command->noun, noun) == 0)
                        g_string_append_printf(verbs, "%s%s", verbs->len > 0 ? ", " : "", command->verb);
        return cli_usage(cli, NULL, "%s needs a command: %s", noun, verbs->str);
}

static int check_operands(Cli *cli, const Arguments *arguments) {
        const CommandSpec *command = arguments->command;
        g_autofree char *name = g_strjoin(" ", command->noun, command->verb, NULL);

        if (arguments->whole_noun && command->verb && strcmp(command->verb, "list") != 0)
                return needs_verb(cli, command->noun);
        /* Not repeated: it may be a password or a token, and stderr is often a log. */
        if (arguments->n_operands > command->max_operands)
                return cli_usage(cli, NULL, "%s takes %s", name,
                                 command->max_operands == 0 ? "no argument" : "fewer arguments");
        if (arguments->n_operands < command->min_operands)
                return cli_usage(cli, NULL, "%s needs %s: tessera %s %s", name, command->operands, name,
                                 command->operands);
        return 0;
}

int options_parse(Cli *cli, int argc, char **argv, Arguments *ret) {
        Reader reader = { .cli = cli, .argv = argv, .argc = argc, .next = 1 };
        int r;

        *ret = (Arguments) { .operands = g_new0(char *, (gsize) argc + 1) };
        /* A mistake before --json is told as JSON too. */
        if (!is_raw(argc, argv))
                for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
                        cli->json = cli->json || strcmp(argv[i], "--json") == 0;
        for (int i = 1; i < argc; i++)
                if (!g_utf8_validate(argv[i], -1, NULL) && !is_raw(argc, argv))
                        return cli_usage(cli, NULL, "argument %d is not valid UTF-8", i);
        r = read_command(&reader, ret);
        if (r != 0)
                return r;
        r = ret->command->raw ? read_raw(&reader, ret) : read_rest(&reader, ret);
        if (r != 0)
                return r;
        return reader.special ? reader.special : check_operands(cli, ret);
}
