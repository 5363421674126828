import type { Batch } from '../spool/batch.js';
import { isTimeout, writeIsolating } from './isolating-write.js';
import { Lines } from '../record/lines.js';
import type { SpoolPiece, SpoolRange } from '../spool/spool-segment.js';

/** What a {@link Delivery} needs. */
export interface DeliveryOptions {
  /** Takes lines, adopted ones or of this process; a rejection means that none of them may be taken for kept. */
  write(lines: Lines, areAdopted: boolean): Promise<void>;
  /** Takes a line that the sink will never store. */
  onRefused(line: string, error: unknown): void;
  /** Takes what a piece of the spool has turned out to hold besides whole records. */
  onTorn(damaged: readonly Buffer[]): void;
  /** Lines of a batch are settled, so many of them stored. */
  onSettled(batch: Batch, count: number): void;
  /** A piece of the spool is settled. */
  onRead(piece: SpoolPiece): void;
  /** Whether adopted records may be written now. */
  maySendAdopted(): boolean;
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
  private readonly disk: SpoolRange[] = [];
  private piece: { of: SpoolPiece; settled: number } | null = null;
  private isDisksTurn = false;
  private limit: number;
  private failures = 0;
  private running: Promise<void> = Promise.resolve();
  private isRunning = false;
  private isStopped = false;
  private skipsDisk = false;

  /** Lines that memory holds. */
  inMemory = 0;
  /** Lines that are stored. */
  stored = 0;
  /** Lines that the sink refused for good. */
  refused = 0;
  /** Writes that failed and were tried again. */
  retried = 0;
  /** Records of adopted segments, counted as they are read. */
  adopted = 0;
  /** Records of our own that the spool did not give back whole. */
  lost = 0;
  /** Records in damaged pieces of segments. */
  torn = 0;
  /** Records of our own that another process has adopted. */
  handedOver = 0;

  constructor(private readonly options: DeliveryOptions) {
    this.limit = options.maxBatchSize;
  }

  get batches(): readonly Batch[] {
    return this.memory;
  }

  /** Records that only the spool has, as far as they are counted. */
  get onDisk(): number {
    const ranges = this.disk.reduce((sum, { records }) => sum + (records ?? 0), 0);
    const { piece } = this;
    // An adopted piece is counted once it is read; of our own, the range still counts it.
    return piece === null || piece.of.range.records !== null
      ? ranges - (piece?.settled ?? 0)
      : ranges + piece.of.lines.length - piece.settled;
  }

  get isFailing(): boolean {
    return this.failures > 0;
  }

  get isIdle(): boolean {
    return this.memory.length === 0 && this.disk.length === 0;
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

  addRange(range: SpoolRange): void {
    const last = this.disk.at(-1);
    const follows =
      last !== undefined &&
      last.records !== null &&
      range.records !== null &&
      last.segment === range.segment &&
      last.end === range.start &&
      // The first one may be being read.
      this.disk.length > 1;
    if (!follows) this.disk.push(range);
    else {
      this.disk[this.disk.length - 1] = {
        ...last,
        end: range.end,
        records: last.records! + range.records!,
      };
    }
  }

  /** Lets memory forget the oldest batches that the disk has, until it holds no more than so many lines. */
  evict(atMost: number): void {
    for (let index = 0; index < this.memory.length && this.inMemory > atMost;) {
      const batch = this.memory[index]!;
      if (!batch.isDurable || batch.isSending || batch.settled > 0 || batch.segment === null) {
        index += 1;
        continue;
      }
      this.memory.splice(index, 1);
      this.inMemory -= batch.left;
      const { segment, start, end, left: records } = batch;
      this.addRange({ segment, start, end, records });
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
        const hasDisk = this.hasDisk;
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

  /** Whether what only the spool has can be sent: what was adopted goes to the database that it was taken for, or stays. */
  private get hasDisk(): boolean {
    const [range] = this.disk;
    if (range === undefined || this.skipsDisk) return false;
    return range.records !== null || range.segment.isForeign || this.options.maySendAdopted();
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
    const range = this.disk[0]!;
    if (range.segment.isForeign) {
      const records = range.records ?? this.piece?.of.lines.length ?? 0;
      this.handedOver += records - (this.piece?.settled ?? 0);
      this.piece = null;
      this.disk.shift();
      return;
    }
    this.piece ??= { of: await this.read(range), settled: 0 };
    const { piece } = this;
    while (piece.settled < piece.of.lines.length) {
      const lines = Lines.of(piece.of.lines.slice(piece.settled, piece.settled + this.limit));
      const areAdopted = range.records === null;
      await this.write(lines, areAdopted, (count) => (piece.settled += count));
    }
    this.finishPiece(piece.of);
  }

  private async read(range: SpoolRange): Promise<SpoolPiece> {
    const piece = await range.segment.read(range).catch((): SpoolPiece => {
      // Another process has it, or it cannot be read: then it stays where it is, for a process that can.
      range.segment.isForeign = true;
      return { lines: [], torn: 0, damaged: [], consumed: 0, range, next: range.start };
    });
    if (range.records === null) this.adopted += piece.lines.length;
    return piece;
  }

  private finishPiece(piece: SpoolPiece): void {
    const { range } = piece;
    this.piece = null;
    this.torn += piece.torn;
    if (piece.damaged.length > 0) this.options.onTorn(piece.damaged);
    range.start = piece.next;
    const isRead = range.start >= range.end;
    if (range.records !== null) {
      // At the end of a range, what it should have held and has not given is lost.
      const gone = isRead ? range.records : piece.lines.length + piece.torn;
      this.lost += gone - piece.lines.length;
      range.records -= gone;
      range.segment.outstanding -= gone;
    }
    if (isRead) this.disk.shift();
    this.options.onRead(piece);
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
