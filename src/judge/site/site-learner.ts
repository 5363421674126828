import { trackerKey } from '../../net/tracker-key.js';
import { compileProbes, type ProbeList } from '../../signals/compile-probes.js';
import { hostName } from '../../signals/host-name.js';
import { bitsOf, PROBES } from '../../signals/signal.js';
import { createSignalReader, type SignalReader } from '../../signals/signal-reader.js';
import type { AccessLogLine } from '../access-log/access-log-line.js';
import { pathOf } from '../log-request.js';
import { AnswerSizes } from './answers.js';
import { OwnNames } from './own-names.js';
import { Site } from './site.js';

/** What so many clients were given is the site's own. */
const SEVERAL = 3;
/** A site has WordPress, or scripts, where so many different paths of it are its own. */
const PATHS_OF_STACK = 2;
/** Answers of one path that are remembered: more than {@link SEVERAL}, since some may turn out to be fallbacks. */
const MAX_ANSWERS = 8;
/** Paths that are remembered at once. Beyond it those go that only one client has asked for. */
const MAX_PATHS = 100_000;

const SECRETS = bitsOf(['probe:secrets']);
const WORDPRESS = bitsOf(['probe:wordpress']);
const SCRIPTS = bitsOf(['probe:scripts']);
/** What a page of a WordPress is drawn with: readers load it, and seldom anything else of it. */
const OF_WORDPRESS = /\/wp-(?:content|includes)\//;
const STYLES = /\.(?:css|m?js|woff2?)$/i;

interface Answer {
  readonly client: string;
  /** `ok`, `fresh` or `moved`. */
  readonly kind: string;
  /** -1 where nothing was sent. */
  readonly bytes: number;
}

interface SeenPath {
  readonly answers: Answer[];
  isMissing: boolean;
}

/**
 * Learns from a whole log what is the site's own: what several clients were given with 2xx or 3xx, unless it is what
 * everything is answered with. Never a secret: a site that gives away its `.env` to three clients is not meant to.
 */
export class SiteLearner {
  private readonly paths = new Map<string, SeenPath>();
  private readonly sizes = new AnswerSizes();
  private readonly names = new OwnNames();
  private readonly probes: ProbeList;
  private readonly read: SignalReader;

  constructor() {
    this.probes = compileProbes().probes;
    this.read = createSignalReader({ probes: this.probes });
  }

  /** Notes a line. */
  see(line: AccessLogLine): void {
    const { status } = line;
    const isMissing = status === 404 || status === 410;
    const kind = kindOf(status);
    if (kind === null && !isMissing) return;
    const path = pathOf(line.target);
    if (!path.startsWith('/')) return;
    if (isMissing) this.missing(path);
    else if (kind !== null && line.method !== 'HEAD' && line.method !== 'OPTIONS')
      this.answered(line, path, kind);
  }

  /** What the log has shown so far. */
  learnt(): Site {
    const routes = new Set<string>();
    let wordPress = 0;
    let scripts = 0;
    for (const [path, seen] of this.paths) {
      const answers = seen.answers.filter((answer) => this.counts(answer, seen, path));
      if (new Set(answers.map(({ client }) => client)).size < SEVERAL) continue;
      const probed = this.probesOf(path);
      if ((probed & SECRETS) !== 0) continue;
      routes.add(path);
      // A redirect is no sign of a stack: sites send old addresses elsewhere.
      if (answers.every(({ kind }) => kind === 'moved')) continue;
      if ((probed & WORDPRESS) !== 0 || OF_WORDPRESS.test(path)) wordPress += 1;
      if ((probed & SCRIPTS) !== 0) scripts += 1;
    }
    return new Site(
      {
        routes,
        hosts: this.names.learnt(),
        isWordPress: wordPress >= PATHS_OF_STACK,
        // A WordPress is written in PHP.
        hasScripts: Math.max(scripts, wordPress) >= PATHS_OF_STACK,
      },
      this.probes,
    );
  }

  private missing(path: string): void {
    const seen = this.paths.get(path);
    if (seen !== undefined) seen.isMissing = true;
    else this.add(path, { answers: [], isMissing: true });
  }

  private answered(line: AccessLogLine, path: string, kind: string): void {
    const client = trackerKey(line.ip);
    const bytes = line.bytes ?? -1;
    if (bytes >= 0) {
      this.sizes.note(kind, bytes, path);
      // Many servers write the address into the page that says where it has gone.
      if (kind === 'moved') {
        this.sizes.note('moved-1', bytes - path.length, path);
        this.sizes.note('moved-2', bytes - 2 * path.length, path);
      }
    }
    if (kind === 'ok' && STYLES.test(path)) this.noteNames(line, client);
    let seen = this.paths.get(path);
    if (seen === undefined) {
      seen = { answers: [], isMissing: false };
      this.add(path, seen);
    }
    const { answers } = seen;
    if (answers.length >= MAX_ANSWERS) return;
    if (answers.some((answer) => answer.client === client && answer.bytes === bytes)) return;
    answers.push({ client, kind, bytes });
  }

  private noteNames({ referer, host }: AccessLogLine, client: string): void {
    if (host !== null && host !== '') this.names.note(hostName(host), client);
    const authority = /^https?:\/\/([^/?#@\s]+)/i.exec(referer?.slice(0, 512) ?? '')?.[1];
    if (authority !== undefined) this.names.note(hostName(authority).replace(/:\d+$/, ''), client);
  }

  private add(path: string, seen: SeenPath): void {
    if (this.paths.size >= MAX_PATHS) this.makeRoom();
    if (this.paths.size < MAX_PATHS) this.paths.set(path, seen);
  }

  /** What one client alone has asked for goes, or with it the oldest half. */
  private makeRoom(): void {
    let toGo = MAX_PATHS / 2;
    for (const [path, { answers }] of this.paths) {
      if (answers.length >= SEVERAL) continue;
      this.paths.delete(path);
      if ((toGo -= 1) === 0) return;
    }
  }

  private counts({ kind, bytes }: Answer, { isMissing }: SeenPath, path: string): boolean {
    if (kind === 'fresh') return true;
    if (bytes < 0 || this.sizes.isFallback(kind, bytes)) return false;
    if (kind !== 'moved') return true;
    // Sent on to https, and there it was not found.
    if (isMissing) return false;
    return (
      !this.sizes.isFallback('moved-1', bytes - path.length) &&
      !this.sizes.isFallback('moved-2', bytes - 2 * path.length)
    );
  }

  private probesOf(path: string): number {
    return PROBES & this.read({ ...NOBODYS, target: path });
  }
}

const NOBODYS = {
  method: 'GET',
  host: null,
  routePattern: null,
  isSensitive: false,
  isLogin: null,
  outcome: 'unmatched',
  status: 404,
  userAgent: null,
  referer: null,
  secFetchMode: null,
  secFetchDest: null,
  secFetchSite: null,
  secFetchUser: null,
  accept: null,
  responseType: null,
  reported: null,
} as const;

/** What an answer says of its path; null where it says nothing. */
function kindOf(status: number): string | null {
  if (status >= 200 && status < 300) return 'ok';
  if (status === 304) return 'fresh';
  return status >= 300 && status < 400 ? 'moved' : null;
}
