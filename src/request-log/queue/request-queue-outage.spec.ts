import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  GONE,
  POISONOUS,
  queueWith,
  range,
  type Write,
} from '../../../test/support/request-queue.js';
import type { RequestQueueOptions } from './request-queue.js';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('RequestQueue, when its sink fails,', () => {
  it('tries again with growing pauses, up to the longest', async () => {
    const { push, writes } = queueWith({ sink: () => Promise.reject(GONE), maxRetryMs: 2_000 });
    push();
    await vi.advanceTimersByTimeAsync(9_000);
    const pauses = writes.slice(1).map(({ at }, i) => at - writes[i]!.at);
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 2_000, 2_000]);
  });

  it('shortens a pause by up to half, so that processes do not come back together', async () => {
    vi.mocked(Math.random).mockReturnValue(0);
    const { push, writes } = queueWith({ sink: () => Promise.reject(GONE), maxRetryMs: 2_000 });
    push();
    await vi.advanceTimersByTimeAsync(3_000);
    const pauses = writes.slice(1).map(({ at }, i) => at - writes[i]!.at);
    expect(pauses.slice(0, 4)).toEqual([125, 250, 500, 1_000]);
  });

  it('is not asked sooner because records keep coming', async () => {
    const { push, writes } = queueWith({ sink: () => Promise.reject(GONE), maxRetryMs: 60_000 });
    for (let i = 0; i < 50; i++) {
      push(2);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(writes.length).toBeLessThan(7);
  });

  it('sends the same records again, before all others', async () => {
    const { push, writes, kept, sink } = queueWith({ sink: () => Promise.reject(GONE) });
    push(3);
    await vi.advanceTimersByTimeAsync(1_000);
    push(3);
    sink.write = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(writes[1]!.ids.slice(0, 3)).toEqual(writes[0]!.ids);
    expect(kept).toEqual(range(0, 6));
  });

  it('tells once that it fails, and once that it passes again', async () => {
    const { push, outages, sink } = queueWith({ sink: () => Promise.reject(GONE) });
    push();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(outages).toEqual([GONE]);
    sink.write = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(10_000);
    push();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(outages).toEqual([GONE, null]);
  });

  it('begins with short pauses at the next outage', async () => {
    const { push, writes, sink } = queueWith({ sink: () => Promise.reject(GONE) });
    push();
    await vi.advanceTimersByTimeAsync(10_000);
    sink.write = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(10_000);
    sink.write = () => Promise.reject(GONE);
    writes.length = 0;
    push();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(writes[1]!.at - writes[0]!.at).toBe(250);
  });

  it('drops the newest where there is no room, counts them, and keeps the oldest', async () => {
    const { push, queue, kept, sink } = queueWith({ sink: () => Promise.reject(GONE) });
    push(130);
    expect(queue.stats).toMatchObject({ enqueued: 130, dropped: 30, queued: 100 });
    await vi.advanceTimersByTimeAsync(5_000);
    push(5);
    expect(queue.stats).toMatchObject({ dropped: 35, queued: 100, isFailing: true });
    sink.write = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(kept).toEqual(range(0, 100));
    expect(queue.stats).toMatchObject({ written: 100, queued: 0, isFailing: false });
  });

  it('counts those that are being written as held', async () => {
    const { push, queue } = queueWith({ sink: () => new Promise(() => {}) });
    push(100);
    await vi.advanceTimersByTimeAsync(1_000);
    push(1);
    expect(queue.stats).toMatchObject({ queued: 100, dropped: 1 });
  });

  it('refuses a poisonous record alone', async () => {
    const { push, queue, kept } = queueWith({
      sink: (ids) => (ids.includes(4) ? Promise.reject(POISONOUS) : Promise.resolve()),
    });
    push(10);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(kept).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9]);
    expect(queue.stats).toMatchObject({ written: 9, refused: 1, queued: 0, isFailing: false });
  });

  it.each<[string, Partial<RequestQueueOptions> & { sink?: Write }]>([
    [
      'a sink that throws instead of rejecting',
      {
        sink: () => {
          throw GONE;
        },
      },
    ],
    ['a sink that rejects with nothing', { sink: () => Promise.reject() }],
    [
      'a log that cannot be written either',
      {
        sink: () => Promise.reject(GONE),
        onOutage: () => {
          throw new Error('no log');
        },
      },
    ],
  ])('throws nothing at anybody for %s', async (_, given) => {
    const unhandled = vi.fn<(reason: unknown) => void>();
    process.on('unhandledRejection', unhandled);
    try {
      const { push, queue, sink, kept, missing } = queueWith(given);
      push(3);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(missing()).toBe(0);
      sink.write = () => Promise.resolve();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(kept).toEqual([0, 1, 2]);
      expect(queue.stats).toMatchObject({ written: 3, queued: 0 });
      vi.useRealTimers();
      await new Promise((resolve) => void setTimeout(resolve, 5));
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });

  it('loses no record and writes none twice, whatever the sink does, and counts right at every step', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), count: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
      fc.record({
        kind: fc.constant('sink' as const),
        does: fc.constantFrom('passes', 'fails', 'is slow', 'hates sevens', 'fails late'),
      }),
      fc.record({ kind: fc.constant('flush' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const wrong: number[] = [];
        const { queue, push, sink, kept, missing } = queueWith({
          onOutage: () => wrong.push(missing()),
        });
        const sinks: Record<string, Write> = {
          passes: () => Promise.resolve(),
          fails: () => Promise.reject(GONE),
          'is slow': () => new Promise((resolve) => void setTimeout(resolve, 400)),
          'hates sevens': (ids) =>
            ids.some((id) => id % 7 === 0) ? Promise.reject(POISONOUS) : Promise.resolve(),
          'fails late': () => new Promise((_, reject) => void setTimeout(reject, 300, GONE)),
        };
        const use = (does: string) => {
          sink.write = (ids) => {
            wrong.push(missing());
            return sinks[does]!(ids);
          };
        };
        for (const what of steps) {
          if (what.kind === 'push') push(what.count);
          else if (what.kind === 'wait') await vi.advanceTimersByTimeAsync(what.ms);
          else if (what.kind === 'sink') use(what.does);
          else void queue.flush(100);
          wrong.push(missing());
        }
        use('passes');
        await vi.advanceTimersByTimeAsync(60_000);
        const { enqueued, written, dropped, refused, queued } = queue.stats;
        expect(wrong.filter((difference) => difference !== 0)).toEqual([]);
        expect(queued).toBe(0);
        expect(written).toBe(kept.length);
        expect(written + dropped + refused).toBe(enqueued);
        expect(kept).toEqual([...new Set(kept)].toSorted((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });
});
