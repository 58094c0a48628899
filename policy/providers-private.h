/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A provider while its file is read, with where what stands. Private to the files of providers.h. */

#include "policy/conf.h"
#include "policy/providers.h"

typedef struct ProviderPlace {
        unsigned line, column; /* 0: it does not stand there */
} ProviderPlace;

typedef struct ProviderDraft {
        Provider *provider;
        ProviderPlace heading, urls[PROVIDER_URL_COUNT], scopes, subject_claim;
} ProviderDraft;

extern const char *const provider_url_keys[PROVIDER_URL_COUNT];

/* Of a target that is an array of ProviderDraft *. */
extern const ConfSection provider_sections[];

/* Says (ConfMistake *) what does not go together, and what is missing; fills in what was left out. */
void provider_draft_check(ProviderDraft *draft, GPtrArray *mistakes);
