import type { Type } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { IpAddress } from '../net/ip-address.js';
import type { PrefixSet } from '../net/prefix-set.js';
import { FLAG_KEYS } from '../edge/route-flags.js';
import { ROUTE_RULE_KEYS } from './decorators.js';

/** What the decorators of one route say about addresses; a handler's overrides its controller's. */
export interface RouteRules {
  skipsRules: boolean;
  allowlistOnly: boolean;
  allowIps: PrefixSet<true> | null;
  blockIps: PrefixSet<true> | null;
  allowCountries: ReadonlySet<string> | null;
  blockCountries: ReadonlySet<string> | null;
}

/** What a route's rules are held against. */
export interface RouteClient {
  ip: IpAddress | null;
  isAllowlisted(): boolean;
  country(): string | null;
}

/** Reads a route's decorators once, not once a request. */
export class RouteRulesReader {
  private readonly cache = new WeakMap<object, WeakMap<object, RouteRules>>();

  constructor(private readonly reflector: Reflector) {}

  /** The rules of a handler as a method of this class: two controllers may inherit one method. */
  of(handler: Function, controller: Type): RouteRules {
    let byController = this.cache.get(handler);
    if (byController === undefined) {
      byController = new WeakMap();
      this.cache.set(handler, byController);
    }
    let rules = byController.get(controller);
    if (rules === undefined) {
      rules = this.read(handler, controller);
      byController.set(controller, rules);
    }
    return rules;
  }

  private read(handler: Function, controller: Type): RouteRules {
    const get = <T>(key: string): T | undefined =>
      this.reflector.getAllAndOverride<T | undefined>(key, [handler, controller]);
    return {
      skipsRules: get<boolean>(FLAG_KEYS.skipsRules) ?? false,
      allowlistOnly: get<boolean>(ROUTE_RULE_KEYS.allowlistOnly) ?? false,
      allowIps: get<PrefixSet<true>>(ROUTE_RULE_KEYS.allowIps) ?? null,
      blockIps: get<PrefixSet<true>>(ROUTE_RULE_KEYS.blockIps) ?? null,
      allowCountries: get<Set<string>>(ROUTE_RULE_KEYS.allowCountries) ?? null,
      blockCountries: get<Set<string>>(ROUTE_RULE_KEYS.blockCountries) ?? null,
    };
  }
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
