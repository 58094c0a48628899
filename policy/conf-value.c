/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Values. Numbers are digits and nothing else (no sign, no 0x, no exponent), and every sum is
 * checked: a configuration never means something that nobody wrote.
 */

#include <glib.h>
#include <string.h>

#include "policy/conf.h"

typedef struct Unit {
        const char *name;
        uint64_t factor;
        const char *others; /* what people write instead, separated by blanks */
} Unit;

/* From large to small. */
static const Unit duration_units[] = {
        { "d", 86400, "day days" },
        { "h", 3600, "hr hrs hour hours" },
        { "min", 60, "m mins minute minutes" },
        { "s", 1, "sec secs second seconds" },
        {},
};

static const Unit size_units[] = {
        { "GiB", UINT64_C(1) << 30, "g gb gig" },
        { "MiB", UINT64_C(1) << 20, "m mb meg" },
        { "KiB", UINT64_C(1) << 10, "k kb" },
        { "B", 1, "byte bytes" },
        {},
};

/* Units: the one called @text, or @units' end. */
static const Unit *find_unit(const Unit *units, const char *text) {
        while (units->name && strcmp(units->name, text) != 0)
                units++;
        return units;
}

/* Which unit may have been meant by @text? NULL: any. To be freed with g_free. */
static char *suggest_unit(const Unit *units, const char *text) {
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        for (; units->name; units++) {
                g_auto(GStrv) others = g_strsplit(units->others, " ", 0);
                g_autofree char *lower = g_ascii_strdown(text, -1);

                if (g_ascii_strcasecmp(units->name, text) == 0 ||
                    g_strv_contains((const char *const *) others, lower))
                        return g_strdup_printf("did you mean \"%s\"?", units->name);
                g_ptr_array_add(names, (char *) units->name);
        }
        g_ptr_array_add(names, NULL);
        return conf_suggest(text, (const char *const *) names->pdata);
}

static char *list_units(const Unit *units) {
        GString *text = g_string_new("units are");

        for (const Unit *unit = units; unit->name; unit++)
                g_string_append_printf(text, "%s %s", unit == units ? "" : ",", unit->name);
        return g_string_free(text, FALSE);
}

/* "24" → "write 24d, 24h, 24min or 24s". */
static char *remedy_no_unit(const Unit *units, const char *digits) {
        GString *text = g_string_new("write");

        for (const Unit *unit = units; unit->name; unit++)
                g_string_append_printf(text, "%s %s%s", unit == units ? "" : unit[1].name ? "," : " or", digits,
                                       unit->name);
        return g_string_free(text, FALSE);
}

/* 3660 → "1h 1min". To be freed with g_free. */
static char *with_units(const Unit *units, uint64_t amount) {
        GString *text = g_string_new(NULL);

        for (const Unit *unit = units; unit->name; unit++) {
                if (amount < unit->factor)
                        continue;
                g_string_append_printf(text, "%s%" G_GUINT64_FORMAT "%s", text->len > 0 ? " " : "",
                                       amount / unit->factor, unit->name);
                amount %= unit->factor;
        }
        return g_string_free(text, FALSE);
}

/* Reads digits from *@text and moves it behind them. False when there are none, or too many. */
static bool take_digits(const char **text, uint64_t *ret) {
        const char *c = *text;
        uint64_t number = 0;

        while (g_ascii_isdigit(*c)) {
                if (__builtin_mul_overflow(number, UINT64_C(10), &number) ||
                    __builtin_add_overflow(number, (uint64_t) (*c - '0'), &number))
                        return false;
                c++;
        }
        if (c == *text)
                return false;
        *text = c;
        *ret = number;
        return true;
}

static bool out_of_range(ConfReader *reader, const ConfValue *value, const Unit *units, uint64_t min, uint64_t max,
                         bool above) {
        g_autofree char *low = with_units(units, min), *high = with_units(units, max);
        g_autofree char *remedy = g_strdup_printf("write %s to %s", low, high);

        return conf_mistake(reader, value, 0, remedy, "%s of %s is too %s", value->key, value->text,
                            above ? "large" : "small");
}

/* The unit that follows @digits at *@text, moved behind it; @begin is where the number began. */
static bool take_unit(ConfReader *reader, const ConfValue *value, const Unit *units, const char *begin,
                      const char **text, const Unit **ret) {
        size_t offset = (size_t) (begin - value->text), size = strcspn(*text, "0123456789 \t");
        g_autofree char *digits = g_strndup(begin, (size_t) (*text - begin)), *word = g_strndup(*text, size);
        g_autofree char *remedy = NULL;
        const Unit *unit = find_unit(units, word);

        if (!digits[0] || (size > 0 && !g_ascii_isalpha(word[0]))) {
                remedy = list_units(units);
                return conf_mistake(reader, value, offset, remedy, "\"%s\" is not a whole number with a unit",
                                    value->text);
        }
        if (size == 0) {
                remedy = remedy_no_unit(units, digits);
                return conf_mistake(reader, value, offset, remedy, "%s \"%s\" has no unit", value->key, digits);
        }
        if (!unit->name) {
                remedy = suggest_unit(units, word) ?: list_units(units);
                return conf_mistake(reader, value, (size_t) (*text - value->text), remedy, "unknown unit \"%s\"",
                                    word);
        }
        *text += size;
        *ret = unit;
        return true;
}

/*
 * One "NUMBER UNIT" at *@text. *@last is the unit before it; smaller ones must follow, so that
 * "1h 1h" is not two hours. Adds to *@sum, which stays at its maximum once there.
 */
static bool take_amount(ConfReader *reader, const ConfValue *value, const Unit *units, const char **text,
                        const Unit **last, uint64_t *sum) {
        const char *begin = *text;
        const Unit *unit = NULL; /* gcc -O2 does not see that it is set where it is used */
        uint64_t number, amount;

        if (!take_digits(text, &number)) {
                number = UINT64_MAX; /* beyond every range; or no digits at all */
                *text += strspn(*text, "0123456789");
        }
        if (!take_unit(reader, value, units, begin, text, &unit))
                return false;
        if (*last && unit <= *last)
                return conf_mistake(reader, value, (size_t) (begin - value->text),
                                    "write each unit once, from large to small", "\"%s\" after \"%s\"", unit->name,
                                    (*last)->name);
        if (__builtin_mul_overflow(number, unit->factor, &amount) || __builtin_add_overflow(*sum, amount, sum))
                *sum = UINT64_MAX;
        *last = unit;
        return true;
}

static bool read_amount(ConfReader *reader, const ConfValue *value, const Unit *units, uint64_t min, uint64_t max,
                        uint64_t *ret) {
        const char *text = value->text;
        const Unit *last = NULL;
        uint64_t sum = 0;

        while (*text) {
                if (!take_amount(reader, value, units, &text, &last, &sum))
                        return false;
                text += strspn(text, " \t");
        }
        if (sum < min || sum > max)
                return out_of_range(reader, value, units, min, max, sum > max);
        *ret = sum;
        return true;
}

bool conf_duration(ConfReader *reader, const ConfValue *value, int64_t min, int64_t max, int64_t *ret) {
        uint64_t seconds;

        if (!read_amount(reader, value, duration_units, (uint64_t) min, (uint64_t) max, &seconds))
                return false;
        *ret = (int64_t) seconds;
        return true;
}

char *conf_duration_to_string(int64_t seconds) {
        return seconds > 0 ? with_units(duration_units, (uint64_t) seconds) : g_strdup("0s");
}

bool conf_size(ConfReader *reader, const ConfValue *value, uint64_t min, uint64_t max, uint64_t *ret) {
        return read_amount(reader, value, size_units, min, max, ret);
}

bool conf_number(ConfReader *reader, const ConfValue *value, uint64_t min, uint64_t max, uint64_t *ret) {
        g_autofree char *remedy = g_strdup_printf("write %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, min, max);
        const char *text = value->text;
        uint64_t number;

        if (text[strspn(text, "0123456789")] != '\0')
                return conf_mistake(reader, value, strspn(text, "0123456789"), remedy,
                                    "%s \"%s\" is not a whole number", value->key, value->text);
        if (!take_digits(&text, &number))
                number = UINT64_MAX;
        if (number < min || number > max)
                return conf_mistake(reader, value, 0, remedy, "%s of %s is too %s", value->key, value->text,
                                    number > max ? "large" : "small");
        *ret = number;
        return true;
}

/* Lists */

/* Moves *@text over the separators to the next item: blanks with at most one ';' or ',' among them. */
static bool skip_separator(ConfReader *reader, const ConfValue *value, const char **text) {
        const char *c = *text + strspn(*text, " \t");

        if (*c == ';' || *c == ',') {
                const char *next = c + 1 + strspn(c + 1, " \t");
                if (*next == '\0' || *next == ';' || *next == ',')
                        return conf_mistake(reader, value, (size_t) (c + 1 - value->text),
                                            "put one separator between two items, none at the end",
                                            "empty item in the list of \"%s\"", value->key);
                c = next;
        }
        *text = c;
        return true;
}

static bool add_item(ConfReader *reader, const ConfValue *value, GPtrArray *items, const char *text, size_t size,
                     size_t offset) {
        g_autofree char *item = g_strndup(text, size);

        for (unsigned i = 0; i < items->len; i++)
                if (strcmp(items->pdata[i], item) == 0)
                        return conf_mistake(reader, value, offset, "keep one of them",
                                            "\"%s\" stands twice in \"%s\"", item, value->key);
        g_ptr_array_add(items, g_steal_pointer(&item));
        return true;
}

bool conf_list(ConfReader *reader, const ConfValue *value, char ***ret, size_t **ret_offsets) {
        g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GArray) offsets = g_array_new(FALSE, FALSE, sizeof(size_t));
        const char *text = value->text;

        if (*text == ';' || *text == ',')
                return conf_mistake(reader, value, 0, "put one separator between two items, none before them",
                                    "empty item in the list of \"%s\"", value->key);
        while (*text) {
                size_t offset = (size_t) (text - value->text), size = strcspn(text, ";, \t");

                if (!add_item(reader, value, items, text, size, offset))
                        return false;
                g_array_append_val(offsets, offset);
                text += size;
                if (!skip_separator(reader, value, &text))
                        return false;
        }
        g_ptr_array_add(items, NULL);
        if (ret_offsets)
                *ret_offsets = (size_t *) (void *) g_array_free(g_steal_pointer(&offsets), FALSE);
        *ret = (char **) g_ptr_array_free(g_steal_pointer(&items), FALSE);
        return true;
}
