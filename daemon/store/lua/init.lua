-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Says which store this is, and makes a store of what is empty. ARGV[1]: the id that a new one gets; ARGV[2]: the
-- one that it must have, '' where there must be none yet; it may be left out. Returns its id, or false where it is
-- another one. Either it has an id and a schema afterwards, or nothing has changed.

local store = KEYS[1] .. 'store'
local facts = redis.call('HMGET', store, 'id', 'schema')

if facts[2] and facts[2] ~= '1' then
        return redis.error_reply('SCHEMA of the store is not the one of this program')
end
if ARGV[2] and (facts[1] or '') ~= ARGV[2] then
        return false
end
if not facts[1] then
        redis.call('HSET', store, 'id', ARGV[1], 'schema', '1')
        return ARGV[1]
end
return facts[1]
