-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors
-- Where the feed ends: {the last entry's number, its id, or '0-0'}. Of a store that lost what it held, an error.

local last = call('XREVRANGE', B .. 'feed', '+', '-', 'COUNT', 1)

return {facts[4] or '0', last[1] and last[1][1] or '0-0'}
