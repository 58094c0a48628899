/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#pragma once

/* A RedisLinkSettings that owns what it names. */

#include "daemon/store/redis-link.h"

/* -ENOMEM: there is no memory to be had, or to be locked, for the password. */
int redis_settings_copy(const RedisLinkSettings *settings, RedisLinkSettings *ret);
/* Also of one that is all zero. */
void redis_settings_deinit(RedisLinkSettings *settings);
