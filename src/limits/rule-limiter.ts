import type { Refusal, RefusalResponse } from '../edge/refusal-response.js';
import type { RequestContext } from '../edge/request-context.js';
import { addressKey, bucketOf } from './bucket-keys.js';
import type { LimitAnswers } from './limit-answers.js';
import type { LimitResult, LimitStorage } from './store/limit-storage.js';

/** The name of the bucket of a client whom a limit rule names: one for all that it asks for. */
const NAME = 'limit-rule';
const MINUTE_MS = 60_000;

/** How a {@link RuleLimiter} counts. */
export interface RuleLimiterOptions {
  /** How many requests a minute a client may make. */
  perMinute: number;
  /** IPv6 clients are counted by networks of this length. */
  ipv6PrefixLength: number;
  /** What a refused client is told. */
  answers: LimitAnswers;
}

/** Counts all requests of clients whom a limit rule names, where the limits of routes are counted. */
export class RuleLimiter {
  constructor(
    private readonly storage: LimitStorage,
    private readonly options: RuleLimiterOptions,
  ) {}

  /**
   * Counts a request.
   *
   * @returns what its client gets, or null to let it pass: also where nobody can count it. It never throws or rejects.
   */
  count(context: RequestContext): Refusal {
    const { perMinute, ipv6PrefixLength } = this.options;
    const key = bucketOf(NAME, addressKey(context.client.ip, ipv6PrefixLength));
    try {
      const result = this.storage.hit(key, { limit: perMinute, ttlMs: MINUTE_MS });
      if (!(result instanceof Promise)) return this.judged(context, result);
      return result.then(
        (counted) => this.judged(context, counted),
        () => null,
      );
    } catch {
      return null;
    }
  }

  private judged(context: RequestContext, result: LimitResult): RefusalResponse | null {
    if (result.admitted) return null;
    context.isOverRule = true;
    const { answers } = this.options;
    return answers.refuse(context, { name: NAME, ttlMs: MINUTE_MS, userId: null, result });
  }
}
