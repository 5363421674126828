import { idOfLine } from '../../src/request-log/record/record-line.js';
import {
  RequestQueue,
  type RequestQueueOptions,
} from '../../src/request-log/queue/request-queue.js';
import type { LogRecord } from '../../src/request-log/record/request-record.js';
import { SetAside } from '../../src/request-log/spool/set-aside.js';
import type { SpoolFiles } from '../../src/request-log/spool/spool-files.js';

/** What a sink fails with that is down. */
export const GONE = Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
/** What a sink fails with that will not take the data. */
export const POISONOUS = Object.assign(new Error('invalid byte sequence'), { code: '22021' });

/** A record that is like any other but for its id. */
export function recordOf(id: number): LogRecord {
  return {
    id: String(id),
    timestampMs: 0,
    ip: null,
    ipSource: 'socket',
    method: 'GET',
    path: '/',
    route: null,
    status: 200,
    outcome: 'served',
    durationUs: 0,
    userAgent: null,
    userId: null,
    sensitive: false,
    ruleId: null,
    reason: null,
    repeats: 0,
    signals: null,
    attemptedUser: null,
    country: null,
    city: null,
  };
}

/** What a sink does with the records of these numbers. */
export type Write = (ids: number[]) => Promise<void>;

/** A queue without a spool, and what has become of its records. */
export function queueWith(given: Partial<RequestQueueOptions> & { sink?: Write } = {}) {
  const writes: { at: number; ids: number[] }[] = [];
  const kept: number[] = [];
  const outages: unknown[] = [];
  const start = Date.now();
  const sink: { write: Write } = { write: given.sink ?? (() => Promise.resolve()) };
  const queue = new RequestQueue({
    write: async (lines) => {
      const ids = Array.from(lines, (line) => Number(idOfLine(line)));
      writes.push({ at: Date.now() - start, ids });
      await sink.write(ids);
      kept.push(...ids);
    },
    close: () => Promise.resolve(),
    spool: null,
    setAside: new SetAside(null, {} as SpoolFiles, () => {}),
    unenriched: () => 0,
    flushIntervalMs: 1_000,
    writeIntervalMs: 100,
    syncIntervalMs: 1_000,
    maxBatchSize: 10,
    maxQueued: 100,
    maxRetryMs: 5_000,
    now: () => Date.now(),
    onOutage: (error) => outages.push(error),
    ...given,
  });
  let pushed = 0;
  return {
    queue,
    sink,
    writes,
    kept,
    outages,
    push: (count = 1) => {
      for (let i = 0; i < count; i++) queue.push(recordOf(pushed++));
    },
    /** What went in, less what came out: 0 at any moment. */
    missing: () => {
      const { enqueued, adopted, written, dropped, refused, handedOver, queued } = queue.stats;
      return enqueued + adopted - written - dropped - refused - handedOver - queued;
    },
  };
}

/** The numbers of records, in the order of their pushes; `to` is not among them. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
