/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What is amiss with the Unix account of an enrolled user: text in, words out, for the check and its test. */

#include <pwd.h>
#include <shadow.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum AccountFault {
        ACCOUNT_GOOD,
        ACCOUNT_GONE,
        ACCOUNT_OTHER_UID,
        ACCOUNT_NO_PASSWORD, /* an empty one, not a locked one */
        ACCOUNT_EXPIRED,
        ACCOUNT_AGED,
        ACCOUNT_MUST_CHANGE,
        ACCOUNT_NO_SHELL,
        _ACCOUNT_FAULT_MAX,
} AccountFault;

/*
 * The first fault of the account that was enrolled with @uid. @entry and @shadow are NULL where there is
 * none; @day is days since 1970.
 */
AccountFault account_judge(uid_t uid, const struct passwd *entry, const struct spwd *shadow, int64_t day);
