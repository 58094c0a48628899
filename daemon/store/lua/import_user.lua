-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- A user who comes from another store, with all that is his: all of it, or nothing where he is here already. 'exists'
-- where the name, the uid or a subject is somebody else's, or the user has another password; else {'ok', is he new?}.
-- ARGV: name; uid; what the caller remembers of that uid (later_than()); optional(hash); how many fields and values
-- of the user follow; these; then any of
--   'role', role, until, packed     'identity', issuer, subject, its packed name, packed     'network', network, seen

local name, uid = ARGV[3], ARGV[4]
local i = 8 + tonumber(ARGV[7])
local since = later_than('0', ARGV[5])
local user = user_load(name)

if user and user.uid == uid and user.hash == optional(ARGV[6]) then
        return {'ok', 0}
end
if user or call('HEXISTS', B .. 'users', uid) == 1 then
        return {'exists'}
end
write('HSET', B .. 'user:' .. name, 'since', since, 'changed', since, unpack(ARGV, 8, i - 1))
write('HSET', B .. 'users', uid, name)
tell_user('add', name, uid, since)
while i <= #ARGV do
        if ARGV[i] == 'role' then
                assignment_write(uid, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
                i = i + 4
        elseif ARGV[i] == 'identity' then
                if not identity_write(uid, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]) then
                        return {'exists'}
                end
                i = i + 5
        elseif ARGV[i] == 'network' then
                write('ZADD', B .. 'networks:' .. uid, ARGV[i + 2], ARGV[i + 1])
                i = i + 3
        else
                error('MALFORMED user')
        end
end
commit_gives()
return {'ok', 1}
