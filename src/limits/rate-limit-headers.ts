import type { RateLimitHeaders } from './limits.options.js';
import type { LimitResult } from './store/limit-storage.js';

/** What the header fields tell of. */
export interface LimitState {
  /** The limit's name, of letters, digits and `._:-`. */
  name: string;
  ttlMs: number;
  result: LimitResult;
}

/**
 * The header fields that tell a client their limit: `RateLimit-Policy` with the quota `q` and its window `w` in seconds,
 * `RateLimit` with what remains `r` and in how many seconds `t` all of it is there again
 * (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4), and `Retry-After` where they were refused (RFC 9110 section
 * 10.2.3, RFC 6585 section 4). Seconds are rounded up, so that who waits for so long is not refused again. A limit that
 * is none is not told.
 */
export function rateLimitHeaders(
  { name, ttlMs, result }: LimitState,
  which: Required<RateLimitHeaders>,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (!result.admitted) headers['retry-after'] = String(Math.max(1, seconds(result.retryAfterMs)));
  if (result.limit === Infinity) return headers;
  const reset = seconds(result.resetAfterMs);
  if (which.standard) {
    headers['ratelimit-policy'] = `"${name}";q=${result.limit};w=${seconds(ttlMs)}`;
    headers['ratelimit'] = `"${name}";r=${result.remaining};t=${reset}`;
  }
  if (which.legacy) {
    headers['x-ratelimit-limit'] = String(result.limit);
    headers['x-ratelimit-remaining'] = String(result.remaining);
    headers['x-ratelimit-reset'] = String(reset);
  }
  return headers;
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
