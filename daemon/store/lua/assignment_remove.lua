-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Takes a role away: was it there? Also when memory is short. ARGV: uid; role.

local uid, role = ARGV[3], ARGV[4]

if call('HEXISTS', B .. 'roles:' .. uid, role) == 0 then
        return 0
end
write('HDEL', B .. 'roles:' .. uid, role)
write('ZREM', B .. 'role-ends', uid .. ' ' .. role)
commit_takes()
return 1
