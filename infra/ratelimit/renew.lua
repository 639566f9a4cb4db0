-- Calls under way: their leases begin anew, and a server that was emptied learns of them.
-- KEYS[1] sorted set as in permit.lua's KEYS[2]   ARGV: 1 lease in microseconds, then the calls
local clock = redis.call('TIME')
local ends = string.format('%.0f', clock[1] * 1000000 + clock[2] + ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], ends, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[1] / 1000) + 1000)
return #ARGV - 1
