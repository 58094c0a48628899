-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- One step of store_session_sweep(), of at most so many sessions: all of the step or nothing. It looks at each
-- index only as far as it finds something to do, and what it finds leaves that index. Also when memory is short.
--
-- ARGV: host; boot id; now; seen before this is idle; ended before this is forgotten; the limit.
-- Returns {how many of the limit are left, the sessions that it ended}.

local host, boot, left = ARGV[3], ARGV[4], tonumber(ARGV[8])
local off = ahead(ARGV[5])
local now, idle_before, forget_before = whole(ARGV[5] - off), whole(ARGV[6] - off), whole(ARGV[7] - off)
local ended, done = {}, {}

-- What is listed and not there was evicted, and would be found again and again.
local function end_all(index, members, event, reason)
        for _, member in ipairs(members) do
                local id = member:sub(-32)

                if left == 0 then
                        return
                end
                local s = not done[id] and session_load(id)

                if s and session_end(s, event, reason, now) then
                        ended[#ended + 1] = s
                        left = left - 1
                elseif s == nil then
                        write('ZREM', B .. index, member)
                        left = left - 1
                end
                done[id] = done[id] or s ~= nil
        end
end

local function forget(s)
        write('DEL', B .. 'session:' .. s.id, B .. 'events:' .. s.id)
        for _, index in ipairs({'ended:ids', 'ended', 'ended:user:' .. s.uid, 'ended:host:' .. s.host, 'forgettable'}) do
                write('ZREM', B .. index, s.id)
        end
        if has_login(s) then
                write('ZREM', login_key(s), s.id)
        end
        if s.parent then
                write('ZREM', B .. 'parent:' .. s.parent, s.id)
        end
        if s.device then
                write('ZREM', B .. 'came:' .. s.device, s.id)
        end
end

-- "BOOT ID" in the order of bytes: what is before and what is behind this boot's.
local function of_other_boots(index)
        local found = call('ZRANGEBYLEX', index, '-', '(' .. boot .. ' ', 'LIMIT', 0, left)

        for _, member in ipairs(call('ZRANGEBYLEX', index, '(' .. boot .. ' \255', '+', 'LIMIT', 0, left)) do
                found[#found + 1] = member
        end
        return found
end

end_all('ends', call('ZRANGEBYSCORE', B .. 'ends', '-inf', now, 'LIMIT', 0, left), 'expire', 'lifetime')
end_all('seen', call('ZRANGEBYSCORE', B .. 'seen', '-inf', '(' .. idle_before, 'LIMIT', 0, left), 'expire', 'idle')

end_all('boot:' .. host, of_other_boots(B .. 'boot:' .. host), 'close', 'reboot')

-- A login that a session held is over with its boot; then that session may be forgotten.
for _, member in ipairs(of_other_boots(B .. 'held:' .. host)) do
        local s = left > 0 and session_load(member:sub(-32))

        if s == nil then
                write('ZREM', B .. 'held:' .. host, member)
                left = left - 1
        elseif s then
                write('ZREM', B .. 'held:' .. host, member)
                if tonumber(s.ended) < tonumber(forget_before) then
                        forget(s)
                else
                        write('ZADD', B .. 'forgettable', s.ended, s.id)
                end
                left = left - 1
        end
end
for _, id in ipairs(call('ZRANGEBYSCORE', B .. 'forgettable', '-inf', '(' .. forget_before, 'LIMIT', 0, left)) do
        local s = session_load(id)

        if s then
                forget(s)
        else
                write('ZREM', B .. 'forgettable', id)
        end
        left = left - 1
end
commit_takes()
return {left, flatten(ended)}
