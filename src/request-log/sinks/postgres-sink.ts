import { copyIn } from '../../database/copy-in.js';
import { explain, type Database } from '../../database/database.js';
import { errorCodeOf } from '../../database/connection-error.js';
import { isTimeout } from '../queue/isolating-write.js';
import { parseIdentity } from '../../state/identity.js';
import type { Lines } from '../record/lines.js';
import { earliestOf, LINE_COLUMNS } from '../record/record-line.js';
import type { LineSink } from '../record/request-record.js';

/** How long one write may take. */
export interface PostgresSinkOptions {
  /** In PostgreSQL, waiting for locks included, in milliseconds. @default 8000 */
  writeTimeoutMs?: number;
  /** Until an answer is there, in milliseconds; then the connection is given up. @default 10000 */
  answerTimeoutMs?: number;
}

const UNIQUE_VIOLATION = '23505';
const INSUFFICIENT_PRIVILEGE = '42501';
const COLUMNS = LINE_COLUMNS.map((column) => `"${column}"`).join(', ');

/** COPY knows no `on conflict`: this is for rows that nobody has tried to write before, which are nearly all. */
const COPY = `copy ip_tracking.request_log (${COLUMNS}) from stdin`;

/**
 * For rows of which some are there already: a batch whose COMMIT was answered to nobody, or a segment of a process that
 * was killed. The statements are one transaction, and the table goes with it: a pooler may give its session to others.
 */
const COPY_AND_INSERT = `
  create temporary table request_log_batch (like ip_tracking.request_log including defaults) on commit drop;
  copy pg_temp.request_log_batch (${COLUMNS}) from stdin;
  insert into ip_tracking.request_log (${COLUMNS}) select ${COLUMNS} from pg_temp.request_log_batch on conflict do nothing`;

/**
 * Ends the sessions that have waited for the rest of a COPY of ours nearly as long as its owner would: whoever sent it has
 * gone without a word, and `statement_timeout` does not count while PostgreSQL waits for a client. The rows that such a
 * session has copied hold off everybody who writes the same ones again.
 */
function endAbandoned(answerTimeoutMs: number): string {
  return `
  select pg_terminate_backend(pid) from pg_stat_activity
   where datname = current_database() and usename = current_user
     and state = 'active' and wait_event = 'ClientRead'
     and query like '%copy ip_tracking.request_log (%'
     and query_start < clock_timestamp() - interval '${Math.round(0.9 * answerTimeoutMs)} milliseconds';`;
}

/** Has a write fail, as if nobody were there, where another database is reached than the one that the rows were taken for. */
function requireDatabase(only: string): string {
  const identity = parseIdentity(only);
  if (identity === null) throw new Error('the records are of no database that can be told');
  return `select ip_tracking.require_database('${identity.installation}', ${identity.oid}); `;
}

/** Writes records into `ip_tracking.request_log`: each of them once, however often it is sent. */
export class PostgresSink implements LineSink {
  private readonly closing = new AbortController();
  private readonly writeTimeoutMs: number;
  private readonly answerTimeoutMs: number;
  private mayBeHeldOff = false;

  constructor(
    private readonly database: Database,
    options: PostgresSinkOptions = {},
  ) {
    this.writeTimeoutMs = options.writeTimeoutMs ?? 8_000;
    this.answerTimeoutMs = options.answerTimeoutMs ?? 10_000;
  }

  async writeLines(lines: Lines, only: string | null = null): Promise<void> {
    const rows = lines.bytes;
    const guard = only === null ? '' : requireDatabase(only);
    // In the same transaction: a record that comes after its address was erased is never seen.
    const forget = `select ip_tracking.forget_erased('${earliestOf(lines)}')`;
    try {
      await this.copy(`${guard}${COPY}; ${forget}`, rows);
    } catch (error) {
      if (errorCodeOf(error) !== UNIQUE_VIOLATION) explain(error);
      await this.copy(`${guard}${COPY_AND_INSERT}; ${forget}`, rows);
    }
  }

  /** Gives up a write that is under way. */
  close(): void {
    this.closing.abort();
  }

  private async copy(sql: string, rows: Buffer): Promise<void> {
    const before = this.mayBeHeldOff ? endAbandoned(this.answerTimeoutMs) : '';
    try {
      await copyIn(this.database, {
        sql: `set local statement_timeout = ${this.writeTimeoutMs}; ${before} ${sql}`,
        rows,
        answerTimeoutMs: this.answerTimeoutMs,
        signal: this.closing.signal,
      });
      this.mayBeHeldOff = false;
    } catch (error) {
      // Who may not end sessions can only wait for PostgreSQL to do it.
      const mayEnd = errorCodeOf(error) !== INSUFFICIENT_PRIVILEGE;
      this.mayBeHeldOff = isTimeout(error) || (this.mayBeHeldOff && mayEnd);
      throw error;
    }
  }
}
