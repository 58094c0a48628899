-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Was it spent? ARGV: packed issuer and jti.

return call('ZSCORE', B .. 'tickets', ARGV[3]) and 1 or 0
