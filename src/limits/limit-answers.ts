import { customRefusal, plainRefusal } from '../edge/custom-refusal.js';
import type { RefusalResponse } from '../edge/refusal-response.js';
import type { RateLimitSettings } from './rate-limit-settings.js';
import type { ThrottledRequest } from './rate-limit.options.js';
import { rateLimitHeaders } from './rate-limit-headers.js';
import type { Attempt } from './rate-limiter.js';

/** The part of an Express, Fastify or node response that sets a header. */
export interface HeaderSetter {
  readonly headersSent?: boolean;
  header?(name: string, value: string): unknown;
  setHeader?(name: string, value: string): unknown;
}

/** What a client is told of his limit: the fields on every answer, and the answer where he is over it. */
export class LimiterAnswers {
  private readonly plain = plainRefusal(429);
  private readonly unavailable = plainRefusal(503);

  constructor(
    private readonly settings: Pick<RateLimitSettings, 'headers' | 'refusal' | 'onThrottled'>,
  ) {}

  /** Sets the fields that tell of an attempt on its response, over those that told of its bucket before. */
  announce({ policy, ttlMs, result }: Attempt, response: HeaderSetter): void {
    const told = rateLimitHeaders({ name: policy.name, ttlMs, result }, this.settings.headers);
    for (const [name, value] of Object.entries(told)) setHeader(response, name, value);
  }

  /** The answer to an attempt that was not admitted. Called once for each, which it also reports. */
  tooMany(attempt: Attempt): RefusalResponse {
    attempt.context.refusal = 'throttled';
    const { policy, ttlMs, result } = attempt;
    const headers = rateLimitHeaders({ name: policy.name, ttlMs, result }, this.settings.headers);
    const { refusal, onThrottled } = this.settings;
    if (refusal === null && onThrottled === null) return withHeaders(this.plain, headers);
    const throttled = describe(attempt);
    report(onThrottled, throttled);
    return withHeaders(customRefusal(refusal, throttled, this.plain), headers);
  }

  /** The answer where nobody can tell whether the client is over his limit: it is not his fault. */
  cannotTell(): RefusalResponse {
    return this.unavailable;
  }
}

/** The host's own fields win. */
function withHeaders(refusal: RefusalResponse, headers: Record<string, string>): RefusalResponse {
  return { ...refusal, headers: { ...headers, ...refusal.headers } };
}

/** Whoever has answered meanwhile has the last word: a time-out of the host's, while the store was asked. */
function setHeader(response: HeaderSetter, name: string, value: string): void {
  if (response.headersSent === true) return;
  if (typeof response.header === 'function') response.header(name, value);
  else response.setHeader?.(name, value);
}

function report(onThrottled: RateLimitSettings['onThrottled'], throttled: ThrottledRequest): void {
  if (onThrottled === null) return;
  try {
    Promise.resolve(onThrottled(throttled)).catch(() => undefined);
  } catch {
    // What the host does with the news must not become the client's problem.
  }
}

function describe({ context, userId, policy, result }: Attempt): ThrottledRequest {
  return {
    ipAddress: context.client.ip?.toString() ?? null,
    ipSource: context.client.source,
    userId,
    method: context.method,
    url: context.url,
    name: policy.name,
    limit: result.limit,
    retryAfterMs: result.retryAfterMs,
  };
}
