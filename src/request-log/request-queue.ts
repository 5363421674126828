import type { RequestRecord } from './request-record.js';

/** What a {@link RequestQueue} needs. */
export interface RequestQueueOptions {
  /** Takes a batch, and tells how many of it were refused for good; a rejection puts all of it back. */
  write(records: readonly RequestRecord[]): Promise<number>;
  /** How long a record waits for company, in milliseconds. */
  flushIntervalMs: number;
  /** Records of one batch at most. */
  maxBatchSize: number;
  /** Records held at most; beyond it the newest are dropped, and counted. */
  maxQueued: number;
  /** The longest pause between two attempts while batches fail, in milliseconds. */
  maxRetryMs: number;
  /** Called when batches begin to fail, and with null when they pass again. */
  onOutage(error: unknown): void;
}

/** The queue's counters: `enqueued = written + dropped + refused + queued`, at any moment. */
export interface RequestQueueStats {
  enqueued: number;
  written: number;
  /** There was no room for them. */
  dropped: number;
  /** The database would not take their data. */
  refused: number;
  queued: number;
}

/**
 * Holds records in memory until a batch of them is written. A request only ever pushes to an array; everything else
 * happens on a timer, one batch at a time, with growing pauses while the sink fails.
 */
export class RequestQueue {
  private waiting: RequestRecord[] = [];
  private inFlight = 0;
  private timer: NodeJS.Timeout | null = null;
  private draining: Promise<void> | null = null;
  private failures = 0;
  private enqueued = 0;
  private written = 0;
  private dropped = 0;
  private refused = 0;

  constructor(private readonly options: RequestQueueOptions) {}

  get stats(): RequestQueueStats {
    return {
      enqueued: this.enqueued,
      written: this.written,
      dropped: this.dropped,
      refused: this.refused,
      queued: this.waiting.length + this.inFlight,
    };
  }

  /** Takes a record. Never waits, never throws. */
  push(record: RequestRecord): void {
    this.enqueued += 1;
    if (this.waiting.length + this.inFlight >= this.options.maxQueued) {
      this.dropped += 1;
      return;
    }
    this.waiting.push(record);
    this.schedule(this.options.flushIntervalMs);
  }

  /**
   * Writes what is queued, until nothing is left, a batch fails, or `patienceMs` have passed.
   *
   * @returns the records that could not be written.
   */
  async flush(patienceMs: number): Promise<number> {
    let patience: NodeJS.Timeout | undefined;
    const outOfPatience = new Promise<void>((resolve) => {
      patience = setTimeout(resolve, patienceMs);
    });
    await Promise.race([this.drain(), outOfPatience]);
    clearTimeout(patience);
    return this.stats.queued;
  }

  /** Stops the timer: what is queued stays queued. */
  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private schedule(delayMs: number): void {
    if (this.timer !== null || this.draining !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      void this.drain();
    }, delayMs);
    this.timer.unref();
  }

  private drain(): Promise<void> {
    this.stop();
    this.draining ??= this.writeAll().finally(() => {
      this.draining = null;
      if (this.waiting.length > 0) this.schedule(this.pauseMs());
    });
    return this.draining;
  }

  private async writeAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.options.maxBatchSize);
      this.inFlight = batch.length;
      try {
        const refused = await this.options.write(batch);
        this.written += batch.length - refused;
        this.refused += refused;
        this.recover();
      } catch (error) {
        this.waiting = [...batch, ...this.waiting];
        this.fail(error);
        return;
      } finally {
        this.inFlight = 0;
      }
    }
  }

  private pauseMs(): number {
    if (this.failures === 0) return this.options.flushIntervalMs;
    const ceiling = Math.min(
      this.options.maxRetryMs,
      this.options.flushIntervalMs * 2 ** Math.min(this.failures, 16),
    );
    return ceiling * (0.5 + Math.random() / 2);
  }

  private fail(error: unknown): void {
    this.failures += 1;
    if (this.failures === 1) this.options.onOutage(error);
  }

  private recover(): void {
    if (this.failures === 0) return;
    this.failures = 0;
    this.options.onOutage(null);
  }
}
