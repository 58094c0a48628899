-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Ends the selected active sessions, and for 'revoke' what is below them: all of them or none; of a thousand and
-- more a thousand, and the caller comes again. Also when memory is short.
-- ARGV: the event; optional(reason); now; by what is selected, and its value; optional(except); do the logins live on (0, 1).
-- Returns {are there more, those that this call ended, as they are now}.

local by, value, except, keep = ARGV[6], ARGV[7], optional(ARGV[8]), ARGV[9] == '1'

manner = keep and 'keep' or by == 'all' and 'all' or ''
if by == 'user' and ARGV[3] == 'revoke' then
        tell('what', 'revoke', 'user', call('HGET', B .. 'users', value) or '', 'uid', value, 'manner', manner,
             'spares', except and '1' or '')
elseif by == 'all' and ARGV[3] == 'revoke' then
        tell('what', 'everybody', 'manner', manner)
end
local ended, more = session_end_selected(by, value, except, ARGV[3], optional(ARGV[4]), ARGV[5])

commit_takes()
return {more, flatten(ended)}
