import { messageOf } from '../../ip-tracking.errors.js';
import { storableExtra, UnstorableExtraError } from '../record/storable-extra.js';
import { requestRecord, type LogRecord, type RequestRecord } from '../record/request-record.js';

/**
 * What a host adds to a record: a plain object, or nothing. It is given the record as it is before its place is looked
 * up and before `privacy` has taken anything from it, not to be changed, and the request as the host's handlers see it
 * (of a handshake node's own, of a message what tells who the user is). It is called when the request is over, once for
 * each record that is written, and must not wait: a promise is refused.
 */
export type Enrich = (
  record: Readonly<Omit<RequestRecord, 'country' | 'city' | 'extra'>>,
  request: unknown,
) => Readonly<Record<string, unknown>> | null | undefined;

/** Asks a host's {@link Enrich}. Whatever that does, the record is written; what was wrong is counted, and said once. */
export class Enrichment {
  private readonly told = new Set<string>();

  /** Records that were written without what the host would have added. */
  failures = 0;

  constructor(
    private readonly enrich: Enrich,
    private readonly warn: (message: string) => void,
  ) {}

  /** What is stored with a record. Never throws. */
  of(record: LogRecord, request: unknown): Record<string, unknown> | null {
    try {
      return storableExtra(this.enrich(Object.freeze(requestRecord(record)), request));
    } catch (error) {
      this.failures += 1;
      this.tell(error);
      return null;
    }
  }

  private tell(error: unknown): void {
    const kind = error instanceof UnstorableExtraError ? error.message : 'it threw';
    if (this.told.has(kind)) return;
    this.told.add(kind);
    try {
      const cause = error instanceof UnstorableExtraError ? error.cause : error;
      const detail = cause === undefined ? '' : `: ${textOf(cause)}`;
      this.warn(
        `requestLog.enrich: ${kind}${detail}. Such records are stored without extra; this is said once, and counted`,
      );
    } catch {
      // What was thrown cannot even be shown, or the host's logger throws.
    }
  }
}

/** What a host throws may quote what its client sent. */
function textOf(error: unknown): string {
  return JSON.stringify(messageOf(error).slice(0, 200));
}
