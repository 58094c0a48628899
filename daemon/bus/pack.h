/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Replies. Every text is cleaned on its way out (names from a directory need not be UTF-8, and the
 * bus would drop the connection of who sends what is not); NULL is "".
 */

#include "daemon/bus/request.h"
#include "daemon/core/login.h"

/* One entry of an a{sv}. */
void pack_text(GVariantBuilder *dict, const char *key, const char *text);
void pack_words(GVariantBuilder *dict, const char *key, const char *const *words); /* NULL: empty */
void pack_bool(GVariantBuilder *dict, const char *key, bool value);
void pack_time(GVariantBuilder *dict, const char *key, int64_t value);
void pack_uint(GVariantBuilder *dict, const char *key, uint32_t value);

/* A text as a value. Floating. */
GVariant *pack_string(const char *text);

/* Where somebody is sent, of an answer with which a sign-in at a provider begins. */
void pack_sign_in(GVariantBuilder *dict, const LoginAnswer *answer);

/* Sets the reply to (verdict, result) and frees what @answer owns. */
void pack_answer(Request *request, LoginAnswer *answer);

/* A session as the interface shows it; current says whether it is the caller's own login. Floating. */
GVariant *pack_session(const Session *session, const Caller *caller);

/* The ids of sessions (Session *), as. Floating. */
GVariant *pack_session_ids(const GPtrArray *sessions);
