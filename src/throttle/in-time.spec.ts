import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inTime } from './in-time.js';

describe('inTime', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const after = (ms: number, value: string) =>
    new Promise<string>((resolve) => void setTimeout(resolve, ms, value));

  it('is the answer, and leaves no timer', async () => {
    expect(await inTime(Promise.resolve('a'), 100)).toBe('a');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is the error, and leaves no timer', async () => {
    await expect(inTime(Promise.reject(new Error('no')), 100)).rejects.toThrow('no');
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [99, 'a'],
    [101, null],
  ])('of an answer after %i of 100 ms is %j', async (ms, expected) => {
    const answer = inTime(after(ms, 'a'), 100);
    await vi.advanceTimersByTimeAsync(200);
    expect(await answer).toBe(expected);
  });

  it('takes no notice of an error that comes too late', async () => {
    const late = after(150, '').then(() => {
      throw new Error('late');
    });
    const answer = inTime(late, 100);
    await vi.advanceTimersByTimeAsync(200);
    expect(await answer).toBeNull();
  });
});
