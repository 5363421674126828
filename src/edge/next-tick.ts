/** V8 optimizes `process.nextTick` after some two thousand calls, in the background. These take some 20 milliseconds. */
const ENOUGH_TICKS = 10_000;
/** With the first ones 40 MB are thrown away, 10 kB each: young objects have 16 MB at most, and are collected in between. */
const LITTERING_TICKS = 4_000;
const LITTER = 1_200;

let isBegun = false;

/**
 * Has `process.nextTick` optimized before anything else can go wrong with it. An HTTP request takes a dozen ticks, and
 * in V8 of Node 20 and 24 a major garbage collection that comes while the function is warm and not yet optimized, as an
 * app of this size nearly always has one while it boots, makes each of them take five times as long for as long as the
 * process lives: the hidden class of the object that is made for a tick dies with the last tick, and what remembers it
 * as the only one then takes it for one of too many.
 *
 * One tick begins the next, and each leaves some litter. Where ticks survive a collection, V8 makes every later one where
 * only old objects live, and from there dead ticks keep whole requests for minutes: half of all processor time was then
 * the garbage collector's. Those survive that are queued at once; and, of a major collection that is under way, all that
 * are queued meanwhile. So a collection of young objects has to come first, which sees that none does: that is final.
 */
export function optimizeNextTick(): void {
  if (isBegun) return;
  isBegun = true;
  let left = ENOUGH_TICKS;
  const litter: unknown[] = [null];
  const tick = (): void => {
    left -= 1;
    // oxlint-disable-next-line unicorn/no-new-array -- a length, and nothing in it
    if (left > ENOUGH_TICKS - LITTERING_TICKS) litter[0] = new Array(LITTER);
    if (left > 0) process.nextTick(tick);
  };
  process.nextTick(tick);
}
