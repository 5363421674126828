import type { IpAddress } from './ip-address.js';
import { PrefixSet } from './prefix-set.js';
import { CLOUDFLARE_RANGES, FASTLY_RANGES, GOOGLE_FRONT_END_RANGES } from './provider-ranges.js';

const EDGES = PrefixSet.from(
  [CLOUDFLARE_RANGES, FASTLY_RANGES, GOOGLE_FRONT_END_RANGES].flatMap(({ prefixes }) =>
    prefixes.map((prefix) => [prefix, true] as const),
  ),
);

/** Whether a provider that stands in front of sites connects to them from an address: no client has it. */
export function isProviderEdge(ip: IpAddress): boolean {
  return EDGES.has(ip);
}
