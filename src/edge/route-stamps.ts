import type { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { controllersOf } from './nest-container.js';
import { describeRoute, PLAIN_ROUTE, type RouteDescription } from './route-description.js';

/** What is known of a route before any guard has run: of a method, whichever controller it is called for. */
export interface StampedRoute extends RouteDescription {
  /**
   * Only a guard can tell the limit: a decorator of `@nestjs/throttler` names ours, or the method is one of several
   * controllers that say different things of it.
   */
  readonly isLimitOpen: boolean;
}

/** A route without a stamp: none of our decorators is on it. */
const UNSTAMPED: StampedRoute = Object.freeze({ ...PLAIN_ROUTE, isLimitOpen: false });

const STAMP = Symbol('nestjs-ip-tracking.route');
/** Where `@nestjs/platform-fastify` keeps what `@RouteConfig()` gives a route; it arrives as the route's `config`. */
const FASTIFY_ROUTE_CONFIG = '__fastify_route_config__';

/**
 * Writes the descriptions of every controller's handlers onto the handlers, before Nest registers its routes: Nest copies
 * a method's metadata to the function it gives the framework, so that whichever route the framework's own router matches
 * carries our description. No second router, no second opinion about what a path means.
 *
 * A method that two controllers inherit carries what is said of both; the guard, which knows the class, then decides.
 *
 * @param onController shown each controller with all its methods.
 * @returns whether any route says `@SkipIpRules()`.
 */
export function stampRoutes(
  discovery: DiscoveryService,
  scanner: MetadataScanner,
  onController: (controller: object, methods: readonly object[]) => void,
): boolean {
  const found = new Map<object, StampedRoute>();
  for (const { type, methods } of controllersOf(discovery, scanner)) {
    for (const method of methods) {
      const before = found.get(method) ?? stampOf(method);
      found.set(method, merged(describeRoute(method, type), before));
    }
    onController(type, methods);
  }
  for (const [method, route] of found) {
    if (Object.values(route).some(Boolean)) stamp(method, route);
  }
  return [...found.values()].some(({ skipsRules }) => skipsRules);
}

/** Of the functions that Express has called so far. */
const STAMPS_OF_HANDLERS = new WeakMap<Function, StampedRoute>();

/** The stamp of the function that Express calls for a route. */
export function stampOfHandler(handler: unknown): StampedRoute {
  if (typeof handler !== 'function') return UNSTAMPED;
  let route = STAMPS_OF_HANDLERS.get(handler);
  if (route === undefined) {
    // Asked for each request: metadata are looked for along the handler's prototypes.
    route = stampOf(handler) ?? UNSTAMPED;
    STAMPS_OF_HANDLERS.set(handler, route);
  }
  return route;
}

/** The stamp in the `config` of a Fastify route. */
export function stampOfConfig(config: unknown): StampedRoute {
  if (typeof config !== 'object' || config === null) return UNSTAMPED;
  return (config as { [STAMP]?: StampedRoute })[STAMP] ?? UNSTAMPED;
}

/** The route of a message, whose class is known from the start. */
export function stampOfMessage(handler: object, type: object): StampedRoute {
  const route = describeRoute(handler, type);
  return { ...route, isLimitOpen: route.isOfThrottler };
}

function stampOf(method: object): StampedRoute | undefined {
  return Reflect.getMetadata(STAMP, method) as StampedRoute | undefined;
}

function merged(route: RouteDescription, before: StampedRoute | undefined): StampedRoute {
  if (before === undefined) return { ...route, isLimitOpen: route.isOfThrottler };
  return {
    skipsRules: route.skipsRules || before.skipsRules,
    isSensitive: route.isSensitive || before.isSensitive,
    isLogin: route.isLogin || before.isLogin,
    isUnlogged: route.isUnlogged || before.isUnlogged,
    rules: route.rules ?? before.rules,
    rateLimit: route.rateLimit ?? before.rateLimit,
    isOfThrottler: route.isOfThrottler || before.isOfThrottler,
    isLimitOpen: route.isOfThrottler || before.isLimitOpen || differs(before, route),
  };
}

function stamp(method: object, route: StampedRoute): void {
  Reflect.defineMetadata(STAMP, route, method);
  const config = (Reflect.getMetadata(FASTIFY_ROUTE_CONFIG, method) ?? {}) as object;
  Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG, { ...config, [STAMP]: route }, method);
}

function differs(one: RouteDescription, other: RouteDescription): boolean {
  return (
    one.rateLimit !== other.rateLimit ||
    (one.rateLimit === null && one.isSensitive !== other.isSensitive)
  );
}
