import { createHash } from 'node:crypto';
import type { RequestRecord } from '../request-log/record/request-record.js';
import type { AccessLogLine } from './access-log/access-log-line.js';
import type { AccessLogs } from './access-log/access-logs.js';
import { LogClock } from './log-clock.js';
import { LogRequests } from './log-request.js';
import type { Site } from './site/site.js';
import { SiteLearner } from './site/site-learner.js';

/** So many records are handed over at once. */
const AT_ONCE = 5_000;
/** Lines that are alike are told apart by how many there were before: they stand close together. */
const REMEMBERED = 100_000;

/** What an access log says, as rows of the request log. */
export interface LogRecords {
  /** The first of them, in no batch yet; null for a log without any. */
  readonly first: RequestRecord | null;
  /** When the last request came; null for a log without any. */
  readonly last: Date | null;
  /** All of them, with their times moved by so many milliseconds. */
  batches(shiftMs?: number): AsyncIterable<readonly RequestRecord[]>;
}

/**
 * Reads access logs as rows of the request log, with what the judge makes of them: the routes that were learnt, and the
 * signals. The same line has the same id each time, so that a log which is imported twice is there once.
 */
export async function readLogRecords(logs: AccessLogs, site?: Site): Promise<LogRecords> {
  const learner = new SiteLearner();
  let firstLine: AccessLogLine | null = null;
  let lastMs = -Infinity;
  for await (const batch of logs.batches()) {
    firstLine ??= batch[0] ?? null;
    for (const line of batch) {
      learner.see(line);
      lastMs = Math.max(lastMs, line.timestampMs);
    }
  }
  const learnt = site ?? learner.learnt();
  return {
    first:
      firstLine === null ? null : new RecordMaker(learnt).of(firstLine, firstLine.timestampMs, 0),
    last: Number.isFinite(lastMs) ? new Date(lastMs) : null,
    batches: (shiftMs = 0) => batchesOf(logs, learnt, shiftMs),
  };
}

async function* batchesOf(
  logs: AccessLogs,
  site: Site,
  shiftMs: number,
): AsyncGenerator<RequestRecord[]> {
  const maker = new RecordMaker(site);
  const clock = new LogClock();
  let records: RequestRecord[] = [];
  for await (const batch of logs.batches()) {
    clock.restarts(batch[0]!.timestampMs, batch.at(-1)!.timestampMs);
    for (const line of batch) {
      records.push(maker.of(line, clock.at(line.timestampMs), shiftMs));
      if (records.length < AT_ONCE) continue;
      yield records;
      records = [];
    }
  }
  if (records.length > 0) yield records;
}

class RecordMaker {
  private readonly requests: LogRequests;
  private readonly seen = new Map<string, number>();

  constructor(site: Site) {
    this.requests = new LogRequests(site);
  }

  of(line: AccessLogLine, endedAtMs: number, shiftMs: number): RequestRecord {
    const event = this.requests.event(line, endedAtMs);
    const durationMs = line.durationMs ?? 0;
    return {
      id: this.idOf(line),
      timestamp: new Date(endedAtMs + shiftMs - durationMs),
      ipAddress: line.ip.toString(),
      ipSource: 'socket',
      method: event.method,
      path: event.path,
      route: event.route,
      status: event.status,
      outcome: event.outcome,
      durationUs: Math.round(durationMs * 1_000),
      userAgent: event.userAgent,
      userId: event.userId,
      sensitive: false,
      ruleId: null,
      reason: null,
      repeats: 0,
      signals: event.signals,
      attemptedUser: null,
      country: null,
      city: null,
    };
  }

  /** A UUID of version 7 by its form: the request's time, and instead of chance what its line says. */
  private idOf(line: AccessLogLine): string {
    const { timestampMs, ip, method, target, protocol, status, bytes, referer, userAgent, host } =
      line;
    const text = [
      timestampMs,
      ip.toString(),
      method,
      target,
      protocol,
      status,
      bytes,
      referer,
      userAgent,
      host,
    ];
    const alike = createHash('sha256').update(JSON.stringify(text)).digest('base64');
    const before = this.seen.get(alike) ?? 0;
    this.seen.delete(alike);
    this.seen.set(alike, before + 1);
    if (this.seen.size > REMEMBERED) {
      const [oldest] = this.seen.keys();
      if (oldest !== undefined) this.seen.delete(oldest);
    }
    const hex = createHash('sha256').update(`${alike}${before}`).digest('hex');
    const time = Math.trunc(Math.max(0, timestampMs)).toString(16).padStart(12, '0').slice(-12);
    const variant = ((Number.parseInt(hex.slice(3, 4), 16) & 3) | 8).toString(16);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-${variant}${hex.slice(4, 7)}-${hex.slice(7, 19)}`;
  }
}
