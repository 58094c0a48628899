-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- The same password in another form, where it still is the one that is expected: 'ok', 'none' or 'state'.
-- ARGV: name; the hash expected; the new one.

local user = user_load(ARGV[3])

if not user then
        return {'none'}
end
if user.hash ~= ARGV[4] then
        return {'state'}
end
write('HSET', B .. 'user:' .. ARGV[3], 'hash', ARGV[5])
commit_gives()
return {'ok'}
