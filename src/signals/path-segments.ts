/** The segments of a decoded path, in the two ways in which it can be read. */
export interface PathSegments {
  /** One after the other, each `..` among them. */
  readonly written: readonly string[];
  /** With each `..` resolved; the same list where there is none. */
  readonly resolved: readonly string[];
}

const SLASH = 47;
const BACKSLASH = 92;
const SEMICOLON = 59;
const QUESTION = 63;
const HASH = 35;

/**
 * The segments of a path that is decoded and in lower case, read as the laxest of servers would: a backslash is a slash,
 * empty and `.` segments say nothing, a segment ends at a `;` (`/manager;x/html`), at a NUL (`/.env%00.jpg`), and at a
 * `?` or `#` that was escaped; white space around it and a dot at its end fall off, as they do on Windows.
 */
export function segmentsOf(path: string): PathSegments {
  const written: string[] = [];
  let climbs = false;
  let start = 0;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length) {
      const c = path.charCodeAt(i);
      if (c !== SLASH && c !== BACKSLASH) continue;
    }
    const segment = segmentOf(path, start, i);
    start = i + 1;
    if (segment === '') continue;
    if (segment === '..') climbs = true;
    written.push(segment);
  }
  return { written, resolved: climbs ? resolve(written) : written };
}

function segmentOf(path: string, from: number, to: number): string {
  let start = from;
  let end = from;
  while (end < to && !endsSegment(path.charCodeAt(end))) end++;
  // On both sides of the segment is a separator, or nothing: neither loop leaves it.
  while (path.charCodeAt(start) <= 32) start++;
  while (path.charCodeAt(end - 1) <= 32) end--;
  const segment = path.slice(start, end);
  if (segment === '..') return segment;
  let last = segment.length;
  while (segment.charCodeAt(last - 1) === 46) last--;
  return segment.slice(0, last);
}

function endsSegment(c: number): boolean {
  return c === SEMICOLON || c === 0 || c === QUESTION || c === HASH;
}

function resolve(written: readonly string[]): string[] {
  const resolved: string[] = [];
  for (const segment of written) {
    if (segment === '..') resolved.pop();
    else resolved.push(segment);
  }
  return resolved;
}
