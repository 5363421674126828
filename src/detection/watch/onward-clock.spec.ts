import { expect, it } from 'vitest';
import { OnwardClock } from './onward-clock.js';

it('tells the time as it is while it goes on, or ends come a minute out of their order', () => {
  const clock = new OnwardClock(1);
  expect([5, 100_000, 40_000, 100_001].map((moment) => clock.at(moment))).toEqual([
    5, 100_000, 40_000, 100_001,
  ]);
  expect(clock.ahead).toBe(0);
});

it('goes on from where it was when the other is set back by more', () => {
  const clock = new OnwardClock(1_000);
  clock.at(500_000_000);
  expect(clock.at(439_999_999)).toBe(500_000_000);
  expect(clock.ahead).toBe(60_000_001);
  expect(clock.at(440_000_005)).toBe(500_000_006);
  // What comes out of order is told from the latest there was, and not from what came last.
  expect(clock.at(400_000_000)).toBe(460_000_001);
  expect(clock.at(379_000_000)).toBe(500_000_006);
  expect(clock.ahead).toBe(121_000_006);
});

it('is ahead by as much as it was set back in all', () => {
  const clock = new OnwardClock(1);
  for (const moment of [1_000_000, 500_000, 600_000, 100_000]) clock.at(moment);
  expect(clock.ahead).toBe(1_000_000);
  expect(clock.at(200_000)).toBe(1_200_000);
});
