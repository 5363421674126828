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
}

/** The metadata key of each flag, set by the decorators on a controller or on a handler; the handler's wins. */
export const FLAG_KEYS: Readonly<Record<keyof RouteFlags, string>> = {
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
});

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
  let isAnyExempt = false;
  for (const { instance, metatype } of discovery.getControllers()) {
    const prototype: unknown = metatype?.prototype ?? Object.getPrototypeOf(instance ?? null);
    if (typeof prototype !== 'object' || prototype === null) continue;
    const methods = scanner
      .getAllMethodNames(prototype)
      .map((name) => (prototype as Record<string, unknown>)[name])
      .filter((method) => typeof method === 'function');
    for (const method of methods) {
      const flags = flagsOfMethod(method, metatype as object);
      if (Object.values(flags).some(Boolean)) stamp(method, flags);
      isAnyExempt ||= flags.skipsRules;
    }
    onController(metatype as object, methods);
  }
  return isAnyExempt;
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
  };
}

function stamp(method: object, flags: RouteFlags): void {
  const before = Reflect.getMetadata(STAMP, method) as RouteFlags | undefined;
  const merged: RouteFlags = {
    skipsRules: flags.skipsRules || (before?.skipsRules ?? false),
    isSensitive: flags.isSensitive || (before?.isSensitive ?? false),
    isUnlogged: flags.isUnlogged || (before?.isUnlogged ?? false),
    rateLimit: flags.rateLimit ?? before?.rateLimit ?? null,
  };
  Reflect.defineMetadata(STAMP, merged, method);
  const config = (Reflect.getMetadata(FASTIFY_ROUTE_CONFIG, method) ?? {}) as object;
  Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG, { ...config, [STAMP]: merged }, method);
}

/** The flags of the function that Express calls for a route. */
export function flagsOfHandler(handler: unknown): RouteFlags {
  if (typeof handler !== 'function') return NO_FLAGS;
  return (Reflect.getMetadata(STAMP, handler) as RouteFlags | undefined) ?? NO_FLAGS;
}

/** The flags in the `config` of a Fastify route. */
export function flagsOfConfig(config: unknown): RouteFlags {
  if (typeof config !== 'object' || config === null) return NO_FLAGS;
  return (config as { [STAMP]?: RouteFlags })[STAMP] ?? NO_FLAGS;
}
