-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Whole records, of those that are there: {id, its fields and values} each. ARGV: what their keys begin with; ids.

local found = {}

for i = 4, #ARGV do
        local flat = call('HGETALL', B .. ARGV[3] .. ARGV[i])

        if #flat > 0 then
                found[#found + 1] = {ARGV[i], flat}
        end
end
return found
