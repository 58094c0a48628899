-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- What users owe: for each debt uid, packed limit and key, left, failures, keep, version. ARGV: uids.

local found = {}

for i = 3, #ARGV do
        for name, value in pairs(to_table(call('HGETALL', B .. 'debts:' .. ARGV[i]))) do
                local debt = debt_read(value)

                if debt then
                        found[#found + 1] = {ARGV[i], name, debt_tell(debt)}
                end
        end
end
return found
