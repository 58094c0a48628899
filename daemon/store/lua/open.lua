-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Opens a session: the checks of store_session_open(), the session with all its indexes, who is closed for it,
-- and what is told at a login; all of it or nothing. 'exists', 'state' and 'overlay' have changed nothing.
--
-- ARGV: the most that the user may have on this host; is its login known to be dead ('1', '0'); is it a login
-- of a person; optional(network); the user's record counts only if it is no older than this (lua/user.lua); how
-- many pairs follow of an id and when that was seen (-1: not asked for yet); these pairs; the session's fields
-- and values.
-- Returns {'ok', bound, the sessions that were closed, the news' fields}, or {'overlay', ids…} where the caller
-- has to say first when these were seen, because some of them will be closed.

local max, login_dead, is_login = tonumber(ARGV[3]), ARGV[4] == '1', ARGV[5] == '1'
local network, n_seen = optional(ARGV[6]), tonumber(ARGV[8])
local first = 9 + 2 * math.max(n_seen, 0)
local s, seen = {}, {}

for i = 9, first - 1, 2 do
        seen[ARGV[i]] = tonumber(ARGV[i + 1])
end
for i = first, #ARGV, 2 do
        s[ARGV[i]] = ARGV[i + 1]
end

if call('EXISTS', B .. 'session:' .. s.id) == 1 then
        return {'exists'}
end

local user = to_table(call('HGETALL', B .. 'user:' .. s.user))
if user.uid ~= s.uid or user.enabled ~= '1' or tonumber(user.since) < tonumber(ARGV[7]) then
        return {'state'}
end
if s.device then
        local d = call('HMGET', B .. 'device:' .. s.device, 'uid', 'revoked')

        if d[1] ~= s.uid or d[2] ~= '0' then
                return {'state'}
        end
end

-- Where something else holds the login, the session is not bound to it.
if has_login(s) then
        local holder = not login_dead and load_bound(login_key(s))

        if holder and holder.state == 'active' then
                s.parent = s.parent or holder.id
        end
        if login_dead or (holder and RANKS[holder.state]) then
                s.audit_id = nil
        end
end
if s.parent then
        local parent = call('HMGET', B .. 'session:' .. s.parent, 'state', 'ends')

        if parent[1] ~= 'active' then
                return {'state'}
        end
        if tonumber(parent[2]) < tonumber(s.ends) then
                s.ends = parent[2]
        end
end

-- Of the user's others on this host the least recently seen are closed, so that at most the maximum is left.
local own = B .. 'own:' .. s.uid .. ':' .. s.host
local surplus = call('ZCARD', own) + 1 - max
local ended = {}
if surplus > 0 then
        local others = call('ZRANGE', own, 0, -1)

        if n_seen < 0 then
                return {'overlay', unpack(others, 1, math.min(#others, 4000))}
        end
        for i, id in ipairs(others) do
                others[i] = session_load(id)
                if not others[i] then
                        error('MISSING session ' .. id)
                end
                others[i].at = math.max(tonumber(others[i].seen), seen[id] or 0)
        end
        table.sort(others, function(a, b)
                if a.at ~= b.at then
                        return a.at < b.at
                end
                return tonumber(a.n) < tonumber(b.n)
        end)
        for i = 1, math.min(surplus, #others) do
                others[i].at = nil
                if session_end(others[i], 'close', 'evicted', s.opened) then
                        ended[#ended + 1] = others[i]
                end
        end
end

s.n = next_number()
session_add(s)

local news = {}
if is_login then
        for _, name in ipairs({'last_login', 'last_from', 'failures', 'failed', 'failed_from'}) do
                news[name] = user[name]
        end
        write('HDEL', B .. 'user:' .. s.user, 'last_from', 'failures', 'failed', 'failed_from')
        write('HSET', B .. 'user:' .. s.user, 'last_login', s.opened)
        if s.rhost then
                write('HSET', B .. 'user:' .. s.user, 'last_from', s.rhost)
        end
        if network then
                -- Not ZADD GT, which would put one that is known where it was: this is the same for a clock that was set back.
                local known = call('ZSCORE', B .. 'networks:' .. s.uid, network)

                if not known or tonumber(known) < tonumber(s.opened) then
                        write('ZADD', B .. 'networks:' .. s.uid, s.opened, network)
                end
                write('ZREMRANGEBYRANK', B .. 'networks:' .. s.uid, 0, -65)
        end
end
commit_gives()
return {'ok', has_login(s) and 1 or 0, flatten(ended), to_flat(news)}
