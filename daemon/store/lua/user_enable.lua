-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Enables a user: {'ok', was it disabled?} or 'none'. One whose record is older than what the caller remembers was.
-- ARGV: name; what the caller remembers.

local user = user_load(ARGV[3])

if not user then
        return {'none'}
end
if user.enabled == '1' and tonumber(user.since) >= tonumber(ARGV[4]) then
        return {'ok', 0}
end
write('HSET', B .. 'user:' .. ARGV[3], 'enabled', '1', 'since', later_than(user.since, ARGV[4]))
commit_gives()
return {'ok', 1}
