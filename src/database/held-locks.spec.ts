import { describe, expect, it } from 'vitest';
import { HeldLocks } from './held-locks.js';

const HOUR_MS = 3_600_000;
const [LOCK, OTHER] = [7, 8];

describe('HeldLocks', () => {
  it('says once since when a session has held a lock, after an hour', () => {
    const held = new HeldLocks();
    const at = [0, HOUR_MS / 2, HOUR_MS - 120_000, HOUR_MS - 5, 2 * HOUR_MS];
    expect(at.map((ms) => held.refused(LOCK, 42, ms))).toEqual([null, null, null, 0, null]);
  });

  it('begins anew with another session, and after the lock was free', () => {
    const held = new HeldLocks();
    held.refused(LOCK, 42, 0);
    expect(held.refused(LOCK, 43, HOUR_MS)).toBeNull();
    held.had(LOCK);
    expect(held.refused(LOCK, 43, 2 * HOUR_MS)).toBeNull();
    expect(held.refused(LOCK, 43, 3 * HOUR_MS)).toBe(2 * HOUR_MS);
  });

  it('keeps locks apart', () => {
    const held = new HeldLocks();
    held.refused(LOCK, 42, 0);
    expect(held.refused(OTHER, 42, HOUR_MS)).toBeNull();
    expect(held.refused(LOCK, 42, HOUR_MS)).toBe(0);
  });
});
