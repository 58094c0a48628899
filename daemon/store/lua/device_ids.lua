-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- The ids of devices in the order in which they were added. ARGV: optional(uid).

local uid = optional(ARGV[3])

return call('ZRANGE', B .. 'devices' .. (uid and ':user:' .. uid or ''), 0, -1)
