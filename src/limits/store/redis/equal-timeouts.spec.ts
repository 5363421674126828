import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { EqualTimeouts } from './equal-timeouts.js';

describe('EqualTimeouts', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function setUp() {
    const passed: string[] = [];
    const timeouts = new EqualTimeouts(100);
    const begin = (name: string) => timeouts.begin(performance.now(), () => passed.push(name));
    return { passed, timeouts, begin };
  }

  it('pass one after another, each at its own moment', async () => {
    const { passed, begin } = setUp();
    begin('first');
    await vi.advanceTimersByTimeAsync(30);
    begin('second');
    await vi.advanceTimersByTimeAsync(69);
    expect(passed).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(passed).toEqual(['first']);
    await vi.advanceTimersByTimeAsync(30);
    expect(passed).toEqual(['first', 'second']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('do not pass once they were ended, first, last or between others', async () => {
    const { passed, begin } = setUp();
    const [a, , c, , e] = ['a', 'b', 'c', 'd', 'e'].map(begin);
    for (const wait of [a, c, e]) wait?.end();
    await vi.advanceTimersByTimeAsync(200);
    expect(passed).toEqual(['b', 'd']);
  });

  it('need one timer for any number of waits, and none for none', async () => {
    const { passed, begin } = setUp();
    for (let i = 0; i < 1_000; i++) {
      await vi.advanceTimersByTimeAsync(1);
      begin(String(i)).end();
      expect(vi.getTimerCount()).toBe(1);
    }
    await vi.advanceTimersByTimeAsync(200);
    expect(vi.getTimerCount()).toBe(0);
    begin('again');
    await vi.advanceTimersByTimeAsync(101);
    expect(passed).toEqual(['again']);
  });

  it('take what came in while the process was busy', async () => {
    const { passed, begin } = setUp();
    const wait = begin('a');
    // As a socket does, which is read after timers and before `setImmediate`.
    setTimeout(() => wait.end(), 100);
    await vi.advanceTimersByTimeAsync(200);
    expect(passed).toEqual([]);
  });
});
