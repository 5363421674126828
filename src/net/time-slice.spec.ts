import { describe, expect, it } from 'vitest';
import { runSliced, runWhole, type SlicedTask } from './time-slice.js';

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

  it('lets other work in by default', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await runSliced(countTo(50), { sliceMs: 0 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });
});
