import { LineWriter } from '../record/line-writer.js';
import type { LogRecord } from '../record/request-record.js';
import { Batch } from '../spool/batch.js';

/** Records that are in no batch yet. */
export class PushedRecords {
  private readonly writer = new LineWriter();
  private oldestAtMs = 0;

  /** Records that were no records, such as one without a time: each costs itself, not its batch. */
  malformed = 0;

  get length(): number {
    return this.writer.length;
  }

  /** When the oldest of them was pushed; null where there is none. */
  get sinceMs(): number | null {
    return this.writer.length === 0 ? null : this.oldestAtMs;
  }

  /** Takes a record. Never throws. */
  add(record: LogRecord, nowMs: number): void {
    try {
      this.writer.add(record);
      if (this.writer.length === 1) this.oldestAtMs = nowMs;
    } catch {
      this.malformed += 1;
    }
  }

  /** Makes batches of them, of no more than so many lines each. */
  take(size: number): Batch[] {
    const batches: Batch[] = [];
    for (const lines of this.writer.take()) {
      for (let from = 0; from < lines.length; from += size) {
        batches.push(new Batch(lines.slice(from, from + size), this.oldestAtMs));
      }
    }
    return batches;
  }
}
