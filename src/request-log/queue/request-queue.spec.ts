import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GONE, queueWith, range, recordOf } from '../../../test/support/request-queue.js';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('RequestQueue', () => {
  it('lets a record wait for company, and writes them together', async () => {
    const { push, writes } = queueWith();
    push(2);
    await vi.advanceTimersByTimeAsync(600);
    push(1);
    await vi.advanceTimersByTimeAsync(399);
    expect(writes).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(writes).toEqual([{ at: 1_000, ids: [0, 1, 2] }]);
  });

  it('does not let a full batch wait', async () => {
    const { push, writes } = queueWith();
    push(10);
    await vi.advanceTimersByTimeAsync(1);
    expect(writes.map(({ ids }) => ids)).toEqual([range(0, 10)]);
  });

  it('writes no batch larger than allowed, in the order of the records', async () => {
    const { push, writes, kept } = queueWith();
    push(25);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(writes.map(({ ids }) => ids.length)).toEqual([10, 10, 5]);
    expect(kept).toEqual(range(0, 25));
  });

  it('has one write under way at a time', async () => {
    let running = 0;
    let most = 0;
    const { push, kept } = queueWith({
      sink: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => void setTimeout(resolve, 700));
        running--;
      },
    });
    for (let i = 0; i < 20; i++) {
      push(5);
      await vi.advanceTimersByTimeAsync(300);
    }
    await vi.advanceTimersByTimeAsync(60_000);
    expect(most).toBe(1);
    expect(kept).toEqual(range(0, 100));
  });

  it('loses no batch to a record that is none', async () => {
    const { queue, push, kept, missing } = queueWith();
    push(2);
    queue.push({ ...recordOf(99), timestampMs: Number.NaN });
    push(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(kept).toEqual([0, 1, 2]);
    expect(queue.stats.refused).toBe(1);
    expect(missing()).toBe(0);
  });

  it('holds no process open for records that wait', () => {
    const { push } = queueWith();
    const setTimer = vi.spyOn(globalThis, 'setTimeout');
    push();
    const timers = setTimer.mock.results.map(({ value }) => value as NodeJS.Timeout);
    expect(timers.length).toBeGreaterThan(0);
    expect(timers.every((timer) => !timer.hasRef())).toBe(true);
  });

  describe('flush', () => {
    it('writes what is queued at once', async () => {
      const { push, queue, kept } = queueWith();
      push(15);
      expect(await queue.flush(1_000)).toBe(0);
      expect(kept).toEqual(range(0, 15));
      expect(await queue.flush(1_000)).toBe(0);
    });

    it('gives up with the first write that fails', async () => {
      const { push, queue, writes } = queueWith({ sink: () => Promise.reject(GONE) });
      push(15);
      expect(await queue.flush(60_000)).toBe(15);
      expect(writes).toHaveLength(1);
    });

    it('waits no longer than its patience, and no shorter', async () => {
      const { push, queue } = queueWith({ sink: () => new Promise(() => {}) });
      push(3);
      const start = Date.now();
      const flushed = queue.flush(2_000).then((left) => ({ left, afterMs: Date.now() - start }));
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await flushed).toEqual({ left: 3, afterMs: 2_000 });
    });

    it('does not wait for a pause to end', async () => {
      const { push, queue, kept, sink } = queueWith({ sink: () => Promise.reject(GONE) });
      push(3);
      await vi.advanceTimersByTimeAsync(5_000);
      sink.write = () => Promise.resolve();
      expect(await queue.flush(0)).toBe(0);
      expect(kept).toEqual([0, 1, 2]);
    });
  });

  describe('close', () => {
    it('writes what is queued, and drops what comes later', async () => {
      const { push, queue, kept } = queueWith();
      push(15);
      const closed = queue.close(1_000);
      push(1);
      await vi.advanceTimersByTimeAsync(2_000);
      expect(await closed).toBe(0);
      expect(kept).toEqual(range(0, 15));
      expect(queue.stats).toMatchObject({ written: 15, dropped: 1, queued: 0 });
    });

    it('says how many are lost', async () => {
      const { push, queue } = queueWith({ sink: () => Promise.reject(GONE) });
      push(15);
      const closed = queue.close(1_000);
      await vi.advanceTimersByTimeAsync(2_000);
      expect(await closed).toBe(15);
      expect(await queue.close(1_000)).toBe(15);
    });

    it('leaves no timer behind', async () => {
      const { push, queue } = queueWith({ sink: () => Promise.reject(GONE) });
      push(15);
      await vi.advanceTimersByTimeAsync(3_000);
      const closed = queue.close(0);
      await vi.advanceTimersByTimeAsync(2_000);
      await closed;
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});
