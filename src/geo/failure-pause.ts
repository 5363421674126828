const FAILURES_IN_A_ROW = 3;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Decides when a server that fails is left alone: after three failures in a row, for a second, then for twice as long
 * with each failure after that, up to a minute. When a pause is over, one call may try. It holds no timer; `now` is in
 * milliseconds and monotonic.
 */
export class FailurePause {
  private failures = 0;
  private pauseMs = FIRST_PAUSE_MS;
  private until = Number.NEGATIVE_INFINITY;
  private isTrying = false;

  /** Whether a call may be made now. Whoever gets `true` says how it went. */
  admits(now: number): boolean {
    if (this.failures < FAILURES_IN_A_ROW) return true;
    if (now < this.until || this.isTrying) return false;
    this.isTrying = true;
    return true;
  }

  succeeded(): void {
    this.failures = 0;
    this.pauseMs = FIRST_PAUSE_MS;
    this.isTrying = false;
  }

  /** @param leastMs what the server itself has asked for, in milliseconds: it is not called again before. */
  failed(now: number, leastMs = 0): void {
    // What was under way when the pause began fails together, and must not make it longer each time.
    if (now < this.until && leastMs === 0) return;
    this.isTrying = false;
    this.failures = leastMs > 0 ? FAILURES_IN_A_ROW : this.failures + 1;
    if (this.failures < FAILURES_IN_A_ROW) return;
    this.until = Math.max(this.until, now + Math.max(this.pauseMs, leastMs));
    this.pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * this.pauseMs);
  }
}
