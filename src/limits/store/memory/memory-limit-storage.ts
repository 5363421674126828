import { AdmissionLists } from './admission-lists.js';
import { ForwardClock } from './forward-clock.js';
import { BLOCKED_UNTIL, HELD, KEPT_LIMIT, KEPT_TTL, NEWEST, OLDEST } from './key-record.js';
import { KeyTable, NO_RECORD } from './key-table.js';
import { toWindowRule, UNLIMITED } from '../limit-storage.js';
import type { LimitResult, LimitRule, LimitStorage } from '../limit-storage.js';
import { completed } from './memory-limit-storage.options.js';
import type {
  MemoryLimitStorageOptions,
  MemoryLimitStorageStats,
} from './memory-limit-storage.options.js';
import type { RecordPages } from './record-pages.js';
import { EMPTY_BUCKET, judge, NO_ENTRY } from '../sliding-window.js';
import type { Bucket, Verdict, WindowRule } from '../sliding-window.js';

/** Records that are looked at for expiry with each hit: the table is swept twice while it could fill once. */
const SWEPT_PER_HIT = 2;

/**
 * Keeps the limits of one process. Its memory is bounded: about 60 bytes a key and 24 an admission, 135 MB if both
 * bounds are reached at their defaults, and nothing of it concerns the garbage collector. A hit costs the same whatever
 * the number of keys; expired keys are swept a few with each hit, so there is no timer and no pause.
 *
 * At a bound the key that was idle for longest goes first, so a spray of a million addresses does not free a client who
 * keeps coming. Each key that is forgotten before its time is counted in {@link stats}.
 */
export class MemoryLimitStorage implements LimitStorage {
  private readonly maxKeys: number;
  private readonly maxAdmissions: number;
  private readonly clock: ForwardClock;
  private readonly table: KeyTable;
  private readonly keys: RecordPages;
  private readonly admissions: AdmissionLists;
  private sweepHand = 0;
  private evictions = 0;

  /** @throws IpTrackingError (`IPT_INVALID_OPTION`) for a bound that is not a whole number of at least 1. */
  constructor(options: MemoryLimitStorageOptions = {}) {
    const { maxKeys, maxAdmissions, now } = completed(options);
    this.maxKeys = maxKeys;
    this.maxAdmissions = maxAdmissions;
    this.clock = new ForwardClock(now);
    this.table = new KeyTable(maxKeys);
    this.keys = this.table.records;
    this.admissions = new AdmissionLists(this.keys);
  }

  hit(key: string, limitRule: LimitRule): LimitResult {
    const rule = toWindowRule(limitRule);
    if (rule.limit === Infinity) return UNLIMITED;
    const now = this.clock.tick();
    this.sweep(now);
    const found = this.table.find(key);
    if (found !== NO_RECORD) {
      this.table.touch(found);
      this.admissions.prune(found, now);
      this.keepFor(found, rule);
    }

    const bucket = this.bucketOf(found);
    const room = this.makeRoom(found) ? rule.limit : Math.min(rule.limit, bucket.held);
    const effective = room === rule.limit ? rule : { ...rule, limit: room };
    const verdict = judge(this.admissions, bucket, effective, now);
    if (!verdict.admitted && verdict.blockedUntil <= now) return toResult(rule, verdict, null);

    // Making room may not forget `found`, which is the busiest; creating may forget another.
    const record = found === NO_RECORD ? this.create() : found;
    this.keys.setFloat(record, BLOCKED_UNTIL, verdict.blockedUntil);
    if (found === NO_RECORD) this.keepFor(record, rule);
    return toResult(rule, verdict, verdict.admitted ? this.admit(record, rule.cost, now) : null);
  }

  peek(key: string, limitRule: LimitRule): LimitResult {
    const rule = toWindowRule(limitRule);
    if (rule.limit === Infinity) return UNLIMITED;
    const now = this.clock.tick();
    const found = this.table.find(key);
    if (found !== NO_RECORD) this.admissions.prune(found, now);
    return toResult(rule, judge(this.admissions, this.bucketOf(found), rule, now, 'peek'), null);
  }

  release(key: string, slot: string): boolean {
    const [record, admission, serial] = slot.split('.', 3).map(Number);
    // The record of a key is freed with its admissions, so an admission that still has its serial is the record's own.
    if (record === undefined || admission === undefined || serial === undefined) return false;
    if (record === NO_RECORD || this.table.find(key) !== record) return false;
    if (!this.admissions.holds(admission, serial)) return false;
    const now = this.clock.tick();
    const keptTtl = this.keys.float(record, KEPT_TTL);
    const hasExpired = this.admissions.admittedAt(admission) + keptTtl <= now;
    this.admissions.remove(record, admission);
    if (this.isSpent(record, now)) this.destroy(record);
    return !hasExpired;
  }

  reset(key: string): boolean {
    const record = this.table.find(key);
    if (record === NO_RECORD) return false;
    const wasSpent = this.isSpent(record, this.clock.tick());
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
    this.table.clear();
    this.admissions.clear();
  }

  private bucketOf(record: number): Bucket {
    if (record === NO_RECORD) return EMPTY_BUCKET;
    return {
      oldest: this.keys.int(record, OLDEST),
      newest: this.keys.int(record, NEWEST),
      held: this.keys.int(record, HELD),
      blockedUntil: this.keys.float(record, BLOCKED_UNTIL),
    };
  }

  /** Makes a record for the key that was not found just now. */
  private create(): number {
    if (this.keys.size >= this.maxKeys) this.evictIdlest();
    return this.table.create();
  }

  private destroy(record: number): void {
    this.admissions.freeAll(record);
    this.table.remove(record);
  }

  /** Names the admission that it makes: by its record, the key's, and a number that tells users of a record apart. */
  private admit(record: number, cost: number, now: number): string {
    const admission = this.admissions.append(record, cost, now);
    return `${record}.${admission}.${this.admissions.lastSerial}`;
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
    if (newest === NO_ENTRY) return true;
    return this.admissions.admittedAt(newest) + this.keys.float(record, KEPT_TTL) <= now;
  }

  /** Sees to it that one more admission can be kept; false if `record` alone holds as many as there may be. */
  private makeRoom(record: number): boolean {
    while (this.admissions.size >= this.maxAdmissions) {
      if (this.table.idlest === record) return false;
      this.evictIdlest();
    }
    return true;
  }

  private evictIdlest(): void {
    const { idlest } = this.table;
    if (!this.isSpent(idlest, this.clock.latest)) this.evictions++;
    this.destroy(idlest);
  }

  private sweep(now: number): void {
    const end = this.keys.highWaterMark;
    if (end === 0) return;
    for (let looked = 0; looked < SWEPT_PER_HIT; looked++) {
      if (this.sweepHand >= end) this.sweepHand = 0;
      const record = this.sweepHand++;
      if (!this.table.isFree(record) && this.isSpent(record, now)) this.destroy(record);
    }
  }
}

function toResult(rule: WindowRule, verdict: Verdict, slot: string | null): LimitResult {
  const { admitted, remaining, retryAfterMs, resetAfterMs } = verdict;
  return { admitted, limit: rule.limit, remaining, retryAfterMs, resetAfterMs, slot };
}
