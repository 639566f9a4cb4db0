-- Ask for one call. All times are microseconds of this server's clock, so that every process agrees.
-- KEYS[1] hash: tat, tat_second (theoretical arrival times), blocked_until   KEYS[2] sorted set: call -> end of its lease
-- ARGV: 1 call id, 2 interval of the sustained rate, 3 tolerance of the lane, 4 interval of the short rate,
--       5 calls in flight allowed to the lane, 6 lease, 7 how long the lane stands back
-- Returns {1, 0, ''} when admitted, else {0, microseconds to wait, what is full}.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, tolerance, short_interval = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local slots, lease, stand_back = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

local state = redis.call('HMGET', KEYS[1], 'tat', 'tat_second', 'blocked_until')
local blocked_until = tonumber(state[3] or 0)
if blocked_until > now then
  return {0, string.format('%.0f', blocked_until - now), 'blocked'}
end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
if redis.call('ZCARD', KEYS[2]) >= slots then
  return {0, 25000, 'in_flight'}
end

local tat = math.max(tonumber(state[1] or 0), now)
local tat_second = math.max(tonumber(state[2] or 0), now)
local wait = math.max(tat + interval - tolerance - now, 0)
local short_wait = tat_second - now
if short_wait > 0 then
  wait = math.max(wait, short_wait + stand_back)
end
if wait > 0 then
  return {0, string.format('%.0f', wait), 'rate'}
end

redis.call('HSET', KEYS[1],
  'tat', string.format('%.0f', tat + interval),
  'tat_second', string.format('%.0f', tat_second + short_interval))
redis.call('PEXPIRE', KEYS[1], 600000)  -- longer than any block; an idle realm leaves nothing behind
redis.call('ZADD', KEYS[2], string.format('%.0f', now + lease), ARGV[1])
redis.call('PEXPIRE', KEYS[2], math.ceil(lease / 1000) + 1000)
return {1, 0, ''}
