/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <langinfo.h>
#include <locale.h>
#include <qrencode.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/cli.h"
#include "client/sign-in-qr.h"

#define QUIET 4 /* modules around it, as ISO/IEC 18004 wants them */

#define BLACK_ON_WHITE "\033[38;5;16;48;5;231m" /* the two of a palette that themes leave alone */
#define PLAIN "\033[0m"

static bool is_utf8_locale(void) {
        locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t) 0);
        bool utf8;

        if (!locale)
                return false;
        utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
        freelocale(locale);
        return utf8;
}

bool sign_in_qr_fits(int columns, int rows) {
        struct winsize size = { 0 };

        if (!cli_has_screen() || !is_utf8_locale())
                return false;
        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0)
                return false;
        return columns <= size.ws_col && rows <= size.ws_row;
}

/* Around the code there is nothing but light. */
static bool is_dark(const QRcode *code, int x, int y) {
        if (x < 0 || y < 0 || x >= code->width || y >= code->width)
                return false;
        return code->data[y * code->width + x] & 1;
}

static const char *glyph(bool above, bool below) {
        static const char *const glyphs[2][2] = { { " ", "\u2584" }, { "\u2580", "\u2588" } };

        return glyphs[above][below];
}

char *sign_in_qr(const char *uri, bool color, int *ret_columns, int *ret_rows) {
        QRcode *code = QRcode_encodeString8bit(uri, 0, QR_ECLEVEL_L);
        GString *text;

        if (!code)
                return NULL;
        text = g_string_new(NULL);
        *ret_columns = code->width + 2 * QUIET;
        *ret_rows = 0;
        for (int y = -QUIET; y < code->width + QUIET; y += 2) {
                g_string_append(text, color ? BLACK_ON_WHITE : "");
                for (int x = -QUIET; x < code->width + QUIET; x++) {
                        bool above = is_dark(code, x, y), below = is_dark(code, x, y + 1);

                        g_string_append(text, color ? glyph(above, below) : glyph(!above, !below));
                }
                g_string_append_printf(text, "%s\n", color ? PLAIN : "");
                (*ret_rows)++;
        }
        QRcode_free(code);
        return g_string_free(text, FALSE);
}
