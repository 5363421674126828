import { createHash } from 'node:crypto';

/**
 * The sliding window of `judge`, run inside Redis or Valkey: one key, one atomic script, one round trip.
 *
 * A bucket is one list. Its first element is the state (`m:held:blockedUntil:keptTtl:keptLimit:offset:last`), the
 * others are admissions (`admittedAt:cost:id`) from the oldest to the newest. All times are whole microseconds: in
 * seconds or milliseconds as floats, Lua's `tostring` would round them.
 *
 * `TIME` is a wall clock. When it has stepped back behind the last write, the difference is kept as `offset`: the
 * bucket's time goes on from where it was, so the step neither opens the bucket nor locks it until the clock has caught
 * up. A step forward cannot be told from time that has passed.
 *
 * A command may reach Redis long after it was sent: Redis was frozen, or a client sent it again after a reconnect. Then
 * its hit was answered without Redis long ago and must not count. `deadline`, in the server's own time, is what tells.
 *
 * `KEYS`: the bucket. `ARGV`: operation (`hit`, `peek`, `release`, `reset`), deadline or 0, limit, ttl, cost, blockFor,
 * id of the admission (its whole text for `release`), and for tests the time, else an empty string.
 *
 * Answers with `{1, 0 or -1 for late, remaining, retryAfter, resetAfter, TIME, admission or ''}`.
 */
export const REDIS_LIMIT_SCRIPT = `
local key = KEYS[1]
local operation, deadline = ARGV[1], tonumber(ARGV[2])
local limit, ttl = tonumber(ARGV[3]), tonumber(ARGV[4])
local cost, blockFor = tonumber(ARGV[5]), tonumber(ARGV[6])
local id, testTime = ARGV[7], tonumber(ARGV[8])

local time = redis.call('TIME')
local wall = time[1] * 1000000 + time[2]
if deadline > 0 and wall > deadline then return {-1, 0, 0, 0, wall, ''} end

local CHUNK = 16
local items = redis.call('LRANGE', key, 0, CHUNK - 1)
local isWhole = #items < CHUNK

local function parse(item)
  if not item then return nil end
  local at, units = string.match(item, '^(%d+):(%d+):')
  return tonumber(at), tonumber(units)
end

local function entry(i)
  while not isWhole and #items < i + 1 do
    local more = redis.call('LRANGE', key, #items, #items + 255)
    isWhole = #more < 256
    for _, item in ipairs(more) do items[#items + 1] = item end
  end
  return parse(items[i + 1])
end

local function newest()
  if isWhole then return parse(items[#items]) end
  return parse(redis.call('LINDEX', key, -1))
end

local held, blockedUntil, keptTtl, keptLimit, offset, last = 0, 0, 0, 0, 0, 0
local isNew = #items == 0
if not isNew then
  local h, b, t, l, o, w = string.match(items[1], '^m:(%d+):(%d+):(%d+):(%d+):(%d+):(%d+)$')
  held, blockedUntil, keptTtl = tonumber(h), tonumber(b), tonumber(t)
  keptLimit, offset, last = tonumber(l), tonumber(o), tonumber(w)
end

local isDirty = false
local now = (testTime or wall) + offset
if now < last then
  offset = offset + last - now
  now = last
  isDirty = true
end

local gone = 0
local at, units = entry(1)
while at and at + keptTtl <= now do
  held = held - units
  gone = gone + 1
  at, units = entry(gone + 1)
end
if not at then keptTtl, keptLimit = 0, 0 end
local isEmpty = not at

local function save(admission, lastsUntil)
  local state = string.format(
    'm:%.0f:%.0f:%.0f:%.0f:%.0f:%.0f', held, blockedUntil, keptTtl, keptLimit, offset, last)
  if isNew then
    redis.call('RPUSH', key, state)
  else
    if gone > 0 then redis.call('LTRIM', key, gone, -1) end
    redis.call('LSET', key, 0, state)
  end
  if admission then redis.call('RPUSH', key, admission) end
  if lastsUntil then
    local lastsMs = math.ceil((math.max(lastsUntil, blockedUntil) - now) / 1000)
    redis.call('PEXPIRE', key, testTime and 60000 or math.max(1, lastsMs))
  end
end

if operation == 'reset' then
  redis.call('DEL', key)
  return {(not isEmpty or blockedUntil > now) and 1 or 0, 0, 0, 0, wall, ''}
end

if operation == 'release' then
  local givenAt, givenUnits = parse(id)
  if not givenAt or isNew or givenAt + keptTtl <= now then return {0, 0, 0, 0, wall, ''} end
  if redis.call('LREM', key, 1, id) == 0 then return {0, 0, 0, 0, wall, ''} end
  held = held - givenUnits
  if held == 0 and blockedUntil <= now then redis.call('DEL', key) else save() end
  return {1, 0, 0, 0, wall, ''}
end

local counts = operation == 'hit'
if counts and not isEmpty and (ttl > keptTtl or limit > keptLimit) then
  keptTtl, keptLimit = math.max(keptTtl, ttl), math.max(keptLimit, limit)
  isDirty = true
end

local live, first = held, gone + 1
while at and at + ttl <= now do
  live = live - units
  first = first + 1
  at, units = entry(first)
end

local isBlocked = blockedUntil > now
local admitted = not isBlocked and live + cost <= limit
local taken = (admitted and counts) and cost or 0
local isBreach = counts and blockFor > 0 and not admitted and not isBlocked and cost <= limit
if isBreach then blockedUntil = now + blockFor end
local blockLeft = math.max(0, blockedUntil - now)

local missing = live + taken + cost - limit
local wait = 0
if cost > limit then
  wait = ttl
elseif missing > 0 then
  local i = first
  while at and missing > 0 do
    missing = missing - units
    wait = at + ttl - now
    i = i + 1
    at, units = entry(i)
  end
  if missing > 0 then wait = ttl end
end

local emptyIn = 0
if taken > 0 then
  emptyIn = ttl
elseif live > 0 then
  emptyIn = newest() + ttl - now
end

local admission = ''
if taken > 0 then
  admission = string.format('%.0f:%.0f:%s', now, cost, id)
  if isEmpty then keptTtl, keptLimit = ttl, limit end
  held = held + cost
  last = now
  local _, oldest = entry(gone + 1)
  while oldest and held - oldest >= keptLimit do
    held = held - oldest
    gone = gone + 1
    _, oldest = entry(gone + 1)
  end
  save(admission, now + keptTtl)
elseif isBreach then
  last = now
  save(nil, isEmpty and 0 or newest() + keptTtl)
elseif not isNew and (isDirty or gone > 0) then
  save(nil, isEmpty and 0 or newest() + keptTtl)
end

local remaining = blockLeft > 0 and 0 or math.max(0, limit - live - taken)
return {
  admitted and 1 or 0, remaining, math.max(blockLeft, wait), math.max(blockLeft, emptyIn), wall,
  admission
}
`;

/** What `EVALSHA` knows {@link REDIS_LIMIT_SCRIPT} by. */
export const REDIS_LIMIT_SCRIPT_SHA1 = createHash('sha1').update(REDIS_LIMIT_SCRIPT).digest('hex');
