-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Ends the selected active sessions, and for 'revoke' what is below them: all of them or none; of a thousand and
-- more a thousand, and the caller comes again. Also when memory is short.
-- ARGV: the event; optional(reason); now; by what is selected, and its value; optional(except).
-- Returns {are there more, those that this call ended, as they are now}.

local ended, more = session_end_selected(ARGV[6], ARGV[7], optional(ARGV[8]), ARGV[3], optional(ARGV[4]), ARGV[5])

commit_takes()
return {more, flatten(ended)}
