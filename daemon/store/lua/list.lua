-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- A page of sessions, the newest first. ARGV: 'active' or 'ended'; optional(uid); optional(host); a number, or
-- '+inf': only those opened before; how many are looked at; optional(a device that they came from: with a uid).
-- Returns {the number to go on with, or '' at the end; the sessions}.

local uid, host, device = optional(ARGV[4]), optional(ARGV[5]), optional(ARGV[8])
local all = B .. ARGV[3] .. (uid and ':user:' .. uid or host and ':host:' .. host or '')
local index = device and B .. 'came:' .. device or all
local before = ARGV[6] == '+inf' and '+inf' or '(' .. ARGV[6]
local ids = call('ZREVRANGEBYSCORE', index, before, '-inf', 'LIMIT', 0, ARGV[7])
local page = {}

for _, id in ipairs(ids) do
        -- Of a device that was there for long, most are over.
        local s = (not device or call('ZSCORE', all, id)) and session_load(id)

        if s and (not host or s.host == host) then
                page[#page + 1] = to_flat(s)
        end
end
return {#ids == tonumber(ARGV[7]) and call('ZSCORE', index, ids[#ids]) or '', page}
