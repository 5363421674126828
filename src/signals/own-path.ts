import { isSegment, type ListedProbe } from './probe-index.js';
import { parseRoutePattern, type RoutePattern } from './route-pattern.js';

/** How the app has dealt with a path. */
export interface PathAnswer {
  /** The route that matched; null where none did. */
  readonly pattern: RoutePattern | null;
  /** The router never ran: the request was refused before it. */
  readonly isUnrouted: boolean;
  readonly status: number;
  /** The answer was a page, or nobody knows what it was. */
  readonly mayBePage: boolean;
  /** The path ends as a style, script, image or font does. */
  readonly isAsset: boolean;
}

/**
 * Whether an entry that a path meets counts against whoever asked for it: it does unless the path is the app's own.
 *
 * A pattern that names the entry's segments literally makes it so, and a file that came from outside the router. A
 * catch-all names nothing. Secrets have no such excuse: an app that has a route for `.env` is the finding. An entry that
 * may be somebody's page (`first`, `missing`) counts only where nothing has answered, and an ending only where no route
 * matched: there a page for everything is no answer either, but a redirect of old links is.
 */
export function counts(probe: ListedProbe, answer: PathAnswer): boolean {
  const { place, group } = probe;
  if (probe.sparesAssets === true && answer.isAsset) return false;
  const isWord = place === 'first' || place === 'missing';
  if (group === 'secrets' && (place === 'anywhere' || place === 'first')) return true;
  if (answer.isUnrouted) return !isWord && place !== 'suffix';
  if (isOwn(probe, answer)) return false;
  if (place === 'suffix') return !hasRoute(answer) && !isRedirect(answer.status);
  return !isWord || !hasAnswered(answer);
}

function isOwn(probe: ListedProbe, answer: PathAnswer): boolean {
  const { pattern, status, mayBePage } = answer;
  const isFile = isSuccess(status) && (status === 304 || !mayBePage);
  if (pattern === null) return isFile;
  // Fastify serves files by a route of its own. That one names nothing; but what a page is made of, a site has.
  return namesEntry(pattern, probe) || (pattern.isWildcard && isFile && answer.isAsset);
}

/** A route has answered that takes such a path on purpose. */
function hasRoute({ pattern, status, mayBePage }: PathAnswer): boolean {
  if (pattern === null) return false;
  if (!pattern.isCatchAll) return true;
  if (status === 404) return false;
  return !(pattern.isWildcard && mayBePage);
}

/** Something has answered, be it outside the router. */
function hasAnswered({ pattern, status }: PathAnswer): boolean {
  if (pattern === null) return isSuccess(status) || isRedirect(status);
  return !(pattern.isCatchAll && status === 404);
}

/** Whether a status says that the client has what it asked for. */
export function isSuccess(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304;
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}

/** Whether a pattern has the segments of an entry literally, one after the other. */
export function namesEntry(pattern: RoutePattern, probe: ListedProbe): boolean {
  const { literals } = pattern;
  if (probe.place === 'agent') return false;
  if (probe.place === 'suffix') {
    return literals.some((literal) => literal !== null && literal.endsWith(probe.text));
  }
  const wanted = probe.text.split('/');
  return literals.some((_, at) =>
    wanted.every((text, i) => {
      const literal = literals[at + i];
      return literal !== undefined && literal !== null && isSegment(text, literal);
    }),
  );
}

/** An entry of the list that one of the app's own routes names. */
export interface OwnEntry {
  readonly probe: ListedProbe;
  /** The first of the patterns that name it. */
  readonly routePattern: string;
}

/** Which entries an app's own routes name, to be said at boot: asking for those will never be a probe, secrets apart. */
export function ownEntries(
  entries: readonly ListedProbe[],
  routePatterns: readonly string[],
): OwnEntry[] {
  const patterns = [...new Set(routePatterns)].map((text) => ({
    text,
    pattern: parseRoutePattern(text),
  }));
  return entries.flatMap((probe) => {
    const naming = patterns.find(({ pattern }) => namesEntry(pattern, probe));
    return naming === undefined ? [] : [{ probe, routePattern: naming.text }];
  });
}
