-- The guess was right: take back what it was charged, and no other's, and know this prefix from now on.
-- KEYS as in guess.lua   ARGV: 1 prefix, 2 whether it was charged as known, 3 interval of the minute, 4 of the hour,
--   5 guesses without a delay, 6 how long the prefix is known in microseconds, 7 how many prefixes are
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
if ARGV[2] == '1' then
  redis.call('DEL', KEYS[2])
else
  for _, key in ipairs({KEYS[3], KEYS[4]}) do
    if redis.call('EXISTS', key) == 1 then
      local found = redis.call('HMGET', key, 'minute', 'hour', 'wrong')
      redis.call('HSET', key,
        'minute', string.format('%.0f', (tonumber(found[1]) or now) - ARGV[3]),
        'hour', string.format('%.0f', (tonumber(found[2]) or now) - ARGV[4]))
      if redis.call('HINCRBY', key, 'wrong', -1) <= tonumber(ARGV[5]) then
        redis.call('HSET', key, 'not_before', 0)
      end
    end
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[6]), ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[7])
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[6] / 1000))
return 1
