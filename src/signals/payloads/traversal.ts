import { hasAny, type PayloadPlace } from './payload-text.js';

const DOT = 46;
const SLASH = 47;
const BACKSLASH = 92;
const SEMICOLON = 59;

/** Ups in a row that lead out of any web root: relative links of real pages need one or two, hardly three. */
const FAR = 4;

/** What is read from outside a web root: files that hold passwords, or that only prove that reading works. */
const TARGETS = [
  'etc/passwd',
  'etc/shadow',
  'etc/hosts',
  'etc/group',
  'etc/issue',
  'proc/self/',
  'proc/version',
  'win.ini',
  'boot.ini',
  'system.ini',
  'windows/system32',
  'winnt/',
  'web-inf/',
  'var/log/',
  '.ssh/',
  '.env',
  '.aws/',
  '.git/',
  'wp-config',
  'php.ini',
  'my.cnf',
  'httpd.conf',
  'nginx.conf',
  'bin/sh',
  'bin/bash',
  'cmd.exe',
];

/** Files that need no way up to be out of reach, where a value begins with them. */
const ABSOLUTE = [
  '/etc/passwd',
  '/etc/shadow',
  '/proc/self/',
  'c:/windows/win.ini',
  'c:/boot.ini',
  'c:/windows/system32',
];

/** PHP's names for streams: what a script is told to include is then what the request brings along. */
const STREAMS = ['php://input', 'php://filter', 'expect://', 'data://text/plain', 'phar://'];

/** How a path or value climbs. */
export interface Climb {
  /** The longest run of ups. */
  run: number;
  /** How far above its start it gets. */
  above: number;
  /** Where the last up ends; -1 without any. */
  end: number;
  /** A `..;`, which proxies and Tomcat read differently. */
  hasParameter: boolean;
}

/** Reads the ups of a text: segments that are two dots, or four, which filters that take two away leave two of. */
export function climbOf(text: string): Climb {
  const climb: Climb = { run: 0, above: 0, end: -1, hasParameter: false };
  let run = 0;
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : SLASH;
    if (c !== SLASH && c !== BACKSLASH) continue;
    // Doubled slashes are one.
    if (i > start) {
      const dots = dotsAt(text, start, i);
      if (dots > 0) {
        run++;
        depth--;
        climb.end = start + dots;
        climb.run = Math.max(climb.run, run);
        climb.above = Math.max(climb.above, -depth);
        climb.hasParameter ||= start + dots < i;
      } else {
        run = 0;
        depth++;
      }
    }
    start = i + 1;
  }
  return climb;
}

/** 2 or 4 where the segment is so many dots, be it with a `;parameter` behind them; else 0. */
function dotsAt(text: string, start: number, end: number): number {
  let i = start;
  while (text.charCodeAt(i) === DOT) i++;
  const dots = i - start;
  if (dots !== 2 && dots !== 4) return 0;
  return i === end || text.charCodeAt(i) === SEMICOLON ? dots : 0;
}

/**
 * Whether a decoded path leaves its root.
 *
 * Takes: `..;/`; two ups in a row that were disguised (escaped, or written with backslashes), for no browser sends those;
 * three that get above the root; any up with a file of the operating system behind it. Lets pass: `../` in the open, of
 * sloppy crawlers that resolve links wrongly (`/blog/../../about`), and a single `..%2f`, by which apps write a path
 * into a path.
 *
 * @param rawRun the longest run of ups that the path shows undecoded.
 */
export function isTraversingPath(path: string, rawRun: number): boolean {
  if (!path.includes('..')) return false;
  const { run, above, end, hasParameter } = climbOf(path);
  if (run === 0) return false;
  if (hasParameter || (run >= 2 && run > rawRun) || above >= 3) return true;
  return hasAny(slashed(path), TARGETS, end);
}

/**
 * Whether a decoded value of a query names a file that it should not.
 *
 * Takes: four ups in a row; any up with a file of the operating system behind it; such a file alone, at the value's
 * beginning, where the parameter is none that people type into; PHP's streams. Lets pass: `../images/x.png`, and people
 * who search for `/etc/passwd` or `../`.
 */
export function isTraversingValue(value: string, place: PayloadPlace): boolean {
  if (value.includes('..')) {
    const { run, end } = climbOf(value);
    if (run >= FAR || (run > 0 && hasAny(slashed(value), TARGETS, end))) return true;
  }
  if (place === 'prose') return false;
  const text = slashed(value.startsWith('file://') ? value.slice(7) : value);
  return (
    ABSOLUTE.some((file) => text.startsWith(file)) ||
    STREAMS.some((stream) => value.startsWith(stream))
  );
}

function slashed(text: string): string {
  return text.includes('\\') ? text.replaceAll('\\', '/') : text;
}
