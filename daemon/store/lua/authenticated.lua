-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- A step-up: auth_time, auth_method and methods change together, and what was granted where
-- that is given. ARGV: id; auth_time; method; is it (0, 1); its fields and values.
-- 'none', 'state' (not active): nothing changed.

local s = session_load(ARGV[3])

if not s then
        return {'none'}
end
if s.state ~= 'active' then
        return {'state'}
end
local methods = s.methods or ''
if not ('\n' .. methods .. '\n'):find('\n' .. ARGV[5] .. '\n', 1, true) then
        methods = methods == '' and ARGV[5] or methods .. '\n' .. ARGV[5]
end
write('HSET', B .. 'session:' .. s.id, 'auth_time', ARGV[4], 'auth_method', ARGV[5], 'methods', methods)
if ARGV[6] == '1' then
        write('HDEL', B .. 'session:' .. s.id, 'granted_issuer', 'granted_subject', 'granted')
        for i = 7, #ARGV, 2 do
                write('HSET', B .. 'session:' .. s.id, ARGV[i], ARGV[i + 1])
        end
end
commit_gives()
return {'ok'}
