import { IpTrackingError } from '../../../ip-tracking.errors.js';

/** What a `MemoryLimitStorage` may hold. */
export interface MemoryLimitStorageOptions {
  /**
   * How many keys are kept. Beyond it the key that was idle for longest is forgotten for each new one.
   *
   * @default 1_000_000
   */
  readonly maxKeys?: number;
  /**
   * How many admissions are kept over all keys, 24 bytes each. Beyond it the idlest keys are forgotten; one key alone
   * is never admitted more than this in its window, whatever its limit.
   *
   * @default 3 * maxKeys
   */
  readonly maxAdmissions?: number;
  /**
   * The clock, in milliseconds. It should not follow the wall clock.
   *
   * @default performance.now
   */
  readonly now?: () => number;
}

/** What a `MemoryLimitStorage` holds and has done. */
export interface MemoryLimitStorageStats {
  /** Keys that are held, some of which may have expired. */
  readonly keys: number;
  /** Admissions that are held, some of which may have expired. */
  readonly admissions: number;
  /** Keys that were forgotten before their time because a bound was reached: a limit was not held for each. */
  readonly evictions: number;
}

/**
 * Completes the options.
 *
 * @throws IpTrackingError (`IPT_INVALID_OPTION`) for a bound that is not a whole number of at least 1.
 */
export function completed(options: MemoryLimitStorageOptions): Required<MemoryLimitStorageOptions> {
  const maxKeys = bound('maxKeys', options.maxKeys ?? 1_000_000);
  return {
    maxKeys,
    maxAdmissions: bound('maxAdmissions', options.maxAdmissions ?? 3 * maxKeys),
    now: options.now ?? (() => performance.now()),
  };
}

function bound(option: keyof MemoryLimitStorageOptions, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 2 ** 30) return value;
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    `The memory of rate limits was given ${option}: ${String(value)}; write a whole number from 1 to 1,073,741,824.`,
  );
}
