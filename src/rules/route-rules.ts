import type { RouteRules } from '../edge/route-description.js';
import type { IpAddress } from '../net/ip-address.js';

/** What a route's rules are held against. */
export interface RouteClient {
  ip: IpAddress | null;
  isAllowlisted(): boolean;
  country(): string | null;
}

/**
 * Whether a route's own decorators refuse a client. A client without an address is on no list, and neither is an
 * unknown country.
 */
export function routeRefuses(rules: RouteRules, client: RouteClient): boolean {
  const { ip } = client;
  const { blockIps, allowIps, blockCountries, allowCountries } = rules;
  if (blockIps !== null && ip !== null && blockIps.has(ip)) return true;
  if (allowIps !== null && (ip === null || !allowIps.has(ip))) return true;
  if (rules.allowlistOnly && !client.isAllowlisted()) return true;
  if (blockCountries === null && allowCountries === null) return false;
  const country = client.country();
  if (country === null) return allowCountries !== null;
  if (blockCountries?.has(country) === true) return true;
  return allowCountries !== null && !allowCountries.has(country);
}
