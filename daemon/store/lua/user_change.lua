-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Disables or removes a user, or gives a new password, and with it revokes devices and sessions: all of it or
-- nothing (of a thousand sessions and more a thousand, after which the caller ends the rest). Also when memory
-- is short.
-- ARGV: 'disable', 'remove' or 'password'; name; optional(hash); optional(except): that session, its ancestors
-- and the devices that they came from stay; optional(reason); now; what the caller remembers (later_than()).
-- Returns {'ok', was it enabled, uid, since, are there more sessions, those that ended, ids and ends of the
-- devices} or 'none'.

local what, name, hash, except = ARGV[3], ARGV[4], optional(ARGV[5]), optional(ARGV[6])
local reason, now = optional(ARGV[7]), ARGV[8]
local user = user_load(name)

if not user then
        return {'none'}
end

local uid, record = user.uid, B .. 'user:' .. name
local since = later_than(what == 'password' and user.changed or user.since, ARGV[9])
local devices, spared = {}, {}
for id in pairs(find_spared(except)) do
        spared[call('HGET', B .. 'session:' .. id, 'device') or ''] = true
end
for _, d in ipairs(devices_of(uid)) do
        if not spared[d.id] and device_revoke(d, reason, now) then
                devices[#devices + 1] = d.id
                devices[#devices + 1] = d.ends
        end
end
local ended, more = session_end_selected('user', uid, except, 'revoke', reason, now)

if what == 'disable' then
        write('HSET', record, 'enabled', '0', 'since', since)
elseif what == 'password' then
        write('HSET', record, 'hash', hash, 'changed', since)
else
        for _, role in ipairs(call('HKEYS', B .. 'roles:' .. uid)) do
                write('ZREM', B .. 'role-ends', uid .. ' ' .. role)
        end
        for _, identity in ipairs(call('HVALS', B .. 'links:' .. uid)) do
                write('HDEL', B .. 'identities', identity)
        end
        for _, kind in ipairs({'roles:', 'links:', 'networks:', 'debts:'}) do
                write('DEL', B .. kind .. uid)
        end
        write('HDEL', B .. 'users', uid)
        write('DEL', record)
end
tell_user(what, name, uid, since)
commit_takes()
return {'ok', user.enabled == '1' and 1 or 0, uid, since, more, flatten(ended), devices}
