/** V8 optimizes `process.nextTick` after some two thousand calls, in the background. These take some 15 milliseconds. */
const ENOUGH_TICKS = 10_000;

let isBegun = false;

/**
 * Has `process.nextTick` optimized before anything else can go wrong with it. An HTTP request takes a dozen ticks, and
 * in V8 of Node 20 and 24 a major garbage collection that comes while the function is warm and not yet optimized, as an
 * app of this size nearly always has one while it boots, makes each of them take five times as long for as long as the
 * process lives: the hidden class of the object that is made for a tick dies with the last tick, and what remembers it
 * as the only one then takes it for one of too many.
 *
 * One tick begins the next. If they were queued at once, they would survive a collection, and V8 would make every later
 * one where only old objects live; from there they keep whole requests.
 */
export function optimizeNextTick(): void {
  if (isBegun) return;
  isBegun = true;
  let left = ENOUGH_TICKS;
  const tick = (): void => {
    left -= 1;
    if (left > 0) process.nextTick(tick);
  };
  process.nextTick(tick);
}
