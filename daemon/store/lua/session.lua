-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Sessions: their records, and the indexes that these stand in. Each index changes with the record, in one script.

local STATES = {close = 'closed', revoke = 'revoked', expire = 'expired'}
local RANKS = {active = 2, revoked = 1}
local RANK = 2 ^ 45 -- above every number of a session; both together are exact in a double

local function session_load(id)
        local flat = call('HGETALL', B .. 'session:' .. id)
        local s

        if #flat == 0 then
                return nil
        end
        s = to_table(flat)
        s.id = id
        return is_whole(s, {'n', 'uid', 'seen', 'ends', 'ended'}, {'user', 'host', 'state'}) and s or nil
end

local function has_login(s)
        return s.audit_id and s.boot_id
end

local function login_key(s)
        return B .. 'login:' .. s.audit_id .. ':' .. s.uid .. ':' .. s.boot_id
end

-- Who holds a login is the last in its index: an active session before a revoked one before all others, then
-- the latest.
local function login_score(s)
        return whole((RANKS[s.state] or 0) * RANK + tonumber(s.n))
end

local function load_bound(login)
        local ids = call('ZREVRANGE', login, 0, 0)

        return ids[1] and session_load(ids[1])
end

-- Its login stays dead, or stays capped, for as long as that may run: until its own host says that it booted.
local function holds_login(s)
        return has_login(s) and (s.state == 'revoked' or s.role_cap)
end

local function move(s, from, to)
        for _, rest in ipairs({'', ':user:' .. s.uid, ':host:' .. s.host}) do
                write('ZREM', B .. from .. rest, s.id)
                write('ZADD', B .. to .. rest, s.n, s.id)
        end
        write('ZREM', B .. from .. ':ids', s.id)
        write('ZADD', B .. to .. ':ids', 0, s.id)
end

-- Plans a session that is new, with all places where it stands. Its number is given.
local function session_add(s)
        local id, index = s.id, s.state == 'active' and 'active' or 'ended'

        s.id = nil
        write('HSET', B .. 'session:' .. id, unpack(to_flat(s)))
        s.id = id
        write('ZADD', B .. index .. ':ids', 0, id)
        for _, rest in ipairs({'', ':user:' .. s.uid, ':host:' .. s.host}) do
                write('ZADD', B .. index .. rest, s.n, id)
        end
        if index == 'active' then
                write('ZADD', B .. 'own:' .. s.uid .. ':' .. s.host, s.n, id)
                write('ZADD', B .. 'seen', s.seen, id)
                write('ZADD', B .. 'ends', s.ends, id)
                if s.boot_id then
                        write('ZADD', B .. 'boot:' .. s.host, 0, s.boot_id .. ' ' .. id)
                end
        elseif holds_login(s) then
                write('ZADD', B .. 'held:' .. s.host, 0, s.boot_id .. ' ' .. id)
        else
                write('ZADD', B .. 'forgettable', s.ended, id)
        end
        if has_login(s) then
                write('ZADD', login_key(s), login_score(s), id)
        end
        if s.parent then
                write('ZADD', B .. 'parent:' .. s.parent, s.n, id)
        end
        if s.device then
                write('ZADD', B .. 'came:' .. s.device, s.n, id)
        end
end

-- How sessions are ended, for who hears of it: '', 'keep' (their logins live on), 'all' (everybody's are).
local manner = ''

local function tell_session(s)
        tell('what', 'session', 'id', s.id, 'user', s.user, 'uid', s.uid, 'host', s.host, 'state', s.state,
             'ends', s.ends, 'ended', s.ended, 'audit_id', s.audit_id or '', 'boot_id', s.boot_id or '',
             'logind_id', s.logind_id or '', 'reason', s.end_reason or '', 'manner', manner)
end

-- Plans the end of one, and says so in the table; what is over stays as it is.
local function session_end(s, event, reason, now)
        if s.state ~= 'active' then
                return false
        end
        s.state = STATES[event]
        s.ended = now
        s.end_reason = reason
        move(s, 'active', 'ended')
        write('ZREM', B .. 'own:' .. s.uid .. ':' .. s.host, s.id)
        write('ZREM', B .. 'seen', s.id)
        write('ZREM', B .. 'ends', s.id)
        if s.boot_id then
                write('ZREM', B .. 'boot:' .. s.host, s.boot_id .. ' ' .. s.id)
        end
        if has_login(s) then
                write('ZADD', login_key(s), login_score(s), s.id)
        end
        if holds_login(s) then
                write('ZADD', B .. 'held:' .. s.host, 0, s.boot_id .. ' ' .. s.id)
        else
                write('ZADD', B .. 'forgettable', now, s.id)
        end
        write('HSET', B .. 'session:' .. s.id, 'state', s.state, 'ended', now)
        if reason then
                write('HSET', B .. 'session:' .. s.id, 'end_reason', reason)
        end
        tell_session(s)
        return true
end

-- In the order in which they were opened.
local function by_number(list)
        table.sort(list, function(a, b) return tonumber(a.n) < tonumber(b.n) end)
        return list
end

local function flatten(list)
        local flat = {}

        for i, s in ipairs(list) do
                flat[i] = to_flat(s)
        end
        return flat
end

-- An id and its ancestors.
local function find_spared(except)
        local spared = {}

        while except and not spared[except] do
                spared[except] = true
                except = call('HGET', B .. 'session:' .. except, 'parent')
        end
        return spared
end

-- Those ids, and all that is below them, through what has ended already, too.
local function add_below(ids)
        local known = {}

        for _, id in ipairs(ids) do
                known[id] = true
        end
        local i = 1
        while i <= #ids do
                for _, child in ipairs(call('ZRANGE', B .. 'parent:' .. ids[i], 0, -1)) do
                        if not known[child] then
                                known[child] = true
                                ids[#ids + 1] = child
                        end
                end
                i = i + 1
        end
        return ids
end

local function without(ids, spared)
        local left = {}

        for _, id in ipairs(ids) do
                if not spared[id] then
                        left[#left + 1] = id
                end
        end
        return left
end

local END_MAX = 1000 -- by one script: more would hold up everybody who waits for Redis

-- by: 'id', 'device', 'all' or 'user'.
local function select_ids(by, value, spared)
        if by == 'id' then
                return {value}
        elseif by == 'device' then
                return call('ZRANGE', B .. 'came:' .. value, 0, -1)
        elseif by == 'all' then
                local n = 0

                for _ in pairs(spared) do
                        n = n + 1
                end
                return without(call('ZRANGE', B .. 'active', 0, END_MAX + n), spared)
        end
        return without(call('ZRANGE', B .. 'active:user:' .. value, 0, -1), spared)
end

-- Plans the end of all that are selected, or of so many of them; returns them as they will be, and whether
-- there are more.
local function session_end_selected(by, value, except, event, reason, now)
        local ids, ended, lost = select_ids(by, value, find_spared(except)), {}, 0

        if event == 'revoke' then
                add_below(ids)
        end
        for _, id in ipairs(ids) do
                local s = session_load(id)

                if s and s.state == 'active' then
                        if #ended == END_MAX then
                                return by_number(ended), 1
                        end
                        session_end(s, event, reason, now)
                        ended[#ended + 1] = s
                elseif not s and by == 'all' then -- evicted: the next time those behind it are looked at
                        write('ZREM', B .. 'active', id)
                        lost = 1
                end
        end
        return by_number(ended), lost
end
