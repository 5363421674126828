/** A lock that a process of ours was refused. */
interface Refusal {
  readonly holder: number;
  readonly sinceMs: number;
  readonly isTold: boolean;
}

/** No work of ours takes an hour, in milliseconds; work that is due every hour must meet it the second time. */
const TOO_LONG_MS = 3_540_000;

/**
 * Tells work that another process is doing from a lock that somebody sits on: any role that may connect can take an
 * advisory lock, and whoever waits for it would wait for ever and say nothing. PostgreSQL tells most roles nothing of
 * when another's transaction began, so it is noted when a holder was first met.
 */
export class HeldLocks {
  private readonly refusals = new Map<number, Refusal>();

  /** Notes that a lock was free. */
  had(lock: number): void {
    this.refusals.delete(lock);
  }

  /** Notes that a session holds it. @returns since when it has been met, once, where that is too long; else null. */
  refused(lock: number, holder: number, nowMs: number): number | null {
    const before = this.refusals.get(lock);
    if (before?.holder !== holder) {
      this.refusals.set(lock, { holder, sinceMs: nowMs, isTold: false });
      return null;
    }
    if (before.isTold || nowMs - before.sinceMs < TOO_LONG_MS) return null;
    this.refusals.set(lock, { ...before, isTold: true });
    return before.sinceMs;
  }
}
