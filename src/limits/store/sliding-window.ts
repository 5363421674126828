/** Stands for "no admission" where an entry of {@link Admissions} is expected. */
export const NO_ENTRY = -1;

/** What one hit is judged by; every field is given, see `LimitRule` for what each means. */
export interface WindowRule {
  readonly limit: number;
  readonly ttlMs: number;
  readonly cost: number;
  readonly blockForMs: number;
}

/**
 * Read access to admissions that are kept elsewhere. An entry is whatever number its keeper likes, except
 * {@link NO_ENTRY}; entries of one bucket are linked from the oldest to the newest, and their times never decrease.
 */
export interface Admissions {
  /** The next newer entry of the same bucket, or {@link NO_ENTRY}. */
  newer(entry: number): number;
  /** When the entry was admitted, in milliseconds of the clock that `now` is read from. */
  admittedAt(entry: number): number;
  /** How many units of the limit it took. */
  costOf(entry: number): number;
}

/** The state of one key. Entries that the window has left behind may still be in it. */
export interface Bucket {
  readonly oldest: number;
  readonly newest: number;
  /** The sum of `costOf` over all entries. */
  readonly held: number;
  /** Until when everything is refused because of an earlier breach; a past time where nothing is. */
  readonly blockedUntil: number;
}

/** A bucket that has admitted nothing yet. */
export const EMPTY_BUCKET: Bucket = {
  oldest: NO_ENTRY,
  newest: NO_ENTRY,
  held: 0,
  blockedUntil: Number.NEGATIVE_INFINITY,
};

/** The answer to one hit, and the block that has to be kept with the bucket from now on. */
export interface Verdict {
  readonly admitted: boolean;
  readonly remaining: number;
  readonly retryAfterMs: number;
  readonly resetAfterMs: number;
  readonly blockedUntil: number;
}

/**
 * Judges one hit by an exact sliding window: what was admitted in `(now - ttlMs, now]` counts, so an admission stops
 * counting exactly `ttlMs` after it was made, and no window of that length ever holds more than `limit` units. Refused
 * hits are not kept, hence do not make anybody wait longer.
 *
 * A breach starts a block of `blockForMs` that refuses everything until it ends; attempts made meanwhile do not extend
 * it, else a client that retries on a timer would never get out. A hit whose cost exceeds the limit is no breach: it
 * says something about the rule, not about the client.
 *
 * `now` must not run backwards between two judgements of a bucket. With `mode` `peek` nothing is taken and no block is
 * started. The caller records the admission and the block; this function changes nothing.
 */
export function judge(
  admissions: Admissions,
  bucket: Bucket,
  rule: WindowRule,
  now: number,
  mode: 'hit' | 'peek' = 'hit',
): Verdict {
  const { limit, ttlMs, cost } = rule;
  let live = bucket.held;
  let oldest = bucket.oldest;
  while (oldest !== NO_ENTRY && admissions.admittedAt(oldest) + ttlMs <= now) {
    live -= admissions.costOf(oldest);
    oldest = admissions.newer(oldest);
  }

  const isBlocked = bucket.blockedUntil > now;
  const admitted = !isBlocked && live + cost <= limit;
  const taken = admitted && mode === 'hit' ? cost : 0;
  const isBreach = mode === 'hit' && !admitted && !isBlocked && cost <= limit;
  const blockedUntil =
    isBreach && rule.blockForMs > 0 ? now + rule.blockForMs : bucket.blockedUntil;
  const blockLeftMs = Math.max(0, blockedUntil - now);

  let missing = live + taken + cost - limit;
  let waitMs = 0;
  if (cost > limit) {
    waitMs = ttlMs;
  } else if (missing > 0) {
    for (let entry = oldest; missing > 0 && entry !== NO_ENTRY; entry = admissions.newer(entry)) {
      missing -= admissions.costOf(entry);
      waitMs = admissions.admittedAt(entry) + ttlMs - now;
    }
    // What is still missing then is held by the admission that is being made.
    if (missing > 0) waitMs = ttlMs;
  }

  let emptyInMs = 0;
  if (taken > 0) emptyInMs = ttlMs;
  else if (live > 0) emptyInMs = admissions.admittedAt(bucket.newest) + ttlMs - now;

  return {
    admitted,
    remaining: blockLeftMs > 0 ? 0 : Math.max(0, limit - live - taken),
    retryAfterMs: Math.max(blockLeftMs, waitMs),
    resetAfterMs: Math.max(blockLeftMs, emptyInMs),
    blockedUntil,
  };
}
