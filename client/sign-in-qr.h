/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A link as a QR code in half blocks, two modules in each character, for terminals that speak UTF-8. */

#include <stdbool.h>

/* Can stderr show one of @columns and @rows? A terminal, large enough, with a UTF-8 locale, and not a dumb one. */
bool sign_in_qr_fits(int columns, int rows);

/*
 * The code, lines with their newlines, and how large it is; g_free. NULL where @uri is too long for one.
 * With @color black on white whatever the terminal's colours are; else light modules are what is printed,
 * for a dark terminal; most cameras read it the other way round, too.
 */
char *sign_in_qr(const char *uri, bool color, int *ret_columns, int *ret_rows);
