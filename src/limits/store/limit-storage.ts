import { IpTrackingError } from '../../ip-tracking.errors.js';
import type { WindowRule } from './sliding-window.js';

/** How many hits a key may have, in what time. It is given with each hit and may differ from one to the next. */
export interface LimitRule {
  /**
   * How many units are admitted in any window of `ttlMs`. `0` admits none, `Infinity` admits all without counting; a
   * fraction is rounded down.
   */
  readonly limit: number;
  /** The length of the window in milliseconds: what was admitted in `(now - ttlMs, now]` counts. */
  readonly ttlMs: number;
  /**
   * How many units one hit takes, a whole number of at least 1. A hit that costs more than the limit is never admitted.
   *
   * @default 1
   */
  readonly cost?: number;
  /**
   * For how many milliseconds everything is refused after a breach. Attempts made meanwhile do not extend it.
   *
   * @default 0
   */
  readonly blockForMs?: number;
}

/** What became of one hit. */
export interface LimitResult {
  /** Whether the hit may pass. */
  readonly admitted: boolean;
  /** The limit it was judged by. */
  readonly limit: number;
  /** Units that are still free after it; 0 while the key is blocked. */
  readonly remaining: number;
  /**
   * Milliseconds until a hit of the same cost can be admitted, 0 if it could be now. For a cost that exceeds the limit
   * it is `ttlMs`: there is no true answer, and a client should not ask sooner.
   */
  readonly retryAfterMs: number;
  /** Milliseconds until nothing counts any more and no block holds. */
  readonly resetAfterMs: number;
  /** Names this admission, so that it can be given back with `release`; null where nothing was taken. */
  readonly slot: string | null;
}

/** What may be said with one hit besides its rule. */
export interface HitOptions {
  /**
   * What happens if the shared store is down: true throws {@link LimitStoreUnavailableError}, false counts in this
   * process alone. Stores that cannot be down ignore it.
   *
   * @default false
   */
  readonly failClosed?: boolean;
}

/**
 * Keeps the buckets of the limiter. Every method is atomic for its key: of any number of concurrent hits, no more than
 * the limit are admitted. A store in this process answers at once, one elsewhere with a promise.
 *
 * Where the rules of one key differ in time, each hit is judged by its own rule over what the key was admitted under
 * all of them. An admission is kept for the longest `ttlMs`, and as many units as the highest `limit`, that the key has
 * seen since it was last empty.
 */
export interface LimitStorage {
  /** Counts one hit, unless it is refused. */
  hit(key: string, rule: LimitRule, options?: HitOptions): Promise<LimitResult> | LimitResult;
  /** Says what a hit would be told, without counting it: `slot` is null, `remaining` what is free now. */
  peek(key: string, rule: LimitRule, options?: HitOptions): Promise<LimitResult> | LimitResult;
  /**
   * Gives one admission back. False if it has expired, was given back before, or is not of this key; it never gives
   * back somebody else's.
   */
  release(key: string, slot: string): Promise<boolean> | boolean;
  /** Forgets all admissions of the key, and its block. False if there was nothing to forget. */
  reset(key: string): Promise<boolean> | boolean;
  /**
   * Throws where a hit on this key would fail, and counts nothing. A store that can be read and not written to (it is
   * full, or a replica) has to fail here.
   */
  probe?(key: string): Promise<void>;
  /** Frees connections and memory. The storage must not be used afterwards. */
  close?(): Promise<void>;
}

/**
 * The shared store did not answer in time, or not at all. A guard answers 503 to it and never 429: the client did
 * nothing wrong.
 */
export class LimitStoreUnavailableError extends IpTrackingError {
  /** Whether only this key cannot be counted: others still are. */
  readonly isOfOneKey: boolean;

  constructor(message: string, options: { cause?: unknown; isOfOneKey?: boolean } = {}) {
    super('IPT_LIMIT_STORE_UNAVAILABLE', message, options);
    this.isOfOneKey = options.isOfOneKey ?? false;
  }
}

/** Units are counted in 32 bits; a finite limit above this is this. */
export const MAX_LIMIT = 2 ** 31 - 1;

/**
 * Completes and checks a rule.
 *
 * @throws IpTrackingError (`IPT_INVALID_OPTION`) for a number that is none, negative, or makes no window: a limit that
 * is computed from a request must not turn into "no limit" by a slip.
 */
export function toWindowRule(rule: LimitRule): WindowRule {
  const { limit, ttlMs, cost = 1, blockForMs = 0 } = rule;
  if (!(limit >= 0)) {
    throw invalid('limit', limit, 'a number of at least 0');
  }
  if (!(ttlMs > 0 && ttlMs < Infinity)) {
    throw invalid('ttlMs', ttlMs, 'a number of milliseconds above 0');
  }
  if (!(Number.isInteger(cost) && cost >= 1)) {
    throw invalid('cost', cost, 'a whole number of at least 1');
  }
  if (!(blockForMs >= 0 && blockForMs < Infinity)) {
    throw invalid('blockForMs', blockForMs, 'a number of milliseconds of at least 0');
  }
  return {
    limit: limit > MAX_LIMIT ? (limit === Infinity ? limit : MAX_LIMIT) : Math.floor(limit),
    ttlMs,
    cost,
    blockForMs,
  };
}

/** The answer of every store to a rule whose limit is `Infinity`. */
export const UNLIMITED: LimitResult = Object.freeze({
  admitted: true,
  limit: Infinity,
  remaining: Infinity,
  retryAfterMs: 0,
  resetAfterMs: 0,
  slot: null,
});

function invalid(field: keyof LimitRule, value: unknown, wanted: string): IpTrackingError {
  return new IpTrackingError(
    'IPT_INVALID_OPTION',
    `A rate limit was given ${field}: ${String(value)}; write ${wanted}.`,
  );
}
