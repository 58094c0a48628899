-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- What stands there, for who decides whether to believe it: changes nothing, and asks nobody's store. Returns
-- {its id, '' where there is no store; its schema, or ''; active sessions, ended ones, devices, users: how many}.

local B = KEYS[1]
local facts = redis.call('HMGET', B .. 'store', 'id', 'schema')

return {facts[1] or '', facts[2] or '', redis.call('ZCARD', B .. 'active'), redis.call('ZCARD', B .. 'ended'),
        redis.call('ZCARD', B .. 'devices'), #redis.call('HKEYS', B .. 'users')}
