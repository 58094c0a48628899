-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Changes what is owed, for who has seen the last change; without failures it is forgotten, also when memory is
-- short. Of a user who is not there nothing is kept. Clears away a few that are long over, whoever's they are.
-- ARGV: uid; packed limit and key; version; left; failures; keep. Returns {'ok', its version} or {'state'}.

local uid, name = ARGV[3], ARGV[4]
local debts, ends = B .. 'debts:' .. uid, B .. 'debt-ends'
local debt = debt_read(call('HGET', debts, name))
local failures, keep = tonumber(ARGV[7]), tonumber(ARGV[8])
local untilms = now + tonumber(ARGV[6])
local version = '0'

if (debt and whole(debt.version) or '0') ~= ARGV[5] then
        return {'state'}
end
for _, over in ipairs(call('ZRANGEBYSCORE', ends, '-inf', whole(now), 'LIMIT', 0, 10)) do
        local owner, owed = over:match('^(%d+) (.*)$')

        write('HDEL', B .. 'debts:' .. owner, owed)
        write('ZREM', ends, over)
end
if failures == 0 then
        write('HDEL', debts, name)
        write('ZREM', ends, uid .. ' ' .. name)
        commit_takes()
        return {'ok', version}
end
if call('HEXISTS', B .. 'users', uid) == 0 then
        return {'ok', version}
end
version = next_number()
write('HSET', debts, name, whole(untilms) .. ' ' .. ARGV[7] .. ' ' .. ARGV[8] .. ' ' .. version)
if keep > 0 then
        write('ZADD', ends, whole(untilms + keep), uid .. ' ' .. name)
else
        write('ZREM', ends, uid .. ' ' .. name)
end
commit_gives()
return {'ok', version}
