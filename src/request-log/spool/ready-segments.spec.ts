import { describe, expect, it } from 'vitest';
import { ReadySegments } from './ready-segments.js';
import type { SpoolSegment } from './spool-segment.js';

const LARGEST = 1_000;
const MINUTE_MS = 60_000;

/** Two segments on a disk that takes as long for an append as it is told, or refuses it. */
function readySegments() {
  const clock = { now: 0 };
  const disk = { takesMs: 0, error: null as Error | null };
  const made: SpoolSegment[] = [];
  const sealed: SpoolSegment[] = [];
  const create = (): Promise<SpoolSegment> => {
    const segment = {
      size: 0,
      isUsed: false,
      appendNow(bytes: Buffer) {
        clock.now += disk.takesMs;
        if (disk.error !== null) throw disk.error;
        const start = segment.size;
        segment.size += bytes.length;
        segment.isUsed = true;
        return start;
      },
    };
    made.push(segment as unknown as SpoolSegment);
    return Promise.resolve(segment as unknown as SpoolSegment);
  };
  const ready = new ReadySegments({
    create,
    onSealed: (segment) => sealed.push(segment),
    writeNow: () => 0,
    now: () => clock.now,
  });
  const append = (bytes = 100) => ready.append(Buffer.alloc(bytes), LARGEST);
  return { ready, clock, disk, made, sealed, append };
}

describe('segments that are open already', () => {
  it('take what comes, one after another, until they are full', async () => {
    const { ready, made, sealed, append } = readySegments();
    await ready.fill();
    for (let count = 0; count < 10; count += 1) {
      expect(append()).toEqual({ segment: made[0], start: 100 * count });
    }
    expect(append()).toEqual({ segment: made[1], start: 0 });
    expect(sealed).toEqual([made[0]]);
    expect(ready.pauses).toBe(0);
  });

  it('are not asked for a minute after an append that was slow, and took what it was given', async () => {
    const { ready, clock, disk, made, append } = readySegments();
    await ready.fill();
    disk.takesMs = 5;
    expect(append()).not.toBeNull();
    expect(ready.pauses).toBe(0);
    disk.takesMs = 6;
    expect(append()).toEqual({ segment: made[0], start: 100 });
    expect(ready.pauses).toBe(1);
    disk.takesMs = 0;
    clock.now += MINUTE_MS - 1;
    expect({ may: ready.mayAppend(), appended: append() }).toEqual({ may: false, appended: null });
    clock.now += 1;
    expect(append()).toEqual({ segment: made[0], start: 200 });
    expect(ready.pauses).toBe(1);
  });

  it('are not asked for a minute after an error, and that segment never again', async () => {
    const { ready, clock, disk, made, sealed, append } = readySegments();
    await ready.fill();
    disk.error = new Error('no space');
    expect(() => append()).toThrow('no space');
    disk.error = null;
    expect({ may: ready.mayAppend(), sealed }).toEqual({ may: false, sealed: [made[0]] });
    clock.now += MINUTE_MS;
    expect(append()).toEqual({ segment: made[1], start: 0 });
  });

  it('that are missing are counted once, until there are some', async () => {
    const { ready, append } = readySegments();
    expect([append(), append(), ready.pauses]).toEqual([null, null, 1]);
    await ready.fill();
    expect(append()).not.toBeNull();
    ready.clear();
    expect([append(), append(), ready.pauses]).toEqual([null, null, 2]);
  });

  it('change places, so that one is appended to while the disk is asked to keep the other', async () => {
    const { ready, made, append } = readySegments();
    await ready.fill();
    ready.swap();
    expect(append()?.segment).toBe(made[0]);
    ready.swap();
    expect(append()?.segment).toBe(made[1]);
  });
});
