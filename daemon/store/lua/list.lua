-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- A page of sessions, the newest first. ARGV: 'active' or 'ended'; optional(uid); optional(host); a number, or
-- '+inf': only those opened before; how many are looked at.
-- Returns {the number to go on with, or '' at the end; the sessions}.

local uid, host = optional(ARGV[4]), optional(ARGV[5])
local index = ARGV[3] .. (uid and ':user:' .. uid or host and ':host:' .. host or '')
local before = ARGV[6] == '+inf' and '+inf' or '(' .. ARGV[6]
local ids = call('ZREVRANGEBYSCORE', B .. index, before, '-inf', 'LIMIT', 0, ARGV[7])
local page = {}

for _, id in ipairs(ids) do
        local s = session_load(id)

        if s and (not host or s.host == host) then
                page[#page + 1] = to_flat(s)
        end
end
return {#ids == tonumber(ARGV[7]) and call('ZSCORE', B .. index, ids[#ids]) or '', page}
