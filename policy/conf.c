/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/name.h"
#include "policy/conf.h"

#define FILE_MAX ((size_t) 256 * 1024)
#define LINE_MAX_BYTES ((size_t) 4096)
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* A reader lives for one file. "Here" is the line that is being read. */
struct ConfReader {
        const char *file;
        const ConfSection *sections;
        void *target;
        GPtrArray *mistakes;

        unsigned line;
        const ConfSection *section; /* NULL before the first heading, and under one that is unknown */
        char *name;
        bool lost;                  /* under a heading that could not be understood: its keys are skipped */
        bool dead;                  /* under one that was refused: its keys are checked and not stored */
        GHashTable *headings;       /* "service:sudo" → line */
        GHashTable *keys;           /* of this section → line */
};

#define mistake_here(reader, offset, remedy, ...)                                                              \
        g_ptr_array_add((reader)->mistakes, conf_mistake_new((reader)->file, (reader)->line,                   \
                                                             (unsigned) (offset) + 1, (remedy), __VA_ARGS__))

bool conf_mistake(ConfReader *reader, const ConfValue *value, size_t offset, const char *remedy, const char *format,
                  ...) {
        g_autofree char *message = NULL;
        va_list args;

        va_start(args, format);
        message = g_strdup_vprintf(format, args);
        va_end(args);
        g_ptr_array_add(reader->mistakes, conf_mistake_new(value->file, value->line,
                                                           value->column + (unsigned) offset, remedy,
                                                           "%s", message));
        return false;
}

/* Headings */

static const ConfSection *find_section(const ConfReader *reader, const char *word) {
        for (const ConfSection *section = reader->sections; section->section; section++)
                if (strcmp(section->section, word) == 0)
                        return section;
        return NULL;
}

/* What may stand between brackets, for a remedy. */
static char *list_sections(const ConfReader *reader) {
        GString *text = g_string_new("there are");

        for (const ConfSection *section = reader->sections; section->section; section++)
                g_string_append_printf(text, "%s[%s%s]", section == reader->sections ? " " : ", ", section->section,
                                       section->named ? ":NAME" : "");
        return g_string_free(text, FALSE);
}

static void unknown_section(ConfReader *reader, const char *inside, const char *word) {
        g_autofree char *remedy = NULL;
        g_autoptr(GPtrArray) words = g_ptr_array_new();

        for (const ConfSection *section = reader->sections; section->section; section++)
                g_ptr_array_add(words, (char *) section->section);
        g_ptr_array_add(words, NULL);
        remedy = conf_suggest(word, (const char *const *) words->pdata);
        if (!remedy)
                remedy = list_sections(reader);
        mistake_here(reader, 1, remedy, "unknown section [%s]", inside);
}

/* Checks what the heading says of NAME; @word is "service" of "service:sudo", @name is "sudo" or NULL. */
static bool check_name(ConfReader *reader, const ConfSection *section, const char *word, const char *name) {
        g_autofree char *remedy = NULL;

        if (section->named && name && name_is_word(name))
                return true;
        if (!section->named && !name)
                return true;
        if (!section->named) {
                remedy = g_strdup_printf("write \"[%s]\"", word);
                mistake_here(reader, strlen(word) + 1, remedy, "section [%s] takes no name", word);
        } else if (!name) {
                remedy = g_strdup_printf("write \"[%s:NAME]\"", word);
                mistake_here(reader, strlen(word) + 1, remedy, "section [%s] lacks a name", word);
        } else
                mistake_here(reader, strlen(word) + 2,
                             "use up to 64 letters, digits and \"_.-\", beginning with a letter or digit",
                             "\"%s\" cannot be the name of a %s", name, word);
        return false;
}

/* Enters the section that @inside names: "session", or "service:sudo". Its table entry, or NULL. */
static const ConfSection *enter_section(ConfReader *reader, const char *inside) {
        const char *colon = strchr(inside, ':');
        g_autofree char *word = colon ? g_strndup(inside, (size_t) (colon - inside)) : g_strdup(inside);
        const ConfSection *section = find_section(reader, word);
        unsigned first;

        if (!section) {
                unknown_section(reader, inside, word);
                return NULL;
        }
        if (!check_name(reader, section, word, colon ? colon + 1 : NULL))
                return NULL;
        reader->name = colon ? g_strdup(colon + 1) : NULL;
        first = GPOINTER_TO_UINT(g_hash_table_lookup(reader->headings, inside));
        if (first > 0) {
                mistake_here(reader, 0, "put its keys under the first one",
                             "section [%s] stands twice, first in line %u", inside, first);
                reader->dead = true;
        } else
                g_hash_table_insert(reader->headings, g_strdup(inside), GUINT_TO_POINTER(reader->line));
        return section;
}

static void open_section(ConfReader *reader) {
        ConfValue heading = {
                .section = reader->section->section,
                .name = reader->name,
                .file = reader->file,
                .line = reader->line,
                .column = 1,
        };

        if (!reader->dead && reader->section->open && !reader->section->open(reader, &heading, reader->target))
                reader->dead = true;
}

static void read_heading(ConfReader *reader, const char *line) {
        const char *end = strchr(line, ']');
        g_autofree char *inside = NULL;

        g_clear_pointer(&reader->name, g_free);
        g_hash_table_remove_all(reader->keys);
        reader->section = NULL;
        reader->dead = false;
        reader->lost = true;

        if (!end) {
                mistake_here(reader, strlen(line), "end the heading with \"]\"", "section heading without \"]\"");
                return;
        }
        inside = g_strndup(line + 1, (size_t) (end - line) - 1);
        reader->section = enter_section(reader, inside);
        reader->lost = !reader->section;
        if (end[1] != '\0')
                mistake_here(reader, (size_t) (end - line) + 1,
                             "put comments on lines of their own, beginning with \"#\"",
                             "text after the section heading [%s]", inside);
        if (reader->section)
                open_section(reader);
}

/* Keys */

static const ConfKey *find_key(ConfReader *reader, const char *word) {
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        g_autofree char *remedy = NULL;

        for (const ConfKey *key = reader->section->keys; key->key; key++) {
                if (strcmp(key->key, word) == 0)
                        return key;
                g_ptr_array_add(words, (char *) key->key);
        }
        g_ptr_array_add(words, NULL);
        remedy = conf_suggest(word, (const char *const *) words->pdata);
        if (!remedy) {
                g_autofree char *all = g_strjoinv(", ", (char **) words->pdata);
                remedy = g_strdup_printf("there are: %s", all);
        }
        mistake_here(reader, 0, remedy, "unknown key \"%s\" in [%s%s%s]", word, reader->section->section,
                     reader->name ? ":" : "", reader->name ?: "");
        return NULL;
}

/* What no value of any key may look like. @offset is where the value begins in the line. */
static bool check_value(ConfReader *reader, const char *key, const char *text, size_t offset) {
        for (const char *c = text; *c; c++)
                if (*c == '#' && (c == text || g_ascii_isspace(c[-1]))) {
                        mistake_here(reader, offset + (size_t) (c - text),
                                     "put comments on lines of their own, beginning with \"#\"",
                                     "comment behind the value of \"%s\"", key);
                        return false;
                }
        if (text[0] == '\0') {
                mistake_here(reader, offset, "give it one, or put \"#\" before the line for the default",
                             "\"%s\" has no value", key);
                return false;
        }
        if (text[0] == '"' || text[0] == '\'') {
                mistake_here(reader, offset, "write it without quotes", "quotes round the value of \"%s\"", key);
                return false;
        }
        return true;
}

static bool check_once(ConfReader *reader, const char *key) {
        unsigned first = GPOINTER_TO_UINT(g_hash_table_lookup(reader->keys, key));

        if (first > 0) {
                mistake_here(reader, 0, "keep one of the two lines",
                             "key \"%s\" stands twice in [%s%s%s], first in line %u",
                             key, reader->section->section, reader->name ? ":" : "", reader->name ?: "", first);
                return false;
        }
        g_hash_table_insert(reader->keys, g_strdup(key), GUINT_TO_POINTER(reader->line));
        return true;
}

static void read_key(ConfReader *reader, const char *line) {
        const char *equals = strchr(line, '=');
        g_autofree char *word = NULL, *text = NULL;
        const ConfKey *key;
        size_t offset;

        if (!equals || equals == line) {
                mistake_here(reader, 0, "write key=value, [section], or a comment beginning with \"#\"",
                             "neither a key with a value nor a section");
                return;
        }
        if (reader->lost)
                return;
        word = g_strchomp(g_strndup(line, (size_t) (equals - line)));
        if (!reader->section) {
                g_autofree char *remedy = list_sections(reader);
                mistake_here(reader, 0, remedy, "key \"%s\" before the first section", word);
                return;
        }
        key = find_key(reader, word);
        if (!key || !check_once(reader, word))
                return;
        offset = (size_t) (equals - line) + 1;
        offset += strspn(line + offset, " \t");
        text = g_strchomp(g_strdup(line + offset));
        if (!check_value(reader, word, text, offset) || reader->dead)
                return;
        (void) key->set(reader, &(ConfValue) {
                .section = reader->section->section,
                .name = reader->name,
                .key = key->key,
                .text = text,
                .file = reader->file,
                .line = reader->line,
                .column = (unsigned) offset + 1,
        }, reader->target);
}

/* Lines */

/* Bytes that no line may hold: NUL, other control characters but TAB, what is not UTF-8. */
static bool check_bytes(ConfReader *reader, const char *line, size_t size) {
        const char *end;

        if (size > LINE_MAX_BYTES) {
                mistake_here(reader, LINE_MAX_BYTES, "break it into several", "line longer than 4096 bytes");
                return false;
        }
        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char) line[i];
                bool c1 = c == 0xc2 && i + 1 < size && (unsigned char) line[i + 1] >= 0x80 &&
                          (unsigned char) line[i + 1] < 0xa0;

                if ((c >= 0x20 || c == '\t') && c != 0x7f && !c1)
                        continue;
                if (c == '\r' && i + 1 == size)
                        mistake_here(reader, i, "save the file with Unix line ends",
                                     "carriage return at the end of the line");
                else
                        mistake_here(reader, i, "remove it", "control character 0x%02x",
                                     c1 ? (unsigned char) line[i + 1] : c);
                return false;
        }
        if (!g_utf8_validate(line, (gssize) size, &end)) {
                mistake_here(reader, (size_t) (end - line), "save the file as UTF-8", "byte 0x%02x is not UTF-8",
                             (unsigned char) *end);
                return false;
        }
        return true;
}

/* What is wrong with the beginning of a line that is neither empty nor a comment; NULL: nothing. */
static const char *check_beginning(const char *line, const char **ret_remedy) {
        if (line[0] == ' ' || line[0] == '\t') {
                *ret_remedy = "begin it in the first column";
                return "indented line";
        }
        if (line[0] == ';') {
                *ret_remedy = "begin it with \"#\"";
                return "comment that begins with \";\"";
        }
        if (g_str_has_prefix(line, BYTE_ORDER_MARK)) {
                *ret_remedy = "save the file as UTF-8 without it";
                return "byte order mark";
        }
        return NULL;
}

static void read_line(ConfReader *reader, const char *bytes, size_t size) {
        g_autofree char *line = NULL;
        const char *wrong = NULL, *remedy = NULL;
        bool good;

        good = check_bytes(reader, bytes, size);
        line = g_strndup(bytes, size);
        if (good) {
                if (line[0] == '#' || line[strspn(line, " \t")] == '\0')
                        return;
                wrong = check_beginning(line, &remedy);
                if (wrong)
                        mistake_here(reader, 0, remedy, "%s", wrong);
        }
        if (!good || wrong) {
                /* Was it meant as a heading? Then the keys below it belong to nobody. */
                if (line[strspn(line, " \t" BYTE_ORDER_MARK)] == '[')
                        reader->lost = true;
                return;
        }
        if (line[0] == '[')
                read_heading(reader, g_strchomp(line));
        else
                read_key(reader, line);
}

bool conf_read_text(const char *file, const char *text, size_t size, const ConfSection *sections, void *target,
                    GPtrArray *mistakes) {
        g_autoptr(GHashTable) headings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        ConfReader reader = {
                .file = file,
                .sections = sections,
                .target = target,
                .mistakes = mistakes,
                .headings = headings,
                .keys = keys,
        };
        unsigned before = mistakes->len;

        if (size > FILE_MAX) {
                g_ptr_array_add(mistakes, conf_mistake_new(file, 0, 0, "split it or remove comments",
                                                           "file larger than 256 KiB"));
                return false;
        }
        while (size > 0) {
                const char *end = memchr(text, '\n', size);
                size_t length = end ? (size_t) (end - text) : size;

                reader.line++;
                read_line(&reader, text, length);
                length += end ? 1 : 0;
                text += length;
                size -= length;
        }
        g_free(reader.name);
        return mistakes->len == before;
}

/* Files */

/* Why a file could not be read, and what to do about it; the path comes in front. */
static ConfMistake *unreadable(const char *path, int error) {
        g_autofree char *remedy = NULL;

        switch (error) {
        case -ENOENT:
                return conf_mistake_new(path, 0, 0, "make it, or reinstall the package", "file does not exist");
        case -ELOOP:
                return conf_mistake_new(path, 0, 0, "put the file itself there", "file is a symbolic link");
        case -EISDIR:
                return conf_mistake_new(path, 0, 0, "put a file there", "not a regular file");
        case -EFBIG:
                return conf_mistake_new(path, 0, 0, "split it or remove comments", "file larger than 256 KiB");
        case -EPERM:
                remedy = g_strdup_printf("chown root:root %s; chmod 0644 %s", path, path);
                return conf_mistake_new(path, 0, 0, remedy, "file does not belong to root or others can write it");
        case -EACCES:
                remedy = g_strdup_printf("chmod 0644 %s", path);
                return conf_mistake_new(path, 0, 0, remedy, "file cannot be read: permission denied");
        default:
                return conf_mistake_new(path, 0, 0, NULL, "file cannot be read: %s", g_strerror(-error));
        }
}

bool conf_read_file(const char *path, bool may_be_absent, const ConfSection *sections, void *target,
                    GPtrArray *mistakes) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = file_read_trusted(AT_FDCWD, path, FILE_MAX, /* owner= */ 0, /* secret= */ 0, &text, &size);
        if (r == -ENOENT && may_be_absent)
                return true;
        if (r < 0) {
                g_ptr_array_add(mistakes, unreadable(path, r));
                return false;
        }
        return conf_read_text(path, text, size, sections, target, mistakes);
}

/* Values of elsewhere */

ConfMistake *conf_duration_text(const char *what, const char *text, int64_t min, int64_t max, int64_t *ret) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        ConfReader reader = { .file = what, .mistakes = mistakes };
        const ConfValue value = { .key = what, .text = text, .file = what };

        if (text[0] == '\0')
                return conf_mistake_new(what, 0, 0, "write a number with a unit, as 2h", "%s is empty", what);
        if (conf_duration(&reader, &value, min, max, ret))
                return NULL;
        return g_ptr_array_steal_index(mistakes, 0);
}
