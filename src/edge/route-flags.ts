import { DiscoveryService, MetadataScanner } from '@nestjs/core';

/** What decorators of this module say about a route, known to the edge before any guard has run. */
export interface RouteFlags {
  /** `@SkipIpRules()`: stored rules do not apply. */
  skipsRules: boolean;
  /** `@Sensitive()`: limited, and of interest to detection. */
  isSensitive: boolean;
  /** `@SkipRequestLog()`: no row is written. */
  isUnlogged: boolean;
  /** `@RateLimit()`: what it says, which the limiter reads; null without it. */
  rateLimit: object | null;
  /**
   * Only a guard can tell the limit: a decorator of `@nestjs/throttler` names ours, or the method is one of several
   * controllers that say different things of it.
   */
  isLimitOpen: boolean;
}

/** The metadata key of each flag, set by the decorators on a controller or on a handler; the handler's wins. */
export const FLAG_KEYS: Readonly<Record<Exclude<keyof RouteFlags, 'isLimitOpen'>, string>> = {
  skipsRules: 'nestjs-ip-tracking:skip-ip-rules',
  isSensitive: 'nestjs-ip-tracking:sensitive',
  isUnlogged: 'nestjs-ip-tracking:skip-request-log',
  rateLimit: 'nestjs-ip-tracking:rate-limit',
};

/** What a route without any of our decorators has. */
export const NO_FLAGS: RouteFlags = Object.freeze({
  skipsRules: false,
  isSensitive: false,
  isUnlogged: false,
  rateLimit: null,
  isLimitOpen: false,
});

/** The name of our one throttler: a host's `@SkipThrottle({ 'ip-tracking': true })` names it. */
export const THROTTLER_NAME = 'ip-tracking';
/** Where decorators of `@nestjs/throttler` leave what they say of it. */
const THROTTLER_KEYS = ['SKIP', 'LIMIT', 'TTL', 'BLOCK_DURATION'].map(
  (key) => `THROTTLER:${key}${THROTTLER_NAME}`,
);

const STAMP = Symbol('nestjs-ip-tracking.route-flags');
/** Where `@nestjs/platform-fastify` keeps what `@RouteConfig()` gives a route; it arrives as the route's `config`. */
const FASTIFY_ROUTE_CONFIG = '__fastify_route_config__';

/**
 * Writes the flags of every controller's handlers onto the handlers, before Nest registers its routes: Nest copies a
 * method's metadata to the function it gives the framework, so that whichever route the framework's own router matches
 * carries our flags. No second router, no second opinion about what a path means.
 *
 * A method that two controllers inherit carries the flags of both; the guard, which knows the class, then decides.
 *
 * @param onController shown each controller with all its methods.
 * @returns whether any route says `@SkipIpRules()`.
 */
export function stampRoutes(
  discovery: DiscoveryService,
  scanner: MetadataScanner,
  onController: (controller: object, methods: readonly object[]) => void,
): boolean {
  const found = new Map<object, RouteFlags>();
  for (const { instance, metatype } of discovery.getControllers()) {
    const prototype: unknown = metatype?.prototype ?? Object.getPrototypeOf(instance ?? null);
    if (typeof prototype !== 'object' || prototype === null) continue;
    const methods = scanner
      .getAllMethodNames(prototype)
      .map((name) => (prototype as Record<string, unknown>)[name])
      .filter((method) => typeof method === 'function');
    for (const method of methods) {
      const before = found.get(method) ?? stampOf(method);
      found.set(method, merged(flagsOfMethod(method, metatype as object), before));
    }
    onController(metatype as object, methods);
  }
  for (const [method, flags] of found) {
    if (Object.values(flags).some(Boolean)) stamp(method, flags);
  }
  return [...found.values()].some(({ skipsRules }) => skipsRules);
}

/** The flags that decorators on a method, or else on its class, set. */
export function flagsOfMethod(method: object, controller: object): RouteFlags {
  const read = (key: string): unknown =>
    Reflect.getMetadata(key, method) ?? Reflect.getMetadata(key, controller);
  return {
    skipsRules: read(FLAG_KEYS.skipsRules) === true,
    isSensitive: read(FLAG_KEYS.isSensitive) === true,
    isUnlogged: read(FLAG_KEYS.isUnlogged) === true,
    rateLimit: (read(FLAG_KEYS.rateLimit) as object | undefined) ?? null,
    isLimitOpen: THROTTLER_KEYS.some((key) => read(key) !== undefined),
  };
}

function stampOf(method: object): RouteFlags | undefined {
  return Reflect.getMetadata(STAMP, method) as RouteFlags | undefined;
}

function merged(flags: RouteFlags, before: RouteFlags | undefined): RouteFlags {
  if (before === undefined) return flags;
  return {
    skipsRules: flags.skipsRules || before.skipsRules,
    isSensitive: flags.isSensitive || before.isSensitive,
    isUnlogged: flags.isUnlogged || before.isUnlogged,
    rateLimit: flags.rateLimit ?? before.rateLimit,
    isLimitOpen: flags.isLimitOpen || differs(before, flags),
  };
}

function stamp(method: object, flags: RouteFlags): void {
  Reflect.defineMetadata(STAMP, flags, method);
  const config = (Reflect.getMetadata(FASTIFY_ROUTE_CONFIG, method) ?? {}) as object;
  Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG, { ...config, [STAMP]: flags }, method);
}

function differs(one: RouteFlags, other: RouteFlags): boolean {
  return (
    one.isLimitOpen ||
    one.rateLimit !== other.rateLimit ||
    (one.rateLimit === null && one.isSensitive !== other.isSensitive)
  );
}

/** Of the functions that Express has called so far. */
const FLAGS_OF_HANDLERS = new WeakMap<Function, RouteFlags>();

/** The flags of the function that Express calls for a route. */
export function flagsOfHandler(handler: unknown): RouteFlags {
  if (typeof handler !== 'function') return NO_FLAGS;
  let flags = FLAGS_OF_HANDLERS.get(handler);
  if (flags === undefined) {
    // Asked for each request: metadata are looked for along the handler's prototypes.
    flags = stampOf(handler) ?? NO_FLAGS;
    FLAGS_OF_HANDLERS.set(handler, flags);
  }
  return flags;
}

/** The flags in the `config` of a Fastify route. */
export function flagsOfConfig(config: unknown): RouteFlags {
  if (typeof config !== 'object' || config === null) return NO_FLAGS;
  return (config as { [STAMP]?: RouteFlags })[STAMP] ?? NO_FLAGS;
}
