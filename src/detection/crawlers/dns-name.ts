import type { IpAddress } from '../../net/ip-address.js';

/** A name as DNS compares it (RFC 4343): in lower case, without the dot of the root at its end. */
export function canonicalName(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
}

/**
 * Whether a name is the domain or lies below it. Only whole labels count: `crawl.googlebot.com.evil.example` and
 * `evilgooglebot.com` are anybody's.
 */
export function isBelow(name: string, domain: string): boolean {
  const canonical = canonicalName(name);
  return canonical === domain || canonical.endsWith(`.${domain}`);
}

/** The name under which DNS keeps the names of an address: RFC 1035 section 3.5, RFC 3596 section 2.5. */
export function reverseName(ip: IpAddress): string {
  if (ip.family === 4) return `${ip.toString().split('.').toReversed().join('.')}.in-addr.arpa`;
  const nibbles = [ip.w0, ip.w1, ip.w2, ip.w3]
    .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
    .join('');
  return `${[...nibbles].toReversed().join('.')}.ip6.arpa`;
}
