-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- One session, or 'none'. ARGV: id.

local s = session_load(ARGV[3])

return s and {'ok', to_flat(s)} or {'none'}
