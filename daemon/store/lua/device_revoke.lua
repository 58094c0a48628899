-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Revokes a device and its sessions: all or nothing (of a thousand sessions and more a thousand, after which
-- the caller ends the rest). Also when memory is short. ARGV: id; optional(reason); now.
-- Returns 'none' or {'ok', was it not yet, the device's end, are there more sessions, those that ended}.

local d = device_load(ARGV[3])

if not d then
        return {'none'}
end
local changed = device_revoke(d, optional(ARGV[4]), ARGV[5])
local ended, more = session_end_selected('device', d.id, nil, 'revoke', optional(ARGV[4]), ARGV[5])
commit_takes()
return {'ok', changed and 1 or 0, d.ends, more, flatten(ended)}
