import type { SpoolFilesNow } from './spool-files.js';
import type { SpoolSegment } from './spool-segment.js';

/** What {@link ReadySegments} need. */
export interface ReadySegmentsParts {
  /** Makes a segment. */
  create(): Promise<SpoolSegment>;
  /** A segment is full, or has failed: nothing is appended to it any more. */
  onSealed(segment: SpoolSegment): void;
  writeNow: SpoolFilesNow['writeSync'];
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
}

/** A disk that takes longer than this for one append is slow, in milliseconds: requests wait for it. */
const SLOW_MS = 5;
/** For so long nothing is asked of a disk that was slow or has refused, in milliseconds. */
const PAUSE_MS = 60_000;

/**
 * Segments that are open already, so that records can be appended while the event loop is late: opening a file and
 * writing to it take a turn of the loop each, and turns of seconds are what a process is killed in.
 *
 * They are two. What is appended while the disk is asked to keep the one goes to the other, since file systems let a
 * write wait for that; so does what comes while the one is emptied.
 *
 * A disk that hangs (a network's) must not cost requests more than once: after an append that was slow or has failed
 * none is tried for a minute.
 */
export class ReadySegments {
  /** How often there was nothing to append to, or appending was given up for a minute. */
  pauses = 0;
  private current: SpoolSegment | null = null;
  private spare: SpoolSegment | null = null;
  private pausedUntilMs = Number.NEGATIVE_INFINITY;
  private isMissed = false;

  constructor(private readonly parts: ReadySegmentsParts) {}

  /** Whether an append may be tried now. Where there is nothing to append to, that is counted, once. */
  mayAppend(): boolean {
    if (this.parts.now() < this.pausedUntilMs) return false;
    const isThere = this.current !== null;
    if (!isThere && !this.isMissed) this.pauses += 1;
    this.isMissed = !isThere;
    return isThere;
  }

  /**
   * Appends bytes, if it {@link mayAppend}.
   *
   * @returns where they are; null where no segment has room for them.
   * @throws the error of the file system.
   */
  append(bytes: Buffer, largest: number): { segment: SpoolSegment; start: number } | null {
    while (this.current?.isUsed && this.current.size + bytes.length > largest) this.sealCurrent();
    if (!this.mayAppend()) return null;
    const segment = this.current!;
    const startedAt = this.parts.now();
    try {
      const start = segment.appendNow(bytes, this.parts.writeNow);
      if (this.parts.now() - startedAt > SLOW_MS) this.pause();
      return { segment, start };
    } catch (error) {
      this.pause();
      this.sealCurrent();
      throw error;
    }
  }

  /** Opens what is missing. */
  async fill(): Promise<void> {
    if (this.current === null) this.current = this.takeSpare() ?? (await this.parts.create());
    if (this.spare === null) this.spare = await this.parts.create();
    this.isMissed = false;
  }

  /** What is appended from now on goes to the other one, if there is one. */
  swap(): void {
    if (this.spare === null || !this.current?.isUsed) return;
    [this.current, this.spare] = [this.spare, this.current];
  }

  /** Empties the one that is not appended to, if all that it has is delivered. */
  async empty(): Promise<void> {
    if (!this.spare?.isUsed || this.spare.outstanding > 0) return;
    const segment = this.takeSpare()!;
    try {
      await segment.empty();
      this.spare = segment;
    } catch (error) {
      this.parts.onSealed(segment);
      throw error;
    }
  }

  /** Has nothing to do with a segment any more. */
  forget(segment: SpoolSegment): void {
    if (this.current === segment) this.current = this.takeSpare();
    else if (this.spare === segment) this.spare = null;
  }

  /** Has nothing to do with any segment any more. */
  clear(): void {
    this.current = null;
    this.spare = null;
  }

  private takeSpare(): SpoolSegment | null {
    const { spare } = this;
    this.spare = null;
    return spare;
  }

  private sealCurrent(): void {
    const segment = this.current;
    this.current = this.takeSpare();
    if (segment !== null) this.parts.onSealed(segment);
  }

  private pause(): void {
    this.pauses += 1;
    this.pausedUntilMs = this.parts.now() + PAUSE_MS;
  }
}
