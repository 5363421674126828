import type { WatchEvent } from '../detection/watch/watch-event.js';
import type { RequestFacts, RequestOutcome } from '../signals/request-facts.js';
import { bitsOf, PROBES } from '../signals/signal.js';
import { createSignalReader, type SignalReader } from '../signals/signal-reader.js';
import type { AccessLogLine } from './access-log/access-log-line.js';
import type { Site } from './site/site.js';

const WORDPRESS = bitsOf(['probe:wordpress']);
const SCRIPTS = bitsOf(['probe:scripts']);
const ANSWERED = bitsOf(['answered']);

/** Reads lines of a log as the watch sees requests: what a log cannot know is taken from what was learnt of its site. */
export class LogRequests {
  private readonly read: SignalReader;

  constructor(private readonly site: Site) {
    const { isOwnHost } = site;
    this.read = createSignalReader({
      probes: site.probes,
      ...(isOwnHost === null ? {} : { isOwnHost }),
    });
  }

  /** @param endedAtMs when the request ended, where that is known better than by its line. */
  event(line: AccessLogLine, endedAtMs = line.timestampMs): WatchEvent {
    const path = pathOf(line.target);
    const route = this.site.isRoute(path) ? path : null;
    const outcome = outcomeOf(line.status, route);
    const signals = this.signals({
      method: line.method,
      target: line.target,
      host: line.host,
      routePattern: route,
      isSensitive: false,
      isLogin: null,
      outcome,
      status: line.status,
      userAgent: line.userAgent,
      referer: line.referer,
      secFetchMode: null,
      secFetchDest: null,
      secFetchSite: null,
      secFetchUser: null,
      accept: null,
      responseType: null,
      reported: null,
    });
    return {
      endedAtUs: Math.trunc(endedAtMs) * 1_000,
      client: line.ip,
      address: line.ip,
      userId: line.remoteUser,
      attemptedUser: null,
      route,
      path,
      method: line.method,
      userAgent: line.userAgent,
      outcome,
      status: line.status,
      sensitive: false,
      signals,
    };
  }

  private signals(facts: RequestFacts): number {
    const bits = this.read(facts);
    if ((bits & (WORDPRESS | SCRIPTS)) === 0) return bits;
    const { isWordPress, hasScripts } = this.site.facts;
    let own = hasScripts ? SCRIPTS : 0;
    // What a WordPress lacks of WordPress is asked for by those who look for a hole in it.
    if (isWordPress && facts.status !== 404) own |= WORDPRESS;
    const left = bits & ~own;
    return (left & PROBES) === 0 ? left & ~ANSWERED : left;
  }
}

/** A target's path, without its query; of a whole URL that what follows the host. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/** 404 stands for a request that no route has matched. */
function outcomeOf(status: number, route: string | null): RequestOutcome {
  if (status === 404 && route === null) return 'unmatched';
  if (status === 401 || status === 403) return 'refused';
  if (status === 0 || status === 499) return 'aborted';
  return status >= 500 ? 'failed' : 'served';
}
