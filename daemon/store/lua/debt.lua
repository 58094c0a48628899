-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- What a user owes under one limit and key: "UNTIL FAILURES KEEP VERSION", times in ms, by this server's clock, so
-- that hosts need not agree. What is longer over than KEEP is nothing any more (0: it stays), whether or not it
-- was cleared away.

local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function debt_read(value)
        local words = {}

        for word in (value or ''):gmatch('%S+') do
                words[#words + 1] = tonumber(word)
        end
        if #words ~= 4 or (words[3] > 0 and words[1] + words[3] <= now) then
                return nil
        end
        return {untilms = words[1], failures = words[2], keep = words[3], version = words[4]}
end

-- left, failures, keep, version
local function debt_tell(debt)
        if not debt then
                return '0', '0', '0', '0'
        end
        return whole(debt.untilms - now), whole(debt.failures), whole(debt.keep), whole(debt.version)
end
