/** One wait of {@link EqualTimeouts}. */
export interface Wait {
  /** Ends the wait: nothing will be called any more. */
  end(): void;
}

class PendingWait implements Wait {
  next: PendingWait | null = null;

  constructor(
    readonly since: number,
    public onTimeout: (() => void) | null,
  ) {}

  end(): void {
    this.onTimeout = null;
  }
}

/**
 * Timeouts that are all equally long, and so pass in the order in which they were begun: one timer serves them all. A
 * timer for each would make a command in Redis some microseconds longer.
 */
export class EqualTimeouts {
  private oldest: PendingWait | null = null;
  private newest: PendingWait | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly timeoutMs: number) {}

  /** Begins a wait at `now`, in milliseconds of `performance.now()`. */
  begin(now: number, onTimeout: () => void): Wait {
    const wait = new PendingWait(now, onTimeout);
    if (this.newest === null) {
      this.oldest = wait;
      this.timer = setTimeout(this.check, this.timeoutMs);
    } else {
      this.newest.next = wait;
    }
    this.newest = wait;
    return wait;
  }

  /** Lets the process end although somebody waits. */
  unref(): void {
    this.timer?.unref();
  }

  private readonly check = (): void => {
    const now = performance.now();
    let wait = this.oldest;
    // Timers may run up to a millisecond early.
    while (wait !== null && (wait.onTimeout === null || now - wait.since > this.timeoutMs - 1)) {
      // After a pause of this process timers run before sockets are read, so what was waited for may be there. It is
      // read before `setImmediate` runs.
      if (wait.onTimeout !== null) setImmediate(pass, wait);
      wait = wait.next;
    }
    this.oldest = wait;
    if (wait === null) this.newest = null;
    else this.timer = setTimeout(this.check, Math.max(1, wait.since + this.timeoutMs - now));
  };
}

function pass(wait: PendingWait): void {
  wait.onTimeout?.();
}
