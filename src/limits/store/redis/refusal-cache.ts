import type { LimitResult } from '../limit-storage.js';
import type { WindowRule } from '../sliding-window.js';

interface Refusal {
  readonly result: LimitResult;
  readonly rule: WindowRule;
  readonly at: number;
  readonly until: number;
}

/**
 * Remembers for a moment which keys the shared store has refused, so that a client who hammers at a closed door costs
 * no round trips. A refusal is remembered for as long as it is sure to hold, and for `maxAgeMs` at most: a reset, or an
 * admission given back, by another process must not be hidden for longer.
 */
export class RefusalCache {
  private readonly refusals = new Map<string, Refusal>();

  /** With `maxAgeMs` 0 nothing is remembered. Beyond `maxKeys` the oldest refusal is forgotten. */
  constructor(
    private readonly maxAgeMs: number,
    private readonly maxKeys = 10_000,
  ) {}

  /** The refusal that a hit by the same rule is sure to get, with its waits as of `now`. */
  find(key: string, rule: WindowRule, now: number): LimitResult | null {
    const refusal = this.refusals.get(key);
    if (refusal === undefined) return null;
    if (refusal.until <= now) {
      this.refusals.delete(key);
      return null;
    }
    if (!isSame(rule, refusal.rule)) return null;
    const { result, at } = refusal;
    return {
      ...result,
      retryAfterMs: result.retryAfterMs - (now - at),
      resetAfterMs: Math.max(0, result.resetAfterMs - (now - at)),
    };
  }

  remember(key: string, rule: WindowRule, result: LimitResult, now: number): void {
    const ageMs = Math.min(this.maxAgeMs, result.retryAfterMs);
    if (ageMs <= 0) return;
    this.refusals.delete(key);
    if (this.refusals.size >= this.maxKeys) {
      const [oldest] = this.refusals.keys();
      if (oldest !== undefined) this.refusals.delete(oldest);
    }
    this.refusals.set(key, { result, rule, at: now, until: now + ageMs });
  }

  forget(key: string): void {
    this.refusals.delete(key);
  }

  clear(): void {
    this.refusals.clear();
  }
}

function isSame(rule: WindowRule, other: WindowRule): boolean {
  return (
    rule.limit === other.limit &&
    rule.ttlMs === other.ttlMs &&
    rule.cost === other.cost &&
    rule.blockForMs === other.blockForMs
  );
}
