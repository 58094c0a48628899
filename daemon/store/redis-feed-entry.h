/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* One entry of the feed: see lua/session.lua, device.lua and user.lua for what is in it. */

#include "daemon/store/feed.h"
#include "daemon/store/redis-store.h"

typedef struct FeedHearer {
        RedisStore *redis;
        StoreFeedHandler handler;
} FeedHearer;

/* Remembers what it revokes, then tells it. false: it is none that can be understood. */
bool feed_tell(const FeedHearer *hearer, const RedisReply *flat);
