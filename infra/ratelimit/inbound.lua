-- Let one request in if each of its buckets has room, and charge all of them; if one has none, charge none.
-- All times are microseconds of this server's clock, so that every process agrees.
-- KEYS: a bucket each, holding its theoretical arrival time (GCRA)
-- ARGV: for each key its interval, then its tolerance
-- Returns {0, 0, how many microseconds each key is ahead} when admitted, else {number of the fullest key, microseconds until it has room}.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local arrivals, fullest, longest = redis.call('MGET', unpack(KEYS)), 0, 0
for i = 1, #KEYS do
  local interval, tolerance = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  arrivals[i] = math.max(tonumber(arrivals[i] or 0), now) + interval
  local wait = arrivals[i] - tolerance - now
  if wait > longest then
    fullest, longest = i, wait
  end
end
if fullest > 0 then
  return {fullest, string.format('%.0f', longest)}
end
for i = 1, #KEYS do
  redis.call('SET', KEYS[i], string.format('%.0f', arrivals[i]), 'PX', math.ceil((arrivals[i] - now) / 1000))
end
local answer = {0, 0}
for i = 1, #KEYS do
  answer[i + 2] = string.format('%.0f', arrivals[i] - now)
end
return answer
