import { mayBePage } from './asset.js';
import type { ProbeList } from './compile-probes.js';
import { decodeOnce } from './decoding.js';
import { counts, isSuccess, namesEntry, type PathAnswer } from './own-path.js';
import { segmentsOf } from './path-segments.js';
import { payloadsOfPath } from './payload-reader.js';
import type { ListedProbe } from './probe-index.js';
import type { ProbeGroup } from './probes/probe-entry.js';
import type { RequestFacts } from './request-facts.js';
import { parseRoutePattern, type RoutePattern } from './route-pattern.js';
import { isWellKnown } from './routine.js';
import { bitsOf, SIGNALS } from './signal.js';

const ANSWERED = bitsOf(['answered']);
const SECRETS = bitsOf(['probe:secrets']);
const SECRET_SERVED = bitsOf(['secret-served']);
const MALFORMED = bitsOf(['malformed']);

/** What a path shows that could not be told from its characters at a glance. */
export class PathReader {
  /** Entries that the app's own routes name, for requests that never came as far as the router. */
  private readonly own: ReadonlySet<ListedProbe>;

  constructor(
    private readonly probes: ProbeList,
    routePatterns: readonly string[],
  ) {
    const patterns = routePatterns.map((pattern) => parseRoutePattern(pattern));
    this.own = new Set(
      probes.entries.filter((probe) => patterns.some((pattern) => namesEntry(pattern, probe))),
    );
  }

  /**
   * @param raw the path as it came.
   * @param pattern the route that matched.
   * @param isAsset it ends as an asset does.
   */
  read(raw: string, facts: RequestFacts, pattern: RoutePattern | null, isAsset: boolean): number {
    const once = decodeOnce(raw, false);
    const twice = once.includes('%') ? decodeOnce(once, false) : once;
    let bits = payloadsOfPath(raw, once, twice);
    // No client has a reason for a NUL in a path: it is there to end the path for whoever reads on in C.
    if (once.includes('\0') || twice.includes('\0')) bits |= MALFORMED;
    if (isWellKnown(raw)) return bits;
    const found = this.probes.index.find(segmentsOf(once));
    if (twice !== once) {
      for (const probe of this.probes.index.find(segmentsOf(twice))) found.add(probe);
    }
    return found.size === 0 ? bits : bits | this.probeBits(found, facts, pattern, isAsset);
  }

  private probeBits(
    found: ReadonlySet<ListedProbe>,
    facts: RequestFacts,
    pattern: RoutePattern | null,
    isAsset: boolean,
  ): number {
    const { status, outcome, responseType } = facts;
    const isRefused = outcome === 'blocked' || outcome === 'throttled';
    const answer: PathAnswer = {
      pattern,
      isUnrouted: isRefused && pattern === null,
      status,
      mayBePage: mayBePage(responseType),
      isAsset,
    };
    const spared = sparedGroups(found);
    let bits = 0;
    for (const probe of found) {
      if (spared.includes(probe.group)) continue;
      if (answer.isUnrouted && probe.group !== 'secrets' && this.own.has(probe)) continue;
      if (counts(probe, answer)) bits |= 1 << SIGNALS[`probe:${probe.group}`];
    }
    if (bits === 0 || !isSuccess(status) || facts.method === 'OPTIONS') return bits;
    bits |= ANSWERED;
    const isServed = (bits & SECRETS) !== 0 && !answer.mayBePage;
    return isServed ? bits | SECRET_SERVED : bits;
  }
}

/** Groups of which nothing counts against whoever asked. */
function sparedGroups(found: ReadonlySet<ListedProbe>): ProbeGroup[] {
  const groups = [...found].filter(({ place }) => place === 'spared').map(({ group }) => group);
  return groups.length === 0 ? groups : [...groups, 'scripts'];
}
