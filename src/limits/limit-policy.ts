import { ROUTE_KEYS, type RouteDescription } from '../edge/route-description.js';
import {
  checkRouteLimit,
  SHARED_LIMIT,
  type AttemptEnding,
  type LimitDetails,
  type LimitValue,
  type RouteRateLimit,
} from './limits.options.js';

/** A limit with every default filled in. */
export interface LimitPolicy extends Required<LimitDetails> {
  name: string;
  cost: LimitValue;
  /** Whether an attempt that ended so keeps its slot; null where all do. */
  counts: ((ending: AttemptEnding, request: unknown) => boolean) | null;
  /**
   * Failures alone count: what ends in 401 is the address's, whoever was known. Else accounts of one's own would each buy
   * as many guesses as a user has.
   */
  isForGuesses: boolean;
}

/** The names of all limits that decorators have made, besides the shared one. */
const NAMES = new Set<string>();

/** The names of all limits there are: whoever resets a client's limits resets each of them. */
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
    Reflect.defineMetadata(ROUTE_KEYS.rateLimit, { ...given, name }, noted);
  };
}

/** What the descriptions of routes make of the module's limit. */
export class LimitPolicies {
  /** The limit of a route whose guard was bound without one of the decorators. */
  readonly shared: LimitPolicy;
  private readonly merged = new WeakMap<object, LimitPolicy>();

  constructor(
    private readonly defaults: Required<LimitDetails>,
    /** Routes of HTTP without a decorator are limited too. */
    private readonly limitsAll: boolean,
  ) {
    this.shared = this.merge({ name: SHARED_LIMIT });
  }

  /** The limit of a route; null where it has none. The same object each time. */
  of({ rateLimit, isSensitive }: RouteDescription): LimitPolicy | null {
    if (rateLimit === null) return isSensitive || this.limitsAll ? this.shared : null;
    let policy = this.merged.get(rateLimit);
    if (policy === undefined) {
      policy = this.merge(rateLimit as RouteRateLimit & { name: string });
      this.merged.set(rateLimit, policy);
    }
    return policy;
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
      isForGuesses: countOnly === 'failures',
    };
  }
}

/** Whether a decorator of ours has limited a route: not only the option that limits all routes of HTTP. */
export function isDecorated({ rateLimit, isSensitive }: RouteDescription): boolean {
  return rateLimit !== null || isSensitive;
}

/** An answer that never left whole is none: else a client would guess for free by hanging up. */
function hasFailed({ status, isComplete }: AttemptEnding): boolean {
  return status >= 400 || !isComplete;
}
