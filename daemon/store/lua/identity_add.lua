-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Links a subject to a user, who then awaits that provider no more. 'state' where the user (name and uid) is
-- not there or, with '1', is disabled or does not await the provider; 'exists' where one of the two is linked.
-- Nothing has changed then.
-- ARGV: user; uid; provider; '1' or '0'; issuer; subject; its packed name; packed.

local user, provider = user_load(ARGV[3]), ARGV[5]

if not user or user.uid ~= ARGV[4] then
        return {'state'}
end
if ARGV[6] == '1' and (user.enabled ~= '1' or user.awaits ~= provider) then
        return {'state'}
end
if not identity_write(ARGV[4], ARGV[7], ARGV[8], ARGV[9], ARGV[10]) then
        return {'exists'}
end
if user.awaits == provider then
        write('HDEL', B .. 'user:' .. ARGV[3], 'awaits')
end
commit_gives()
return {'ok'}
