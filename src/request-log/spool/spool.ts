import type { Batch } from './batch.js';
import type { Lines } from '../record/lines.js';
import { SegmentWriter } from './segment-writer.js';
import { SpoolCondition, type SpoolState } from './spool-condition.js';
import type { SpoolOptions } from './spool-options.js';
import { framesOf, SEGMENT_HEADER } from './spool-frame.js';
import type { SpoolFolder } from './spool-folder.js';
import { SpoolSegment, type SpoolRange } from './spool-segment.js';

/**
 * Keeps records on disk until the sink has them: segments that are only ever appended to, and deleted when the last of
 * their records is settled. All work on the disk happens one piece after another, and none of it rejects: where the disk
 * refuses, records stay in memory, and it is tried again.
 */
export class Spool {
  private readonly segments = new Set<SpoolSegment>();
  /** Paths of adopted segments that are still being read. */
  private readonly adopted = new Set<string>();
  private unsynced: Batch[] = [];
  /** There are batches that the disk has not taken, and that are offered again. */
  private isRefusing = false;
  /** What others have left behind cannot be read. */
  private cannotAdopt = false;
  private isClosed = false;
  private readonly condition: SpoolCondition;
  private readonly writer: SegmentWriter;
  private turn: Promise<unknown> = Promise.resolve();
  /** Asked of the disk one after another, but beside the turns: what is under way must not hold up what is stored. */
  private syncing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly folder: SpoolFolder,
    private readonly options: SpoolOptions,
  ) {
    const { files, filesNow, maxBytes, now } = options;
    this.condition = new SpoolCondition(now, (state, error) => options.onState(state, error));
    this.writer = new SegmentWriter({
      folder,
      files,
      filesNow,
      condition: this.condition,
      maxBytes,
      bytes: () => this.bytes,
      now,
      onCreated: (segment) => this.segments.add(segment),
      onStored: (batch) => this.unsynced.push(batch),
      onSealed: (segment) => this.removeIfDone(segment),
      afterwards: (work) => this.afterwards(work),
    });
  }

  get state(): SpoolState {
    return this.condition.state;
  }

  /** How often records could not be stored at once, or that was given up for a minute. */
  get pauses(): number {
    return this.writer.pauses;
  }

  /** Names the place that adopted records may go to now; null while the sink may lead to another one. */
  get adoptedGoTo(): string | null {
    return this.folder.adoptedGoTo;
  }

  /** What the segments take, in bytes, without those that are open for what may come. */
  get bytes(): number {
    let bytes = 0;
    for (const { size } of this.segments) if (size > SEGMENT_HEADER.length) bytes += size;
    return bytes;
  }

  /** Makes the folder, and what {@link storeNow} appends to. Never rejects. */
  open(): Promise<void> {
    return this.afterwards(() => this.writer.fill());
  }

  /**
   * Hands the batches to the operating system before it returns, if the disk takes them at once; what it does not take is
   * for {@link store}. Never throws.
   */
  storeNow(batches: readonly Batch[]): void {
    if (!this.condition.mayTry) return;
    for (const batch of batches) {
      if (batch.segment !== null || batch.left === 0) continue;
      if (!this.writer.appendNow(batch)) return;
    }
  }

  /** Hands the batches to the operating system, those that are settled by now excepted. Never rejects. */
  store(batches: readonly Batch[]): Promise<void> {
    return this.afterwards(async () => {
      const left = batches.filter((batch) => batch.segment === null && batch.left > 0);
      this.isRefusing = left.length > 0;
      if (!this.isRefusing || !this.condition.mayTry) return;
      for (const batch of left) {
        if (batch.segment === null && !(await this.writer.append(batch))) return;
      }
      this.isRefusing = false;
      this.condition.is('ready');
    });
  }

  /**
   * Brings what was stored to the disk, and makes sure that it is still this process' own. The disk may take its time:
   * meanwhile the operating system is handed more.
   *
   * @returns false where another process has adopted the segments: batches in memory must be stored anew. Never rejects.
   */
  sync(): Promise<boolean> {
    const done = this.syncing.then(() => this.syncOnce());
    this.syncing = done;
    return done;
  }

  /** Takes over what other processes have left behind. Never rejects. */
  async adopt(): Promise<SpoolRange[]> {
    const { adoptAfterMs, files } = this.options;
    const processes = this.folder.processes();
    // Nobody's turn, and with it no sign of life, waits for a database that takes its time to say who it is.
    await Promise.allSettled([processes]);
    return this.afterwards(async () => {
      const ranges: SpoolRange[] = [];
      if (this.isClosed) return ranges;
      this.cannotAdopt = false;
      try {
        const { segments, isReleased } = await this.folder.adopt(await processes, adoptAfterMs);
        if (isReleased) this.release();
        for (const path of segments.filter((one) => !this.adopted.has(one))) {
          const segment = await SpoolSegment.adopt(path, files);
          this.segments.add(segment);
          this.adopted.add(path);
          ranges.push({ segment, start: 0, end: segment.size, records: null });
        }
      } catch (error) {
        this.cannotAdopt = true;
        this.condition.failed(error);
      }
      return ranges;
    });
  }

  /** Counts records of a segment that the sink has, or will never have. */
  settle(segment: SpoolSegment, records: number): void {
    segment.outstanding -= records;
    this.removeIfDone(segment);
  }

  /** An adopted segment has been read to its end. */
  finish(segment: SpoolSegment): void {
    segment.outstanding = 0;
    this.removeIfDone(segment);
  }

  /** Whether the segments are this process' own at this moment. */
  get isOurs(): boolean {
    return this.folder.isOurs(this.options.filesNow);
  }

  /**
   * Leaves everything to whoever comes next before it returns, with these lines besides.
   *
   * @throws where the disk does not take them.
   */
  leaveNow(lines: Lines): void {
    const frames = framesOf(lines);
    if (this.bytes + frames.length > this.options.maxBytes) throw new Error('the spool is full');
    this.folder.leaveNow(Buffer.concat([SEGMENT_HEADER, frames]), this.options.filesNow);
  }

  /** Leaves what is not settled to whoever comes next. Never rejects. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.syncing;
    return this.afterwards(async () => {
      for (const segment of this.segments) {
        if (segment.outstanding > 0) await segment.close();
        else await segment.delete().catch(() => undefined);
      }
      this.segments.clear();
      this.writer.clear();
      await this.folder.leave().catch(() => undefined);
    });
  }

  /** Whether what was refused, and has gone to the sink since, would be taken now: nothing may come for long to show it. */
  private async lookForRoom(): Promise<void> {
    if (this.state === 'ready' || this.isRefusing || this.cannotAdopt) return;
    if (!this.condition.mayTry || !this.writer.hasRoom) return;
    if (this.state === 'unavailable') await this.folder.probe(this.writer.lastBytes);
    this.condition.is('ready');
  }

  private async syncOnce(): Promise<boolean> {
    // Those without a segment have lost it to a failed fsync, and are stored anew.
    const batches = this.unsynced.filter(({ segment }) => segment !== null);
    this.unsynced = [];
    this.writer.swap();
    const dirty = new Set(batches.flatMap(({ segment, left }) => (left > 0 ? segment! : [])));
    const failed = new Map<SpoolSegment, unknown>();
    for (const segment of dirty) {
      await segment.sync().catch((error: unknown) => failed.set(segment, error));
    }
    return this.afterwards(async () => {
      if (!(await this.own(batches.filter(({ segment }) => !failed.has(segment!))))) return false;
      for (const [segment, error] of failed) this.abandon(segment, batches, error);
      // What is delivered does not stay on the disk longer than this.
      await this.writer.forgetDelivered();
      await this.lookForRoom().catch((error: unknown) => this.condition.failed(error));
      await this.writer.fill();
      return true;
    });
  }

  /** Shows that this process lives, and takes batches for durable if nobody has doubted it. */
  private async own(synced: readonly Batch[]): Promise<boolean> {
    try {
      if (!(await this.folder.beat())) {
        await this.disown();
        return false;
      }
      for (const batch of synced) batch.isDurable = batch.segment !== null;
    } catch (error) {
      // Nobody knows whose the segments are: memory keeps what it has until that is known.
      this.unsynced.unshift(...synced);
      this.condition.failed(error);
    }
    return true;
  }

  /**
   * After a failed fsync the kernel may have dropped the pages and call the next one a success. So nothing of it is
   * believed, not even what was appended meanwhile: the lines are in memory still, and go to a new segment.
   */
  private abandon(segment: SpoolSegment, batches: readonly Batch[], error: unknown): void {
    // It was delivered and removed while the disk was asked about it.
    if (!this.segments.has(segment)) return;
    this.writer.abandon(segment);
    for (const batch of [...batches, ...this.unsynced]) {
      // What memory does not have is read from there all the same: checksums tell what has arrived.
      if (batch.segment !== segment || batch.isEvicted) continue;
      batch.segment = null;
      this.settle(segment, batch.left);
    }
    this.condition.failed(error);
  }

  /** What was adopted belongs where this process' records do not go any more. */
  private release(): void {
    this.letGo([...this.segments].filter(({ path }) => this.adopted.has(path)));
  }

  /**
   * Another process has the segments, or somebody has deleted them. What cannot be found any more is read from here for
   * as long as it is open: whoever has it too tells by the ids that it has it twice.
   */
  private async disown(): Promise<void> {
    this.writer.clear();
    this.unsynced = [];
    for (const segment of this.segments) {
      const isGone = segment.outstanding > 0 && (await segment.isDeleted());
      if (isGone) segment.isSealed = true;
      else this.letGo([segment]);
    }
  }

  /** These are in other hands from now on. */
  private letGo(segments: readonly SpoolSegment[]): void {
    for (const segment of segments) {
      segment.isForeign = true;
      this.segments.delete(segment);
      this.adopted.delete(segment.path);
      void segment.close();
    }
  }

  private removeIfDone(segment: SpoolSegment): void {
    if (!segment.isSealed || segment.outstanding > 0 || segment.isForeign) return;
    void this.afterwards(async () => {
      if (!this.segments.delete(segment)) return;
      await segment.delete().catch((error: unknown) => this.condition.failed(error));
      this.adopted.delete(segment.path);
    });
  }

  private afterwards<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}
