import type { Batch } from './batch.js';
import { ReadySegments } from './ready-segments.js';
import type { SpoolCondition } from './spool-condition.js';
import type { SpoolFiles, SpoolFilesNow } from './spool-files.js';
import type { SpoolFolder } from './spool-folder.js';
import { framesOf, SEGMENT_HEADER } from './spool-frame.js';
import { SpoolSegment } from './spool-segment.js';

/** What a {@link SegmentWriter} needs. */
export interface SegmentWriterParts {
  folder: SpoolFolder;
  files: SpoolFiles;
  filesNow: SpoolFilesNow;
  condition: SpoolCondition;
  /** What all segments may take, in bytes. */
  maxBytes: number;
  /** What they take now. */
  bytes(): number;
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
  onCreated(segment: SpoolSegment): void;
  onStored(batch: Batch): void;
  /** Nothing is appended to a segment any more. */
  onSealed(segment: SpoolSegment): void;
  /** Runs work once the disk has done what it is at. */
  afterwards(work: () => Promise<void>): Promise<void>;
}

const LARGEST_SEGMENT_BYTES = 8 * 1_024 * 1_024;

/** Appends batches to segments of this process, in a turn of the disk or at once; never to one segment in both ways. */
export class SegmentWriter {
  private active: SpoolSegment | null = null;
  private readonly ready: ReadySegments;
  private sequence = 0;
  /** What the last batch takes, taken or not. */
  lastBytes = 0;

  constructor(private readonly parts: SegmentWriterParts) {
    this.ready = new ReadySegments({
      create: () => this.create(),
      onSealed: (segment) => this.retire(segment),
      writeNow: parts.filesNow.writeSync,
      now: () => parts.now(),
    });
  }

  /** How often records could not be appended at once, or that was given up for a minute. */
  get pauses(): number {
    return this.ready.pauses;
  }

  /** Whether what was last refused for want of room would be taken now. */
  get hasRoom(): boolean {
    return this.parts.bytes() + this.lastBytes <= this.parts.maxBytes;
  }

  /** Opens what {@link appendNow} appends to. Never rejects. */
  async fill(): Promise<void> {
    if (!this.parts.condition.mayTry) return;
    await this.ready.fill().catch((error: unknown) => this.parts.condition.failed(error));
  }

  /** Appends a batch before it returns. Gives false where the disk does not take it, or not at once. Never throws. */
  appendNow(batch: Batch): boolean {
    if (!this.ready.mayAppend()) return false;
    const bytes = this.framesFor(batch);
    if (bytes === null) return false;
    try {
      const place = this.ready.append(bytes, this.largestSegment);
      if (place === null) return false;
      this.note(batch, place.segment, place.start, bytes.length);
      return true;
    } catch (error) {
      this.parts.condition.failed(error);
      return false;
    }
  }

  /** Appends a batch. Gives false where the disk does not take it. Never rejects. */
  async append(batch: Batch): Promise<boolean> {
    const bytes = this.framesFor(batch);
    if (bytes === null) return false;
    try {
      const segment = await this.segmentFor(bytes.length);
      const start = await segment.append(bytes);
      // It may have been stored at once meanwhile: then it is there twice, and counts where it was first.
      if (batch.segment === null) this.note(batch, segment, start, bytes.length);
      return true;
    } catch (error) {
      await this.active?.trim();
      this.parts.condition.failed(error);
      return false;
    }
  }

  /** What is appended at once from now on goes where the disk is not asked to keep what it has. */
  swap(): void {
    this.ready.swap();
  }

  /** Empties segments of which all is delivered. Never rejects. */
  async forgetDelivered(): Promise<void> {
    try {
      if (this.active?.isUsed && this.active.outstanding === 0) await this.active.empty();
      await this.ready.empty();
    } catch (error) {
      this.parts.condition.failed(error);
    }
  }

  /** Appends no more to a segment. */
  abandon(segment: SpoolSegment): void {
    if (this.active === segment) this.active = null;
    this.ready.forget(segment);
    segment.isSealed = true;
    this.parts.onSealed(segment);
  }

  /** Has nothing to do with any segment any more. */
  clear(): void {
    this.active = null;
    this.ready.clear();
  }

  /** The frames of a batch, if there is room for them. */
  private framesFor(batch: Batch): Buffer | null {
    const bytes = framesOf(batch.lines.slice(batch.settled));
    this.lastBytes = bytes.length + SEGMENT_HEADER.length;
    if (this.hasRoom) return bytes;
    this.parts.condition.is('full');
    return null;
  }

  private note(batch: Batch, segment: SpoolSegment, start: number, length: number): void {
    batch.start = start;
    batch.end = start + length;
    batch.segment = segment;
    // The sink may have taken some of it, or all, in the meantime.
    segment.outstanding += batch.left;
    this.parts.onStored(batch);
  }

  private get largestSegment(): number {
    return Math.min(LARGEST_SEGMENT_BYTES, Math.max(65_536, this.parts.maxBytes / 8));
  }

  private async segmentFor(bytes: number): Promise<SpoolSegment> {
    const { active } = this;
    if (active !== null && active.size + bytes > this.largestSegment) this.abandon(active);
    this.active ??= await this.create();
    return this.active;
  }

  private async create(): Promise<SpoolSegment> {
    const { folder, files, onCreated } = this.parts;
    await folder.open();
    this.sequence += 1;
    const segment = await SpoolSegment.create(folder.segmentPath(this.sequence), files);
    onCreated(segment);
    return segment;
  }

  /** A segment that was appended to at once is full, or has failed half-way. */
  private retire(segment: SpoolSegment): void {
    void this.parts.afterwards(async () => {
      await segment.trim();
      segment.isSealed = true;
      this.parts.onSealed(segment);
      await this.fill();
    });
  }
}
