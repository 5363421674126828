import { IpTrackingError } from '../../ip-tracking.errors.js';
import type { IpAddress } from '../../net/ip-address.js';
import { parsePrefix } from '../../net/prefix.js';
import { PrefixSet } from '../../net/prefix-set.js';
import { CRAWLER_RANGES, type CrawlerRanges } from './crawler-ranges.js';

/** The ranges of crawlers, to be asked whose an address is. */
export class PublishedRanges {
  private constructor(private readonly byCrawler: ReadonlyMap<string, PrefixSet<number>>) {}

  /**
   * Those that are given, of one crawler all together.
   *
   * @throws IpTrackingError `IPT_INVALID_PREFIX` where one is no prefix.
   */
  static from(lists: Iterable<Pick<CrawlerRanges, 'crawler' | 'prefixes'>>): PublishedRanges {
    const prefixesOf = new Map<string, string[]>();
    for (const { crawler, prefixes } of lists) {
      prefixesOf.set(crawler, [...(prefixesOf.get(crawler) ?? []), ...prefixes]);
    }
    return new PublishedRanges(
      new Map(
        [...prefixesOf].map(([crawler, prefixes]) => [
          crawler,
          PrefixSet.from(prefixes.map((prefix) => [prefix, 1] as const)),
        ]),
      ),
    );
  }

  /** Those that are shipped, as of the day that each of them names. */
  static shipped(): PublishedRanges {
    return PublishedRanges.from(CRAWLER_RANGES);
  }

  /** Whether the crawler of this name has published a range that holds the address. */
  has(crawler: string, ip: IpAddress): boolean {
    return this.byCrawler.get(crawler)?.has(ip) ?? false;
  }
}

/** Wider than any crawler's range: a list that has one is somebody's mistake, and would exempt half the internet. */
const WIDEST = { 4: 12, 6: 32 } as const;

/**
 * The prefixes of a file in the form that Google, Microsoft, Apple, OpenAI and others publish:
 * `{ "creationTime": ..., "prefixes": [{ "ipv4Prefix": "192.0.2.0/24" }, { "ipv6Prefix": "2001:db8::/32" }] }`.
 *
 * @param source names the file in an error.
 * @throws IpTrackingError `IPT_INVALID_PREFIX` where it is of another form, is empty, or holds what is no prefix, or a
 * prefix too wide to be a crawler's: half of a list would make real crawlers look like fakes.
 */
export function prefixesOfFile(json: unknown, source: string): string[] {
  const { prefixes } = (json ?? {}) as { prefixes?: unknown };
  if (!Array.isArray(prefixes) || prefixes.length === 0) {
    throw new IpTrackingError(
      'IPT_INVALID_PREFIX',
      `${source} is no file of a crawler's ranges: it has no "prefixes".`,
    );
  }
  return prefixes.map((entry: unknown) => {
    const { ipv4Prefix, ipv6Prefix } = (entry ?? {}) as Record<string, unknown>;
    const text = ipv4Prefix ?? ipv6Prefix;
    const prefix = typeof text === 'string' ? parsePrefix(text) : null;
    if (prefix === null || prefix.length < WIDEST[prefix.family]) {
      throw new IpTrackingError(
        'IPT_INVALID_PREFIX',
        `${source} holds ${JSON.stringify(entry)}, which is no range of a crawler.`,
      );
    }
    return prefix.toString();
  });
}
