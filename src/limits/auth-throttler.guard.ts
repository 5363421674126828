import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  ThrottlerGuard,
  type ThrottlerModuleOptions,
  type ThrottlerRequest,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import { contextOfExecution, countedExecution } from '../edge/context-of-execution.js';
import { MessageContext, type RequestContext } from '../edge/request-context.js';
import { RequestEdge } from '../edge/request-edge.js';
import { LimitDoor } from './limit-door.js';
import type { HeaderSetter } from './limit-answers.js';
import { type LimitedRoute, LimitPolicies, type LimitPolicy } from './limit-policy.js';
import { type Attempt, RateLimiter } from './rate-limiter.js';
import { tooManyRequests } from './too-many-requests.js';

/** Tokens of our own: the host may have a `ThrottlerModule` with other limits and another storage. */
export const THROTTLER_OPTIONS = Symbol('nestjs-ip-tracking.throttler-options');
export const THROTTLER_STORAGE = Symbol('nestjs-ip-tracking.throttler-storage');
/** What our throttler's options say, since limits are told by policies; a host's `@Throttle()` says something else. */
export const LEFT_TO_THE_POLICY = -1;

const PASSES = Promise.resolve(true);

/** What this module's throttler options carry beside those of `@nestjs/throttler`. */
export type AuthThrottlerOptions = Exclude<ThrottlerModuleOptions, unknown[]> & {
  isEnabled: boolean;
};

/**
 * The guard of `@nestjs/throttler`, counting by who is asking: one bucket a client over all sensitive routes, for an
 * authenticated user his own, for anybody else his address's. It serves HTTP, GraphQL, WebSocket messages and
 * microservices; of a GraphQL operation each limited field counts, since one request can carry a hundred guesses.
 */
@Injectable()
export class AuthThrottlerGuard extends ThrottlerGuard {
  constructor(
    @Inject(THROTTLER_OPTIONS) private readonly authOptions: AuthThrottlerOptions,
    @Inject(THROTTLER_STORAGE) storage: ThrottlerStorage,
    @Inject(Reflector) reflector: Reflector,
    @Inject(RequestEdge) private readonly edge: RequestEdge,
    @Inject(RateLimiter) private readonly limiter: RateLimiter,
    @Inject(LimitDoor) private readonly door: LimitDoor,
    @Inject(LimitPolicies) private readonly policies: LimitPolicies,
  ) {
    super(authOptions, storage, reflector);
  }

  /** The guard of @nestjs/throttler reads six decorators anew for each request: only routes that have one wait for it. */
  override canActivate(execution: ExecutionContext): Promise<boolean> {
    const route = this.policies.of(execution.getHandler(), execution.getClass());
    if (route.isOfThrottler) return super.canActivate(execution);
    const context = this.contextToCount(execution, route);
    return context === null
      ? PASSES
      : this.count(context, execution, route.policy ?? this.policies.ofAll);
  }

  protected override shouldSkip(execution: ExecutionContext): Promise<boolean> {
    const route = this.policies.of(execution.getHandler(), execution.getClass());
    return Promise.resolve(this.contextToCount(execution, route) === null);
  }

  /** @throws TooManyRequestsException (429) where the client is over his limit; the same as the kind of execution has it. */
  protected override handleRequest(props: ThrottlerRequest): Promise<boolean> {
    const { context: execution } = props;
    const context = contextOfExecution(execution, this.edge)!;
    return this.count(context, execution, this.policyOf(props));
  }

  /**
   * The context of what is to be counted now; null for what is not. An attempt is counted once, however many guards of
   * ours it meets; what a broker brings has no client to count.
   */
  private contextToCount(
    execution: ExecutionContext,
    { isSensitive }: LimitedRoute,
  ): RequestContext | null {
    const context = contextOfExecution(execution, this.edge);
    if (context === null) return null;
    if (isSensitive) context.isSensitive = true;
    const isCounted =
      !this.authOptions.isEnabled ||
      (context instanceof MessageContext && !context.hasPeer) ||
      (this.limiter.hasCounted(context, countedExecution(execution, context)) &&
        this.mistakenAttempt(execution, context) === null);
    return isCounted ? null : context;
  }

  private async count(
    context: RequestContext,
    execution: ExecutionContext,
    policy: LimitPolicy,
  ): Promise<boolean> {
    const kind = execution.getType<string>();
    const response = kind === 'http' ? execution.switchToHttp().getResponse<HeaderSetter>() : null;
    const mistaken = this.mistakenAttempt(execution, context);
    const throttled = await (mistaken === null
      ? this.door.admit(context, countedExecution(execution, context), policy, response)
      : this.door.recount(mistaken, policy, response));
    if (throttled === null) return true;
    const { refusal, retryAfterMs } = throttled;
    if (context instanceof MessageContext) {
      // No interceptor runs for it, so this is the only place where its record can be written.
      this.edge.end(context, { status: refusal.status, isComplete: true, hasClientLeft: false });
    }
    throw await tooManyRequests(kind, refusal, retryAfterMs);
  }

  /** An attempt that the edge has counted for another route: a middleware has changed its method or its URL since. */
  private mistakenAttempt(execution: ExecutionContext, context: RequestContext): Attempt | null {
    if (!context.isCounted || execution.getType<string>() !== 'http') return null;
    const attempt = this.limiter.attemptOf(context, context);
    if (attempt?.isAhead !== true) return null;
    const route = this.policies.of(execution.getHandler(), execution.getClass());
    const isRight = attempt.policy === (route.policy ?? this.policies.ofAll);
    return isRight && !route.isOfThrottler ? null : attempt;
  }

  private policyOf({ context, limit, ttl, blockDuration }: ThrottlerRequest): LimitPolicy {
    const route = this.policies.of(context.getHandler(), context.getClass());
    const policy = route.policy ?? this.policies.ofAll;
    if (limit < 0 && ttl < 0 && blockDuration < 0) return policy;
    return {
      ...policy,
      anonymous: limit < 0 ? policy.anonymous : limit,
      ttlMs: ttl < 0 ? policy.ttlMs : ttl,
      blockForMs: blockDuration < 0 ? policy.blockForMs : blockDuration,
    };
  }
}

/**
 * Runs {@link AuthThrottlerGuard} for limited handlers ahead of every other guard, so that what a host's guard refuses
 * has been counted, wherever that guard is bound. For all other handlers it costs one look-up.
 */
@Injectable()
export class RateLimitGate implements CanActivate {
  constructor(
    @Inject(AuthThrottlerGuard) private readonly guard: AuthThrottlerGuard,
    @Inject(LimitPolicies) private readonly policies: LimitPolicies,
  ) {}

  canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    const route = this.policies.of(execution.getHandler(), execution.getClass());
    if (route.policy === null) return true;
    if (!route.isDecorated && execution.getType() !== 'http') return true;
    return this.guard.canActivate(execution);
  }
}
