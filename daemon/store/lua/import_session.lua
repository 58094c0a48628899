-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- A session that comes from another store, with its events; one that is here already stays as it is, but ends where
-- it has ended there. What was revoked here before it came, with its user, its device or its parent, is revoked when it
-- comes: nothing comes in behind that. Users, devices and parents come first.
-- ARGV: now; how many fields and values follow; these; packed events, the oldest first. Returns {'ok', is it new?}.

local now, last = ARGV[3], 4 + tonumber(ARGV[4])
local s = {}

for i = 5, last, 2 do
        s[ARGV[i]] = ARGV[i + 1]
end

local EVENTS = {closed = 'close', revoked = 'revoke', expired = 'expire'}
local here = session_load(s.id)

if here then
        if EVENTS[s.state] then
                session_end(here, EVENTS[s.state], s.end_reason, s.ended)
        end
        commit_takes()
        return {'ok', 0}
end

local function is_revoked()
        local user = call('HMGET', B .. 'user:' .. s.user, 'uid', 'enabled')

        if user[1] ~= s.uid or user[2] ~= '1' then
                return true
        end
        if s.parent and call('HGET', B .. 'session:' .. s.parent, 'state') == 'revoked' then
                return true
        end
        local revoked = s.device and call('HGET', B .. 'device:' .. s.device, 'revoked')

        return revoked and revoked ~= '0'
end

if s.state == 'active' and is_revoked() then
        s.state, s.ended, s.end_reason = 'revoked', now, 'revoked'
end
s.n = next_number()
session_add(s)
for i = last + 1, #ARGV do
        write('RPUSH', B .. 'events:' .. s.id, ARGV[i])
end
commit_gives()
return {'ok', 1}
