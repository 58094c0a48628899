/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * How often one uid may call: what fails or changes something is debt that time pays back
 * (tessera.conf, [throttle] api-burst and api-pay-back). root, and who is in exempt-users, owes
 * nothing. Charged before a call is carried out, given back when it only looked and got its answer.
 */

#include "daemon/core/core.h"

typedef struct ApiLimit ApiLimit;

ApiLimit *api_limit_new(void);
ApiLimit *api_limit_free(ApiLimit *limit); /* accepts NULL, returns NULL */

typedef struct ApiCharge {
        int64_t cost; /* 0: nothing was charged */
} ApiCharge;

/* 0; CORE_E_THROTTLED with the seconds to wait, from 1, in @ret_wait; or a negative errno. */
int core_api_charge(Core *core, uid_t uid, ApiCharge *ret, int64_t *ret_wait);
void core_api_refund(Core *core, uid_t uid, const ApiCharge *charge);

/* Forgets what @uid owes. False where it owes nothing. */
bool api_limit_reset(ApiLimit *limit, uid_t uid);

/* Calls @each for every uid that owes something at @now. */
typedef void (*ApiEach)(uid_t uid, const Debt *debt, void *data);
void api_limit_each(ApiLimit *limit, int64_t now, ApiEach each, void *data);

DebtRate api_limit_rate(const Settings *settings);
