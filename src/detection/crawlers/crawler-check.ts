import type { IpAddress } from '../../net/ip-address.js';
import { parseIp } from '../../net/ip-address.js';
import type { Crawler } from './crawlers.js';
import { canonicalName, isBelow } from './dns-name.js';

/**
 * What names are asked of. Both answers are empty where DNS says that there is none (NXDOMAIN, no data), and reject where
 * it says nothing: a time-out, SERVFAIL, no network.
 */
export interface NameResolver {
  /** The names of an address (PTR). */
  reverse(ip: IpAddress): Promise<string[]>;
  /** The addresses of a name, of one family (A or AAAA). */
  forward(name: string, family: 4 | 6): Promise<string[]>;
}

/**
 * `verified`: it is who it says. `refuted`: DNS was asked for the name and for the way back, and says that it is not.
 * `unknown`: DNS did not say, or nothing that is published tells. `none`: it claims nothing that could be verified.
 */
export type CrawlerVerdict = 'verified' | 'refuted' | 'unknown' | 'none';

/** A verdict on a claim to be a crawler, with its reason for people. */
export interface CrawlerCheck {
  readonly verdict: CrawlerVerdict;
  /** The crawler that it claims to be; null where it claims to be none. */
  readonly crawler: string | null;
  readonly reason: string;
}

/** Whoever runs the reverse zone of an address can give it a thousand names; a crawler's has one. */
const MAX_NAMES = 5;

/** What DNS made of a claim, and whether it knew any name of the address. */
export interface DnsCheck extends CrawlerCheck {
  readonly hasName: boolean;
}

/**
 * Forward-confirmed reverse DNS: a name of the address lies below a domain of the crawler, and that name leads back to
 * the address. A name alone is worth nothing, since whoever runs an address's reverse zone writes what they like into it.
 */
export async function checkByDns(
  ip: IpAddress,
  crawler: Crawler,
  resolver: NameResolver,
): Promise<DnsCheck> {
  const say = (verdict: CrawlerVerdict, reason: string, hasName = true): DnsCheck => ({
    verdict,
    crawler: crawler.name,
    reason,
    hasName,
  });
  if (crawler.domains.length === 0) {
    return say('unknown', `${crawler.name} publishes no names of its addresses`, false);
  }
  let names: string[];
  try {
    names = (await resolver.reverse(ip)).map(canonicalName);
  } catch (error) {
    return say(
      'unknown',
      `the name of ${ip.toString()} could not be asked for (${why(error)})`,
      false,
    );
  }
  const { domains, relatedDomains = [] } = crawler;
  const own = names.filter((name) => domains.some((domain) => isBelow(name, domain)));
  const related = names.filter((name) => relatedDomains.some((domain) => isBelow(name, domain)));
  const candidates = [...own, ...related].slice(0, MAX_NAMES);
  if (candidates.length === 0) {
    const called = names.length === 0 ? 'has no name' : `is called ${names.slice(0, 3).join(', ')}`;
    return say(
      'refuted',
      `${ip.toString()} ${called}, and ${crawler.name}'s names end in ${domains.join(', ')}`,
      names.length > 0,
    );
  }
  const answers = await Promise.all(candidates.map((name) => confirm(name, ip, resolver)));
  const confirmed = candidates.filter((_, i) => answers[i] === 'yes');
  const verifying = confirmed.find((name) => own.includes(name));
  if (verifying !== undefined) {
    return say('verified', `${ip.toString()} is called ${verifying}, which leads back to it`);
  }
  if (confirmed.length > 0) {
    return say(
      'unknown',
      `${ip.toString()} is called ${confirmed[0]}, from where not only ${crawler.name} asks`,
    );
  }
  const unasked = candidates.find((_, i) => answers[i] === 'unknown');
  if (unasked !== undefined) {
    return say('unknown', `where ${unasked} leads could not be asked for`);
  }
  if (crawler.isForwardIncomplete === true && answers.includes('nowhere')) {
    return say('unknown', `${candidates[0]} leads nowhere, as some of ${crawler.name}'s names do`);
  }
  return say(
    'refuted',
    `${ip.toString()} is called ${candidates[0]}, which does not lead back to it`,
  );
}

async function confirm(
  name: string,
  ip: IpAddress,
  resolver: NameResolver,
): Promise<'yes' | 'no' | 'nowhere' | 'unknown'> {
  try {
    const addresses = await resolver.forward(name, ip.family);
    if (addresses.length === 0) return 'nowhere';
    return addresses.some((address) => parseIp(address)?.equals(ip) === true) ? 'yes' : 'no';
  } catch {
    return 'unknown';
  }
}

function why(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'no answer';
}
