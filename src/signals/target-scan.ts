import { FOLD, MAX_TARGET } from './decoding.js';
import { MARK, MARKS_OF } from './marks.js';
import { HASH_SEED, nextHash, type SegmentFilter } from './segment-filter.js';

const DOT = 46;
const SLASH = 47;
const HASH = 35;
const QUESTION = 63;

/** Marks of a path in which nothing has to be undone before its segments can be compared. */
const PLAIN = MARK.slash | MARK.dot | MARK.underscore | MARK.equals | MARK.ampersand | MARK.colon;
/** The same, with what only a payload can be made of. */
const LITERAL =
  PLAIN | MARK.plus | MARK.parenthesis | MARK.bracket | MARK.dollar | MARK.quote | MARK.high;

/** What one pass over the characters of a target finds out. */
export class TargetScan {
  /** Where the path begins: behind scheme and host, where the target has them. */
  pathStart = 0;
  pathEnd = 0;
  /**
   * Where the query begins, behind its `?`; {@link end} where there is none. A fragment, which no client should send, is
   * read as one: what stands in it was sent all the same.
   */
  queryStart = 0;
  /** Where the target ends, at the latest after {@link MAX_TARGET} characters. */
  end = 0;
  pathMarks = 0;
  queryMarks = 0;
  /** The query has two dots in a row. */
  queryClimbs = false;
  /** The last dot of the path's last segment; -1 where it has none. */
  lastDot = -1;
  /** The path has to be read properly: it may meet an entry, or nobody can tell yet. */
  isCandidate = false;

  constructor(private readonly filter: SegmentFilter) {}

  /** Reads a target whose path begins at `start`. */
  read(target: string, start: number): void {
    this.pathStart = start;
    const limit = Math.min(target.length, start + MAX_TARGET);
    const end = this.readPath(target, start, limit);
    this.pathEnd = end;
    this.queryStart = end;
    this.end = end;
    this.queryMarks = 0;
    this.queryClimbs = false;
    if (end < limit) this.readQuery(target, end + 1, limit);
  }

  private readPath(target: string, start: number, limit: number): number {
    const { filter } = this;
    let marks = 0;
    let isCandidate = false;
    let hash = HASH_SEED;
    let before = 0;
    let segment = start;
    let lastDot = -1;
    let i = start;
    for (; i < limit; i++) {
      const c = target.charCodeAt(i);
      if (c >= 128) {
        marks |= MARK.high;
        hash = nextHash(hash, c);
        continue;
      }
      const mark = MARKS_OF[c]!;
      if (mark !== 0) {
        if (c === SLASH) {
          marks |= mark;
          if (i > segment) {
            isCandidate ||= filter.mayMeet(target, segment, i, hash, before, lastDot);
            // A dot at a segment's end is none on Windows; two are a way up.
            isCandidate ||= lastDot === i - 1;
            before = hash;
          }
          hash = HASH_SEED;
          segment = i + 1;
          lastDot = -1;
          continue;
        }
        if (c === DOT) lastDot = i;
        else if (c === QUESTION || c === HASH) break;
        marks |= mark;
      }
      hash = Math.imul(hash ^ FOLD[c]!, 0x01000193);
    }
    if (i > segment) {
      isCandidate ||=
        filter.mayMeet(target, segment, i, hash, before, lastDot) || lastDot === i - 1;
    }
    this.pathMarks = marks;
    this.lastDot = lastDot;
    this.isCandidate = isCandidate || (marks & ~LITERAL) !== 0;
    return i;
  }

  private readQuery(target: string, start: number, limit: number): void {
    let marks = 0;
    let climbs = false;
    let previous = 0;
    for (let i = start; i < limit; i++) {
      const c = target.charCodeAt(i);
      marks |= c < 128 ? MARKS_OF[c]! : MARK.high;
      if (c === DOT && previous === DOT) climbs = true;
      previous = c;
    }
    this.queryStart = start;
    this.end = limit;
    this.queryMarks = marks;
    this.queryClimbs = climbs;
  }
}
