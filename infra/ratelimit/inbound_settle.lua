-- Charge requests that were let in already. All times are microseconds of this server's clock.
-- KEYS: a bucket each, holding its theoretical arrival time (GCRA)
-- ARGV: for each key its interval, then how many requests
-- Returns how many microseconds each key is ahead now.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local answer = {}
for i = 1, #KEYS do
  local arrival = math.max(tonumber(redis.call('GET', KEYS[i]) or 0), now) + tonumber(ARGV[2 * i - 1]) * tonumber(ARGV[2 * i])
  redis.call('SET', KEYS[i], string.format('%.0f', arrival), 'PX', math.max(1, math.ceil((arrival - now) / 1000)))
  answer[i] = string.format('%.0f', arrival - now)
end
return answer
