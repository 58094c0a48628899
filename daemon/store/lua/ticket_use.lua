-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Spends a ticket: 'ok' for one caller, 'exists' for all others. ARGV: packed issuer and jti; until.

if call('ZSCORE', B .. 'tickets', ARGV[3]) then
        return {'exists'}
end
write('ZADD', B .. 'tickets', ARGV[4], ARGV[3])
commit_gives()
return {'ok'}
