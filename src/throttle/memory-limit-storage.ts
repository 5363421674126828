import { randomBytes } from 'node:crypto';

import { IpTrackingError } from '../ip-tracking.errors.js';
import { KeyedHash } from './keyed-hash.js';
import { toWindowRule, UNLIMITED } from './limit-storage.js';
import type { LimitResult, LimitRule, LimitStorage } from './limit-storage.js';
import { RecordPages } from './record-pages.js';
import { EMPTY_BUCKET, judge, NO_ENTRY } from './sliding-window.js';
import type { Admissions, Bucket, Verdict, WindowRule } from './sliding-window.js';

/** What a {@link MemoryLimitStorage} may hold. */
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

/** What a {@link MemoryLimitStorage} holds and has done. */
export interface MemoryLimitStorageStats {
  /** Keys that are held, some of which may have expired. */
  readonly keys: number;
  /** Admissions that are held, some of which may have expired. */
  readonly admissions: number;
  /** Keys that were forgotten before their time because a bound was reached: a limit was not held for each. */
  readonly evictions: number;
}

const NONE = NO_ENTRY;

// Words of a key's record. The first is overwritten when the record is freed.
const CHAIN = 0;
const HASH_LOW = 1;
const HASH_HIGH = 2;
const OLDEST = 3;
const NEWEST = 4;
const HELD = 5;
const BLOCKED_UNTIL = 6;
const KEPT_TTL = 8;
/** The highest limit seen; -1 in a free record. */
const KEPT_LIMIT = 10;
const IDLER = 11;
const BUSIER = 12;
const KEY_WORDS = 14;

// Words of an admission's record.
const OLDER = 0;
const NEWER = 1;
const ADMITTED_AT = 2;
const COST = 4;
/** Tells two admissions apart that used the same record; 0 in a free record. */
const SERIAL = 5;
const ADMISSION_WORDS = 6;

/** Records that are looked at for expiry with each hit: the table is swept twice while it could fill once. */
const SWEPT_PER_HIT = 2;

/**
 * Keeps the limits of one process. Its memory is bounded: about 60 bytes a key and 24 an admission, 135 MB if both
 * bounds are reached at their defaults, and nothing of it concerns the garbage collector. A hit costs the same whatever
 * the number of keys; expired keys are swept a few with each hit, so there is no timer and no pause.
 *
 * At a bound the key that was idle for longest goes first, so a spray of a million addresses does not free a client who
 * keeps coming. Each key that is forgotten before its time is counted in {@link stats}.
 *
 * Keys are kept as a keyed 64-bit hash, never as text, see {@link KeyedHash}.
 */
export class MemoryLimitStorage implements LimitStorage, Admissions {
  private readonly maxKeys: number;
  private readonly maxAdmissions: number;
  private readonly now: () => number;
  private readonly hash: KeyedHash;
  private readonly chains: Int32Array;
  private readonly keys = new RecordPages(KEY_WORDS);
  private readonly admissions = new RecordPages(ADMISSION_WORDS);

  private idlest = NONE;
  private busiest = NONE;
  private sweepHand = 0;
  private serial = 0;
  private evictions = 0;
  private latest = Number.NEGATIVE_INFINITY;
  private clockOffset = 0;

  /** @throws IpTrackingError (`IPT_INVALID_OPTION`) for a bound that is not a whole number of at least 1. */
  constructor(options: MemoryLimitStorageOptions = {}) {
    this.maxKeys = bound('maxKeys', options.maxKeys ?? 1_000_000);
    this.maxAdmissions = bound('maxAdmissions', options.maxAdmissions ?? 3 * this.maxKeys);
    this.now = options.now ?? (() => performance.now());
    const secret = randomBytes(8);
    this.hash = new KeyedHash(secret.readInt32LE(0), secret.readInt32LE(4));
    this.chains = new Int32Array(2 ** Math.ceil(Math.log2(this.maxKeys))).fill(NONE);
  }

  hit(key: string, limitRule: LimitRule): LimitResult {
    const rule = toWindowRule(limitRule);
    if (rule.limit === Infinity) return UNLIMITED;
    const now = this.tick();
    this.sweep(now);
    const found = this.find(key);
    if (found !== NONE) {
      this.touch(found);
      this.prune(found, now);
      this.keepFor(found, rule);
    }

    const bucket = this.bucketOf(found);
    const room = this.makeRoom(found) ? rule.limit : Math.min(rule.limit, bucket.held);
    const verdict = judge(this, bucket, room === rule.limit ? rule : { ...rule, limit: room }, now);
    if (!verdict.admitted && verdict.blockedUntil <= now) return toResult(rule, verdict, null);

    // Making room may not forget `found`, which is the busiest; creating may forget another.
    const record = found === NONE ? this.create() : found;
    this.keys.setFloat(record, BLOCKED_UNTIL, verdict.blockedUntil);
    if (found === NONE) this.keepFor(record, rule);
    return toResult(rule, verdict, verdict.admitted ? this.admit(record, rule.cost, now) : null);
  }

  peek(key: string, limitRule: LimitRule): LimitResult {
    const rule = toWindowRule(limitRule);
    if (rule.limit === Infinity) return UNLIMITED;
    const now = this.tick();
    const found = this.find(key);
    if (found !== NONE) this.prune(found, now);
    return toResult(rule, judge(this, this.bucketOf(found), rule, now, 'peek'), null);
  }

  release(key: string, slot: string): boolean {
    const [keyRecord, admission, serial] = slot.split('.', 3).map(Number);
    // The record of a key is freed with its admissions, so an admission that still has its serial is the record's own.
    const isInRange = admission >= 0 && admission < this.admissions.highWaterMark;
    if (keyRecord === NONE || this.find(key) !== keyRecord || !isInRange) return false;
    if (serial === 0 || this.admissions.int(admission, SERIAL) !== serial) return false;
    const now = this.tick();
    const hasExpired = this.admittedAt(admission) + this.keys.float(keyRecord, KEPT_TTL) <= now;
    this.remove(keyRecord, admission);
    if (this.isSpent(keyRecord, now)) this.destroy(keyRecord);
    return !hasExpired;
  }

  reset(key: string): boolean {
    const record = this.find(key);
    if (record === NONE) return false;
    const wasSpent = this.isSpent(record, this.tick());
    this.destroy(record);
    return !wasSpent;
  }

  /** Says how much is held, and how often a bound made it forget a key. */
  stats(): MemoryLimitStorageStats {
    return {
      keys: this.keys.size,
      admissions: this.admissions.size,
      evictions: this.evictions,
    };
  }

  async close(): Promise<void> {
    this.keys.clear();
    this.admissions.clear();
    this.chains.fill(NONE);
    this.idlest = NONE;
    this.busiest = NONE;
  }

  newer(admission: number): number {
    return this.admissions.int(admission, NEWER);
  }

  admittedAt(admission: number): number {
    return this.admissions.float(admission, ADMITTED_AT);
  }

  costOf(admission: number): number {
    return this.admissions.int(admission, COST);
  }

  /** If the clock steps back, time goes on from where it was: no bucket opens, and none stays shut for the difference. */
  private tick(): number {
    const read = this.now();
    if (read + this.clockOffset < this.latest) this.clockOffset = this.latest - read;
    this.latest = read + this.clockOffset;
    return this.latest;
  }

  private find(key: string): number {
    this.hash.digest(key);
    const { low, high } = this.hash;
    let record = this.chains[low & (this.chains.length - 1)];
    while (
      record !== NONE &&
      (this.keys.int(record, HASH_LOW) !== low || this.keys.int(record, HASH_HIGH) !== high)
    ) {
      record = this.keys.int(record, CHAIN);
    }
    return record;
  }

  private bucketOf(record: number): Bucket {
    if (record === NONE) return EMPTY_BUCKET;
    return {
      oldest: this.keys.int(record, OLDEST),
      newest: this.keys.int(record, NEWEST),
      held: this.keys.int(record, HELD),
      blockedUntil: this.keys.float(record, BLOCKED_UNTIL),
    };
  }

  /** Makes a record for the key that `find` did not find just now. */
  private create(): number {
    const { low, high } = this.hash;
    if (this.keys.size >= this.maxKeys) this.evictIdlest();
    const record = this.keys.allocate();
    const chain = low & (this.chains.length - 1);
    this.keys.setInt(record, CHAIN, this.chains[chain]);
    this.chains[chain] = record;
    this.keys.setInt(record, HASH_LOW, low);
    this.keys.setInt(record, HASH_HIGH, high);
    this.keys.setInt(record, OLDEST, NONE);
    this.keys.setInt(record, NEWEST, NONE);
    this.keys.setInt(record, HELD, 0);
    this.keys.setFloat(record, KEPT_TTL, 0);
    this.keys.setInt(record, KEPT_LIMIT, 0);
    this.appendToIdleList(record);
    return record;
  }

  private destroy(record: number): void {
    let admission = this.keys.int(record, OLDEST);
    while (admission !== NONE) {
      const newer = this.newer(admission);
      this.freeAdmission(admission);
      admission = newer;
    }
    this.removeFromIdleList(record);
    const chain = this.keys.int(record, HASH_LOW) & (this.chains.length - 1);
    const next = this.keys.int(record, CHAIN);
    if (this.chains[chain] === record) {
      this.chains[chain] = next;
    } else {
      let before = this.chains[chain];
      while (this.keys.int(before, CHAIN) !== record) before = this.keys.int(before, CHAIN);
      this.keys.setInt(before, CHAIN, next);
    }
    this.keys.setInt(record, KEPT_LIMIT, NONE);
    this.keys.free(record);
  }

  /** Appends an admission, and forgets those that no limit the key has seen could ask for any more. */
  private admit(record: number, cost: number, now: number): string {
    const admission = this.admissions.allocate();
    const before = this.keys.int(record, NEWEST);
    this.serial = (this.serial + 1) | 0 || 1;
    this.admissions.setInt(admission, OLDER, before);
    this.admissions.setInt(admission, NEWER, NONE);
    this.admissions.setFloat(admission, ADMITTED_AT, now);
    this.admissions.setInt(admission, COST, cost);
    this.admissions.setInt(admission, SERIAL, this.serial);
    if (before === NONE) this.keys.setInt(record, OLDEST, admission);
    else this.admissions.setInt(before, NEWER, admission);
    this.keys.setInt(record, NEWEST, admission);
    this.keys.setInt(record, HELD, this.keys.int(record, HELD) + cost);

    const keptLimit = this.keys.int(record, KEPT_LIMIT);
    let oldest = this.keys.int(record, OLDEST);
    while (this.keys.int(record, HELD) - this.costOf(oldest) >= keptLimit) {
      this.remove(record, oldest);
      oldest = this.keys.int(record, OLDEST);
    }
    return `${record}.${admission}.${this.serial}`;
  }

  private remove(record: number, admission: number): void {
    const older = this.admissions.int(admission, OLDER);
    const newer = this.admissions.int(admission, NEWER);
    if (older === NONE) this.keys.setInt(record, OLDEST, newer);
    else this.admissions.setInt(older, NEWER, newer);
    if (newer === NONE) this.keys.setInt(record, NEWEST, older);
    else this.admissions.setInt(newer, OLDER, older);
    this.keys.setInt(record, HELD, this.keys.int(record, HELD) - this.costOf(admission));
    this.freeAdmission(admission);
  }

  private freeAdmission(admission: number): void {
    this.admissions.setInt(admission, SERIAL, 0);
    this.admissions.free(admission);
  }

  private prune(record: number, now: number): void {
    const keptTtl = this.keys.float(record, KEPT_TTL);
    let oldest = this.keys.int(record, OLDEST);
    while (oldest !== NONE && this.admittedAt(oldest) + keptTtl <= now) {
      this.remove(record, oldest);
      oldest = this.keys.int(record, OLDEST);
    }
    if (oldest === NONE) {
      this.keys.setFloat(record, KEPT_TTL, 0);
      this.keys.setInt(record, KEPT_LIMIT, 0);
    }
  }

  private keepFor(record: number, rule: WindowRule): void {
    if (rule.ttlMs > this.keys.float(record, KEPT_TTL)) {
      this.keys.setFloat(record, KEPT_TTL, rule.ttlMs);
    }
    if (rule.limit > this.keys.int(record, KEPT_LIMIT)) {
      this.keys.setInt(record, KEPT_LIMIT, rule.limit);
    }
  }

  private isSpent(record: number, now: number): boolean {
    if (this.keys.float(record, BLOCKED_UNTIL) > now) return false;
    const newest = this.keys.int(record, NEWEST);
    return newest === NONE || this.admittedAt(newest) + this.keys.float(record, KEPT_TTL) <= now;
  }

  /** Sees to it that one more admission can be kept; false if `record` alone holds as many as there may be. */
  private makeRoom(record: number): boolean {
    while (this.admissions.size >= this.maxAdmissions) {
      if (this.idlest === record) return false;
      this.evictIdlest();
    }
    return true;
  }

  private evictIdlest(): void {
    if (!this.isSpent(this.idlest, this.latest)) this.evictions++;
    this.destroy(this.idlest);
  }

  private sweep(now: number): void {
    for (let looked = 0; looked < SWEPT_PER_HIT; looked++) {
      if (this.sweepHand >= this.keys.highWaterMark) this.sweepHand = 0;
      if (this.sweepHand >= this.keys.highWaterMark) return;
      const record = this.sweepHand++;
      const isFree = this.keys.int(record, KEPT_LIMIT) === NONE;
      if (!isFree && this.isSpent(record, now)) this.destroy(record);
    }
  }

  private touch(record: number): void {
    if (record === this.busiest) return;
    this.removeFromIdleList(record);
    this.appendToIdleList(record);
  }

  private appendToIdleList(record: number): void {
    this.keys.setInt(record, IDLER, this.busiest);
    this.keys.setInt(record, BUSIER, NONE);
    if (this.busiest === NONE) this.idlest = record;
    else this.keys.setInt(this.busiest, BUSIER, record);
    this.busiest = record;
  }

  private removeFromIdleList(record: number): void {
    const idler = this.keys.int(record, IDLER);
    const busier = this.keys.int(record, BUSIER);
    if (idler === NONE) this.idlest = busier;
    else this.keys.setInt(idler, BUSIER, busier);
    if (busier === NONE) this.busiest = idler;
    else this.keys.setInt(busier, IDLER, idler);
  }
}

function toResult(rule: WindowRule, verdict: Verdict, slot: string | null): LimitResult {
  const { admitted, remaining, retryAfterMs, resetAfterMs } = verdict;
  return { admitted, limit: rule.limit, remaining, retryAfterMs, resetAfterMs, slot };
}

function bound(option: keyof MemoryLimitStorageOptions, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 2 ** 30) return value;
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    `The memory of rate limits was given ${option}: ${String(value)}; write a whole number from 1 to 1,073,741,824.`,
  );
}
