import type { Batch } from '../spool/batch.js';
import { DiskBacklog, type DiskBacklogParts } from './disk-backlog.js';
import { isTimeout, writeIsolating } from './isolating-write.js';
import { Lines } from '../record/lines.js';
import type { SpoolSegment } from '../spool/spool-segment.js';

/** What a {@link Delivery} needs. */
export interface DeliveryOptions extends DiskBacklogParts {
  /** Takes lines, adopted ones or of this process; a rejection means that none of them may be taken for kept. */
  write(lines: Lines, areAdopted: boolean): Promise<void>;
  /** Takes a line that the sink will never store. */
  onRefused(line: string, error: unknown): void;
  /** Lines of a batch are settled, so many of them stored. */
  onSettled(batch: Batch, count: number): void;
  /** Called when writes begin to fail, and with null when they pass again. */
  onOutage(error: unknown): void;
  /** Lines of one write at most. */
  maxBatchSize: number;
  /** The longest pause between two attempts while writes fail, in milliseconds. */
  maxRetryMs: number;
}

const FIRST_RETRY_MS = 250;

/**
 * Brings lines to the sink, one write at a time: those in memory and those that only the spool has in turn, so that an
 * old backlog does not make the newest wait. While the sink fails it is tried again with growing, jittered pauses.
 */
export class Delivery {
  private readonly memory: Batch[] = [];
  private isDisksTurn = false;
  private limit: number;
  private failures = 0;
  private running: Promise<void> = Promise.resolve();
  private isRunning = false;
  private isStopped = false;
  private skipsDisk = false;

  /** What only the spool has. */
  readonly disk: DiskBacklog;
  /** Lines that memory holds. */
  inMemory = 0;
  /** Lines that are stored. */
  stored = 0;
  /** Lines that the sink refused for good. */
  refused = 0;
  /** Writes that failed and were tried again. */
  retried = 0;
  constructor(private readonly options: DeliveryOptions) {
    this.limit = options.maxBatchSize;
    this.disk = new DiskBacklog(options);
  }

  get batches(): readonly Batch[] {
    return this.memory;
  }

  get isFailing(): boolean {
    return this.failures > 0;
  }

  get isIdle(): boolean {
    return this.memory.length === 0 && this.disk.isEmpty;
  }

  /** How long to wait before the next attempt, in milliseconds; 0 where the last one passed. */
  get pauseMs(): number {
    if (this.failures === 0) return 0;
    const ceiling = Math.min(
      this.options.maxRetryMs,
      FIRST_RETRY_MS * 2 ** Math.min(this.failures - 1, 16),
    );
    return ceiling * (0.5 + Math.random() / 2);
  }

  add(batch: Batch): void {
    this.memory.push(batch);
    this.inMemory += batch.left;
  }

  /** The spool has nothing of what memory has any more: it may be read from there as long as others are. */
  forgetSpool(settle: (segment: SpoolSegment, count: number) => void): void {
    for (const batch of this.memory) {
      if (batch.segment !== null) settle(batch.segment, batch.left);
      batch.segment = null;
      batch.isDurable = false;
    }
  }

  /**
   * Lets memory forget the oldest batches that the disk has, until it holds no more than so many lines.
   *
   * @param isUrgent also those that the operating system alone has: the next record would be dropped.
   */
  evict(atMost: number, isUrgent = false): void {
    for (let index = 0; index < this.memory.length && this.inMemory > atMost;) {
      const batch = this.memory[index]!;
      if (
        !(batch.isDurable || isUrgent) ||
        batch.isSending ||
        batch.settled > 0 ||
        batch.segment === null
      ) {
        index += 1;
        continue;
      }
      this.memory.splice(index, 1);
      batch.isEvicted = true;
      this.inMemory -= batch.left;
      const { segment, start, end, left: records } = batch;
      this.disk.add({ segment, start, end, records });
    }
  }

  /** Writes until nothing is left, a write fails, or it is stopped. Never rejects. */
  run(): Promise<void> {
    // Not by the promise: between the last look at what is left and its end, something may be added and run again.
    if (!this.isRunning) this.running = this.writeAll();
    return this.running;
  }

  /** From now on only what memory has is written: what the disk has is for the next process. */
  skipDisk(): void {
    this.skipsDisk = true;
  }

  /** Begins no further write. Resolves when none is under way. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.running;
  }

  private async writeAll(): Promise<void> {
    this.isRunning = true;
    try {
      while (!this.isStopped) {
        const hasDisk = !this.skipsDisk && this.disk.canBeSent;
        if (this.memory.length === 0 && !hasDisk) return;
        this.isDisksTurn = hasDisk && (this.memory.length === 0 || !this.isDisksTurn);
        if (this.isDisksTurn) await this.writeFromDisk();
        else await this.writeFromMemory();
        this.recover();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.isRunning = false;
    }
  }

  private async writeFromMemory(): Promise<void> {
    const group: Batch[] = [];
    const parts: Lines[] = [];
    let room = this.limit;
    for (const batch of this.memory) {
      if (room <= 0) break;
      const part = batch.lines.slice(batch.settled, batch.settled + room);
      parts.push(part);
      room -= part.length;
      batch.isSending = true;
      group.push(batch);
    }
    try {
      await this.write(Lines.joined(parts), false, (count) => this.settleInMemory(count));
    } finally {
      for (const batch of group) batch.isSending = false;
    }
  }

  /** Lines are sent and settled in the order of the batches. */
  private settleInMemory(count: number): void {
    for (let left = count; left > 0;) {
      const batch = this.memory[0]!;
      const some = Math.min(left, batch.left);
      batch.settled += some;
      this.inMemory -= some;
      left -= some;
      if (batch.left === 0) this.memory.shift();
      this.options.onSettled(batch, some);
    }
  }

  private async writeFromDisk(): Promise<void> {
    const piece = await this.disk.open();
    if (piece === null) return;
    const { lines, range } = piece.of;
    while (piece.settled < lines.length) {
      const some = Lines.of(lines.slice(piece.settled, piece.settled + this.limit));
      await this.write(some, range.records === null, (count) => (piece.settled += count));
    }
    this.disk.finish();
  }

  private async write(
    lines: Lines,
    areAdopted: boolean,
    settle: (count: number) => void,
  ): Promise<void> {
    await writeIsolating(lines, (some) => this.options.write(some, areAdopted), {
      stored: (count) => {
        this.stored += count;
        settle(count);
      },
      refused: (line, error) => {
        this.refused += 1;
        settle(1);
        this.options.onRefused(line, error);
      },
    });
  }

  private fail(error: unknown): void {
    this.retried += 1;
    if (isTimeout(error)) this.limit = Math.max(1, this.limit >>> 2);
    this.failures += 1;
    if (this.failures === 1) this.tell(error);
  }

  private recover(): void {
    this.limit = Math.min(this.options.maxBatchSize, this.limit * 2);
    if (this.failures === 0) return;
    this.failures = 0;
    this.tell(null);
  }

  private tell(error: unknown): void {
    try {
      this.options.onOutage(error);
    } catch {
      // Who cannot say that records wait must not make them wait for ever.
    }
  }
}
