import { type ExecutionContext, Inject, Injectable, Optional } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  ThrottlerGuard,
  type ThrottlerLimitDetail,
  type ThrottlerModuleOptions,
  type ThrottlerRequest,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import { contextOfExecution, countedExecution } from '../edge/context-of-execution.js';
import { answered } from '../edge/ending.js';
import { withoutModule } from '../edge/missing-module.js';
import { MessageContext, type RequestContext } from '../edge/request-context.js';
import type { RequestEdge } from '../edge/request-edge.js';
import { describeRoute, THROTTLER_NAME, type RouteDescription } from '../edge/route-description.js';
import { token } from '../provide.js';
import {
  attemptOf,
  detailOf,
  hasCounted,
  noteAttempt,
  type Attempt,
  type BucketNaming,
} from './attempt.js';
import { bucketOf } from './bucket-keys.js';
import type { HeaderSetter, LimitAnswers, Throttled } from './limit-answers.js';
import type { LimitPolicies, LimitPolicy } from './limit-policy.js';
import type { Terms } from './limit-terms.js';
import { after, type MaybePromise } from './maybe-promise.js';
import type { RateLimiter } from './rate-limiter.js';
import { overriddenHooks, type ThrottlerHook } from './throttler-hooks.js';
import { tooManyRequests, withMessage } from './too-many-requests.js';

/** Tokens of our own: the host may have a `ThrottlerModule` with other limits and another storage. */
export const THROTTLER_OPTIONS = token<ThrottlerModuleOptions>('throttler-options');
export const THROTTLER_STORAGE = token<ThrottlerStorage>('throttler-storage');
export const LIMIT_PARTS = token<LimitParts>('limit-parts');
/** The one guard that counts ahead of all others: {@link AuthThrottlerGuard}, or the host's subclass. */
export const LIMIT_GUARD = token<AuthThrottlerGuard>('limit-guard');

/** What the guard wires. */
export interface LimitParts {
  isEnabled: boolean;
  edge: RequestEdge;
  limiter: RateLimiter;
  answers: LimitAnswers;
  policies: LimitPolicies;
}

/**
 * The guard of `@nestjs/throttler`, counting by who is asking: one bucket a client over all sensitive routes, for an
 * authenticated user their own, for anybody else their address's. It serves HTTP, GraphQL, WebSocket messages and
 * microservices; of a GraphQL operation each limited field counts, since one request can carry a hundred guesses.
 *
 * A host that wants it otherwise extends it and installs the subclass as `rateLimits.guard`. What that overrides of the
 * documented hooks is asked, `getTracker` before authentication and after it; what it does not costs nobody anything.
 */
@Injectable()
export class AuthThrottlerGuard extends ThrottlerGuard {
  // Not of the constructor, which a subclass of the host's may have to call.
  @Optional() @Inject(LIMIT_PARTS) private readonly parts!: LimitParts;
  private hooks: ReadonlySet<ThrottlerHook> | null = null;
  private readonly throttled = new WeakMap<ThrottlerLimitDetail, Throttled>();

  constructor(
    @Optional() @Inject(THROTTLER_OPTIONS) options: ThrottlerModuleOptions,
    @Optional() @Inject(THROTTLER_STORAGE) storage: ThrottlerStorage,
    @Inject(Reflector) reflector: Reflector,
  ) {
    super(options, storage, reflector);
    if (options === undefined) withoutModule(new.target.name);
  }

  override async onModuleInit(): Promise<void> {
    if (this.options === undefined) return;
    await super.onModuleInit();
    // What a policy says, in the words of @nestjs/throttler: its decorators replace it, and `handleRequest` is told it.
    this.throttlers = [
      {
        name: THROTTLER_NAME,
        limit: (execution) => this.termsOf(execution).limit,
        ttl: (execution) => this.termsOf(execution).ttlMs,
        blockDuration: (execution) => this.policyOf(execution).blockForMs,
      },
    ];
  }

  /** The hooks that a subclass overrides. @internal */
  get overridden(): ReadonlySet<ThrottlerHook> {
    this.hooks ??= overriddenHooks(this, AuthThrottlerGuard.prototype);
    return this.hooks;
  }

  override async canActivate(execution: ExecutionContext): Promise<boolean> {
    return this.admits(execution);
  }

  /**
   * What {@link canActivate} says, at once where it can: the guard of @nestjs/throttler reads six decorators anew for each
   * request, and only routes that have one wait for it. @internal
   */
  admits(execution: ExecutionContext): MaybePromise<boolean> {
    // The module is not there.
    if (this.parts === undefined) return true;
    const route = describeRoute(execution.getHandler(), execution.getClass());
    const context = this.contextToCount(execution, route);
    if (context === null) return true;
    const counted = countedExecution(execution, context);
    const known = attemptOf(context, counted);
    if (known?.isAhead !== true && hasCounted(context, counted)) return true;
    if (route.isOfThrottler || this.overridden.has('handleRequest') || this.skips) {
      return this.askThrottler(execution, context, known);
    }
    const policy = this.parts.policies.of(route) ?? this.parts.policies.shared;
    const naming = this.isNaming ? this.namingOf(execution, context) : null;
    if (known !== null && known.policy === policy && naming === null) {
      // The edge has counted it, and rightly so.
      known.isAhead = false;
      known.owner = this;
      return true;
    }
    return this.count(execution, context, policy, naming);
  }

  /** Moves an attempt to its user's bucket, once all guards have let it pass. @internal */
  settle(attempt: Attempt, execution: ExecutionContext): MaybePromise<boolean> {
    return this.parts.limiter.isUnsettled(attempt) ? this.moved(attempt, execution) : true;
  }

  /** What the client is called, and so what is counted: `user|` and the id where somebody is known, else `ip|` and the address. */
  protected override getTracker(
    request: Record<string, unknown>,
    execution?: ExecutionContext,
  ): Promise<string> {
    const context = execution === undefined ? null : contextOfExecution(execution, this.parts.edge);
    return context === null
      ? super.getTracker(request)
      : Promise.resolve(this.parts.limiter.clientOf(context));
  }

  /** The bucket of a client under a limit's name: the same for all routes that share the limit. */
  protected override generateKey(_: ExecutionContext, tracker: string, name: string): string {
    return bucketOf(name, tracker);
  }

  /**
   * Counts the attempt, by what the request says beside its policy.
   *
   * @throws TooManyRequestsException (429) where the client is over its limit; the same as the kind of execution has it.
   */
  protected override async handleRequest(props: ThrottlerRequest): Promise<boolean> {
    const { context: execution, limit, ttl, blockDuration, getTracker, generateKey } = props;
    const context = contextOfExecution(execution, this.parts.edge)!;
    const policy = this.policyOf(execution);
    const terms = this.termsOf(execution);
    const isOwn =
      getTracker === this.commonOptions.getTracker &&
      generateKey === this.commonOptions.generateKey;
    return this.count(
      execution,
      context,
      {
        ...policy,
        ...(limit === terms.limit ? {} : { anonymous: limit, authenticated: limit }),
        ...(ttl === terms.ttlMs ? {} : { ttlMs: ttl }),
        blockForMs: blockDuration,
      },
      isOwn && !this.isNaming
        ? null
        : {
            client: async () => getTracker(context.request as Record<string, unknown>, execution),
            bucket: (name, client) => generateKey(execution, client, name),
          },
    );
  }

  protected override async throwThrottlingException(
    execution: ExecutionContext,
    detail: ThrottlerLimitDetail,
  ): Promise<void> {
    const throttled = this.throttled.get(detail);
    if (throttled === undefined) return super.throwThrottlingException(execution, detail);
    const refusal = this.overridden.has('getErrorMessage')
      ? withMessage(throttled.refusal, await this.getErrorMessage(execution, detail))
      : throttled.refusal;
    throw tooManyRequests(execution.getType<string>(), refusal, throttled.retryAfterMs);
  }

  private get skips(): boolean {
    return this.overridden.has('shouldSkip');
  }

  private get isNaming(): boolean {
    return this.overridden.has('getTracker') || this.overridden.has('generateKey');
  }

  /** The context of what may have to be counted; null for what has none, and for what a broker brings: it has no client. */
  private contextToCount(
    execution: ExecutionContext,
    { isSensitive }: RouteDescription,
  ): RequestContext | null {
    const context = contextOfExecution(execution, this.parts.edge);
    if (context !== null && isSensitive) context.isSensitive = true;
    if (!this.parts.isEnabled || context === null) return null;
    if (context instanceof MessageContext && !context.hasPeer) return null;
    return context;
  }

  /** The way of @nestjs/throttler: its decorators and the hooks of a subclass, and in the end {@link handleRequest}. */
  private async askThrottler(
    execution: ExecutionContext,
    context: RequestContext,
    ahead: Attempt | null,
  ): Promise<boolean> {
    const passes = await super.canActivate(execution);
    const counted = countedExecution(execution, context);
    // Whoever has skipped it has done so for every guard of ours.
    if (!hasCounted(context, counted)) noteAttempt(context, counted, null);
    else if (ahead?.isAhead === true) await this.parts.limiter.giveBack(ahead);
    return passes;
  }

  private count(
    execution: ExecutionContext,
    context: RequestContext,
    policy: LimitPolicy,
    naming: BucketNaming | null,
  ): MaybePromise<boolean> {
    const { limiter, answers } = this.parts;
    const counted = countedExecution(execution, context);
    const ahead = attemptOf(context, counted);
    const by = { naming, owner: this };
    const throttled = answers.judge(
      () =>
        ahead?.isAhead === true
          ? limiter.recount(ahead, policy, by)
          : limiter.reserve(context, counted, policy, by),
      responseOf(execution),
    );
    return after(throttled, (said) => said === null || this.refuse(execution, context, said));
  }

  private moved(attempt: Attempt, execution: ExecutionContext): MaybePromise<boolean> {
    const { limiter, answers } = this.parts;
    const throttled = answers.judge(() => limiter.settle(attempt), responseOf(execution));
    return after(
      throttled,
      (said) => said === null || this.refuse(execution, attempt.context, said),
    );
  }

  /** @returns true where a hook of the host's throws nothing, and so lets the attempt pass. */
  private async refuse(
    execution: ExecutionContext,
    context: RequestContext,
    throttled: Throttled,
  ): Promise<true> {
    try {
      const { attempt, refusal, retryAfterMs } = throttled;
      if (attempt === null) {
        throw tooManyRequests(execution.getType<string>(), refusal, retryAfterMs);
      }
      const detail = detailOf(attempt);
      this.throttled.set(detail, throttled);
      await this.throwThrottlingException(execution, detail);
    } catch (error) {
      if (context instanceof MessageContext) {
        // No interceptor runs for it, so this is the only place where its record can be written.
        this.parts.edge.end(context, answered(throttled.refusal.status));
      }
      throw error;
    }
    context.refusal = null;
    return true;
  }

  private policyOf(execution: ExecutionContext): LimitPolicy {
    const { policies } = this.parts;
    const route = describeRoute(execution.getHandler(), execution.getClass());
    return policies.of(route) ?? policies.shared;
  }

  private termsOf(execution: ExecutionContext): Terms {
    const context = contextOfExecution(execution, this.parts.edge)!;
    return this.parts.limiter.terms.of(this.policyOf(execution), context.user(), context.request);
  }

  private namingOf(execution: ExecutionContext, context: RequestContext): BucketNaming {
    return {
      client: () => this.getTracker(context.request as Record<string, unknown>, execution),
      bucket: (name, client) => this.generateKey(execution, client, name),
    };
  }
}

function responseOf(execution: ExecutionContext): HeaderSetter | null {
  return execution.getType<string>() === 'http'
    ? execution.switchToHttp().getResponse<HeaderSetter>()
    : null;
}
