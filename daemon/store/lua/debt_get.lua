-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- What is owed: left, failures, keep, version. ARGV: uid; packed limit and key.

return {debt_tell(debt_read(call('HGET', B .. 'debts:' .. ARGV[3], ARGV[4])))}
