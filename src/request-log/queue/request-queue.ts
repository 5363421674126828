import { Batch } from '../spool/batch.js';
import { Delivery } from './delivery.js';
import { LineWriter } from '../record/line-writer.js';
import type { Lines } from '../record/lines.js';
import type { LogRecord } from '../record/request-record.js';
import type { RequestQueueStats } from './request-queue-stats.js';
import type { SetAside } from '../spool/set-aside.js';
import type { Spool } from '../spool/spool.js';
import { within } from '../../within.js';

export type { RequestQueueStats };

/** What a {@link RequestQueue} needs. */
export interface RequestQueueOptions {
  /** Takes lines, adopted ones or of this process; a rejection means that none of them may be taken for kept. */
  write(lines: Lines, areAdopted: boolean): Promise<void>;
  /** Lets go of what {@link write} holds; a write that is under way may be cut off. */
  close(): Promise<void>;
  /** Keeps what the sink has not taken yet on disk; null for memory alone. */
  spool: Spool | null;
  /** Takes what will never be stored. */
  setAside: SetAside;
  /** How many records were pushed without what the host would have added. */
  unenriched(): number;
  /** How long a record waits for company before it is sent, in milliseconds. */
  flushIntervalMs: number;
  /** How long after its push a record that is not stored yet is in the spool, in milliseconds. */
  writeIntervalMs: number;
  /** How often what was spooled is brought to the disk, in milliseconds. */
  syncIntervalMs: number;
  /** Records of one write at most. */
  maxBatchSize: number;
  /** Records held in memory at most; beyond it the newest are dropped, and counted. */
  maxQueued: number;
  /** The longest pause between two attempts while writes fail, in milliseconds. */
  maxRetryMs: number;
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
  /** Called when writes begin to fail, and with null when they pass again. */
  onOutage(error: unknown): void;
}

/** So many records stay in memory although the spool has them: they need not be read again after a short outage. */
const KEPT_IN_MEMORY = 10_000;
/** Adoption is looked for at every so many syncs. */
const SYNCS_PER_ADOPTION = 2;
/** How long closing waits for a sink that fails already, in milliseconds. */
const FAILING_PATIENCE_MS = 1_000;

/**
 * The way of a record: a request only ever writes it to memory. A moment later it is sent with others; what is not
 * stored by then goes to the spool; what memory has no room for stays in the spool alone until its turn comes.
 */
export class RequestQueue {
  private readonly waiting = new LineWriter();
  private waitingSinceMs = 0;
  private readonly delivery: Delivery;
  private readonly timers: Partial<Record<'flush' | 'store' | 'sync', NodeJS.Timeout>> = {};
  private isStarted = false;
  private isClosed = false;
  private closing: Promise<number> | null = null;
  private syncs = 0;
  private enqueued = 0;
  private dropped = 0;
  private malformed = 0;

  constructor(private readonly options: RequestQueueOptions) {
    this.delivery = new Delivery({
      write: (lines, areAdopted) => options.write(lines, areAdopted),
      onRefused: (line, error) => options.setAside.refused(line, error),
      onTorn: (damaged) => options.setAside.torn(damaged),
      onSettled: ({ segment }, count) => {
        if (segment !== null) options.spool?.settle(segment, count);
      },
      onRead: ({ range }) => {
        if (range.records !== null) options.spool?.settle(range.segment, 0);
        else if (range.start >= range.end) options.spool?.finish(range.segment);
      },
      maySendAdopted: () => options.spool?.maySendAdopted ?? true,
      onOutage: (error) => options.onOutage(error),
      maxBatchSize: options.maxBatchSize,
      maxRetryMs: options.maxRetryMs,
    });
  }

  get stats(): RequestQueueStats {
    const { delivery } = this;
    return {
      enqueued: this.enqueued,
      adopted: delivery.adopted,
      written: delivery.stored,
      dropped: this.dropped + delivery.lost,
      refused: this.malformed + delivery.refused,
      handedOver: delivery.handedOver,
      queued: this.inMemory + delivery.onDisk,
      spooled: delivery.onDisk,
      spooledBytes: this.options.spool?.bytes ?? 0,
      quarantined: this.options.setAside.quarantined,
      retried: delivery.retried,
      torn: delivery.torn,
      unenriched: this.options.unenriched(),
      spool: this.options.spool?.state ?? 'off',
      isFailing: delivery.isFailing,
    };
  }

  /** Begins to deliver what earlier processes have left in the spool. Does not wait for it. */
  start(): void {
    if (this.isStarted || this.options.spool === null) return;
    this.isStarted = true;
    void this.upkeep();
  }

  /** Takes a record. Never waits, never throws. */
  push(record: LogRecord): void {
    this.enqueued += 1;
    if (this.isClosed || this.inMemory >= this.options.maxQueued) {
      this.dropped += 1;
      return;
    }
    if (!this.wrote(record)) return;
    if (this.waiting.length === 1) {
      this.waitingSinceMs = this.options.now();
      this.start();
      // While the sink fails, its pauses hold.
      if (!this.delivery.isFailing) this.schedule('flush', this.options.flushIntervalMs);
      if (this.options.spool !== null) this.schedule('store', this.options.writeIntervalMs);
    } else if (this.waiting.length === this.options.maxBatchSize && !this.delivery.isFailing) {
      this.cancel('flush');
      this.schedule('flush', 0);
    }
  }

  /**
   * Writes what is queued, until nothing is left, a write fails, or `patienceMs` have passed.
   *
   * @returns the records that could not be written yet.
   */
  async flush(patienceMs: number): Promise<number> {
    this.gather();
    await within(patienceMs, this.deliver());
    return this.stats.queued;
  }

  /**
   * Brings every record to safety: to the sink, and what that does not take within `patienceMs` to the spool, for the
   * next process; no longer than that after `hurry`. Safe to call twice.
   *
   * @returns the records that are in neither, and so are lost.
   */
  close(patienceMs: number, hurry?: AbortSignal): Promise<number> {
    this.closing ??= this.finish(patienceMs, hurry);
    return this.closing;
  }

  /** The lines that memory holds and the sink has not taken yet. */
  linesInMemory(): string[] {
    this.gather();
    return this.delivery.batches.flatMap(({ lines, settled }) => Array.from(lines.slice(settled)));
  }

  private get inMemory(): number {
    return this.waiting.length + this.delivery.inMemory;
  }

  /** Makes batches of what was pushed. */
  private gather(): void {
    const size = this.options.maxBatchSize;
    for (const lines of this.waiting.take()) {
      for (let from = 0; from < lines.length; from += size) {
        this.delivery.add(new Batch(lines.slice(from, from + size), this.waitingSinceMs));
      }
    }
  }

  /** A record that a host has made may be none, such as one without a time: it costs itself, not its batch. */
  private wrote(record: LogRecord): boolean {
    try {
      this.waiting.add(record);
      return true;
    } catch {
      this.malformed += 1;
      return false;
    }
  }

  private async deliver(): Promise<void> {
    this.cancel('flush');
    await this.delivery.run();
    if (this.delivery.isFailing) {
      this.cancel('flush');
      this.schedule('flush', this.delivery.pauseMs);
    } else if (this.waiting.length > 0) {
      this.schedule('flush', this.options.flushIntervalMs);
    }
  }

  /** Stores what is old enough; what is younger is perhaps delivered before its time comes. */
  private async store(): Promise<void> {
    const { spool, writeIntervalMs, now } = this.options;
    if (this.waiting.length > 0 && this.waitingSinceMs + writeIntervalMs <= now() + 1)
      this.gather();
    const unstored = this.delivery.batches.filter(({ segment }) => segment === null);
    const due = unstored.filter(({ sinceMs }) => sinceMs + writeIntervalMs <= now() + 1);
    await spool?.store(due);
    const oldest = unstored.find((batch) => batch.segment === null && !due.includes(batch));
    const nextMs = oldest?.sinceMs ?? (this.waiting.length > 0 ? this.waitingSinceMs : null);
    const isRefused = due.some((batch) => batch.segment === null && batch.left > 0);
    if (isRefused) this.schedule('store', this.options.syncIntervalMs);
    else if (nextMs !== null) {
      this.schedule('store', Math.max(1, nextMs + writeIntervalMs - now()));
    }
  }

  /** Brings to the disk what was stored, shows that this process lives, and looks who does not any more. */
  private async upkeep(): Promise<void> {
    const { spool, syncIntervalMs, maxQueued } = this.options;
    if (spool === null) return;
    if (!(await spool.sync())) {
      for (const batch of this.delivery.batches) {
        batch.segment = null;
        batch.isDurable = false;
      }
    }
    if (this.delivery.batches.some(({ segment }) => segment === null)) this.schedule('store', 0);
    this.delivery.evict(Math.min(KEPT_IN_MEMORY, maxQueued / 2));
    if (this.syncs % SYNCS_PER_ADOPTION === 0 && !this.isClosed) {
      for (const range of await spool.adopt()) this.delivery.addRange(range);
      if (!this.delivery.isIdle && !this.delivery.isFailing) void this.deliver();
    }
    this.syncs += 1;
    if (!this.isClosed) this.schedule('sync', syncIntervalMs);
  }

  private async finish(patienceMs: number, hurry?: AbortSignal): Promise<number> {
    this.isClosed = true;
    const deadline = this.options.now() + patienceMs;
    this.gather();
    for (const timer of ['flush', 'store', 'sync'] as const) this.cancel(timer);
    const { spool } = this.options;
    const isFailing = this.delivery.isFailing;
    await spool?.store(this.delivery.batches);
    await spool?.sync();
    const isSafe =
      spool !== null &&
      this.delivery.batches.every(({ isDurable, left }) => isDurable || left === 0);
    const patience = Math.max(0, deadline - this.options.now());
    // What only the disk has is safe there, and would take its time.
    this.delivery.skipDisk();
    await within(
      isSafe && isFailing ? Math.min(patience, FAILING_PATIENCE_MS) : patience,
      this.delivery.run(),
      hurry,
    );
    const stopped = this.delivery.stop();
    await this.options.close();
    await stopped;
    // Acknowledged in the last moment or not: what is left is in the spool, or lost.
    const lost = this.delivery.batches.reduce(
      (sum, { segment, left }) => sum + (segment === null ? left : 0),
      0,
    );
    await this.options.setAside.settled();
    await spool?.close();
    return lost;
  }

  private schedule(name: keyof typeof this.timers, delayMs: number): void {
    if (this.timers[name] !== undefined || this.isClosed) return;
    this.timers[name] = setTimeout(() => {
      this.timers[name] = undefined;
      void this.work(name);
    }, delayMs);
    this.timers[name].unref();
  }

  private async work(name: 'flush' | 'store' | 'sync'): Promise<void> {
    if (name === 'sync') return this.upkeep();
    if (name === 'store') return this.store();
    this.gather();
    return this.deliver();
  }

  private cancel(name: keyof typeof this.timers): void {
    clearTimeout(this.timers[name]);
    this.timers[name] = undefined;
  }
}
