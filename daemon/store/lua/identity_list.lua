-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- The identities of users, packed. ARGV: uids.

local found = {}

for i = 3, #ARGV do
        for _, name in ipairs(call('HVALS', B .. 'links:' .. ARGV[i])) do
                found[#found + 1] = call('HGET', B .. 'identities', name) or nil
        end
end
return found
