import { parseIp } from '../../net/ip-address.js';
import { PrefixSet } from '../../net/prefix-set.js';
import * as providers from '../../net/provider-ranges.js';
import { isLocal } from '../../net/special-ranges.js';

const ranges = PrefixSet.from(
  Object.values(providers).flatMap(({ prefixes }) =>
    prefixes.map((prefix) => [prefix, 1] as const),
  ),
);

/**
 * Whether a peer that forwards for others is where proxies are: on this machine, in a private network or a provider's. A
 * client from elsewhere that sends forwarding headers and floods is no proxy.
 */
export function isProxyLike(address: string): boolean {
  const ip = parseIp(address);
  return ip !== null && (isLocal(ip) || ranges.has(ip));
}
