/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The comparison of a password with a hash that libsodium wrote: crypto_pwhash_str_verify(), and sure of its no. */

#include "common/secret.h"

/*
 * 0; PASSWORD_E_MISMATCH for a wrong password alone; -EBADMSG for a hash that is not ours; or
 * another negative errno, such as -ENOMEM.
 */
int password_compare(const char *hash, const Secret *password);
