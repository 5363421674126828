import type { IpAddress } from '../../net/ip-address.js';
import { trackerKey } from '../../net/tracker-key.js';
import type { LogRecord } from '../record/request-record.js';

/** How a {@link RecordFolding} folds. */
export interface RecordFoldingOptions {
  /** So many blocked requests a minute have a row of their own, in this process. */
  perMinute: number;
  /** How long a record is held to stand for others, in milliseconds. */
  holdMs: number;
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
  /** Calls back once, after so many milliseconds, and does not keep the process alive for it. */
  after(ms: number, call: () => void): void;
  /** Takes a record that stands for as many others as its `repeats` says. */
  release(record: LogRecord): void;
}

const MINUTE_MS = 60_000;
/** Beyond so many clients and rules at once the oldest record goes before its time: memory is worth more. */
const MAX_HELD = 10_000;

/**
 * Keeps a client whom a rule has blocked from filling the disk: beyond a number of rows a minute the first of its
 * requests stands for those that follow within a moment. A row is only ever appended; what it stands for is known before
 * it leaves this process.
 */
export class RecordFolding {
  private readonly held = new Map<string, LogRecord>();
  private minuteEndsMs = 0;
  private left = 0;
  private isWaiting = false;
  /** Requests that another one's record stands for. */
  folded = 0;

  constructor(private readonly options: RecordFoldingOptions) {}

  /** Counts a blocked request with a record that is held, if there is one of its client and rule. */
  adds(ip: IpAddress | null, ruleId: number): boolean {
    if (this.held.size === 0) return false;
    const record = this.held.get(keyOf(ip, ruleId));
    if (record === undefined) return false;
    record.repeats += 1;
    this.folded += 1;
    return true;
  }

  /** Holds the record of a blocked request, unless it may have a row of its own at once. */
  holds(record: LogRecord, ruleId: number): boolean {
    if (this.mayPass()) return false;
    if (this.held.size >= MAX_HELD) this.releaseOldest();
    this.held.set(keyOf(record.ip, ruleId), record);
    if (!this.isWaiting) {
      this.isWaiting = true;
      this.options.after(this.options.holdMs, () => this.releaseAll());
    }
    return true;
  }

  /** Lets go of all that is held. */
  releaseAll(): void {
    this.isWaiting = false;
    const records = [...this.held.values()];
    this.held.clear();
    for (const record of records) this.options.release(record);
  }

  private releaseOldest(): void {
    for (const [key, record] of this.held) {
      this.held.delete(key);
      this.options.release(record);
      return;
    }
  }

  private mayPass(): boolean {
    const nowMs = this.options.now();
    if (nowMs >= this.minuteEndsMs) {
      this.minuteEndsMs = nowMs + MINUTE_MS;
      this.left = this.options.perMinute;
    }
    if (this.left === 0) return false;
    this.left -= 1;
    return true;
  }
}

/** A client is counted as everywhere: IPv6 by its /64. */
function keyOf(ip: IpAddress | null, ruleId: number): string {
  return ip === null ? `${ruleId}` : `${ruleId} ${trackerKey(ip)}`;
}
