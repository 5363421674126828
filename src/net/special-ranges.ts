import type { IpAddress } from './ip-address.js';
import { PrefixSet } from './prefix-set.js';

/** What an address is for; `global` is everything the registries below do not set apart. */
export type AddressKind =
  | 'global'
  | 'unspecified'
  | 'loopback'
  | 'private'
  | 'unique-local'
  | 'link-local'
  | 'shared'
  | 'documentation'
  | 'benchmarking'
  | 'multicast'
  | 'broadcast'
  | 'discard'
  | 'protocol'
  | 'reserved';

/**
 * The IANA special-purpose registries of IPv4 and IPv6 (RFC 6890, RFC 8190), less what is routed like any other
 * address: 6to4 relays, AS112, NAT64 (`64:ff9b::/96`), 6to4 (`2002::/16`) and Teredo carry public clients.
 */
const SPECIAL_RANGES: readonly (readonly [prefix: string, kind: AddressKind, source: string])[] = [
  ['0.0.0.0/8', 'reserved', 'RFC 791 section 3.2'],
  ['0.0.0.0/32', 'unspecified', 'RFC 1122 section 3.2.1.3'],
  ['10.0.0.0/8', 'private', 'RFC 1918'],
  ['100.64.0.0/10', 'shared', 'RFC 6598'],
  ['127.0.0.0/8', 'loopback', 'RFC 1122 section 3.2.1.3'],
  ['169.254.0.0/16', 'link-local', 'RFC 3927'],
  ['172.16.0.0/12', 'private', 'RFC 1918'],
  ['192.0.0.0/24', 'protocol', 'RFC 6890 section 2.1'],
  ['192.0.2.0/24', 'documentation', 'RFC 5737'],
  ['192.168.0.0/16', 'private', 'RFC 1918'],
  ['198.18.0.0/15', 'benchmarking', 'RFC 2544'],
  ['198.51.100.0/24', 'documentation', 'RFC 5737'],
  ['203.0.113.0/24', 'documentation', 'RFC 5737'],
  ['224.0.0.0/4', 'multicast', 'RFC 5771'],
  ['240.0.0.0/4', 'reserved', 'RFC 1112 section 4'],
  ['255.255.255.255/32', 'broadcast', 'RFC 919 section 7'],
  ['::/128', 'unspecified', 'RFC 4291 section 2.5.2'],
  ['::1/128', 'loopback', 'RFC 4291 section 2.5.3'],
  ['64:ff9b:1::/48', 'private', 'RFC 8215'],
  ['100::/64', 'discard', 'RFC 6666'],
  ['2001:2::/48', 'benchmarking', 'RFC 5180'],
  ['2001:db8::/32', 'documentation', 'RFC 3849'],
  ['3fff::/20', 'documentation', 'RFC 9637'],
  ['5f00::/16', 'protocol', 'RFC 9602'],
  ['fc00::/7', 'unique-local', 'RFC 4193'],
  ['fe80::/10', 'link-local', 'RFC 4291 section 2.5.6'],
  ['fec0::/10', 'reserved', 'RFC 3879'],
  ['ff00::/8', 'multicast', 'RFC 4291 section 2.7'],
];

const kinds = PrefixSet.from(SPECIAL_RANGES.map(([prefix, kind]) => [prefix, kind] as const));

/** Words that stand for ranges in a list of proxies, as in Express' `trust proxy` but for `private`. */
export const NAMED_RANGES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** What an address is for, by the IANA special-purpose registries. */
export function classify(ip: IpAddress): AddressKind {
  return kinds.match(ip) ?? 'global';
}

/** Whether the address is this host's own loopback: 127.0.0.0/8 or ::1. */
export function isLoopback(ip: IpAddress): boolean {
  return classify(ip) === 'loopback';
}

const LOCAL_KINDS: ReadonlySet<AddressKind> = new Set([
  'loopback',
  'private',
  'unique-local',
  'link-local',
  'shared',
] as const);

/** Whether the address belongs to this host, its site or its provider's network behind a NAT. */
export function isLocal(ip: IpAddress): boolean {
  return LOCAL_KINDS.has(classify(ip));
}

/** Whether the address is 0.0.0.0 or ::, which say that no address is known. */
export function isUnspecified(ip: IpAddress): boolean {
  return (ip.w0 | ip.w1 | ip.w2 | ip.w3) === 0;
}

/**
 * Whether the address cannot be that of a client on the public internet. Where such an address turns up as a client,
 * it is a neighbour, a health check or a proxy that nobody declared.
 */
export function isPrivateOrSpecial(ip: IpAddress): boolean {
  return kinds.has(ip);
}
