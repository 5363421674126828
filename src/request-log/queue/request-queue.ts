import { Delivery } from './delivery.js';
import { Lines } from '../record/lines.js';
import type { LogRecord } from '../record/request-record.js';
import type { RequestQueueOptions } from './request-queue-options.js';
import type { RequestQueueStats } from './request-queue-stats.js';
import type { Spool } from '../spool/spool.js';
import { OverdueRecords } from './overdue-records.js';
import { PushedRecords } from './pushed-records.js';
import { Timers } from './timers.js';
import { within } from '../../within.js';

export type { RequestQueueOptions, RequestQueueStats };

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
  private readonly waiting = new PushedRecords();
  private readonly delivery: Delivery;
  private readonly timers = new Timers<'flush' | 'store' | 'sync'>((name) => void this.work(name));
  private readonly overdue: OverdueRecords | null;
  private starting: Promise<void> | null = null;
  private isClosed = false;
  private isGone = false;
  private closing: Promise<number> | null = null;
  private syncs = 0;
  private adopting: Promise<void> | null = null;
  private enqueued = 0;
  private dropped = 0;

  constructor(private readonly options: RequestQueueOptions) {
    this.delivery = new Delivery({
      write: (lines, areAdopted) => options.write(lines, areAdopted),
      onRefused: (line, error) => options.setAside.refused(line, error),
      onTorn: (damaged) => options.setAside.torn(damaged),
      onLost: (count) => options.setAside.lost(count),
      onSettled: ({ segment }, count) => {
        if (segment !== null) options.spool?.settle(segment, count);
      },
      onRead: ({ range }) => {
        if (range.records !== null) options.spool?.settle(range.segment, 0);
        else if (range.start >= range.end) options.spool?.finish(range.segment);
      },
      maySendAdopted: () => options.spool?.adoptedGoTo != null,
      onOutage: (error) => options.onOutage(error),
      maxBatchSize: this.batchSize,
      maxRetryMs: options.maxRetryMs,
    });
    const { spool } = options;
    this.overdue =
      spool === null
        ? null
        : new OverdueRecords({
            spool,
            writeIntervalMs: options.writeIntervalMs,
            retryMs: options.syncIntervalMs,
            now: () => options.now(),
            batches: () => this.delivery.batches,
            waitingSinceMs: () => this.waiting.sinceMs,
            gather: () => this.gather(),
            schedule: (delayMs) => this.schedule('store', delayMs),
          });
  }

  /** Of a batch that is being sent memory can forget nothing: there is room for as much besides. */
  private get batchSize(): number {
    return Math.min(this.options.maxBatchSize, Math.ceil(this.options.maxQueued / 2));
  }

  get stats(): RequestQueueStats {
    const { delivery } = this;
    const { disk } = delivery;
    return {
      enqueued: this.enqueued,
      adopted: disk.adopted,
      written: delivery.stored,
      dropped: this.dropped + disk.lost,
      refused: this.waiting.malformed + delivery.refused,
      handedOver: disk.handedOver,
      queued: this.inMemory + disk.records,
      spooled: disk.records,
      spooledBytes: this.options.spool?.bytes ?? 0,
      quarantined: this.options.setAside.quarantined,
      retried: delivery.retried,
      torn: disk.torn,
      unenriched: this.options.unenriched(),
      spool: this.options.spool?.state ?? 'off',
      spoolPauses: this.options.spool?.pauses ?? 0,
      isFailing: delivery.isFailing,
    };
  }

  /**
   * Begins to deliver what earlier processes have left in the spool, and does not wait for it.
   *
   * @returns resolves when records can be stored at once. It never rejects.
   */
  start(): Promise<void> {
    const { spool } = this.options;
    if (this.starting !== null || spool === null) return this.starting ?? Promise.resolve();
    this.starting = spool.open();
    void this.upkeep();
    return this.starting;
  }

  /** Takes a record. Never waits, never throws. */
  push(record: LogRecord): void {
    this.enqueued += 1;
    if (this.isClosed || !this.hasRoom()) {
      this.dropped += 1;
      return;
    }
    const nowMs = this.options.now();
    this.waiting.add(record, nowMs);
    if (this.waiting.length === 1) {
      void this.start();
      // While the sink fails, its pauses hold.
      if (!this.delivery.isFailing) this.schedule('flush', this.options.flushIntervalMs);
      this.overdue?.await(nowMs + this.options.writeIntervalMs);
    } else if (this.waiting.length === this.batchSize && !this.delivery.isFailing) {
      this.timers.clear('flush');
      this.schedule('flush', 0);
    }
    this.overdue?.keepUp(nowMs);
  }

  /**
   * Stores what has waited for too long before it returns. Whoever comes calls this, since the timers that do the same
   * may be late: while handlers hold up the event loop they wait for all of those that are due. Never throws.
   */
  keepUp(nowMs: number): void {
    this.overdue?.keepUp(nowMs);
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

  /**
   * Stores what memory holds before it returns, as far as the disk takes it. The process may go on, or end this moment.
   * Never throws.
   */
  storeAllNow(): void {
    if (!this.isClosed) this.overdue?.storeAllNow();
  }

  /**
   * As {@link close}, for a process that ends when this returns: what memory holds goes to the spool. Safe to call at any
   * time. Never throws.
   *
   * @returns the records that are lost.
   */
  closeNow(): number {
    if (this.isGone) return 0;
    this.isGone = true;
    this.isClosed = true;
    this.timers.clearAll();
    this.gather();
    const { spool } = this.options;
    const isOurs = spool?.isOurs === true;
    const unstored = this.delivery.batches.filter(({ segment }) => segment === null || !isOurs);
    const left = Lines.joined(unstored.map(({ lines, settled }) => lines.slice(settled)));
    try {
      spool?.leaveNow(left);
      return spool === null ? left.length : 0;
    } catch {
      return left.length;
    }
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
    for (const batch of this.waiting.take(this.batchSize)) this.delivery.add(batch);
  }

  private async deliver(): Promise<void> {
    this.timers.clear('flush');
    await this.delivery.run();
    if (this.delivery.isFailing) {
      this.timers.clear('flush');
      this.schedule('flush', this.delivery.pauseMs);
    } else if (this.waiting.length > 0) {
      this.schedule('flush', this.options.flushIntervalMs);
    }
  }

  /**
   * Whether memory has room for a record, or the spool gives it some: with the operating system a record is safer than
   * nowhere, though the disk has not said yet that it has it.
   */
  private hasRoom(): boolean {
    const { spool, maxQueued } = this.options;
    if (this.inMemory < maxQueued) return true;
    if (spool === null || spool.state !== 'ready') return false;
    this.overdue?.storeAllNow();
    this.delivery.evict(Math.floor(maxQueued / 2), true);
    this.schedule('sync', 0);
    return this.inMemory < maxQueued;
  }

  /** Brings to the disk what was stored, shows that this process lives, and looks who does not any more. */
  private async upkeep(): Promise<void> {
    const { spool, syncIntervalMs, maxQueued } = this.options;
    if (spool === null) return;
    if (!(await spool.sync())) this.delivery.forgetSpool((...settled) => spool.settle(...settled));
    this.overdue?.await();
    this.delivery.evict(Math.min(KEPT_IN_MEMORY, maxQueued / 2));
    if (this.syncs++ % SYNCS_PER_ADOPTION === 0) this.adopting ??= this.adopt(spool);
    this.schedule('sync', syncIntervalMs);
  }

  /** Beside the upkeep, which shows that this process lives: the database may take its time to say who it is. */
  private async adopt(spool: Spool): Promise<void> {
    const ranges = this.isClosed ? [] : await spool.adopt();
    this.adopting = null;
    for (const range of ranges) this.delivery.disk.add(range);
    if (!this.isClosed && !this.delivery.isIdle && !this.delivery.isFailing) void this.deliver();
  }

  private async finish(patienceMs: number, hurry?: AbortSignal): Promise<number> {
    this.isClosed = true;
    const deadline = this.options.now() + patienceMs;
    this.gather();
    this.timers.clearAll();
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
    // A sink that neither takes nor refuses must not keep the process.
    await within(FAILING_PATIENCE_MS, stopped, hurry);
    // Acknowledged in the last moment or not: what is left is in the spool, or lost.
    const lost = this.delivery.batches.reduce(
      (sum, { segment, left }) => sum + (segment === null ? left : 0),
      0,
    );
    this.isGone = true;
    await this.options.setAside.settled();
    await spool?.close();
    return lost;
  }

  private schedule(name: 'flush' | 'store' | 'sync', delayMs: number): void {
    if (!this.isClosed) this.timers.set(name, delayMs);
  }

  private async work(name: 'flush' | 'store' | 'sync'): Promise<void> {
    if (name === 'sync') return this.upkeep();
    if (name === 'store') return this.overdue?.store();
    this.gather();
    return this.deliver();
  }
}
