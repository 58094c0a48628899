-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Users. "since" says when, by the server's clock and never backwards, a user was last added, enabled, disabled or
-- given a password: by it a host knows a record that is older than what it was told (tombstones.h).

local function user_load(name)
        local flat = call('HGETALL', B .. 'user:' .. name)

        return #flat > 0 and to_table(flat) or nil
end

-- Than both: what the record says, and what the caller remembers of another one. Never beyond what a number here can
-- tell apart, which no clock reaches.
local function later_than(before, remembered)
        local time = call('TIME')
        local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

        return whole(math.min(math.max(now, tonumber(before or '0') + 1, tonumber(remembered) + 1), 2 ^ 53))
end

local function tell_user(what, name, uid, since)
        tell('what', what, 'user', name, 'uid', uid, 'since', since)
end

-- Plans an identity, where that subject and the user's place at that issuer are free.
local function identity_write(uid, issuer, subject, name, packed)
        if call('HEXISTS', B .. 'identities', name) == 1 or call('HEXISTS', B .. 'links:' .. uid, issuer) == 1 then
                return false
        end
        write('HSET', B .. 'identities', name, packed)
        write('HSET', B .. 'links:' .. uid, issuer, name)
        return true
end

local function assignment_write(uid, role, ends, packed)
        write('HSET', B .. 'roles:' .. uid, role, packed)
        if ends == '0' then
                write('ZREM', B .. 'role-ends', uid .. ' ' .. role)
        else
                write('ZADD', B .. 'role-ends', ends, uid .. ' ' .. role)
        end
end
