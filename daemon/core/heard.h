/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What another host of the fleet did, as the store's feed tells it: here it ends the live logins of this
 * host, and what is under way. Those of the other hosts are theirs, and so is the record of it: this host's
 * journal says only what became of its own sessions.
 *
 * Called in the feed's thread. What is told twice is done twice, which changes nothing.
 */

#include "daemon/core/core.h"
#include "daemon/store/feed.h"

/* What does it; @core is borrowed. */
StoreFeedHandler heard_handler(Core *core);

/*
 * Begins to listen, where the store is shared; else @ret is NULL. @core has to outlive it. 0 or a negative errno.
 */
int heard_listen(Core *core, StoreFeed **ret);
