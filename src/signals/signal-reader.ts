import { AgentReader } from './agent-reader.js';
import { endingOf, isAssetEnding, isServedAsset } from './asset.js';
import { authenticationOf } from './authentication.js';
import { compileProbes, type ProbeList } from './compile-probes.js';
import { decodeOnce } from './decoding.js';
import { isPageFetch } from './fetch-metadata.js';
import { isImageLike } from './image-like.js';
import { MARK } from './marks.js';
import { OwnHosts } from './own-hosts.js';
import { PathReader } from './path-reader.js';
import { PAYLOAD_MARKS, payloadsOfQuery, QUERY_MARKS } from './payload-reader.js';
import { isExchangeDetour } from './payloads/ssrf.js';
import { readReferer } from './referer.js';
import type { RequestFacts } from './request-facts.js';
import { isMethod } from './request-method.js';
import { RoutePatterns } from './route-pattern.js';
import { isRoutine } from './routine.js';
import { bitsOf } from './signal.js';
import { authorityStart, formOf, pathStart } from './target-form.js';
import { TargetScan } from './target-scan.js';

const UNMATCHED = bitsOf(['unmatched']);
const ASSET = bitsOf(['asset']);
const PAGE_FETCH = bitsOf(['page-fetch']);
const IMAGE_LIKE = bitsOf(['image-like']);
const OPEN_PROXY = bitsOf(['open-proxy']);
const MALFORMED = bitsOf(['malformed']);
const ROUTINE = bitsOf(['routine']);
const SSRF = bitsOf(['payload:ssrf']);

const SLASH = 47;

/** What a reader of signals is made with. */
export interface SignalReaderOptions {
  /** What counts as a probe. @default the whole list, by `compileProbes()` */
  probes?: ProbeList;
  /**
   * Whether a host, in lower case and without the port of its scheme, is the app's own. Without it the `Host` header is
   * taken for it, and whoever uses the app as a proxy and sends the foreign host in both places is not told.
   */
  isOwnHost?: (host: string) => boolean;
  /** The patterns of the app's routes: what they name is no probe either where a request never reached the router. */
  routePatterns?: readonly string[];
}

/** Reads the signals of one request: the bits of `SIGNALS`. Never throws, whatever a client has sent. */
export type SignalReader = (facts: RequestFacts) => number;

/**
 * Makes a reader of signals. It looks at a request once, in memory, keeps nothing of it but user agents, and takes time
 * that is linear in what it looks at: 8,192 characters of the target, 1,024 of user agent and referer each.
 */
export function createSignalReader(options: SignalReaderOptions = {}): SignalReader {
  const reader = new Reader(options);
  return (facts) => reader.read(facts);
}

class Reader {
  private readonly scan: TargetScan;
  private readonly paths: PathReader;
  private readonly agents: AgentReader;
  private readonly hosts: OwnHosts;
  private readonly patterns = new RoutePatterns();

  constructor({ probes, isOwnHost, routePatterns }: SignalReaderOptions) {
    const list = probes ?? compileProbes().probes;
    this.scan = new TargetScan(list.filter);
    this.paths = new PathReader(list, routePatterns ?? []);
    this.agents = new AgentReader(list.index);
    this.hosts = new OwnHosts(isOwnHost ?? null);
  }

  read(facts: RequestFacts): number {
    const { userAgent, referer } = facts;
    let bits = this.lineBits(facts);
    if (userAgent !== null) bits |= this.agents.read(userAgent);
    if (referer !== null) bits |= readReferer(referer, facts.host, this.hosts);
    if (isPageFetch(facts)) bits |= PAGE_FETCH;
    else if (isImageLike(facts)) bits |= IMAGE_LIKE;
    if (facts.outcome === 'unmatched' || this.isMissed(facts)) bits |= UNMATCHED;
    return bits;
  }

  /** What the request line shows: method and target. */
  private lineBits(facts: RequestFacts): number {
    const { method, target } = facts;
    if (target.charCodeAt(0) === SLASH) {
      const bits = this.targetBits(facts, 0);
      return isMethod(method) ? bits : bits | MALFORMED;
    }
    const form = formOf(method, target);
    if (form === 'empty') return 0;
    if (form === 'authority') return OPEN_PROXY;
    if (form === 'none' || !isMethod(method)) return MALFORMED;
    if (form === 'asterisk') return 0;
    const authority = authorityStart(target);
    const path = pathStart(target, authority);
    const isForeign = this.hosts.isForeign(target, authority, path, facts.host);
    return this.targetBits(facts, path) | (isForeign ? OPEN_PROXY : 0);
  }

  private targetBits(facts: RequestFacts, start: number): number {
    const { scan } = this;
    const { target, routePattern, status } = facts;
    scan.read(target, start);
    const { pathEnd, queryMarks } = scan;
    const ending = endingOf(target, scan.lastDot, pathEnd);
    const isAsset = isAssetEnding(ending);
    let bits = isServedAsset(facts.method, status, facts.responseType, isAsset) ? ASSET : 0;
    if (((scan.pathMarks | queryMarks) & MARK.control) !== 0) bits |= MALFORMED;
    const path = target.slice(start, pathEnd);
    if (scan.isCandidate || (scan.pathMarks & PAYLOAD_MARKS) !== 0) {
      const pattern = routePattern === null ? null : this.patterns.of(routePattern);
      bits |= this.paths.read(path, facts, pattern, isAsset);
    }
    if ((queryMarks & QUERY_MARKS) !== 0 || scan.queryClimbs || this.hasUnmarkedPayload(target)) {
      bits |= payloadsOfQuery(target, scan.queryStart, scan.end);
      if ((queryMarks & MARK.slash) !== 0 || (queryMarks & MARK.percent) !== 0) {
        bits |= this.detourBits(path, target);
      }
    }
    const isMissed = status === 404 || facts.outcome === 'unmatched';
    if ((ending !== '' || isMissed) && isRoutine(path, ending)) bits |= ROUTINE;
    return bits | authenticationOf(facts, path);
  }

  /** Names that reach into an object, and `javascript:`: they may have no mark but those of ordinary names and times. */
  private hasUnmarkedPayload(target: string): boolean {
    const { queryMarks, queryStart } = this.scan;
    if ((queryMarks & MARK.underscore) !== 0 && target.includes('__', queryStart)) return true;
    if ((queryMarks & MARK.colon) !== 0 && /script:/i.test(target)) return true;
    if ((queryMarks & MARK.dot) === 0) return false;
    return target.includes('classLoader', queryStart) || target.includes('prototype', queryStart);
  }

  private detourBits(path: string, target: string): number {
    if (!/\.json/i.test(path)) return 0;
    const query = decodeOnce(target.slice(this.scan.queryStart, this.scan.end), true);
    return isExchangeDetour(path.toLowerCase(), query) ? SSRF : 0;
  }

  /** A 404 that no route has given, or none but a catch-all: what this module has refused never came so far. */
  private isMissed({ status, outcome, routePattern }: RequestFacts): boolean {
    if (status !== 404 || outcome === 'blocked' || outcome === 'throttled') return false;
    return routePattern === null || this.patterns.of(routePattern).isCatchAll;
  }
}
