/**
 * The segments of a path as a router would read them, so that no spelling of a sensitive path escapes: percent-escapes
 * decoded once, backslashes as slashes, empty and `.` segments dropped, `..` resolved, `;parameters` cut, lower case.
 * A segment ends at a NUL, as it does for whatever hands the path on to C. A malformed escape stays as it is.
 */
export function pathSegments(path: string): string[] {
  const segments: string[] = [];
  for (const raw of decode(routedPart(path)).replaceAll('\\', '/').split('/')) {
    const [named = ''] = raw.split(/[;\0]/, 1);
    const segment = named.toLowerCase();
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  return segments;
}

/**
 * What is left of a request's target when Express and Fastify look for its route: node passes on as they came the
 * absolute form (`http://host/path`, RFC 9112 section 3.2.2), and a fragment, which no browser sends.
 */
function routedPart(target: string): string {
  const path = target.startsWith('/')
    ? target
    : target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/\\#]*/i, '');
  const fragment = path.indexOf('#');
  return fragment === -1 ? path : path.slice(0, fragment);
}

function decode(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    // One bad escape must not hide the others: decode the ASCII ones alone, which is all a sensitive path needs.
    return path.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
}

/** A path that is written as a router reads it: nothing in it has to be undone. Each character matches in one way only. */
const PLAIN = /^(?:\/[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)+\/?$/;

function firstSegment(path: string): string {
  const end = path.indexOf('/', 1);
  return end === -1 ? path.slice(1) : path.slice(1, end);
}

/** Where the path of a route may begin in that of a request, by segments. */
interface Starts {
  readonly areNone: boolean;
  someStart(segments: readonly string[], passes: (start: number) => boolean): boolean;
}

/** Tells whether a path is one of a list, the sensitive ones for instance: equal to it, or below it, segment by segment. */
export class ListedPaths {
  /** By first segment, so that the usual path costs one lookup. */
  private readonly byFirst = new Map<string, string[][]>();
  private readonly firsts: readonly string[];

  /** @param prefixes what may stand in front of a listed path. @default nothing */
  constructor(
    paths: readonly string[],
    private readonly prefixes: Starts | null = null,
  ) {
    for (const path of paths) {
      const segments = pathSegments(path);
      const first = segments[0];
      if (first === undefined) continue;
      this.byFirst.set(first, [...(this.byFirst.get(first) ?? []), segments]);
    }
    this.firsts = [...this.byFirst.keys()];
  }

  /** @param path a request's path without its query string. */
  has(path: string): boolean {
    if (this.byFirst.size === 0 || path === '/') return false;
    const prefixes = this.prefixes === null || this.prefixes.areNone ? null : this.prefixes;
    const isPlain = PLAIN.test(path);
    if (isPlain && !this.mayBeListed(path, prefixes !== null)) return false;
    const segments = isPlain ? path.slice(1).split('/') : pathSegments(path);
    if (prefixes === null) return this.isListed(segments, 0);
    return prefixes.someStart(segments, (start) => this.isListed(segments, start));
  }

  /** What can be said of a plain path before it is taken apart, which takes ten times as long. */
  private mayBeListed(path: string, hasPrefixes: boolean): boolean {
    if (!hasPrefixes) return this.byFirst.has(firstSegment(path));
    return this.firsts.some((first) => path.includes(first));
  }

  private isListed(segments: readonly string[], start: number): boolean {
    const first = segments[start];
    const candidates = first === undefined ? undefined : this.byFirst.get(first);
    return (
      candidates?.some((listed) => listed.every((segment, i) => segment === segments[start + i])) ??
      false
    );
  }
}
