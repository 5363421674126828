import { setTimeout } from 'node:timers';
import { LineWriter } from '../request-log/record/line-writer.js';
import { recordOf } from '../request-log/record/record-line.js';
import {
  requestRecord,
  type LogRecord,
  type RequestRecord,
} from '../request-log/record/request-record.js';
import type { IpTrackingTestingOptions, TestClient, TestPlace } from './testing.options.js';

const PATIENCE_MS = 2_000;

/** What a test sees of an app whose `IpTrackingModule` works in memory, and what it can move. */
export class IpTrackingTesting {
  /** The request log: a record of each request whose response has closed, the oldest first. Empty it as you like. */
  readonly log: RequestRecord[] = [];
  /** Who the client of the next requests is; undefined for whoever `clientIp` says. */
  client: TestClient | undefined;
  /** Where clients are from now on. */
  place: TestPlace;
  private nowMs: number;
  private isInstalled = false;
  private readonly writer = new LineWriter();
  private readonly waiting = new Set<() => void>();

  /** @internal */
  constructor(options: IpTrackingTestingOptions) {
    this.nowMs = new Date(options.now ?? Date.now()).getTime();
    this.client = options.client;
    this.place = options.place ?? {};
  }

  /** What time it is for the module. */
  get now(): Date {
    return new Date(this.nowMs);
  }

  /**
   * Lets time pass: windows of limits move on, and rules expire. Nothing waits, and no other clock of your app moves.
   *
   * @param ms milliseconds, not negative.
   * @throws RangeError for anything else.
   */
  advance(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0) {
      throw new RangeError(`advance() was given ${ms}: give milliseconds, 0 or more`);
    }
    this.nowMs += ms;
  }

  /**
   * Waits until the log holds so many records: a client may have its answer a moment before the response has closed.
   *
   * @param patienceMs how long it waits, in milliseconds of the real clock.
   * @returns the log.
   * @throws Error where there are fewer by then, saying which.
   */
  async logged(count: number, patienceMs: number = PATIENCE_MS): Promise<RequestRecord[]> {
    const isThere = (): boolean => this.log.length >= count;
    if (isThere()) return this.log;
    let timer: NodeJS.Timeout | undefined;
    let look: () => void = () => undefined;
    await new Promise<void>((resolve) => {
      look = () => {
        if (isThere()) resolve();
      };
      this.waiting.add(look);
      timer = setTimeout(resolve, patienceMs);
    });
    clearTimeout(timer);
    this.waiting.delete(look);
    if (isThere()) return this.log;
    const lines = this.log.map(({ method, path, status }) => `${method} ${path} ${status}`);
    throw new Error(
      this.isInstalled
        ? `the log has ${lines.length} of ${count} records after ${patienceMs} ms: ${lines.join(', ') || 'none'}`
        : 'nothing is logged here, because the app has no IpTrackingModule',
    );
  }

  /** The module is there and uses this. @internal */
  install(): void {
    this.isInstalled = true;
  }

  /** Epoch milliseconds. @internal */
  readonly clock = (): number => this.nowMs;

  /** Takes a record as the queue of the log does: what the table would cut or refuse is cut or refused. @internal */
  push(record: LogRecord): void {
    this.writer.add(record);
    for (const lines of this.writer.take()) {
      for (const line of lines) this.log.push(requestRecord(recordOf(line)));
    }
    for (const look of this.waiting) look();
  }
}
