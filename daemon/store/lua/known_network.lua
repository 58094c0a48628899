-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Was the user there since? ARGV: uid; network; since.

local seen = call('ZSCORE', B .. 'networks:' .. ARGV[3], ARGV[4])

return seen and tonumber(seen) >= tonumber(ARGV[5]) and 1 or 0
