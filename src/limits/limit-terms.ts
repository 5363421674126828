import { leaveUnawaited } from '../edge/host-hook.js';
import { messageOf } from '../ip-tracking.errors.js';
import type { LimitPolicy } from './limit-policy.js';
import { isLimitValue, type LimitValue } from './limits.options.js';

/** What a client may do by a policy, right now. */
export interface Terms {
  limit: number;
  ttlMs: number;
  cost: number;
}

/** The last resort of limits whose functions fail, defaults included. */
const FALLBACK = { authenticated: 10, anonymous: 5, ttlMs: 60_000, cost: 1 };

/** Reads what limits say, where a host has given functions for it. */
export class LimitTerms {
  private readonly warned = new Set<LimitValue>();

  constructor(
    /** What counts where a host's function gives no number. */
    private readonly defaults: Record<'authenticated' | 'anonymous' | 'ttlMs', LimitValue>,
    private readonly warn: (message: string) => void,
  ) {}

  /** What a policy says to a user, or to anybody where nobody is known. */
  of(policy: LimitPolicy, userId: string | null, request: unknown): Terms {
    return {
      limit:
        userId === null
          ? this.value('anonymous', policy.anonymous, request)
          : this.value('authenticated', policy.authenticated, request),
      ttlMs: this.value('ttlMs', policy.ttlMs, request),
      cost: this.value('cost', policy.cost, request),
    };
  }

  /** What a limit says for this request. A host's function that fails must neither open the door nor cost the request. */
  private value(option: keyof typeof FALLBACK, given: LimitValue, request: unknown): number {
    const kind = option === 'ttlMs' || option === 'cost' ? option : 'limit';
    const fallback = option === 'cost' ? FALLBACK.cost : this.defaults[option];
    for (const value of [given, fallback]) {
      if (typeof value === 'number') return value;
      try {
        const number: unknown = value(request);
        leaveUnawaited(number);
        if (isLimitValue(kind, number)) return number;
        this.warnOnce(value, `${option} was given ${String(number)} by its function`);
      } catch (error) {
        this.warnOnce(value, `the function of ${option} failed: ${messageOf(error)}`);
      }
    }
    return FALLBACK[option];
  }

  private warnOnce(value: LimitValue, message: string): void {
    if (this.warned.has(value)) return;
    this.warned.add(value);
    this.warn(`a rate limit's default counts instead, because ${message}`);
  }
}
