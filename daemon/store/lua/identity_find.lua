-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Who that is: packed, or nil. ARGV: the packed name of issuer and subject.

return call('HGET', B .. 'identities', ARGV[3])
