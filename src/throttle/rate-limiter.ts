import type { RequestContext } from '../edge/request-context.js';
import { trackerKey } from '../net/tracker-key.js';
import { identifySafely, type Identify } from './identify.js';
import type { LimitResult, LimitStorage } from './limit-storage.js';

/** How many requests who may make, in what time. */
export interface RateLimits {
  /** Requests of one authenticated user in a window. */
  authenticated: number;
  /** Requests of one anonymous address in a window. */
  anonymous: number;
  /** The length of the window, in milliseconds. */
  ttlMs: number;
}

/** What a {@link RateLimiter} needs besides its storage. */
export interface RateLimiterOptions {
  identify: Identify;
  /** IPv6 clients are counted by networks of this length: a client has a whole one to himself. */
  ipv6PrefixLength: number;
}

/**
 * Counts by who is asking: a user by his id wherever he comes from, anybody else by his address. Before authentication
 * nobody is known, so the address's slot is taken first; once the user is known it is given back, and his own counts.
 * A failed login never becomes known, and so keeps its slot.
 */
export class RateLimiter {
  constructor(
    private readonly storage: LimitStorage,
    private readonly options: RateLimiterOptions,
  ) {}

  /** Counts a request before its host's authentication, and notes on the context what was taken. */
  async reserve(
    context: RequestContext,
    request: unknown,
    bucket: string,
    limits: RateLimits,
  ): Promise<LimitResult> {
    const userId = identifySafely(this.options.identify, request);
    if (userId !== null) return this.hitUser(userId, bucket, limits);
    const { ip } = context.client;
    const tracker = ip === null ? 'unknown' : trackerKey(ip, this.options.ipv6PrefixLength);
    const key = `${bucket}|ip|${tracker}`;
    const result = await this.storage.hit(key, { limit: limits.anonymous, ttlMs: limits.ttlMs });
    if (result.slot !== null) {
      context.reservation = { key, slot: result.slot, bucket, limits };
    }
    return result;
  }

  /**
   * Moves a request from its address's bucket to its user's, if the guards have found out who he is.
   *
   * @returns what the user's bucket said; null where nothing was reserved, or still nobody is known.
   */
  async settle(context: RequestContext, request: unknown): Promise<LimitResult | null> {
    const { reservation } = context;
    if (reservation === null) return null;
    const userId = identifySafely(this.options.identify, request);
    if (userId === null) return null;
    context.reservation = null;
    const result = await this.hitUser(userId, reservation.bucket, reservation.limits);
    await this.storage.release(reservation.key, reservation.slot);
    return result;
  }

  private async hitUser(userId: string, bucket: string, limits: RateLimits): Promise<LimitResult> {
    return this.storage.hit(`${bucket}|user|${userId}`, {
      limit: limits.authenticated,
      ttlMs: limits.ttlMs,
    });
  }
}
