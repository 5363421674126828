import { FLAG_KEYS, flagsOfMethod, type RouteFlags } from '../edge/route-flags.js';
import type {
  AttemptEnding,
  LimitDetails,
  LimitValue,
  RouteRateLimit,
} from './rate-limit.options.js';
import { checkRouteLimit, SHARED_LIMIT } from './rate-limit-settings.js';

/** A limit with every default filled in. */
export interface LimitPolicy extends Required<LimitDetails> {
  name: string;
  cost: LimitValue;
  /** Whether an attempt that ended so keeps its slot; null where all do. */
  counts: ((ending: AttemptEnding, request: unknown) => boolean) | null;
}

/** The names of all limits that decorators have made, besides the shared one. */
const NAMES = new Set<string>();

/** The names of all limits there are: whoever resets a client's limits resets him in each. */
export function limitNames(): readonly string[] {
  return [SHARED_LIMIT, ...NAMES];
}

/**
 * Notes a limit on a controller or a handler. Without a name it gets the target's, so that it has a bucket of its own.
 *
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION` or `IPT_INVALID_OPTION`, when the class is loaded.
 */
export function noteRouteLimit(given: RouteRateLimit): ClassDecorator & MethodDecorator {
  checkRouteLimit(given);
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor): void => {
    const owner = key === undefined ? (target as Function) : target.constructor;
    const ownName = [owner.name, ...(key === undefined ? [] : [String(key)])].join('.');
    const name = given.name ?? (ownName.replace(/[^\w.:-]/g, '-').slice(0, 64) || 'limit');
    NAMES.add(name);
    const noted = key === undefined ? target : (descriptor!.value as object);
    Reflect.defineMetadata(FLAG_KEYS.rateLimit, { ...given, name }, noted);
  };
}

/** What decorators say of a handler as a method of one class. */
export interface LimitedRoute {
  /** Null where it is not limited. */
  policy: LimitPolicy | null;
  /** It is limited by a decorator of its own or of its class. */
  isDecorated: boolean;
  isSensitive: boolean;
  /** A decorator of @nestjs/throttler names our throttler. */
  isOfThrottler: boolean;
}

/** What a route's decorators make of the module's limit, read once a route. */
export class LimitPolicies {
  private readonly shared: LimitPolicy;
  private readonly merged = new WeakMap<object, LimitPolicy>();
  private readonly routes = new WeakMap<object, WeakMap<object, LimitedRoute>>();

  constructor(
    private readonly defaults: Required<LimitDetails>,
    /** Routes without a decorator are limited too. */
    private readonly limitsAll: boolean,
  ) {
    this.shared = this.merge({ name: SHARED_LIMIT });
  }

  /** What is said of a handler as a method of this class. */
  of(handler: object, controller: object): LimitedRoute {
    let byController = this.routes.get(handler);
    if (byController === undefined) {
      byController = new WeakMap();
      this.routes.set(handler, byController);
    }
    let route = byController.get(controller);
    if (route === undefined) {
      const flags = flagsOfMethod(handler, controller);
      route = {
        policy: this.ofFlags(flags),
        isDecorated: flags.rateLimit !== null || flags.isSensitive,
        isSensitive: flags.isSensitive,
        isOfThrottler: flags.isLimitOpen,
      };
      byController.set(controller, route);
    }
    return route;
  }

  /** The limit of a route with these flags; null where it has none. */
  ofFlags({ rateLimit, isSensitive }: RouteFlags): LimitPolicy | null {
    if (rateLimit === null) return isSensitive || this.limitsAll ? this.shared : null;
    let policy = this.merged.get(rateLimit);
    if (policy === undefined) {
      policy = this.merge(rateLimit as RouteRateLimit & { name: string });
      this.merged.set(rateLimit, policy);
    }
    return policy;
  }

  /** The limit of a route whose guard was bound without one of the decorators. */
  get ofAll(): LimitPolicy {
    return this.shared;
  }

  private merge(route: RouteRateLimit & { name: string }): LimitPolicy {
    const { countOnly } = route;
    return {
      name: route.name,
      authenticated: route.authenticated ?? this.defaults.authenticated,
      anonymous: route.anonymous ?? this.defaults.anonymous,
      ttlMs: route.ttlMs ?? this.defaults.ttlMs,
      blockForMs: route.blockForMs ?? this.defaults.blockForMs,
      failClosed: route.failClosed ?? this.defaults.failClosed,
      cost: route.cost ?? 1,
      counts: countOnly === 'failures' ? hasFailed : (countOnly ?? null),
    };
  }
}

/** An answer that never left whole is none: else a client would guess for free by hanging up. */
function hasFailed({ status, isComplete }: AttemptEnding): boolean {
  return status >= 400 || !isComplete;
}
