-- Let nobody call a realm for ARGV[1] microseconds; a longer block that is already there stays.
-- KEYS[1] as in permit.lua
local clock = redis.call('TIME')
local until_then = clock[1] * 1000000 + clock[2] + ARGV[1]
local blocked_until = tonumber(redis.call('HGET', KEYS[1], 'blocked_until') or 0)
if until_then > blocked_until then
  redis.call('HSET', KEYS[1], 'blocked_until', string.format('%.0f', until_then))
  redis.call('EXPIRE', KEYS[1], 86400)
end
return 1
