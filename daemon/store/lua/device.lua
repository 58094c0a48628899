-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Devices: their records, and the indexes that these stand in.

local function device_load(id)
        local flat = call('HGETALL', B .. 'device:' .. id)
        local d

        if #flat == 0 then
                return nil
        end
        d = to_table(flat)
        d.id = id
        return is_whole(d, {'n', 'uid', 'highest', 'created', 'used', 'ends', 'revoked'}, {'user', 'name', 'gaps'}) and d or nil
end

local function devices_of(uid)
        local devices = {}

        for _, id in ipairs(call('ZRANGE', B .. 'devices:user:' .. uid, 0, -1)) do
                devices[#devices + 1] = device_load(id)
        end
        return devices
end

-- What is never 0 says that it was.
local function device_revoke(d, reason, now)
        if d.revoked ~= '0' then
                return false
        end
        d.revoked = tonumber(now) > 0 and now or '1'
        d.revoke_reason = reason
        write('HSET', B .. 'device:' .. d.id, 'revoked', d.revoked)
        if reason then
                write('HSET', B .. 'device:' .. d.id, 'revoke_reason', reason)
        end
        write('ZADD', B .. 'devices:revoked', d.revoked, d.id)
        tell('what', 'device', 'id', d.id, 'user', d.user, 'uid', d.uid, 'ends', d.ends)
        return true
end

-- Plans a device that is new.
local function device_add(d)
        local id = d.id

        d.id = nil
        d.n = next_number()
        write('HSET', B .. 'device:' .. id, unpack(to_flat(d)))
        write('ZADD', B .. 'devices', d.n, id)
        write('ZADD', B .. 'devices:user:' .. d.uid, d.n, id)
        write('ZADD', B .. 'devices:ends', d.ends, id)
        write('ZADD', B .. 'devices:idle', whole(math.max(tonumber(d.used), tonumber(d.created))), id)
        if d.revoked ~= '0' then
                write('ZADD', B .. 'devices:revoked', d.revoked, id)
        end
end

local function device_forget(d)
        write('DEL', B .. 'device:' .. d.id)
        for _, index in ipairs({'', ':user:' .. d.uid, ':revoked', ':ends', ':idle'}) do
                write('ZREM', B .. 'devices' .. index, d.id)
        end
end
