import type { SpoolPiece, SpoolRange } from '../spool/spool-segment.js';

/** Whom a {@link DiskBacklog} tells and asks. */
export interface DiskBacklogParts {
  /** A piece of the spool has turned out to hold this besides whole records. */
  onTorn(damaged: readonly Buffer[]): void;
  /** So many records of our own are not there any more. */
  onLost(count: number): void;
  /** A piece of the spool is settled. */
  onRead(piece: SpoolPiece): void;
  /** Whether adopted records may be written now. */
  maySendAdopted(): boolean;
}

/** What is read of the backlog and being written. */
interface OpenPiece {
  readonly of: SpoolPiece;
  /** How many of its lines, from the first on, are stored or refused for good. */
  settled: number;
}

/** What only the spool has, the oldest first: read piece by piece, and counted as it turns out to be. */
export class DiskBacklog {
  private readonly ranges: SpoolRange[] = [];
  private piece: OpenPiece | null = null;

  /** Records of adopted segments, counted as they are read. */
  adopted = 0;
  /** Records of our own that the spool did not give back whole. */
  lost = 0;
  /** Records in damaged pieces of segments. */
  torn = 0;
  /** Records of our own that another process has adopted. */
  handedOver = 0;

  constructor(private readonly parts: DiskBacklogParts) {}

  /** Records, as far as they are counted. */
  get records(): number {
    const ranges = this.ranges.reduce((sum, { records }) => sum + (records ?? 0), 0);
    const { piece } = this;
    // An adopted piece is counted once it is read; of our own, the range still counts it.
    return piece === null || piece.of.range.records !== null
      ? ranges - (piece?.settled ?? 0)
      : ranges + piece.of.lines.length - piece.settled;
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  /** Whether the first of it can be sent: what was adopted goes to the database that it was taken for, or stays. */
  get canBeSent(): boolean {
    const [range] = this.ranges;
    if (range === undefined) return false;
    return range.records !== null || range.segment.isForeign || this.parts.maySendAdopted();
  }

  add(range: SpoolRange): void {
    const last = this.ranges.at(-1);
    const follows =
      last !== undefined &&
      last.records !== null &&
      range.records !== null &&
      last.segment === range.segment &&
      last.end === range.start &&
      // The first one may be being read.
      this.ranges.length > 1;
    if (!follows) this.ranges.push(range);
    else {
      this.ranges[this.ranges.length - 1] = {
        ...last,
        end: range.end,
        records: last.records! + range.records!,
      };
    }
  }

  /** What is to be written next; null where it is in other hands. Until {@link finish} it is the same. */
  async open(): Promise<OpenPiece | null> {
    const range = this.ranges[0]!;
    if (range.segment.isForeign) {
      const records = range.records ?? this.piece?.of.lines.length ?? 0;
      this.handedOver += records - (this.piece?.settled ?? 0);
      this.piece = null;
      this.ranges.shift();
      return null;
    }
    this.piece ??= { of: await this.read(range), settled: 0 };
    return this.piece;
  }

  /** All of what {@link open} gave is settled. */
  finish(): void {
    const piece = this.piece!.of;
    const { range } = piece;
    this.piece = null;
    this.torn += piece.torn;
    if (piece.damaged.length > 0) this.parts.onTorn(piece.damaged);
    range.start = piece.next;
    const isRead = range.start >= range.end;
    if (range.records !== null) {
      // At the end of a range, what it should have held and has not given is lost.
      const gone = isRead ? range.records : piece.lines.length + piece.torn;
      this.lost += gone - piece.lines.length;
      range.records -= gone;
      range.segment.outstanding -= gone;
      const missing = gone - piece.lines.length - piece.torn;
      if (missing > 0) this.parts.onLost(missing);
    }
    if (isRead) this.ranges.shift();
    this.parts.onRead(piece);
  }

  private async read(range: SpoolRange): Promise<SpoolPiece> {
    const piece = await range.segment.read(range).catch(() => unreadable(range));
    if (range.records === null) this.adopted += piece.lines.length;
    return piece;
  }
}

/** Nobody has what was deleted; what is in other hands, or cannot be read here, stays for a process that can. */
async function unreadable(range: SpoolRange): Promise<SpoolPiece> {
  const { segment } = range;
  const isDeleted = !segment.isForeign && (await segment.isDeleted());
  if (!isDeleted) segment.isForeign = true;
  const next = isDeleted ? range.end : range.start;
  return { lines: [], torn: 0, damaged: [], consumed: 0, range, next };
}
