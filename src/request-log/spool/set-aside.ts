import { join } from 'node:path';
import { errorCodeOf } from '../../database/connection-error.js';
import { idOfLine, recordOf } from '../record/record-line.js';
import { requestRecord } from '../record/request-record.js';
import type { SpoolFiles } from './spool-files.js';

/** What is told of what was set aside. */
export interface SetAsideReport {
  /** Records that the sink refuses. */
  refused: number;
  /** The id and the error of the first of them. */
  first: { id: string; error: unknown } | null;
  /** Pieces of the spool that are no whole records. */
  torn: number;
  /** Records that the spool does not have any more. */
  lost: number;
  /** How many of those that are refused or torn are kept. */
  kept: number;
  /** The file that has them now; null where there is none. */
  file: string | null;
}

const REFUSED = 'refused.ndjson';
const TORN = 'torn.bin';
/** Beyond this many bytes what is set aside is counted alone: an attacker must not fill the disk with poison. */
const MAX_BYTES = 16 * 1_024 * 1_024;

/**
 * Keeps what will never be stored where a human can look at it: records that the sink refuses, with the error, one in
 * JSON a line; and bytes of the spool that are no records. Said once for many.
 */
export class SetAside {
  /** Records that are kept in the file. */
  quarantined = 0;
  private work: Promise<void> = Promise.resolve();
  private report: SetAsideReport | null = null;
  private written = 0;

  constructor(
    /** Gives the folder of the files; null for none. */
    private readonly folderOf: (() => Promise<string>) | null,
    private readonly files: SpoolFiles,
    private readonly onReport: (report: SetAsideReport) => void,
  ) {}

  /** Takes a line that the sink refuses. */
  refused(line: string, error: unknown): void {
    const report = this.open();
    report.refused += 1;
    report.first ??= { id: idOfLine(line), error };
    const entry = {
      error: errorCodeOf(error) ?? String(error),
      record: requestRecord(recordOf(line)),
    };
    this.append(REFUSED, Buffer.from(`${JSON.stringify(entry)}\n`), 1, () => {
      this.quarantined += 1;
    });
  }

  /** Takes bytes of the spool that are no whole records. */
  torn(damaged: readonly Buffer[]): void {
    this.open().torn += damaged.length;
    this.append(TORN, Buffer.concat(damaged), damaged.length);
  }

  /** Is told of records that were in the spool, and are not any more. */
  lost(count: number): void {
    this.open().lost += count;
  }

  /** Resolves when all of it is written and told. */
  async settled(): Promise<void> {
    for (let last: unknown; last !== this.work;) {
      last = this.work;
      await this.work;
    }
  }

  /** The report is told once all that belongs to it is kept, or is not. */
  private open(): SetAsideReport {
    if (this.report !== null) return this.report;
    const report: SetAsideReport = {
      refused: 0,
      first: null,
      torn: 0,
      lost: 0,
      kept: 0,
      file: null,
    };
    this.report = report;
    this.afterwards(async () => {
      await new Promise(setImmediate);
      this.report = null;
      // Behind what was taken meanwhile.
      this.afterwards(async () => this.onReport(report));
    });
    return report;
  }

  private append(name: string, bytes: Buffer, count: number, onKept?: () => void): void {
    const { folderOf, report } = this;
    if (folderOf === null || this.written + bytes.length > MAX_BYTES) return;
    this.written += bytes.length;
    this.afterwards(async () => {
      try {
        const folder = await folderOf();
        const path = join(folder, name);
        await this.files.mkdir(folder, { recursive: true, mode: 0o700 });
        await this.files.appendFile(path, bytes, { mode: 0o600 });
        onKept?.();
        if (report === null) return;
        report.kept += count;
        report.file = path;
      } catch {
        // It stays counted.
      }
    });
  }

  private afterwards(work: () => Promise<void>): void {
    // Whoever is told may throw; what is set aside next is told all the same.
    this.work = this.work.then(work).catch(() => undefined);
  }
}
