-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Looks at a page of sessions: does each stand where it should, and is what stands there a session? ARGV:
-- 'active' or 'ended'; a number, or '-inf': only those opened after it; how many.
-- Returns {the number to go on with, or '' at the end; what is wrong first, or ''}.

local state = ARGV[3]
local ids = call('ZRANGEBYSCORE', B .. state, ARGV[4] == '-inf' and '-inf' or '(' .. ARGV[4], '+inf', 'LIMIT', 0, ARGV[5])

local function places(s)
        local own = {state .. ':ids', state .. ':user:' .. s.uid, state .. ':host:' .. s.host}

        if state == 'active' then
                for _, index in ipairs({'own:' .. s.uid .. ':' .. s.host, 'seen', 'ends'}) do
                        own[#own + 1] = index
                end
        end
        if s.parent then
                own[#own + 1] = 'parent:' .. s.parent
        end
        if s.device then
                own[#own + 1] = 'came:' .. s.device
        end
        return own
end

local function problem(id)
        local s = session_load(id)

        if not s then
                return 'session ' .. id .. ' is listed and not there'
        end
        if (s.state == 'active') ~= (state == 'active') then
                return 'session ' .. id .. ' is ' .. s.state .. ' and listed as ' .. state
        end
        for _, index in ipairs(places(s)) do
                if not call('ZSCORE', B .. index, id) then
                        return 'session ' .. id .. ' is not in ' .. index
                end
        end
        if has_login(s) and call('ZSCORE', login_key(s), id) ~= login_score(s) then
                return 'session ' .. id .. ' is not where its login is'
        end
        return nil
end

for _, id in ipairs(ids) do
        local found = problem(id)

        if found then
                return {'', found}
        end
end
return {#ids == tonumber(ARGV[5]) and call('ZSCORE', B .. state, ids[#ids]) or '', ''}
