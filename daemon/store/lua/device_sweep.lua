-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Forgets up to so many devices each that were revoked, over or idle before, and tickets whose time is over:
-- are there more? Only when the server's clock says so too: a host whose clock is fast must not let another's
-- ticket be used twice. Also when memory is short. ARGV: now; revoked or over before this; idle since before this; the
-- most.

local limit, gone, more = tonumber(ARGV[6]), {}, 0
local off = ahead(ARGV[3])
local now, over, idle = ARGV[3] - off, whole(ARGV[4] - off), whole(ARGV[5] - off)

for _, look in ipairs({{'revoked', over}, {'ends', over}, {'idle', idle}}) do
        local index = B .. 'devices:' .. look[1]
        local ids = call('ZRANGEBYSCORE', index, '-inf', '(' .. look[2], 'LIMIT', 0, limit)

        more = #ids == limit and 1 or more
        for _, id in ipairs(ids) do
                local d = not gone[id] and device_load(id)

                gone[id] = true
                if d then
                        device_forget(d)
                else
                        write('ZREM', index, id)
                end
        end
end
local tickets = call('ZRANGEBYSCORE', B .. 'tickets', '-inf', '(' .. whole(now), 'LIMIT', 0, limit)
more = #tickets == limit and 1 or more
for _, ticket in ipairs(tickets) do
        write('ZREM', B .. 'tickets', ticket)
end
commit_takes()
return more
