-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- A role for a user, in the place of the one that is there. 'state' where the user (name and uid) is not there,
-- or has so many others; else {'ok', did it say something else?}. ARGV: user; uid; role; until; packed, with
-- the time of creation last; the most.

local uid, role, packed = ARGV[4], ARGV[5], ARGV[7]
local roles = call('HGETALL', B .. 'roles:' .. uid)
local before = call('HGET', B .. 'roles:' .. uid, role)
local others = #roles / 2 - (before and 1 or 0)

if call('HGET', B .. 'user:' .. ARGV[3], 'uid') ~= uid or others >= tonumber(ARGV[8]) then
        return {'state'}
end
if before and before:match('^(.*)%z') == packed:match('^(.*)%z') then
        return {'ok', 0}
end
assignment_write(uid, role, ARGV[6], packed)
commit_gives()
return {'ok', 1}
