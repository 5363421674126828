import { customRefusal, plainRefusal } from '../edge/custom-refusal.js';
import { tellHost } from '../edge/host-hook.js';
import type { RefusalResponse } from '../edge/refusal-response.js';
import type { RequestContext } from '../edge/request-context.js';
import type { Attempt } from './attempt.js';
import type { LimitsSettings, ThrottledRequest } from './limits.options.js';
import type { MaybePromise } from './maybe-promise.js';
import { rateLimitHeaders, type LimitState } from './rate-limit-headers.js';
import { LimitStoreUnavailableError } from './store/limit-storage.js';

/** The part of an Express, Fastify or node response that sets a header. */
export interface HeaderSetter {
  readonly headersSent?: boolean;
  header?(name: string, value: string): unknown;
  setHeader?(name: string, value: string): unknown;
}

/** An attempt that may not pass, and what its client gets. */
export interface Throttled {
  refusal: RefusalResponse;
  retryAfterMs: number;
  /** Null where nobody could count it. */
  attempt: Attempt | null;
}

interface LimitOfUser extends LimitState {
  /** Whose limit it is; null for anybody's at the address. */
  userId: string | null;
}

const UNAVAILABLE_RETRY_MS = 1_000;
/** RFC 9110 section 15.6.4. */
const UNAVAILABLE_HEADERS = { 'retry-after': String(UNAVAILABLE_RETRY_MS / 1_000) };

/** What a client is told of their limit: the fields on every answer, and the answer where they are over it. */
export class LimitAnswers {
  private readonly plain = plainRefusal(429);
  private readonly unavailable: Throttled = {
    refusal: withHeaders(plainRefusal(503), UNAVAILABLE_HEADERS),
    retryAfterMs: UNAVAILABLE_RETRY_MS,
    attempt: null,
  };

  constructor(
    private readonly settings: Pick<LimitsSettings, 'headers' | 'refusal' | 'onThrottled'>,
  ) {}

  /**
   * What becomes of an attempt that the limiter counts.
   *
   * @param count has it counted; gives null where there is nothing to say.
   * @param response where the client is told of their limit; null where there is no HTTP response.
   * @returns what refuses the attempt, or null to let it pass.
   */
  judge(
    count: () => MaybePromise<Attempt | null>,
    response: HeaderSetter | null,
  ): MaybePromise<Throttled | null> {
    try {
      const counting = count();
      if (!(counting instanceof Promise)) return this.said(counting, response);
      return counting.then(
        (attempt) => this.said(attempt, response),
        (error) => this.failed(error, response),
      );
    } catch (error) {
      return this.failed(error, response);
    }
  }

  /**
   * The answer to what was not admitted. Called once for each, which it also notes on its context and tells the host.
   *
   * @param headers what the client is told of the limit.
   */
  refuse(
    context: RequestContext,
    over: LimitOfUser,
    headers = rateLimitHeaders(over, this.settings.headers),
  ): RefusalResponse {
    context.refusal = 'throttled';
    const { refusal, onThrottled } = this.settings;
    if (refusal === null && onThrottled === null) return withHeaders(this.plain, headers);
    const throttled = describe(context, over);
    tellHost(onThrottled, throttled);
    return withHeaders(customRefusal(refusal, throttled, this.plain), headers);
  }

  private said(attempt: Attempt | null, response: HeaderSetter | null): Throttled | null {
    if (attempt === null) return null;
    const { context, policy, ttlMs, userId, result } = attempt;
    const limit: LimitOfUser = { name: policy.name, ttlMs, userId, result };
    const headers = rateLimitHeaders(limit, this.settings.headers);
    // Before anything is thrown, so that no filter of the host's loses them.
    if (response !== null) announce(headers, response);
    if (result.admitted) return null;
    return {
      refusal: this.refuse(context, limit, headers),
      retryAfterMs: result.retryAfterMs,
      attempt,
    };
  }

  /** Nobody can tell whether the client is over their limit: it is not their fault. */
  private failed(error: unknown, response: HeaderSetter | null): Throttled {
    if (!(error instanceof LimitStoreUnavailableError)) throw error;
    if (response !== null) announce(UNAVAILABLE_HEADERS, response);
    return this.unavailable;
  }
}

/** The host's own fields win. */
function withHeaders(refusal: RefusalResponse, headers: Record<string, string>): RefusalResponse {
  return { ...refusal, headers: { ...headers, ...refusal.headers } };
}

/** Whoever has answered meanwhile has the last word: a time-out of the host's, while the store was asked. */
function announce(headers: Record<string, string>, response: HeaderSetter): void {
  if (response.headersSent === true) return;
  for (const name in headers) {
    if (typeof response.header === 'function') response.header(name, headers[name]!);
    else response.setHeader?.(name, headers[name]!);
  }
}

function describe(
  context: RequestContext,
  { name, userId, result }: LimitOfUser,
): ThrottledRequest {
  return {
    ipAddress: context.client.ip?.toString() ?? null,
    ipSource: context.client.source,
    userId,
    method: context.method,
    url: context.url,
    name,
    limit: result.limit,
    retryAfterMs: result.retryAfterMs,
  };
}
