import { createHash } from 'node:crypto';

/**
 * The sliding window of `judge`, run inside Redis or Valkey: one key, one atomic script, one round trip.
 *
 * A bucket is one string: 56 bytes of state (held, blockedUntil, keptTtl, keptLimit, offset, last, dead, as doubles),
 * then 24 bytes for each admission (time as a double, cost, id of 12 bytes) from the oldest to the newest. Up to 64
 * admissions it is read and written as a whole, which takes three commands. A longer one is read in parts and appended
 * to; what is past at its front is only counted, as `dead`, until it is half of the string and cut off. So a hit costs
 * the same whatever the limit. All times are whole microseconds.
 *
 * Most hits are answered by the first half: the bucket is short, nothing blocks it, and its rule is the one that it was
 * last hit by. All the rest goes on from there.
 *
 * `TIME` is a wall clock. When it has stepped back behind the last write, the difference is kept as `offset`: the
 * bucket's time goes on from where it was, so the step neither opens the bucket nor locks it until the clock has caught
 * up. A step forward cannot be told from time that has passed.
 *
 * A command may reach Redis long after it was sent: Redis was frozen, or a client sent it again after a reconnect. Then
 * its hit was answered without Redis long ago and must not count. The deadline, in the server's own time, tells.
 *
 * `KEYS`: the bucket. `ARGV`: a text of the admission's id (12 bytes), the deadline (16 digits) and the limit, as each
 * argument takes time on both sides; ttl, in milliseconds as `PSETEX` takes it; and only where they are not the default
 * cost (1), blockFor (0), operation (`hit`; or `peek`, `release`, `reset`, `probe`), and for tests the time. `probe`
 * writes to a key of its own, to show that hits can.
 *
 * Answers with five doubles, which are read faster than five numbers of Redis' protocol: 1, 0 or -1 for late, remaining,
 * retryAfter, resetAfter, `TIME`.
 */
export const REDIS_LIMIT_SCRIPT = `
local call, unpack, pack, sub = redis.call, struct.unpack, struct.pack, string.sub
local key, id, operation = KEYS[1], ARGV[1], ARGV[5] or 'hit'

local time = call('TIME')
local wall = time[1] * 1000000 + time[2]
-- Arithmetic makes numbers of texts for less than 'tonumber' does.
if wall - sub(id, 13, 28) > 0 then return pack('<ddddd', -1, 0, 0, 0, wall) end
local limit, ttl, cost = sub(id, 29) + 0, ARGV[2] * 1000, (ARGV[3] or 1) + 0
if ttl % 1000 ~= 0 then ttl = math.floor(ttl + 0.5) end
local testTime = ARGV[6]

local STATE, ENTRY, PART = 56, 24, 1592
-- A number that is handed to a command is printed first, which costs more than some commands: hence texts.
local state = call('GETRANGE', key, '0', '1591')
local size = #state
local isNew = size == 0
local isWhole = size < PART
local held, blockedUntil, keptTtl, keptLimit, offset, last, gone = 0, 0, ttl, limit, 0, 0, 0
local oldest, units = 0, 0
if size > STATE then
  held, blockedUntil, keptTtl, keptLimit, offset, last, gone, oldest, units = unpack('<ddddddddI4', state)
elseif not isNew then
  held, blockedUntil, keptTtl, keptLimit, offset, last, gone = unpack('<ddddddd', state)
end
local now = (testTime or wall) + offset

if
  operation == 'hit' and isWhole and keptTtl == ttl and keptLimit == limit and
  blockedUntil <= now and last <= now and cost <= limit
then
  local at, live = STATE + 1, held
  while at < size and oldest + ttl <= now do
    live = live - units
    at = at + ENTRY
    if at < size then oldest, units = unpack('<dI4', state, at) end
  end
  local entries = at
  local admitted = live + cost <= limit
  if admitted then live = live + cost end
  if admitted or not ARGV[4] or ARGV[4] == '0' then
    local missing, wait = live + cost - limit, 0
    while missing > 0 and at < size do
      missing = missing - units
      wait = oldest + ttl - now
      at = at + ENTRY
      if missing > 0 and at < size then oldest, units = unpack('<dI4', state, at) end
    end
    -- What is still missing then is held by the admission that is being made.
    if missing > 0 then wait = ttl end
    if not admitted then
      local newest = unpack('<d', state, size - ENTRY + 1)
      return pack('<ddddd', 0, limit > live and limit - live or 0, wait, newest + ttl - now, wall)
    end
    local lastsMs = testTime and '60000' or ttl % 1000 == 0 and ARGV[2] or math.ceil(ttl / 1000)
    state = pack('<ddddddd', live, blockedUntil, ttl, limit, offset, now, 0) .. sub(state, entries) ..
      pack('<dI4c12', now, cost, id)
    call('PSETEX', key, lastsMs, state)
    return pack('<ddddd', 1, limit - live, wait, ttl, wall)
  end
end

local max = math.max
if operation == 'probe' then
  call('PSETEX', key, 1, '')
  return pack('<ddddd', 1, 0, 0, 0, wall)
end

local count = 0
if isNew then
  keptTtl, keptLimit = 0, 0
else
  count = ((isWhole and size or call('STRLEN', key)) - STATE) / ENTRY
end

local isDirty = false
if now < last then
  offset = offset + last - now
  now = last
  isDirty = true
end

-- What is read of the string, and from which byte on.
local part, from = state, 0
local function entry(i)
  local at = STATE + (i - 1) * ENTRY - from
  if at < 0 or at >= #part then
    from = STATE + (i - 1) * ENTRY
    part = call('GETRANGE', key, from, from + 256 * ENTRY - 1)
    at = 0
  end
  return unpack('<dI4', part, at + 1)
end

local dead = gone
while gone < count do
  oldest, units = entry(gone + 1)
  if oldest + keptTtl > now then break end
  held = held - units
  gone = gone + 1
end
local isEmpty = gone == count
if isEmpty then keptTtl, keptLimit = 0, 0 end

local function save(added)
  local lastsUntil = max(blockedUntil, added and now + keptTtl or 0)
  if not added and gone < count then lastsUntil = max(lastsUntil, entry(count) + keptTtl) end
  local lastsMs = testTime and 60000 or max(1, math.ceil((lastsUntil - now) / 1000))
  local isShort = isWhole or gone * 2 > count
  state = pack('<ddddddd', held, blockedUntil, keptTtl, keptLimit, offset, last, isShort and 0 or gone)
  if isShort then
    local kept = ''
    if not isEmpty then
      local cut = STATE + gone * ENTRY
      kept = isWhole and sub(part, cut + 1) or call('GETRANGE', key, cut, -1)
    end
    call('PSETEX', key, lastsMs, state .. kept .. (added or ''))
  else
    call('SETRANGE', key, 0, state)
    if added then call('APPEND', key, added) end
    call('PEXPIRE', key, lastsMs)
  end
end

if operation == 'reset' then
  call('DEL', key)
  return pack('<ddddd', (not isEmpty or blockedUntil > now) and 1 or 0, 0, 0, 0, wall)
end

if operation == 'release' then
  local all = isWhole and state or call('GET', key)
  local found = string.find(all, sub(id, 1, 12), STATE + 1, true)
  -- The bytes of a time and a cost may happen to read like an id.
  while found and (found - 13 - STATE) % ENTRY ~= 0 do
    found = string.find(all, sub(id, 1, 12), found + 1, true)
  end
  if not found or (found - 13 - STATE) / ENTRY < gone then return pack('<ddddd', 0, 0, 0, 0, wall) end
  local _, given = unpack('<dI4', all, found - 12)
  held = held - given
  if held == 0 and blockedUntil <= now then
    call('DEL', key)
  else
    part = sub(all, 1, found - 13) .. sub(all, found + 12)
    from, count, isWhole = 0, count - 1, true
    isEmpty = gone == count
    save()
  end
  return pack('<ddddd', 1, 0, 0, 0, wall)
end

local counts = operation == 'hit'
if counts and not isEmpty and (ttl > keptTtl or limit > keptLimit) then
  keptTtl, keptLimit = max(keptTtl, ttl), max(keptLimit, limit)
  isDirty = true
end

-- 'oldest' and 'units' are of the first entry that is left.
local live, first = held, gone + 1
while first <= count and oldest + ttl <= now do
  live = live - units
  first = first + 1
  if first <= count then oldest, units = entry(first) end
end

local isBlocked = blockedUntil > now
local admitted = not isBlocked and live + cost <= limit
local taken = (admitted and counts) and cost or 0
local isBreach = false
if counts and not admitted and not isBlocked and cost <= limit then
  local blockFor = (ARGV[4] or 0) + 0
  isBreach = blockFor > 0
  if isBreach then blockedUntil = now + blockFor end
end
local blockLeft = max(0, blockedUntil - now)

local missing = live + taken + cost - limit
local wait = 0
if cost > limit then
  wait = ttl
elseif missing > 0 then
  local i = first
  while i <= count do
    missing = missing - units
    wait = oldest + ttl - now
    if missing <= 0 then break end
    i = i + 1
    if i <= count then oldest, units = entry(i) end
  end
  if missing > 0 then wait = ttl end
end

local emptyIn = 0
if taken > 0 then
  emptyIn = ttl
elseif live > 0 then
  emptyIn = entry(count) + ttl - now
end

if taken > 0 then
  if isEmpty then keptTtl, keptLimit = ttl, limit end
  held = held + cost
  last = now
  while gone < count and held > keptLimit do
    oldest, units = entry(gone + 1)
    if held - units < keptLimit then break end
    held = held - units
    gone = gone + 1
  end
  isEmpty = gone == count
  save(pack('<dI4c12', now, cost, id))
elseif isBreach then
  last = now
  save()
elseif not isNew and (isDirty or gone > dead) then
  save()
end

local remaining = blockLeft > 0 and 0 or max(0, limit - live - taken)
return pack('<ddddd', admitted and 1 or 0, remaining, max(blockLeft, wait), max(blockLeft, emptyIn), wall)
`;

/** What `EVALSHA` knows {@link REDIS_LIMIT_SCRIPT} by. */
export const REDIS_LIMIT_SCRIPT_SHA1 = createHash('sha1').update(REDIS_LIMIT_SCRIPT).digest('hex');
