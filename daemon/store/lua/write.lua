-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- Redis undoes nothing: what a script wrote before it failed stays written. So scripts look first, plan what they
-- write, and write last. By then nothing can fail any more: each key is of the type that its command wants (looked
-- at before the first write), the commands are well formed, and for want of memory, a full disk or missing replicas
-- Redis refuses a script's first write or none.
--
-- Whatever gives somebody something is refused when memory is short: its first write asks for memory. Whatever
-- takes something away goes through: its first write asks for none.

local TYPES = {
        HSET = 'hash', HDEL = 'hash', ZADD = 'zset', ZREM = 'zset', ZREMRANGEBYRANK = 'zset',
        RPUSH = 'list', LTRIM = 'list', XADD = 'stream', SET = 'string',
}
local FEED_KEPT = 10000 -- entries; who comes too late for them reads everything again
local plan, told = {}, {}

local function write(...)
        plan[#plan + 1] = {...}
end

-- For the daemons of the other hosts: see feed.h.
local function tell(...)
        told[#told + 1] = {...}
end

local function plan_feed()
        local fed = tonumber(facts[4] or '0')

        for i, entry in ipairs(told) do
                write('XADD', B .. 'feed', 'MAXLEN', '~', FEED_KEPT, '*', 'n', whole(fed + i), 'by', ARGV[2],
                      unpack(entry))
        end
        if #told > 0 then
                write('HSET', B .. 'store', 'fed', whole(fed + #told))
        end
end

local function check_types()
        local types = {}

        for _, command in ipairs(plan) do
                local wanted, name = TYPES[command[1]], command[2]

                if wanted then
                        types[name] = types[name] or call('TYPE', name).ok
                        if types[name] ~= 'none' and types[name] ~= wanted then
                                error('MISTYPED ' .. name .. ': ' .. types[name] .. ' instead of ' .. wanted)
                        end
                end
        end
end

-- Behind the last id that there is nothing can be added. Then the stream begins anew, and its readers see that.
local function add_entry(command)
        local reply = redis.pcall(unpack(command))

        if type(reply) == 'table' and reply.err then
                call('DEL', command[2])
                call(unpack(command))
        end
end

local function commit(first)
        plan_feed()
        if #plan == 0 then
                return
        end
        check_types()
        call(unpack(first))
        for _, command in ipairs(plan) do
                if command[1] == 'XADD' then
                        add_entry(command)
                else
                        call(unpack(command))
                end
        end
end

local function commit_gives()
        commit({'HSET', B .. 'store', 'schema', '1'})
end

local function commit_takes()
        commit({'HDEL', B .. 'store', '-'})
end

-- The next number in the order in which sessions and devices came.
local function next_number()
        local n = whole(tonumber(facts[3] or '0') + 1)

        write('HSET', B .. 'store', 'seq', n)
        return n
end

-- How far a host's clock is ahead of the server's, which decides what is over: one that is wrong must not end what is
-- everybody's.
local function ahead(now)
        return math.max(tonumber(now) - tonumber(call('TIME')[1]), 0)
end
