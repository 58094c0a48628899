-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- A session's events, the oldest first. ARGV: id.

return call('LRANGE', B .. 'events:' .. ARGV[3], 0, -1)
