import type { Batch } from '../spool/batch.js';
import type { Spool } from '../spool/spool.js';

/** What {@link OverdueRecords} need. */
export interface OverdueRecordsParts {
  spool: Spool;
  /** How long after its push a record that is not delivered is in the spool, in milliseconds. */
  writeIntervalMs: number;
  /** How soon the disk is asked again for what it has refused, in milliseconds. */
  retryMs: number;
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
  /** What memory has in batches, the oldest first. */
  batches(): readonly Batch[];
  /** When the oldest record was pushed that is in no batch yet; null where there is none. */
  waitingSinceMs(): number | null;
  /** Makes batches of those. */
  gather(): void;
  /** Has {@link OverdueRecords.store} called after so many milliseconds, unless that is so already. */
  schedule(delayMs: number): void;
}

/** Records that are stored at once, at most, so that nobody is held up for long; the next who comes stores the next. */
const STORED_AT_ONCE = 2_500;

/**
 * Has the spool take what the sink has not taken in time. A timer does that, and so does whoever comes: while handlers
 * hold up the event loop, timers and answers of the disk wait for all of those that are due.
 */
export class OverdueRecords {
  /** When the oldest record that is not stored has waited for too long; or earlier. */
  private overdueAtMs = Number.POSITIVE_INFINITY;

  constructor(private readonly parts: OverdueRecordsParts) {}

  /** Something waits that is to be stored by a moment, if it is not delivered before. */
  await(overdueAtMs = this.nextOverdueMs): void {
    this.overdueAtMs = Math.min(this.overdueAtMs, overdueAtMs);
    if (overdueAtMs === Number.POSITIVE_INFINITY) return;
    this.parts.schedule(Math.max(0, overdueAtMs - this.parts.now()));
  }

  /** Stores what is overdue before it returns. Costs next to nothing where nothing is. Never throws. */
  keepUp(nowMs: number): void {
    if (nowMs >= this.overdueAtMs) this.storeNow(nowMs);
  }

  /** Stores all that memory holds before it returns, as far as the disk takes it at once. Never throws. */
  storeAllNow(): void {
    this.parts.gather();
    this.parts.spool.storeNow(this.parts.batches());
  }

  /** Stores what is overdue at once, and in a turn of the disk what it does not take at once. Never rejects. */
  async store(): Promise<void> {
    const { now, retryMs, spool } = this.parts;
    // A timer may come a moment early.
    const nowMs = now() + 1;
    this.storeNow(nowMs);
    const due = this.overdue(nowMs);
    await spool.store(due);
    this.await(due.some(isUnstored) ? now() + retryMs : this.nextOverdueMs);
  }

  private storeNow(nowMs: number): void {
    const { spool, writeIntervalMs, gather } = this.parts;
    if ((this.parts.waitingSinceMs() ?? nowMs) + writeIntervalMs <= nowMs) gather();
    let count = 0;
    const some = this.overdue(nowMs).filter(({ left }) => (count += left) - left < STORED_AT_ONCE);
    spool.storeNow(some);
    // What the disk does not take is not offered again by everybody who comes.
    this.overdueAtMs = some.some(isUnstored) ? nowMs + writeIntervalMs : this.nextOverdueMs;
  }

  private overdue(nowMs: number): Batch[] {
    const sinceMs = nowMs - this.parts.writeIntervalMs;
    return this.parts.batches().filter((batch) => isUnstored(batch) && batch.sinceMs <= sinceMs);
  }

  private get nextOverdueMs(): number {
    const oldest = this.parts.batches().find(isUnstored);
    const sinceMs = oldest?.sinceMs ?? this.parts.waitingSinceMs() ?? Number.POSITIVE_INFINITY;
    return sinceMs + this.parts.writeIntervalMs;
  }
}

/** Whether neither the spool has a batch nor the sink. */
function isUnstored({ segment, left }: Batch): boolean {
  return segment === null && left > 0;
}
