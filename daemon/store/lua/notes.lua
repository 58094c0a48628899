-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- What could wait (redis-notes.h): a batch, all of it or nothing, and once even when it is sent again because
-- no answer came. What is of a session or user that is not there is let go. ARGV: the batch's number; then
-- groups:
--   'seen', id, time; 'last', id, time (of one that this host ended: what it was seen at before)
--   'event', id, packed; 'failed', name, how many, time, optional(from)

local batch = B .. 'batch:' .. ARGV[2]
local i = 4
local has = {}

local function is_there(name)
        if has[name] == nil then
                has[name] = call('EXISTS', name) == 1
        end
        return has[name]
end

local function note_seen(id, time, last)
        local session = B .. 'session:' .. id
        local now = call('HMGET', session, 'state', 'seen')

        if not now[1] or tonumber(now[2]) >= tonumber(time) or (now[1] == 'active') == last then
                return
        end
        write('HSET', session, 'seen', time)
        if not last then
                write('ZADD', B .. 'seen', time, id)
        end
end

if tonumber(call('GET', batch) or '0') >= tonumber(ARGV[3]) then
        return {'ok'}
end
while i <= #ARGV do
        local what = ARGV[i]

        if what == 'seen' or what == 'last' then
                note_seen(ARGV[i + 1], ARGV[i + 2], what == 'last')
                i = i + 3
        elseif what == 'event' then
                if is_there(B .. 'session:' .. ARGV[i + 1]) then
                        write('RPUSH', B .. 'events:' .. ARGV[i + 1], ARGV[i + 2])
                        write('LTRIM', B .. 'events:' .. ARGV[i + 1], -64, -1)
                end
                i = i + 3
        elseif what == 'failed' then
                local user, from = B .. 'user:' .. ARGV[i + 1], optional(ARGV[i + 4])

                if is_there(user) then
                        local before = (call('HGET', user, 'failures') or ''):match('^%d+$') or '0'

                        write('HSET', user, 'failures', whole(math.min(before + ARGV[i + 2], 2 ^ 53)), 'failed', ARGV[i + 3])
                        write('HDEL', user, 'failed_from')
                        if from then
                                write('HSET', user, 'failed_from', from)
                        end
                end
                i = i + 5
        else
                error('MALFORMED batch')
        end
end
write('SET', batch, ARGV[3], 'EX', 3600)
commit_gives()
return {'ok'}
