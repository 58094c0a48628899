-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- All users: uids and names.

return call('HGETALL', B .. 'users')
