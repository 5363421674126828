import * as fileSystemNow from 'node:fs';
import * as fileSystem from 'node:fs/promises';
import { messageOf } from '../../ip-tracking.errors.js';
import type { ErasedRecords } from './erased-records.js';
import { RequestQueue } from './request-queue.js';
import { recordOf } from '../record/record-line.js';
import { requestRecord, type LineSink, type RequestSink } from '../record/request-record.js';
import { SetAside, type SetAsideReport } from '../spool/set-aside.js';
import { Spool } from '../spool/spool.js';
import type { SpoolState } from '../spool/spool-condition.js';
import type { SpoolFiles, SpoolFilesNow } from '../spool/spool-files.js';
import { SpoolFolder } from '../spool/spool-folder.js';
import type { SpoolPlace } from '../spool/spool-place.js';

/** What a queue is made of. */
export interface RequestQueueParts {
  sink: RequestSink | LineSink;
  /** What is not written any more, though it was accepted. @default nothing */
  erased?: Pick<ErasedRecords, 'leave'>;
  /** Told of every write that has failed. @default nobody is */
  onFailure?: (error: unknown) => void;
  /** Told once that nothing can be written, and once, with null, that it can be again. @default nobody is */
  onOutage?: (error: unknown) => void;
  /** How many records were written without what the host would have added. @default none */
  unenriched?: () => number;
  /** Where the processes of one sink meet; null for memory alone. */
  spoolPlace: SpoolPlace | null;
  /** The spool's bounds; null for memory alone. */
  spool: {
    writeIntervalMs: number;
    syncIntervalMs: number;
    maxBytes: number;
    adoptAfterMs: number;
  } | null;
  flushIntervalMs: number;
  maxBatchSize: number;
  maxQueued: number;
  log: { log(message: string): void; warn(message: string): void; error(message: string): void };
  /** @default node's own */
  files?: SpoolFiles;
  /** @default node's own */
  filesNow?: SpoolFilesNow;
  /** Milliseconds of a clock that only moves forward. @default `performance.now()` */
  now?: () => number;
  /** The longest pause between two attempts while writes fail, in milliseconds. @default 5000 */
  maxRetryMs?: number;
}

/** Puts together the way of a record from its request to the sink. */
export function createRequestQueue(parts: RequestQueueParts): RequestQueue {
  const { sink, erased, spool, log, files = fileSystem } = parts;
  const now = parts.now ?? ((): number => performance.now());
  const place = spool === null ? null : parts.spoolPlace;
  const kept =
    spool === null || place === null
      ? null
      : new Spool(new SpoolFolder(place, files), {
          files,
          filesNow: parts.filesNow ?? fileSystemNow,
          maxBytes: spool.maxBytes,
          adoptAfterMs: spool.adoptAfterMs,
          now,
          onState: (state, error) => tellState(log, state, error),
        });
  return new RequestQueue({
    write: async (accepted, areAdopted) => {
      const lines = erased?.leave(accepted) ?? accepted;
      if (lines.length === 0) return;
      try {
        await (isLineSink(sink)
          ? sink.writeLines(lines, areAdopted ? placeOfAdopted(kept) : null)
          : sink.write(Array.from(lines, (line) => requestRecord(recordOf(line)))));
      } catch (error) {
        parts.onFailure?.(error);
        throw error;
      }
    },
    close: async () => sink.close?.(),
    spool: kept,
    setAside: new SetAside(place === null ? null : () => place.root(), files, (report) =>
      log.error(describeReport(report)),
    ),
    unenriched: parts.unenriched ?? (() => 0),
    flushIntervalMs: parts.flushIntervalMs,
    writeIntervalMs: spool?.writeIntervalMs ?? 100,
    syncIntervalMs: spool?.syncIntervalMs ?? 1_000,
    maxBatchSize: parts.maxBatchSize,
    maxQueued: parts.maxQueued,
    maxRetryMs: parts.maxRetryMs ?? 5_000,
    now,
    onOutage: (error) => {
      parts.onOutage?.(error);
      if (error === null) log.log('the request log is written again');
      else log.error(`the request log cannot be written, so records wait: ${messageOf(error)}`);
    },
  });
}

/** It may have become unknown a moment ago. */
function placeOfAdopted(spool: Spool | null): string {
  const place = spool?.adoptedGoTo ?? null;
  if (place !== null) return place;
  throw new Error('the connection is being looked at: it may lead to another database');
}

function isLineSink(sink: RequestSink | LineSink): sink is LineSink {
  return typeof (sink as Partial<LineSink>).writeLines === 'function';
}

function tellState(log: RequestQueueParts['log'], state: SpoolState, error: unknown): void {
  if (state === 'ready') log.log('the spool of the request log is used again');
  else if (state === 'full') {
    log.error(
      'the spool of the request log is full: records stay in memory, and beyond maxQueued the newest are dropped and counted',
    );
  } else {
    log.error(
      `the spool of the request log cannot be written, so records stay in memory alone: ${messageOf(error)}`,
    );
  }
}

function describeReport({ refused, first, torn, lost, kept, file }: SetAsideReport): string {
  const parts: string[] = [];
  if (first !== null) {
    parts.push(
      `${refused} record(s) of the request log were refused, the first of them ${first.id}: ${messageOf(first.error)}`,
    );
  }
  if (torn > 0) parts.push(`${torn} record(s) in the spool were not whole`);
  if (refused + torn > 0) {
    if (file === null) parts.push('they are counted, and kept nowhere');
    else if (kept >= refused + torn) parts.push(`they are kept in ${file}`);
    else parts.push(`${kept} of them are kept in ${file}, the others are counted alone`);
  }
  if (lost > 0) {
    parts.push(
      `${lost} record(s) of the request log are lost: their files in the spool were deleted or cut off`,
    );
  }
  return parts.join('; ');
}
