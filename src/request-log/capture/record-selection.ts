import type { ListedPaths } from '../../edge/listed-paths.js';
import type { Outcome } from '../record/outcome.js';
import { EVIDENCE } from '../../signals/signal.js';
import type { LogRecord } from '../record/request-record.js';

/** What may be missing from the log without anybody missing it; refusals and failures never are. */
const UNEVENTFUL: ReadonlySet<Outcome> = new Set<Outcome>(['served', 'unmatched', 'aborted']);

/**
 * A path that some router may read as another one than we do: dot segments, slashes of other kinds, parameters. What it
 * pretends to be must not hide what it is served by.
 */
const AMBIGUOUS = /[\\;]|\/\/|\/\.\.?(?:\/|$)|%(?:00|25|2e|2f|3b|5c)/i;

/** Which records are written, where a host does not want all of them. */
export class RecordSelection {
  constructor(
    private readonly skipped: ListedPaths,
    /** The share of served requests that is kept, from 0 to 1. */
    private readonly sampleServed: number,
    /** A number from 0 to 1, 1 excluded, another one each time. */
    private readonly draw: () => number,
  ) {}

  /**
   * Whether a record is written. One of a sensitive route and one that shows something which speaks against its client,
   * both of which detection reads, and one that a rule has matched always is, whatever its path.
   *
   * @param path the request's path without its query string.
   */
  keeps(record: LogRecord, path: string): boolean {
    if (record.sensitive || record.ruleId !== null || record.reason === 'rule') return true;
    if (((record.signals ?? 0) & EVIDENCE) !== 0) return true;
    if (UNEVENTFUL.has(record.outcome) && this.isSkipped(path)) return false;
    return this.sampleServed >= 1 || record.outcome !== 'served' || this.draw() < this.sampleServed;
  }

  /** The name of a message is no path. */
  private isSkipped(path: string): boolean {
    return path.startsWith('/') && this.skipped.has(path) && !AMBIGUOUS.test(path);
  }
}
