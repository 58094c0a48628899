-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Takes away up to so many roles whose time is over: {role, packed, uid} each. Also when memory is short. ARGV:
-- now; the most.

local gone, now = {}, whole(ARGV[3] - ahead(ARGV[3]))

for _, member in ipairs(call('ZRANGEBYSCORE', B .. 'role-ends', '-inf', now, 'LIMIT', 0, ARGV[4])) do
        local uid, role = member:match('^(%d+) (.*)$')
        local packed = call('HGET', B .. 'roles:' .. uid, role)

        write('HDEL', B .. 'roles:' .. uid, role)
        write('ZREM', B .. 'role-ends', member)
        if packed then
                gone[#gone + 1] = {role, packed, uid}
        end
end
commit_takes()
return gone
