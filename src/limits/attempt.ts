import type { ExecutionContext } from '@nestjs/common';
import type { ThrottlerLimitDetail } from '@nestjs/throttler';
import type { RequestContext } from '../edge/request-context.js';
import type { LimitPolicy } from './limit-policy.js';
import type { MaybePromise } from './maybe-promise.js';
import type { LimitResult } from './store/limit-storage.js';
import { recordOf } from './store/throttler-storage.js';

/** How a guard of the host's names clients and buckets, where it overrides what @nestjs/throttler's guard says. */
export interface BucketNaming {
  /** Who is asking, as far as the guard can tell by now. */
  client(): string | Promise<string>;
  /** The bucket of a client under a limit's name. */
  bucket(name: string, client: string): string;
}

/** The guard that goes on with an attempt once all guards have let it pass. */
export interface AttemptOwner {
  /** @throws what refuses the attempt after all, now that its user may be known. */
  settle(attempt: Attempt, execution: ExecutionContext): MaybePromise<boolean>;
}

/** An admission that can be given back. */
export interface HeldSlot {
  bucket: string;
  slot: string;
}

/** One attempt at a limited route: what it was judged by, and the slot that it holds. */
export interface Attempt {
  readonly context: RequestContext;
  /** Null for the limiter's own names: by the user's id, else by the address. */
  naming: BucketNaming | null;
  /** Null while it is only the edge's, which no guard has met. */
  owner: AttemptOwner | null;
  policy: LimitPolicy;
  /** It was counted at the edge, by the route that the request seemed to be for. */
  isAhead: boolean;
  /** Whose limit it is judged by; null for anybody's at the address. */
  userId: string | null;
  /** What the client is called, and its bucket; empty until it is judged. */
  client: string;
  bucket: string;
  ttlMs: number;
  result: LimitResult;
  /** The slot it holds; null where it holds none. */
  held: HeldSlot | null;
  /** The slot of the address that a user's attempt holds besides, where it may turn out to be a guess. */
  deposit: HeldSlot | null;
  /** What is under way in the storage; it never rejects. */
  work: Promise<void> | null;
  isEnded: boolean;
}

/** Nobody has judged it yet. */
export const UNJUDGED: LimitResult = Object.freeze({
  admitted: false,
  limit: 0,
  remaining: 0,
  retryAfterMs: 0,
  resetAfterMs: 0,
  slot: null,
});

/** Whether this execution has been counted: an attempt counts once, whatever guards and filters it meets. */
export function hasCounted(context: RequestContext, execution: object): boolean {
  return context.attempts?.has(execution) ?? false;
}

/**
 * The attempt of an execution, if it holds a slot or was judged.
 *
 * @param execution what it counts for: a request, a message, or a field of a GraphQL operation.
 */
export function attemptOf(context: RequestContext, execution: object): Attempt | null {
  return (context.attempts?.get(execution) ?? null) as Attempt | null;
}

/** Notes that an execution was counted; with null, that it is not to be. */
export function noteAttempt(
  context: RequestContext,
  execution: object,
  attempt: Attempt | null,
): void {
  context.attempts ??= new Map();
  context.attempts.set(execution, attempt);
}

/** What became of an attempt, as the hooks of @nestjs/throttler's guard are told it. */
export function detailOf({ result, ttlMs, client, bucket }: Attempt): ThrottlerLimitDetail {
  return {
    ...recordOf(result),
    limit: result.limit,
    ttl: ttlMs,
    key: bucket,
    tracker: client,
  };
}
