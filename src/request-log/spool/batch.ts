import type { Lines } from '../record/lines.js';
import type { SpoolSegment } from './spool-segment.js';

/** Lines that travel together: to the spool if the sink is not faster, and to the sink. */
export class Batch {
  /** How many of the lines, from the first on, are stored or refused for good. */
  settled = 0;
  isSending = false;
  /** Only the spool has the lines any more. */
  isEvicted = false;
  /** Where the spool has the lines; null while it has not. */
  segment: SpoolSegment | null = null;
  start = 0;
  end = 0;
  /** The lines are on the disk, in a segment that was this process' own afterwards: memory may forget them. */
  isDurable = false;

  constructor(
    readonly lines: Lines,
    /** When the oldest of them was pushed, in milliseconds of the steady clock. */
    readonly sinceMs: number,
  ) {}

  get left(): number {
    return this.lines.length - this.settled;
  }
}
