-- Ask for one call. All times are microseconds of this server's clock, so that every process agrees.
-- KEYS[1] hash of the realm: a theoretical arrival time a bucket, blocked_until, seen (the clock at the last change)
-- KEYS[2] sorted set: call -> end of its lease   KEYS[3] since when this server has known every call of the rail
-- ARGV: 1 call id, 2 what the caller's own clock makes of this server's time (0: nothing), 3 calls that the caller made while this
--       server was gone, 4 block that the caller knows of, 5 calls in flight allowed to the lane, 6 lease, 7 how long the lane stands
--       back, 8 field of the short rate, 9 its interval; then for each bucket: field, interval, tolerance of the lane, whole burst
-- Returns {1 or 0, microseconds to wait, what is full, this server's time}.
local JUMP, SECOND, KEPT = 2000000, 1000000, 86400
-- Whoever waits comes a little late. So much of it the next one may make up for; else the short rate would be less than it says.
local CATCH_UP = 50000
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local expected, made, known_block = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local slots, lease, stand_back = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local short_field, short_interval = ARGV[8], tonumber(ARGV[9])
local function text(number) return string.format('%.0f', number) end

-- Emptied, restarted, or its clock was moved: of what was called before now nothing is known, so all of it counts as called.
local begun = tonumber(redis.call('GET', KEYS[3]) or 0)
if begun == 0 or begun > now or (expected > 0 and now - expected > JUMP) then
  begun = now
  redis.call('SET', KEYS[3], text(begun))
end

local state, flat, changes = {}, redis.call('HGETALL', KEYS[1]), {}
for i = 1, #flat, 2 do state[flat[i]] = tonumber(flat[i + 1]) end
local seen = state.seen or 0
if seen > now then  -- the clock went back: every instant goes back with it
  for field, instant in pairs(state) do
    state[field] = instant - (seen - now)
    changes[field] = state[field]
  end
  local open_calls = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
  for i = 1, #open_calls, 2 do
    redis.call('ZADD', KEYS[2], text(open_calls[i + 1] - (seen - now)), open_calls[i])
  end
  seen = now
end

if known_block > 0 and now + known_block > (state.blocked_until or 0) then
  state.blocked_until = now + known_block
  changes.blocked_until = state.blocked_until
end

local short_tat = math.max(state[short_field] or 0, now - CATCH_UP)
if seen < begun then short_tat = math.max(short_tat, begun + SECOND) end
if made > 0 then
  short_tat = math.max(short_tat, now + SECOND)
  changes[short_field] = short_tat
end
local wait, tats = 0, {}
for i = 10, #ARGV, 4 do
  local field, interval, tolerance, burst = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local tat = math.max(state[field] or 0, now)
  if seen < begun then tat = math.max(tat, begun + burst) end
  if made > 0 then
    tat = math.min(tat + made * interval, now + burst)
    changes[field] = tat
  end
  tats[field] = tat + interval
  wait = math.max(wait, tat + interval - tolerance - now)
end

local function answer(admitted, wait_for, reason)
  if next(changes) ~= nil then
    local values = {'seen', text(now)}
    for field, value in pairs(changes) do
      if field ~= 'seen' then
        values[#values + 1] = field
        values[#values + 1] = text(value)
      end
    end
    redis.call('HSET', KEYS[1], unpack(values))
    redis.call('EXPIRE', KEYS[1], KEPT)  -- longer than any block or burst; who has gone leaves nothing behind
  end
  return {admitted, text(wait_for), reason, text(now)}
end

if (state.blocked_until or 0) > now then return answer(0, state.blocked_until - now, 'blocked') end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
if redis.call('ZCARD', KEYS[2]) >= slots then return answer(0, 25000, 'in_flight') end
if short_tat > now then wait = math.max(wait, short_tat - now + stand_back) end
if wait > 0 then return answer(0, wait, 'rate') end

for field, tat in pairs(tats) do changes[field] = tat end
changes[short_field] = short_tat + short_interval
redis.call('ZADD', KEYS[2], text(now + lease), ARGV[1])
redis.call('PEXPIRE', KEYS[2], math.ceil(lease / 1000) + 1000)
return answer(1, 0, '')
