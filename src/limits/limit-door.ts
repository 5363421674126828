import type { RequestContext } from '../edge/request-context.js';
import type { RefusalResponse } from '../edge/refusal-response.js';
import { LimitStoreUnavailableError } from './store/limit-storage.js';
import type { HeaderSetter, LimiterAnswers } from './limit-answers.js';
import type { LimitPolicy } from './limit-policy.js';
import type { Attempt, RateLimiter } from './rate-limiter.js';
import { TooManyRequestsException } from './too-many-requests.js';

/** An attempt that may not pass, and what its client gets. */
export interface Throttled {
  refusal: RefusalResponse;
  retryAfterMs: number;
}

const UNAVAILABLE_RETRY_MS = 1_000;

/** Where limits meet a request: at the edge or before the guards, and once more when the user is known. */
export class LimitDoor {
  constructor(
    private readonly limiter: RateLimiter,
    private readonly answers: LimiterAnswers,
  ) {}

  /**
   * Counts an attempt.
   *
   * @param response where the client is told of his limit; null where there is no HTTP response.
   * @returns what refuses it, or null to let it pass.
   */
  admit(
    context: RequestContext,
    execution: object,
    policy: LimitPolicy,
    response: HeaderSetter | null,
  ): Promise<Throttled | null> {
    return this.count(context, execution, policy, response, false);
  }

  private async count(
    context: RequestContext,
    execution: object,
    policy: LimitPolicy,
    response: HeaderSetter | null,
    isAhead: boolean,
  ): Promise<Throttled | null> {
    const { request } = context;
    try {
      const attempt = await this.limiter.reserve(context, execution, request, policy, isAhead);
      if (attempt === null) return null;
      if (execution === context) this.settleAfterGuards(attempt);
      return this.judge(attempt, response);
    } catch (error) {
      return this.cannotTell(error);
    }
  }

  /**
   * Counts an attempt at a route that is not known for sure yet; a guard that knows better calls {@link recount}. Returns
   * as {@link admit}.
   */
  admitAhead(
    context: RequestContext,
    policy: LimitPolicy,
    response: HeaderSetter,
  ): Promise<Throttled | null> {
    return this.count(context, context, policy, response, true);
  }

  /** Counts an attempt by another policy. Returns as {@link admit}. */
  async recount(
    attempt: Attempt,
    policy: LimitPolicy,
    response: HeaderSetter | null,
  ): Promise<Throttled | null> {
    try {
      await this.limiter.recount(attempt, policy);
      return this.judge(attempt, response);
    } catch (error) {
      return this.cannotTell(error);
    }
  }

  /** Moves an attempt to its user's bucket, now that he may be known. Returns as {@link admit}. */
  async settle(attempt: Attempt, response: HeaderSetter | null): Promise<Throttled | null> {
    try {
      return (await this.limiter.settle(attempt)) ? this.judge(attempt, response) : null;
    } catch (error) {
      return this.cannotTell(error);
    }
  }

  private settleAfterGuards(attempt: Attempt): void {
    attempt.context.afterGuards = (response) =>
      this.limiter.isUnsettled(attempt) ? this.settleOrThrow(attempt, response) : null;
  }

  private async settleOrThrow(attempt: Attempt, response: unknown): Promise<void> {
    const throttled = await this.settle(attempt, response as HeaderSetter);
    if (throttled !== null) {
      throw new TooManyRequestsException(throttled.refusal, throttled.retryAfterMs);
    }
  }

  private judge(attempt: Attempt, response: HeaderSetter | null): Throttled | null {
    if (response !== null) this.answers.announce(attempt, response);
    if (attempt.result.admitted) return null;
    return {
      refusal: this.answers.tooMany(attempt),
      retryAfterMs: attempt.result.retryAfterMs,
    };
  }

  private cannotTell(error: unknown): Throttled {
    if (!(error instanceof LimitStoreUnavailableError)) throw error;
    return { refusal: this.answers.cannotTell(), retryAfterMs: UNAVAILABLE_RETRY_MS };
  }
}
