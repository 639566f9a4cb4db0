-- Let one guess be made, and count it as wrong until guess_right.lua says otherwise. Times are microseconds of this server.
-- KEYS[1] sorted set: prefixes the account signed in from -> when that is forgotten
-- KEYS[2] hash, account at this prefix   KEYS[3] hash, account among strangers   KEYS[4] hash, this prefix
--   each: minute, hour (theoretical arrival times), wrong (guesses without a right one), not_before
-- ARGV: 1 prefix, 2 whether the caller knows the prefix to be the account's, 3 and 4 interval and tolerance of the minute,
--       5 and 6 those of the hour, 7 guesses without a delay, 8 longest delay, 9 how long wrong guesses are remembered
-- Returns {1, 0, is_known} when it may be made, else {0, microseconds to wait, is_known}.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local minute, minute_tolerance = tonumber(ARGV[3]), tonumber(ARGV[4])
local hour, hour_tolerance = tonumber(ARGV[5]), tonumber(ARGV[6])
local free, longest = tonumber(ARGV[7]), tonumber(ARGV[8])

local is_known = ARGV[2] == '1' or tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) > now
-- Strangers use up what strangers have: who signed in from here before is not kept out by them.
local buckets = is_known and {KEYS[2]} or {KEYS[3], KEYS[4]}

local states, wait = {}, 0
for i, key in ipairs(buckets) do
  local found = redis.call('HMGET', key, 'minute', 'hour', 'wrong', 'not_before')
  local state = {
    minute = math.max(tonumber(found[1] or 0), now) + minute,
    hour = math.max(tonumber(found[2] or 0), now) + hour,
    wrong = tonumber(found[3] or 0) + 1,
  }
  states[i] = state
  wait = math.max(wait, state.minute - minute_tolerance - now, state.hour - hour_tolerance - now,
    tonumber(found[4] or 0) - now)
end
if wait > 0 then
  return {0, string.format('%.0f', wait), is_known and 1 or 0}
end

for i, key in ipairs(buckets) do
  local state, delay = states[i], 0
  if state.wrong > free then
    delay = math.min(2 ^ math.min(state.wrong - free - 1, 30) * 1000000, longest)
  end
  redis.call('HSET', key,
    'minute', string.format('%.0f', state.minute),
    'hour', string.format('%.0f', state.hour),
    'wrong', state.wrong,
    'not_before', string.format('%.0f', now + delay))
  redis.call('PEXPIRE', key, ARGV[9])
end
return {1, 0, is_known and 1 or 0}
