import { IpTrackingError } from '../ip-tracking.errors.js';
import { show } from '../options/checks.js';
import { didYouMean } from '../options/did-you-mean.js';
import { IpAddress } from './ip-address.js';
import { parsePrefix, Prefix } from './prefix.js';
import { classify, NAMED_RANGES } from './special-ranges.js';

/**
 * The prefixes of a list of proxies.
 * @param option where the list was given, for the message, such as `clientIp.proxies`.
 * @throws {IpTrackingError} `IPT_NO_PROXIES` for what is not a list or empty, `IPT_INVALID_PREFIX` for an entry that
 * cannot be read, `IPT_TRUST_ALL_PROXIES` where the list, taken together, trusts everybody.
 */
export function parseProxies(proxies: unknown, option: string): Prefix[] {
  if (!Array.isArray(proxies) || proxies.length === 0) {
    throw new IpTrackingError(
      'IPT_NO_PROXIES',
      `${option} is ${show(proxies)}: give the addresses of the proxies in front of the app as a list, ` +
        `such as ['10.0.0.0/8'] or ['loopback']. Without a proxy use { strategy: 'socket' }.`,
    );
  }
  const prefixes = proxies.flatMap((entry: unknown, i) => parseProxy(entry, `${option}[${i}]`));
  refuseTrustInAll(prefixes, option);
  return prefixes;
}

function parseProxy(entry: unknown, option: string): Prefix[] {
  const text = typeof entry === 'string' ? entry.trim() : '';
  const named = Object.hasOwn(NAMED_RANGES, text) ? NAMED_RANGES[text]! : [text];
  return named.map((range) => {
    const prefix = parsePrefix(range);
    if (prefix === null) {
      const meant = didYouMean(text, Object.keys(NAMED_RANGES));
      throw new IpTrackingError(
        'IPT_INVALID_PREFIX',
        `${option} is ${show(entry)}, which is no address and no prefix` +
          (meant
            ? `. Did you mean "${meant}"?`
            : ': write it as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32.'),
      );
    }
    if (coversMapped(prefix)) {
      throw new IpTrackingError(
        'IPT_TRUST_ALL_PROXIES',
        `${option} is ${show(entry)}, which contains ::ffff:0:0/96 and so, to many a program, every IPv4 address. ` +
          'Write the IPv4 prefix that is meant, such as 10.0.0.0/8.',
      );
    }
    return prefix;
  });
}

/** Shorter than /96 around the mapped addresses; /96 and longer are IPv4 by now. */
function coversMapped(prefix: Prefix): boolean {
  return prefix.family === 6 && Prefix.fromV6(0, 0, 0xffff, 0, prefix.length).equals(prefix);
}

const ALL_IPV4 = Prefix.fromV4(0, 0);
/** All IPv6 global unicast there is (RFC 4291 section 2.4, IANA). */
const ALL_GLOBAL_IPV6 = Prefix.fromV6(0x20000000, 0, 0, 0, 3);

/** Halves count too: `0.0.0.0/1` and `128.0.0.0/1` together trust as much as `0.0.0.0/0`. */
function refuseTrustInAll(prefixes: readonly Prefix[], option: string): void {
  for (const all of [ALL_IPV4, ALL_GLOBAL_IPV6]) {
    if (!isCovered(all, prefixes)) continue;
    throw new IpTrackingError(
      'IPT_TRUST_ALL_PROXIES',
      `${option} trusts every IPv${all.family} address, so every client may write its own address. ` +
        'List only your proxies; where their addresses change, ' +
        "use { strategy: 'hops', hops: <number of proxies> } and let nobody else reach the app.",
    );
  }
}

function isCovered(area: Prefix, prefixes: readonly Prefix[]): boolean {
  const within = prefixes.filter((prefix) => prefix.overlaps(area));
  if (within.some((prefix) => prefix.containsPrefix(area))) return true;
  // What has 2^n pieces left to cover needs at least as many prefixes; an area of one address has no halves.
  if (within.length < 2) return false;
  return halves(area).every((half) => isCovered(half, within));
}

function halves(area: Prefix): [Prefix, Prefix] {
  const length = area.length + 1;
  const words = [area.w0, area.w1, area.w2, area.w3] as [number, number, number, number];
  words[area.length >>> 5]! |= 1 << (31 - (area.length & 31));
  return area.family === 4
    ? [Prefix.fromV4(area.w0, length), Prefix.fromV4(words[0], length)]
    : [Prefix.fromV6(area.w0, area.w1, area.w2, area.w3, length), Prefix.fromV6(...words, length)];
}

/** Public prefixes that hold far more addresses than any operator has proxies: trust in strangers. */
export function tooWide(prefixes: readonly Prefix[]): Prefix[] {
  return prefixes.filter(
    (prefix) =>
      prefix.length < (prefix.family === 4 ? 8 : 16) && classify(firstAddress(prefix)) === 'global',
  );
}

function firstAddress({ family, w0, w1, w2, w3 }: Prefix): IpAddress {
  // One past the first: 0.0.0.0 itself is set apart, 0.0.0.0/1 is mostly not.
  return family === 4 ? IpAddress.fromV4(w0 | 0x01000001) : IpAddress.fromV6(w0, w1, w2, w3 | 1);
}
