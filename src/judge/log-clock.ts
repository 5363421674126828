const HOUR_MS = 3_600_000;

/**
 * The clock of a log. Servers write a request when it has ended, and some with the time at which it began: what is a
 * little earlier than the line before it ended when that one did.
 */
export class LogClock {
  private nowMs = -Infinity;

  /** The moment of a line. */
  at(timestampMs: number): number {
    this.nowMs = Math.max(this.nowMs, timestampMs);
    return this.nowMs;
  }

  /** Whether some lines begin a time that has been before, as the log of another server does; the clock then goes back. */
  restarts(firstMs: number, lastMs: number): boolean {
    if (Math.max(firstMs, lastMs) >= this.nowMs - HOUR_MS) return false;
    this.nowMs = firstMs;
    return true;
  }
}
