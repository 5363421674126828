import { applyDecorators, SetMetadata, UseGuards } from '@nestjs/common';
import { ROUTE_KEYS } from '../edge/route-description.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { parsePrefix } from '../net/prefix.js';
import { PrefixSet } from '../net/prefix-set.js';
import { show } from '../options/checks.js';
import { countrySet } from './countries.js';
import { IpRuleGuard } from './ip-rule.guard.js';

/**
 * Serves a controller or a handler to these addresses and networks only. It narrows: an address that a stored rule
 * blocks stays blocked. On a handler it replaces its controller's.
 *
 * @throws IpTrackingError `IPT_INVALID_PREFIX`, when the class is loaded, for text that is no address and no CIDR.
 */
export const AllowIps = (...networks: string[]): ClassDecorator & MethodDecorator =>
  guarded(ROUTE_KEYS.allowIps, prefixSetOf('@AllowIps()', networks));

/** Refuses these addresses and networks on a controller or a handler. Throws like {@link AllowIps}. */
export const BlockIps = (...networks: string[]): ClassDecorator & MethodDecorator =>
  guarded(ROUTE_KEYS.blockIps, prefixSetOf('@BlockIps()', networks));

/**
 * Serves a controller or a handler to clients from these countries only; one whose country is unknown is refused.
 *
 * @param countries ISO 3166-1 alpha-2 codes in capitals, such as `DE`.
 * @throws IpTrackingError `IPT_INVALID_COUNTRY`, when the class is loaded, for anything else.
 */
export const AllowCountries = (...countries: string[]): ClassDecorator & MethodDecorator =>
  guarded(ROUTE_KEYS.allowCountries, countrySet('@AllowCountries()', countries));

/** Refuses clients from these countries on a controller or a handler; one whose country is unknown is served. Throws like {@link AllowCountries}. */
export const BlockCountries = (...countries: string[]): ClassDecorator & MethodDecorator =>
  guarded(ROUTE_KEYS.blockCountries, countrySet('@BlockCountries()', countries));

/** Serves a controller or a handler only to addresses with a stored allow rule, whatever the module's mode is. */
export const AllowlistOnly = (): ClassDecorator & MethodDecorator =>
  guarded(ROUTE_KEYS.allowlistOnly, true);

/**
 * Serves a controller or a handler to everybody, stored rules and mode notwithstanding: for health checks and for the
 * page that tells a blocked client whom to ask.
 */
export const SkipIpRules = (): ClassDecorator & MethodDecorator =>
  SetMetadata(ROUTE_KEYS.skipsRules, true);

/** The guard is global where the module is; bound as well, it is there where the module is not, and says so. */
function guarded(key: string, value: unknown): ClassDecorator & MethodDecorator {
  return applyDecorators(SetMetadata(key, value), UseGuards(IpRuleGuard));
}

function prefixSetOf(decorator: string, networks: string[]): PrefixSet<true> {
  if (networks.length === 0) {
    throw new IpTrackingError(
      'IPT_INVALID_PREFIX',
      `${decorator} needs at least one address or network, such as ${decorator.slice(0, -1)}'203.0.113.0/24')`,
    );
  }
  return PrefixSet.from(
    networks.map((network) => {
      const prefix = parsePrefix(network);
      if (prefix === null) {
        throw new IpTrackingError(
          'IPT_INVALID_PREFIX',
          `${decorator} was given ${show(network)}, which is neither an IP address nor a network: write one such as 203.0.113.7 or 203.0.113.0/24`,
        );
      }
      return [prefix, true] as const;
    }),
  );
}
