import { IpTrackingError } from '../../../ip-tracking.errors.js';
import type { RedisClientTemplate } from './redis-connection.js';

/** Where the shared limits are kept; either `client` or `url` is needed. */
export interface RedisLimitStorageOptions {
  /**
   * An ioredis `Redis` or `Cluster` whose settings are used. It is duplicated, never used itself: limits need a
   * connection without an offline queue, without retries and with short timeouts.
   */
  readonly client?: RedisClientTemplate;
  /** `redis://[user:password@]host:port/db`, or `rediss://` for TLS. */
  readonly url?: string;
  /**
   * Put before each key; the key itself is its hash tag: `ipt:{203.0.113.7}`.
   *
   * @default 'ipt:'
   */
  readonly keyPrefix?: string;
  /**
   * After how many milliseconds without an answer a hit is given up.
   *
   * @default 100
   */
  readonly commandTimeoutMs?: number;
  /**
   * For how many milliseconds a key that was refused is refused again without asking. For so long may a reset in
   * another process go unnoticed; 0 always asks.
   *
   * @default 1000
   */
  readonly refusalCacheMs?: number;
  /** The time that Redis should believe it is, in milliseconds. Only for tests: by default it is its own `TIME`. @internal */
  readonly testNow?: () => number;
}

/** What a `RedisLimitStorage` has done. */
export interface RedisLimitStorageStats {
  readonly isConnected: boolean;
  /** Round trips that were answered. */
  readonly answers: number;
  /** Hits that were refused from memory, without a round trip. */
  readonly localRefusals: number;
  /** Commands that were given up after `commandTimeoutMs`. */
  readonly timeouts: number;
  /** Commands that failed for any other reason. */
  readonly errors: number;
}

/** What is set of the options whether the host says so or not. @internal */
export type RedisLimitSettings = Required<
  Pick<RedisLimitStorageOptions, 'keyPrefix' | 'commandTimeoutMs' | 'refusalCacheMs'>
> &
  Pick<RedisLimitStorageOptions, 'testNow'>;

/**
 * Completes the options.
 *
 * @throws IpTrackingError (`IPT_INVALID_OPTION`) for a number that makes no sense.
 * @internal
 */
export function completed(options: RedisLimitStorageOptions): RedisLimitSettings {
  return {
    keyPrefix: options.keyPrefix ?? 'ipt:',
    commandTimeoutMs: milliseconds('commandTimeoutMs', options.commandTimeoutMs ?? 100, 1),
    refusalCacheMs: milliseconds('refusalCacheMs', options.refusalCacheMs ?? 1_000, 0),
    testNow: options.testNow,
  };
}

function milliseconds(
  option: keyof RedisLimitStorageOptions,
  value: number,
  atLeast: number,
): number {
  if (Number.isFinite(value) && value >= atLeast) return value;
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    `Rate limits in Redis were given ${option}: ${String(value)}; write a number of milliseconds of at least ${atLeast}.`,
  );
}
