/** The bounds of a {@link LookupQueue}. */
export interface LookupBounds {
  /** How long one may take, its wait included, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxAtOnce: number;
  readonly maxWaiting: number;
}

/** Runs lookups, a few at once, none for longer than a while. */
export class LookupQueue {
  private readonly waiting = new Set<() => void>();
  private running = 0;

  constructor(private readonly bounds: LookupBounds) {}

  /**
   * What a lookup comes to; `too late` where that takes too long, and `not begun` where it never had its turn.
   *
   * @param lookup never rejects.
   */
  run<T>(lookup: () => Promise<T>): Promise<T | 'too late' | 'not begun'> {
    const { timeoutMs, maxAtOnce, maxWaiting } = this.bounds;
    return new Promise((resolve) => {
      let isRunning = false;
      const finish = (ending: T | 'too late' | 'not begun'): void => {
        clearTimeout(timer);
        this.waiting.delete(begin);
        resolve(ending);
        // One that is too late gives up its place all the same: it cannot be called back.
        if (isRunning) this.release();
        isRunning = false;
      };
      const begin = (): void => {
        isRunning = true;
        this.running++;
        void lookup().then(finish);
      };
      const timer = setTimeout(() => finish(isRunning ? 'too late' : 'not begun'), timeoutMs);
      if (this.running < maxAtOnce) begin();
      else if (this.waiting.size < maxWaiting) this.waiting.add(begin);
      else finish('not begun');
    });
  }

  private release(): void {
    this.running--;
    const [next] = this.waiting;
    if (next === undefined) return;
    this.waiting.delete(next);
    next();
  }
}
