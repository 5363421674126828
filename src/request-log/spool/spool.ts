import type { Batch } from './batch.js';
import { framesOf, SEGMENT_HEADER } from './spool-frame.js';
import type { SpoolFiles } from './spool-files.js';
import type { SpoolFolder } from './spool-folder.js';
import { SpoolSegment, type SpoolRange } from './spool-segment.js';

/** Whether records reach the disk: `ready`, `full` at the size cap, or `unavailable` by an error of the file system. */
export type SpoolState = 'ready' | 'full' | 'unavailable';

/** What a {@link Spool} needs besides its folder. */
export interface SpoolOptions {
  files: SpoolFiles;
  /** What all of this process' segments, adopted ones included, may take, in bytes. */
  maxBytes: number;
  /** After this many milliseconds without a sign of life another process' segments are adopted. */
  adoptAfterMs: number;
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
  /** Called when the state changes, with the error that has made it `unavailable`. */
  onState(state: SpoolState, error: unknown): void;
}

const LARGEST_SEGMENT_BYTES = 8 * 1_024 * 1_024;
/** A file system that refuses is asked again after this many milliseconds. */
const RETRY_MS = 1_000;

/**
 * Keeps records on disk until the sink has them: segments that are only ever appended to, and deleted when the last of
 * their records is settled. All work on the disk happens one piece after another, and none of it rejects: where the disk
 * refuses, records stay in memory, and it is tried again.
 */
export class Spool {
  private active: SpoolSegment | null = null;
  private readonly segments = new Set<SpoolSegment>();
  /** Paths of adopted segments that are still being read. */
  private readonly adopted = new Set<string>();
  private unsynced: Batch[] = [];
  private sequence = 0;
  private retryAtMs = 0;
  /** There are batches that the disk has not taken, and that are offered again. */
  private isRefusing = false;
  /** What others have left behind cannot be read. */
  private cannotAdopt = false;
  /** What the last batch takes, taken or not. */
  private lastBytes = 0;
  private currentState: SpoolState = 'ready';
  private turn: Promise<unknown> = Promise.resolve();
  /** Asked of the disk one after another, but beside the turns: what is under way must not hold up what is stored. */
  private syncing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly folder: SpoolFolder,
    private readonly options: SpoolOptions,
  ) {}

  get state(): SpoolState {
    return this.currentState;
  }

  /** Whether what was adopted may go to the sink now: nobody knows while the database may be another one. */
  get maySendAdopted(): boolean {
    return this.folder.isKnown;
  }

  /** Names the place that what was adopted goes to. */
  get adoptedFor(): string | null {
    return this.folder.claimedFor;
  }

  /** What the segments take, in bytes. */
  get bytes(): number {
    let bytes = 0;
    for (const segment of this.segments) bytes += segment.size;
    return bytes;
  }

  /** Hands the batches to the operating system, those that are settled by now excepted. Never rejects. */
  store(batches: readonly Batch[]): Promise<void> {
    return this.afterwards(async () => {
      const left = batches.filter((batch) => batch.segment === null && batch.left > 0);
      this.isRefusing = left.length > 0;
      if (!this.isRefusing || this.options.now() < this.retryAtMs) return;
      for (const batch of left) {
        if (!(await this.append(batch))) return;
      }
      this.isRefusing = false;
      this.setState('ready', null);
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
  adopt(): Promise<SpoolRange[]> {
    return this.afterwards(async () => {
      const ranges: SpoolRange[] = [];
      this.cannotAdopt = false;
      try {
        const { segments, isReleased } = await this.folder.adopt(this.options.adoptAfterMs);
        if (isReleased) this.release();
        for (const path of segments) {
          if (this.adopted.has(path)) continue;
          const segment = await SpoolSegment.adopt(path, this.options.files);
          this.segments.add(segment);
          this.adopted.add(path);
          ranges.push({ segment, start: 0, end: segment.size, records: null });
        }
      } catch (error) {
        this.cannotAdopt = true;
        this.fail(error);
      }
      return ranges;
    });
  }

  /** Counts records of a segment that the sink has, or will never have. Never rejects. */
  settle(segment: SpoolSegment, records: number): void {
    segment.outstanding -= records;
    this.removeIfDone(segment);
  }

  /** An adopted segment has been read to its end. */
  finish(segment: SpoolSegment): void {
    segment.outstanding = 0;
    this.removeIfDone(segment);
  }

  /** Leaves what is not settled to whoever comes next. Never rejects. */
  async close(): Promise<void> {
    await this.syncing;
    return this.afterwards(async () => {
      for (const segment of this.segments) {
        if (segment.outstanding > 0) await segment.close();
        else await segment.delete().catch(() => undefined);
      }
      this.segments.clear();
      this.active = null;
      await this.folder.leave().catch(() => undefined);
    });
  }

  /** Whether what was refused, and has gone to the sink since, would be taken now: nothing may come for long to show it. */
  private async lookForRoom(): Promise<void> {
    if (this.currentState === 'ready' || this.isRefusing || this.cannotAdopt) return;
    if (this.options.now() < this.retryAtMs) return;
    if (this.bytes + this.lastBytes > this.options.maxBytes) return;
    if (this.currentState === 'unavailable') await this.folder.probe(this.lastBytes);
    this.setState('ready', null);
  }

  private async append(batch: Batch): Promise<boolean> {
    const bytes = framesOf(batch.lines.slice(batch.settled));
    this.lastBytes = bytes.length + SEGMENT_HEADER.length;
    if (this.bytes + this.lastBytes > this.options.maxBytes) {
      this.setState('full', null);
      return false;
    }
    try {
      const segment = await this.segmentFor(bytes.length);
      batch.start = await segment.append(bytes);
      batch.end = batch.start + bytes.length;
      batch.segment = segment;
      // The sink may have taken some of it, or all, in the meantime.
      segment.outstanding += batch.left;
      this.unsynced.push(batch);
      return true;
    } catch (error) {
      await this.active?.trim();
      this.fail(error);
      return false;
    }
  }

  private async segmentFor(bytes: number): Promise<SpoolSegment> {
    const largest = Math.min(LARGEST_SEGMENT_BYTES, Math.max(65_536, this.options.maxBytes / 8));
    if (this.active !== null && this.active.size + bytes > largest) this.seal();
    if (this.active === null) {
      await this.folder.open();
      this.sequence += 1;
      const path = this.folder.segmentPath(this.sequence);
      this.active = await SpoolSegment.create(path, this.options.files);
      this.segments.add(this.active);
    }
    return this.active;
  }

  private async syncOnce(): Promise<boolean> {
    // Those without a segment have lost it to a failed fsync, and are stored anew.
    const batches = this.unsynced.filter(({ segment }) => segment !== null);
    this.unsynced = [];
    const dirty = new Set(batches.flatMap(({ segment, left }) => (left > 0 ? segment! : [])));
    const failed = new Map<SpoolSegment, unknown>();
    for (const segment of dirty) {
      await segment.sync().catch((error: unknown) => failed.set(segment, error));
    }
    return this.afterwards(async () => {
      for (const [segment, error] of failed) this.abandon(segment, batches, error);
      if (this.active?.outstanding === 0 && this.active.size > SEGMENT_HEADER.length) {
        // What is delivered does not stay on the disk longer than this.
        await this.active.empty().catch((error: unknown) => this.fail(error));
      }
      return this.own(batches);
    });
  }

  /** Shows that this process lives, and takes batches for durable if nobody has doubted it. */
  private async own(synced: readonly Batch[]): Promise<boolean> {
    try {
      if (!(await this.folder.beat())) {
        this.disown();
        return false;
      }
      for (const batch of synced) batch.isDurable = batch.segment !== null;
    } catch (error) {
      // Nobody knows whose the segments are: memory keeps what it has until that is known.
      this.unsynced.unshift(...synced);
      this.fail(error);
      return true;
    }
    await this.lookForRoom().catch((error: unknown) => this.fail(error));
    return true;
  }

  /**
   * After a failed fsync the kernel may have dropped the pages and call the next one a success. So nothing of it is
   * believed, not even what was appended meanwhile: the lines are in memory still, and go to a new segment.
   */
  private abandon(segment: SpoolSegment, batches: readonly Batch[], error: unknown): void {
    // It was delivered and removed while the disk was asked about it.
    if (!this.segments.has(segment)) return;
    if (this.active === segment) this.seal();
    for (const batch of [...batches, ...this.unsynced]) {
      if (batch.segment !== segment) continue;
      batch.segment = null;
      this.settle(segment, batch.left);
    }
    this.fail(error);
  }

  /** What was adopted is in other hands: it belongs where this process' records do not go any more. */
  private release(): void {
    for (const segment of this.segments) {
      if (!this.adopted.has(segment.path)) continue;
      segment.isForeign = true;
      this.segments.delete(segment);
      void segment.close();
    }
    this.adopted.clear();
  }

  private disown(): void {
    for (const segment of this.segments) {
      segment.isForeign = true;
      void segment.close();
    }
    this.segments.clear();
    this.adopted.clear();
    this.active = null;
    this.unsynced = [];
  }

  private seal(): void {
    const segment = this.active;
    this.active = null;
    if (segment === null) return;
    segment.isSealed = true;
    this.removeIfDone(segment);
  }

  private removeIfDone(segment: SpoolSegment): void {
    if (!segment.isSealed || segment.outstanding > 0 || segment.isForeign) return;
    void this.afterwards(async () => {
      if (!this.segments.delete(segment)) return;
      await segment.delete().catch((error: unknown) => this.fail(error));
      this.adopted.delete(segment.path);
    });
  }

  private afterwards<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  private fail(error: unknown): void {
    this.retryAtMs = this.options.now() + RETRY_MS;
    this.setState('unavailable', error);
  }

  private setState(state: SpoolState, error: unknown): void {
    if (this.currentState === state) return;
    this.currentState = state;
    this.options.onState(state, error);
  }
}
