import { IpTrackingError } from '../ip-tracking.errors.js';
import type { IpAddress } from './ip-address.js';
import { Prefix } from './prefix.js';

/**
 * The text under which limits, bans and findings count a client: an IPv4 address whole, an IPv6 address by its prefix
 * (`2001:db8::/64`). One subscriber holds at least a /64 (RFC 6177, RFC 7934), so whoever counts single IPv6 addresses
 * gives every client 2^64 fresh limits. An IPv4-mapped address is IPv4 here; masked as IPv6, all IPv4 clients of a
 * dual-stack socket would share one key and one of them could shut out the rest (CVE-2026-30827).
 *
 * @param ipv6PrefixLength bits of an IPv6 address that name a client, 1 to 128. Defaults to 64.
 * @throws {IpTrackingError} `IPT_INVALID_OPTION` when `ipv6PrefixLength` is anything else.
 */
export function trackerKey(ip: IpAddress, ipv6PrefixLength = 64): string {
  if (!Number.isInteger(ipv6PrefixLength) || ipv6PrefixLength < 1 || ipv6PrefixLength > 128) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `ipv6PrefixLength is ${String(ipv6PrefixLength)}: use a whole number from 1 to 128; ` +
        '64 is one network of one subscriber, 56 or 48 a whole household or site.',
    );
  }
  return ip.family === 4
    ? ip.toString()
    : Prefix.fromV6(ip.w0, ip.w1, ip.w2, ip.w3, ipv6PrefixLength).toString();
}
