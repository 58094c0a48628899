-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- A device that comes from another store; one that is here already stays as it is, but is revoked where it was there,
-- and what was used there is used. 'exists' where its user has another one of that name that may be used; 'state' where
-- it may be used and its user (name and uid) is not here. One of a user who is disabled here is revoked when it comes.
-- ARGV: now; the device's fields and values. Returns {'ok', is it new?}.

local now, d = ARGV[3], {}

for i = 4, #ARGV, 2 do
        d[ARGV[i]] = ARGV[i + 1]
end

local here = device_load(d.id)

if here then
        if d.revoked ~= '0' then
                device_revoke(here, d.revoke_reason, d.revoked)
        elseif tonumber(d.highest) > tonumber(here.highest) then
                write('HSET', B .. 'device:' .. d.id, 'highest', d.highest, 'gaps', d.gaps)
        end
        commit_takes()
        return {'ok', 0}
end

local function may_be_used(device)
        return device.revoked == '0' and tonumber(device.ends) > tonumber(now)
end

if may_be_used(d) then
        local user = user_load(d.user)

        if not user or user.uid ~= d.uid then
                return {'state'}
        end
        for _, other in ipairs(devices_of(d.uid)) do
                if other.name == d.name and may_be_used(other) then
                        return {'exists'}
                end
        end
        if user.enabled ~= '1' then
                d.revoked, d.revoke_reason = now, 'disabled'
        end
end
device_add(d)
commit_gives()
return {'ok', 1}
