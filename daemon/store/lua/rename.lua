-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Gives all sessions of a host another host name, whatever their state: all or nothing. ARGV: from; to.

local from, to = ARGV[3], ARGV[4]

local function rename(s)
        local state = s.state == 'active' and 'active' or 'ended'

        write('HSET', B .. 'session:' .. s.id, 'host', to)
        write('ZREM', B .. state .. ':host:' .. from, s.id)
        write('ZADD', B .. state .. ':host:' .. to, s.n, s.id)
        if state == 'active' then
                write('ZREM', B .. 'own:' .. s.uid .. ':' .. from, s.id)
                write('ZADD', B .. 'own:' .. s.uid .. ':' .. to, s.n, s.id)
        end
        for _, index in ipairs(s.boot_id and {'boot:', 'held:'} or {}) do
                local member = s.boot_id .. ' ' .. s.id

                if call('ZSCORE', B .. index .. from, member) then
                        write('ZREM', B .. index .. from, member)
                        write('ZADD', B .. index .. to, 0, member)
                end
        end
end

for _, state in ipairs(from ~= to and {'active', 'ended'} or {}) do
        for _, id in ipairs(call('ZRANGE', B .. state .. ':host:' .. from, 0, -1)) do
                local s = session_load(id)

                if s then
                        rename(s)
                end
        end
end
commit_gives()
return {'ok'}
