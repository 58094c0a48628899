-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Unlinks what a user has at one issuer or of one provider, and lets the user await that no more: was there anything?
-- Also when memory is short. ARGV: uid; provider; optional(issuer).

local uid, provider, issuer = ARGV[3], ARGV[4], optional(ARGV[5])
local name = call('HGET', B .. 'users', uid)
local links, changed = to_table(call('HGETALL', B .. 'links:' .. uid)), 0

for at, identity in pairs(links) do
        local packed = call('HGET', B .. 'identities', identity) or ''

        -- The provider is the first of what is packed.
        if at == issuer or packed:match('^%+([^%z]*)') == provider then
                write('HDEL', B .. 'links:' .. uid, at)
                write('HDEL', B .. 'identities', identity)
                changed = 1
        end
end
if name and call('HGET', B .. 'user:' .. name, 'awaits') == provider then
        write('HDEL', B .. 'user:' .. name, 'awaits')
        changed = 1
end
commit_takes()
return changed
