import type { PrefixSet } from '../net/prefix-set.js';

/** What a route's own decorators say about addresses, beside the stored rules. */
export interface RouteRules {
  /** `@AllowlistOnly()`. */
  readonly allowlistOnly: boolean;
  readonly allowIps: PrefixSet<true> | null;
  readonly blockIps: PrefixSet<true> | null;
  readonly allowCountries: ReadonlySet<string> | null;
  readonly blockCountries: ReadonlySet<string> | null;
}

/** What decorators say of a handler as a method of one class; a handler's overrides its controller's. */
export interface RouteDescription {
  /** `@SkipIpRules()`: stored rules do not apply. */
  readonly skipsRules: boolean;
  /** `@Sensitive()`: limited, and of interest to detection. */
  readonly isSensitive: boolean;
  /** `@Login()`: it takes credentials. */
  readonly isLogin: boolean;
  /** `@SkipRequestLog()`: no row is written. */
  readonly isUnlogged: boolean;
  /** Null where none of its decorators is about addresses. */
  readonly rules: RouteRules | null;
  /** What `@RateLimit()` says, which the limits read; null without it. */
  readonly rateLimit: object | null;
  /** A decorator of `@nestjs/throttler` names our throttler. */
  readonly isOfThrottler: boolean;
}

/** Under which keys decorators leave what they say, on a controller or on a handler. */
export const ROUTE_KEYS = {
  skipsRules: 'nestjs-ip-tracking:skip-ip-rules',
  isSensitive: 'nestjs-ip-tracking:sensitive',
  isLogin: 'nestjs-ip-tracking:login',
  isUnlogged: 'nestjs-ip-tracking:skip-request-log',
  rateLimit: 'nestjs-ip-tracking:rate-limit',
  allowlistOnly: 'nestjs-ip-tracking:allowlist-only',
  allowIps: 'nestjs-ip-tracking:allow-ips',
  blockIps: 'nestjs-ip-tracking:block-ips',
  allowCountries: 'nestjs-ip-tracking:allow-countries',
  blockCountries: 'nestjs-ip-tracking:block-countries',
} as const;

/** The name of our one throttler: a host's `@SkipThrottle({ 'ip-tracking': true })` names it. */
export const THROTTLER_NAME = 'ip-tracking';
/** Where decorators of `@nestjs/throttler` leave what they say of it. */
const THROTTLER_KEYS = ['SKIP', 'LIMIT', 'TTL', 'BLOCK_DURATION', 'TRACKER', 'KEY_GENERATOR'].map(
  (key) => `THROTTLER:${key}${THROTTLER_NAME}`,
);

/** A route without any of our decorators. */
export const PLAIN_ROUTE: RouteDescription = Object.freeze({
  skipsRules: false,
  isSensitive: false,
  isLogin: false,
  isUnlogged: false,
  rules: null,
  rateLimit: null,
  isOfThrottler: false,
});

const DESCRIPTIONS = new WeakMap<object, WeakMap<object, RouteDescription>>();

/** Reads a route's decorators, once for all: of a handler as a method of this class, for two may inherit one method. */
export function describeRoute(handler: object, controller: object): RouteDescription {
  let byController = DESCRIPTIONS.get(handler);
  if (byController === undefined) {
    byController = new WeakMap();
    DESCRIPTIONS.set(handler, byController);
  }
  let route = byController.get(controller);
  if (route === undefined) {
    route = read(handler, controller);
    byController.set(controller, route);
  }
  return route;
}

function read(handler: object, controller: object): RouteDescription {
  const get = <T>(key: string): T | undefined =>
    (Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller)) as T | undefined;
  const route: RouteDescription = {
    skipsRules: get(ROUTE_KEYS.skipsRules) === true,
    isSensitive: get(ROUTE_KEYS.isSensitive) === true,
    isLogin: get(ROUTE_KEYS.isLogin) === true,
    isUnlogged: get(ROUTE_KEYS.isUnlogged) === true,
    rules: rulesOf(get),
    rateLimit: get<object>(ROUTE_KEYS.rateLimit) ?? null,
    isOfThrottler: THROTTLER_KEYS.some((key) => get(key) !== undefined),
  };
  return Object.values(route).some(Boolean) ? route : PLAIN_ROUTE;
}

function rulesOf(get: <T>(key: string) => T | undefined): RouteRules | null {
  const rules: RouteRules = {
    allowlistOnly: get(ROUTE_KEYS.allowlistOnly) === true,
    allowIps: get<PrefixSet<true>>(ROUTE_KEYS.allowIps) ?? null,
    blockIps: get<PrefixSet<true>>(ROUTE_KEYS.blockIps) ?? null,
    allowCountries: get<ReadonlySet<string>>(ROUTE_KEYS.allowCountries) ?? null,
    blockCountries: get<ReadonlySet<string>>(ROUTE_KEYS.blockCountries) ?? null,
  };
  return Object.values(rules).some(Boolean) ? rules : null;
}
