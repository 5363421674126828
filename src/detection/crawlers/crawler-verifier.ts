import { LRUCache } from 'lru-cache';
import type { IpAddress } from '../../net/ip-address.js';
import { checkByDns, type CrawlerCheck, type NameResolver } from './crawler-check.js';
import { claimedCrawlers } from './crawler-claim.js';
import type { Crawler } from './crawlers.js';
import { LookupQueue } from './lookup-queue.js';
import { PublishedRanges } from './published-ranges.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** What a {@link CrawlerVerifier} goes by. */
export interface CrawlerVerifierOptions {
  readonly resolver: NameResolver;
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
  /** Ranges that verify without any lookup. @default those that are shipped */
  readonly ranges?: PublishedRanges;
  /** How long a lookup may take, both steps and its wait for its turn together, in milliseconds. @default 3000 */
  readonly timeoutMs?: number;
  /** How many lookups are under way at once. @default 8 */
  readonly maxAtOnce?: number;
  /** How many wait for their turn; any more are unknown. @default 1000 */
  readonly maxWaiting?: number;
  /** How long `verified` and `refuted` are kept, in milliseconds. @default 24 hours */
  readonly knownForMs?: number;
  /** How long `unknown` is kept, in milliseconds. @default 10 minutes */
  readonly unknownForMs?: number;
  /** How many answers are kept; the longest unused goes first. @default 10000 */
  readonly maxEntries?: number;
}

/**
 * Tells crawlers from those who claim to be one: by published ranges, then by forward-confirmed reverse DNS. For when a
 * finding is made, never for the way of a request: DNS takes as long as those wish who run the address's reverse zone.
 */
export class CrawlerVerifier {
  private readonly cache: LRUCache<string, CrawlerCheck>;
  private readonly pending = new Map<string, Promise<CrawlerCheck>>();
  private readonly queue: LookupQueue;
  private readonly ranges: PublishedRanges;
  /** A resolver that knows no name at all, such as one of a closed network, must not make fakes of everybody. */
  private hasSeenName = false;

  constructor(private readonly options: CrawlerVerifierOptions) {
    const { timeoutMs = 3_000, maxAtOnce = 8, maxWaiting = 1_000, maxEntries = 10_000 } = options;
    this.ranges = options.ranges ?? PublishedRanges.shipped();
    this.queue = new LookupQueue({ timeoutMs, maxAtOnce, maxWaiting });
    this.cache = new LRUCache({
      max: maxEntries,
      // The clock is asked each time: it may be the test's.
      ttlResolution: 0,
      perf: { now: () => options.now() },
    });
  }

  /** How many answers are in memory. */
  get cachedEntries(): number {
    return this.cache.size;
  }

  /** Never rejects. A user agent that names several crawlers is verified as any of them, and refuted as all. */
  async verify(ip: IpAddress, userAgent: string | null): Promise<CrawlerCheck> {
    const claimed = claimedCrawlers(userAgent);
    const checks = await Promise.all(claimed.map(async (crawler) => this.check(ip, crawler)));
    return (
      checks.find(({ verdict }) => verdict === 'verified') ??
      checks.find(({ verdict }) => verdict === 'unknown') ??
      checks[0] ?? {
        verdict: 'none',
        crawler: null,
        reason: 'claims to be no crawler that can be verified',
      }
    );
  }

  private check(ip: IpAddress, crawler: Crawler): CrawlerCheck | Promise<CrawlerCheck> {
    if (this.ranges.has(crawler.name, ip)) {
      const reason = `${ip.toString()} is in a range that ${crawler.name} has published`;
      return { verdict: 'verified', crawler: crawler.name, reason };
    }
    const key = `${crawler.name} ${ip.toString()}`;
    const known = this.cache.get(key) ?? this.pending.get(key);
    if (known !== undefined) return known;
    const lookup = this.lookUp(ip, crawler, key).finally(() => this.pending.delete(key));
    this.pending.set(key, lookup);
    return lookup;
  }

  private async lookUp(ip: IpAddress, crawler: Crawler, key: string): Promise<CrawlerCheck> {
    const unknown = (reason: string): CrawlerCheck => ({
      verdict: 'unknown',
      crawler: crawler.name,
      reason,
    });
    const ending = await this.queue.run(() => checkByDns(ip, crawler, this.options.resolver));
    // It was never asked for: whoever comes next may be luckier.
    if (ending === 'not begun') return unknown('too many lookups are under way');
    if (ending === 'too late') return this.keep(key, unknown('DNS did not answer in time'));
    const { hasName, ...check } = ending;
    this.hasSeenName ||= hasName;
    if (check.verdict === 'refuted' && !this.hasSeenName) {
      return this.keep(key, unknown(`${check.reason}, but the resolver has known no name so far`));
    }
    return this.keep(key, check);
  }

  private keep(key: string, check: CrawlerCheck): CrawlerCheck {
    const { knownForMs = DAY_MS, unknownForMs = 10 * MINUTE_MS } = this.options;
    this.cache.set(key, check, { ttl: check.verdict === 'unknown' ? unknownForMs : knownForMs });
    return check;
  }
}
