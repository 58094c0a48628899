-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Uses a counter: of any number of uses of one, exactly one is not 'again'. 'again' revokes the device and its
-- sessions in the same step, also when memory is short. The rules are device-window.h's; a test holds this to
-- that.
-- ARGV: id; counter; optional(from); now; steady; the reason of a second use.
-- Returns 'none', 'state' (revoked: nothing changed) or {'ok', 'next', 'late' or 'again', the device, are there
-- more sessions, those that ended}.

local WINDOW, LATE = 1024, 120
local counter, steady = tonumber(ARGV[4]), tonumber(ARGV[7])
local now, from = ARGV[6], optional(ARGV[5])
local d = device_load(ARGV[3])

if not d then
        return {'none'}
end
if d.revoked ~= '0' then
        return {'state'}
end

local highest, gaps, use = tonumber(d.highest), {}, 'again'
for first, last, since in d.gaps:gmatch('(%d+)%-(%d+)@(%-?%d+)') do
        gaps[#gaps + 1] = {first = tonumber(first), last = tonumber(last), since = since}
end

local function is_recent(gap)
        return math.abs(steady - tonumber(gap.since)) <= LATE
end

if counter > highest then
        use = 'next'
        if counter - highest > 1 then
                gaps[#gaps + 1] = {first = highest + 1, last = counter - 1, since = ARGV[7]}
        end
        highest = counter
else
        for i, gap in ipairs(gaps) do
                if counter >= gap.first and counter <= gap.last then
                        if is_recent(gap) then
                                use = 'late'
                                table.remove(gaps, i)
                                if counter < gap.last then
                                        table.insert(gaps, i, {first = counter + 1, last = gap.last, since = gap.since})
                                end
                                if counter > gap.first then
                                        table.insert(gaps, i, {first = gap.first, last = counter - 1, since = gap.since})
                                end
                        end
                        break
                end
        end
end

if use == 'again' then
        local reason = ARGV[8]

        device_revoke(d, reason, now)
        local ended, more = session_end_selected('device', d.id, nil, 'revoke', reason, now)
        commit_takes()
        return {'ok', use, to_flat(d), more, flatten(ended)}
end

local start, open = highest > WINDOW and highest - WINDOW or 1, {}
for _, gap in ipairs(gaps) do
        if gap.last >= start and is_recent(gap) then
                open[#open + 1] = whole(math.max(gap.first, start)) .. '-' .. whole(gap.last) .. '@' .. gap.since
        end
end
d.highest = whole(highest)
d.gaps = table.concat(open, ' ')
if tonumber(now) > tonumber(d.used) then
        d.used = now
end
d.from = from
write('HSET', B .. 'device:' .. d.id, 'highest', d.highest, 'gaps', d.gaps, 'used', d.used)
if from then
        write('HSET', B .. 'device:' .. d.id, 'from', from)
else
        write('HDEL', B .. 'device:' .. d.id, 'from')
end
write('ZADD', B .. 'devices:idle', whole(math.max(tonumber(d.used), tonumber(d.created))), d.id)
commit_gives()
return {'ok', use, to_flat(d), 0, {}}
