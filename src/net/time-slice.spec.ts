import { describe, expect, it, vi } from 'vitest';
import { runSliced, runWhole, type SlicedTask, TimeSlice } from './time-slice.js';

function* countTo(limit: number): SlicedTask<number> {
  let count = 0;
  while (count < limit) {
    count++;
    yield;
  }
  return count;
}

describe('a sliced task', () => {
  it('gives the same, whole and in slices', async () => {
    expect(runWhole(countTo(1000))).toBe(1000);
    expect(await runSliced(countTo(1000))).toBe(1000);
  });

  it('pauses only when its slice is over', async () => {
    let pauses = 0;
    const pause = () => Promise.resolve(void pauses++);
    await runSliced(countTo(100), { sliceMs: 60_000, pause });
    expect(pauses).toBe(0);
    await runSliced(countTo(100), { sliceMs: 0, pause });
    expect(pauses).toBe(100);
  });

  it('lets what waits already go first, at its first pause', async () => {
    let isIn = false;
    setImmediate(() => (isIn = true));
    await runSliced(countTo(1), { sliceMs: 0 });
    expect(isIn).toBe(true);
  });

  it('lets other work in by default', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await runSliced(countTo(50), { sliceMs: 0 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });
});

describe('a slice of time', () => {
  it('is over once its time has passed, and begins anew after a pause', async () => {
    let nowMs = 100;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const isOverAt = (ms: number) => {
      nowMs = ms;
      return slice.isOver();
    };
    const slice = new TimeSlice({ sliceMs: 4, pause: () => Promise.resolve() });
    expect([100, 103.9, 104, 110].map(isOverAt)).toEqual([false, false, true, true]);
    await slice.pause();
    expect([110, 113.9, 114].map(isOverAt)).toEqual([false, false, true]);
    clock.mockRestore();
  });
});
