-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Adds a device, and forgets all but so many of the user's revoked ones: those that were copied are kept before
-- all others, then the latest. 'exists' where the id or, among those that may be used, the name is taken;
-- 'state' where the user (name and uid) is not there or disabled, or has the most. ARGV: the most; the reason
-- that says copied; the user's record counts only if it is no older than this; the device's fields and values.

local max, reuse = tonumber(ARGV[3]), ARGV[4]
local d, n, revoked = {}, 0, {}

for i = 6, #ARGV, 2 do
        d[ARGV[i]] = ARGV[i + 1]
end
if call('EXISTS', B .. 'device:' .. d.id) == 1 then
        return {'exists'}
end
local user = call('HMGET', B .. 'user:' .. d.user, 'uid', 'enabled', 'since')
if user[1] ~= d.uid or user[2] ~= '1' or tonumber(user[3]) < tonumber(ARGV[5]) then
        return {'state'}
end
for _, other in ipairs(devices_of(d.uid)) do
        if other.revoked ~= '0' then
                revoked[#revoked + 1] = other
        elseif tonumber(other.ends) > tonumber(d.created) then
                if other.name == d.name then
                        return {'exists'}
                end
                n = n + 1
        end
end
if n >= max then
        return {'state'}
end

table.sort(revoked, function(a, b)
        if (a.revoke_reason == reuse) ~= (b.revoke_reason == reuse) then
                return a.revoke_reason == reuse
        end
        if a.revoked ~= b.revoked then
                return tonumber(a.revoked) > tonumber(b.revoked)
        end
        return tonumber(a.n) > tonumber(b.n)
end)
for i = max + 1, #revoked do
        device_forget(revoked[i])
end

device_add(d)
commit_gives()
return {'ok'}
