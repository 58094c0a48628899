-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Adds a user, with a first role or an identity: all or nothing. 'exists' where the name, the uid, the subject
-- or the user's place at that issuer is taken.
-- ARGV: name; uid; what the caller remembers of that uid (later_than()); how many fields and values of the user
-- follow; these; then optionally
--   'role', role, until, packed     or     'identity', issuer, subject, its packed name, packed

local name, uid = ARGV[3], ARGV[4]
local rest = 7 + tonumber(ARGV[6])
local since = later_than('0', ARGV[5])

if call('EXISTS', B .. 'user:' .. name) == 1 or call('HEXISTS', B .. 'users', uid) == 1 then
        return {'exists'}
end
if ARGV[rest] == 'identity' and
   not identity_write(uid, ARGV[rest + 1], ARGV[rest + 2], ARGV[rest + 3], ARGV[rest + 4]) then
        return {'exists'}
end
if ARGV[rest] == 'role' then
        assignment_write(uid, ARGV[rest + 1], ARGV[rest + 2], ARGV[rest + 3])
end
write('HSET', B .. 'user:' .. name, 'since', since, 'changed', since, unpack(ARGV, 7, rest - 1))
write('HSET', B .. 'users', uid, name)
tell_user('add', name, uid, since)
commit_gives()
return {'ok'}
