-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- The session whose id begins so, an active one rather than an ended one: 'ok', 'none' or 'ambiguous'.
-- ARGV: the first digits; optional(uid). With a uid it walks through the shorter of what begins so and what is
-- the user's.

local prefix, uid = ARGV[3], optional(ARGV[4])
local from, to = '[' .. prefix, '(' .. prefix .. 'g'

local function find(state)
        local ids, own = B .. state .. ':ids', B .. state .. ':user:' .. (uid or '')
        local found = {}

        if not uid then
                return call('ZRANGEBYLEX', ids, from, to, 'LIMIT', 0, 2)
        end
        if call('ZLEXCOUNT', ids, from, to) <= call('ZCARD', own) then
                for _, id in ipairs(call('ZRANGEBYLEX', ids, from, to)) do
                        if #found < 2 and call('HGET', B .. 'session:' .. id, 'uid') == uid then
                                found[#found + 1] = id
                        end
                end
                return found
        end
        for _, id in ipairs(call('ZRANGE', own, 0, -1)) do
                if #found < 2 and id:sub(1, #prefix) == prefix then
                        found[#found + 1] = id
                end
        end
        return found
end

local found = find('active')
if #found == 0 then
        found = find('ended')
end
if #found > 1 then
        return {'ambiguous'}
end
local s = found[1] and session_load(found[1])
return s and {'ok', to_flat(s)} or {'none'}
