-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: the tessera authors

-- What every script but init.lua begins with. KEYS[1]: what all keys begin with. ARGV[1]: the store's id as
-- this host remembers it; ARGV[2]: which daemon calls. What else is passed begins with ARGV[3].
--
-- A store that has another id, or none, is not the one that this host knows: it was emptied, or another one
-- stands at its address. Nothing in it is an answer then, least of all that a user is unknown. Nor is what a replica
-- says, which refuses changes by itself, and reads whatever it has, however old.

local B, call = KEYS[1], redis.call
local facts = call('HMGET', B .. 'store', 'id', 'schema', 'seq', 'fed')

if facts[2] and facts[2] ~= '1' then
        return redis.error_reply('SCHEMA of the store is not the one of this program')
end
if facts[1] ~= ARGV[1] then
        return redis.error_reply('LOST what it held, or is another store')
end
if not call('INFO', 'replication'):find('\nrole:master\r', 1, true) then
        return redis.error_reply('READONLY it is a replica, and what it has may be old')
end

-- Text that may be unset is passed as '+text' or '-'.
local function optional(text)
        if text and text:sub(1, 1) == '+' then
                return text:sub(2)
        end
        return nil
end

-- Whole numbers as text, however large: Lua's own way turns to 1e+15.
local function whole(number)
        return string.format('%.0f', number)
end

local function to_table(flat)
        local fields = {}

        for i = 1, #flat, 2 do
                fields[flat[i]] = flat[i + 1]
        end
        return fields
end

local function to_flat(fields)
        local flat = {}

        for name, value in pairs(fields) do
                flat[#flat + 1] = name
                flat[#flat + 1] = value
        end
        return flat
end

-- Has a record all those fields, as whole numbers, and all these? One that has not is as good as none: nothing may
-- fail because of it once a script has begun to write.
local function is_whole(record, numbers, texts)
        for _, name in ipairs(numbers) do
                if not record[name] or not record[name]:match('^%-?%d+$') then
                        return false
                end
        end
        for _, name in ipairs(texts) do
                if not record[name] then
                        return false
                end
        end
        return true
end
