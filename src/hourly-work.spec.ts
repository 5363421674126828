import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { afterTimer, HourlyWork } from './hourly-work.js';

const HOUR_MS = 3_600_000;
const RETRY_MS = 15_000;

/** A clock that moves when it is told to, and what is to be done when. */
class MovedClock {
  private nowMs = 0;
  private waiting: { atMs: number; call: () => void }[] = [];

  readonly after = (ms: number, call: () => void): (() => void) => {
    const entry = { atMs: this.nowMs + ms, call };
    this.waiting.push(entry);
    return () => {
      this.waiting = this.waiting.filter((other) => other !== entry);
    };
  };

  /** In how many milliseconds each that waits is called. */
  get waits(): number[] {
    return this.waiting.map(({ atMs }) => atMs - this.nowMs);
  }

  /** Calls what is due, and lets what follows from it happen. */
  async move(ms: number): Promise<void> {
    this.nowMs += ms;
    const due = this.waiting.filter(({ atMs }) => atMs <= this.nowMs);
    this.waiting = this.waiting.filter(({ atMs }) => atMs > this.nowMs);
    for (const { call } of due) call();
    await settled();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('hourly work', () => {
  let clock: MovedClock;
  let done: string[];
  let failure: Error | null;
  let warn: ReturnType<typeof vi.fn<(error: unknown) => void>>;
  let work: HourlyWork;

  beforeEach(() => {
    clock = new MovedClock();
    done = [];
    failure = null;
    warn = vi.fn<(error: unknown) => void>();
    const first = () => {
      done.push('first');
      return failure === null ? Promise.resolve() : Promise.reject(failure);
    };
    const second = () => {
      done.push('second');
      return Promise.resolve();
    };
    work = new HourlyWork([first, second], {
      after: clock.after,
      isPassing: (error) => (error as Error).message === 'an outage',
      warn,
    });
  });

  it('is done at once, in its order, and again every hour', async () => {
    work.start();
    await settled();
    expect(done).toEqual(['first', 'second']);
    expect(clock.waits).toEqual([HOUR_MS]);
    await clock.move(HOUR_MS - 1);
    expect(done).toHaveLength(2);
    await clock.move(1);
    expect(done).toEqual(['first', 'second', 'first', 'second']);
    await clock.move(HOUR_MS);
    expect(done).toHaveLength(6);
    expect(clock.waits).toEqual([HOUR_MS]);
    expect(warn).not.toHaveBeenCalled();
  });

  it('is tried again after fifteen seconds where it failed, and is then hourly again', async () => {
    failure = new Error('no space');
    work.start();
    await settled();
    // What comes after it waits, too.
    expect(done).toEqual(['first']);
    expect(clock.waits).toEqual([RETRY_MS]);
    expect(warn.mock.calls).toEqual([[failure]]);
    failure = null;
    await clock.move(RETRY_MS);
    expect(done).toEqual(['first', 'first', 'second']);
    expect(clock.waits).toEqual([HOUR_MS]);
    expect(warn).toHaveBeenCalledOnce();
  });

  it('does not warn of what somebody else reports, and tries that again as soon', async () => {
    failure = new Error('an outage');
    work.start();
    await settled();
    await clock.move(RETRY_MS);
    expect(done).toEqual(['first', 'first']);
    expect(clock.waits).toEqual([RETRY_MS]);
    expect(warn).not.toHaveBeenCalled();
  });

  it('ends with stop(), between two rounds', async () => {
    work.start();
    await settled();
    work.stop();
    expect(clock.waits).toEqual([]);
    await clock.move(HOUR_MS);
    expect(done).toEqual(['first', 'second']);
  });

  it('ends with stop() while it is under way, and what then fails is nobody’s concern', async () => {
    let fail: (error: Error) => void = () => undefined;
    const slow = () => new Promise((_, reject) => (fail = reject));
    work = new HourlyWork([slow], { after: clock.after, isPassing: () => false, warn });
    work.start();
    work.stop();
    fail(new Error('the pool has ended'));
    await settled();
    expect(clock.waits).toEqual([]);
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('the timer of node', () => {
  it('calls back after so many milliseconds, and can be called off', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const calls: string[] = [];
    afterTimer(1_000, () => calls.push('kept'));
    const callOff = afterTimer(1_000, () => calls.push('called off'));
    callOff();
    vi.advanceTimersByTime(999);
    expect(calls).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(calls).toEqual(['kept']);
  });

  it('keeps no process alive', () => {
    const made = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => made.mockRestore());
    const callOff = afterTimer(1_000, () => undefined);
    expect(made.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([
      false,
    ]);
    callOff();
  });
});
