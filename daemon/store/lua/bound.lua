-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- The session that holds a login, or 'none'. ARGV: audit id; uid; boot id.

local s = load_bound(login_key({audit_id = ARGV[3], uid = ARGV[4], boot_id = ARGV[5]}))

return s and {'ok', to_flat(s)} or {'none'}
