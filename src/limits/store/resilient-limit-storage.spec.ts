import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { IpTrackingError } from '../../ip-tracking.errors.js';
import { LimitStoreUnavailableError } from './limit-storage.js';
import type { LimitStorage } from './limit-storage.js';
import { MemoryLimitStorage } from './memory/memory-limit-storage.js';
import { ResilientLimitStorage } from './resilient-limit-storage.js';
import type { LimitStoreStateChange } from './resilient-limit-storage.js';

const rule = { limit: 2, ttlMs: 60_000 };

/** A shared store that can be switched off. */
class FlakyStorage implements LimitStorage {
  isDown = false;
  /** As a replica, or a store that is full: it can be read. */
  isReadOnly = false;
  /** The key that somebody else's value is under. */
  brokenKey = '';
  calls = 0;
  private readonly store = new MemoryLimitStorage({ now: () => 0 });

  hit: LimitStorage['hit'] = async (key, given) => {
    if (this.isReadOnly) throw new LimitStoreUnavailableError('read only');
    if (key === this.brokenKey) {
      throw new LimitStoreUnavailableError('wrong type', { isOfOneKey: true });
    }
    return this.up().hit(key, given);
  };
  peek: LimitStorage['peek'] = async (key, given) => this.up().peek(key, given);
  release: LimitStorage['release'] = async (key, slot) => this.up().release(key, slot);
  reset: LimitStorage['reset'] = async (key) => this.up().reset(key);
  probe = async () => {
    this.up();
    if (this.isReadOnly) throw new LimitStoreUnavailableError('read only');
  };

  private up(): MemoryLimitStorage {
    this.calls++;
    if (this.isDown) throw new LimitStoreUnavailableError('down');
    return this.store;
  }
}

function setUp() {
  const primary = new FlakyStorage();
  const changes: LimitStoreStateChange[] = [];
  const storage = new ResilientLimitStorage({
    primary,
    fallback: new MemoryLimitStorage({ now: () => 0 }),
    onStateChange: (change) => {
      changes.push(change);
      throw new Error('a logger that fails');
    },
  });
  return { primary, changes, storage };
}

describe('ResilientLimitStorage', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('counts in this process while the shared store is down, and asks it only once', async () => {
    const { primary, changes, storage } = setUp();
    await storage.hit('k', rule);
    primary.isDown = true;
    const answers = [
      await storage.hit('k', rule),
      await storage.hit('k', rule),
      await storage.hit('k', rule),
    ];
    expect(answers.map(({ admitted }) => admitted)).toEqual([true, true, false]);
    expect(primary.calls).toBe(2);
    expect(changes).toEqual([{ state: 'open', error: expect.any(LimitStoreUnavailableError) }]);
    expect(storage.stats()).toEqual({
      state: 'open',
      primaryErrors: 1,
      insuranceHits: 3,
      failClosedRefusals: 0,
    });
  });

  it('refuses by an error of its own where a route wishes so, at once and while the circuit is open', async () => {
    const { primary, storage } = setUp();
    primary.isDown = true;
    const closed = { failClosed: true };
    await expect(storage.hit('k', rule, closed)).rejects.toThrow(LimitStoreUnavailableError);
    await expect(storage.hit('k', rule, closed)).rejects.toThrow(LimitStoreUnavailableError);
    await expect(storage.peek('k', rule, closed)).rejects.toThrow(LimitStoreUnavailableError);
    expect(storage.stats()).toMatchObject({ insuranceHits: 0, failClosedRefusals: 3 });
  });

  it('probes in the background, and goes back without replaying anything', async () => {
    const { primary, changes, storage } = setUp();
    primary.isDown = true;
    await storage.hit('k', rule);
    await storage.hit('k', rule);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(storage.stats().state).toBe('open');
    const callsDown = primary.calls;
    expect(callsDown).toBeGreaterThanOrEqual(3);
    expect(callsDown).toBeLessThanOrEqual(6);

    primary.isDown = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(storage.stats().state).toBe('closed');
    expect(changes.map(({ state }) => state)).toEqual(['open', 'closed']);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: true, remaining: 1 });
  });

  it('does not go back to a store that can be read and not written to', async () => {
    const { primary, changes, storage } = setUp();
    primary.isReadOnly = true;
    await storage.hit('k', rule);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(changes.map(({ state }) => state)).toEqual(['open']);
    primary.isReadOnly = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(changes.map(({ state }) => state)).toEqual(['open', 'closed']);
  });

  it('counts one key in this process where the store cannot, and leaves all others to the store', async () => {
    const { primary, changes, storage } = setUp();
    primary.brokenKey = 'broken';
    const answers = [
      await storage.hit('broken', rule),
      await storage.hit('broken', rule),
      await storage.hit('broken', rule),
    ];
    expect(answers.map(({ admitted }) => admitted)).toEqual([true, true, false]);
    await expect(storage.hit('broken', rule, { failClosed: true })).rejects.toThrow(
      LimitStoreUnavailableError,
    );
    await storage.hit('k', rule);
    expect(changes).toEqual([]);
    expect(storage.stats()).toMatchObject({ state: 'closed', insuranceHits: 3, primaryErrors: 4 });
  });

  it('gives a slot back to the store that it came from', async () => {
    const { primary, storage } = setUp();
    const shared = (await storage.hit('k', rule)).slot as string;
    const kept = (await storage.hit('k', rule)).slot as string;
    primary.isDown = true;
    const own = (await storage.hit('k', rule)).slot as string;
    await storage.hit('k', rule);
    expect(await storage.release('k', shared)).toBe(false);
    expect(await storage.release('k', own)).toBe(true);
    expect(await storage.release('k', own)).toBe(false);
    expect(await storage.release('k', 'of nobody')).toBe(false);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: true });

    primary.isDown = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: false });
    expect(await storage.release('k', kept)).toBe(true);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: true });
  });

  it('says that a reset was not done', async () => {
    const { primary, storage } = setUp();
    await storage.hit('k', rule);
    expect(await storage.reset('k')).toBe(true);
    expect(await storage.reset('k')).toBe(false);
    primary.isDown = true;
    await expect(storage.reset('k')).rejects.toThrow(LimitStoreUnavailableError);
  });

  it('does not take a mistake in a rule for a store that is down', async () => {
    const { storage } = setUp();
    const hit = storage.hit('k', { limit: Number.NaN, ttlMs: 1_000 });
    await expect(hit).rejects.toThrow(IpTrackingError);
    await expect(hit).rejects.not.toThrow(LimitStoreUnavailableError);
    expect(storage.stats().state).toBe('closed');
  });

  it('probes no more once it is closed', async () => {
    const { primary, storage } = setUp();
    primary.isDown = true;
    await storage.hit('k', rule);
    await storage.close();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(primary.calls).toBe(1);
  });
});
