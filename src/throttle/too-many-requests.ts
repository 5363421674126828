import type { ServerResponse } from 'node:http';
import { ThrottlerException } from '@nestjs/throttler';
import type { RequestContext } from '../edge/request-context.js';
import type { LimitResult } from './limit-storage.js';

/** The part of an Express or Fastify response that sets a header. */
export interface HeaderSetter {
  header?(name: string, value: string): unknown;
  setHeader?(name: string, value: string): unknown;
}

/**
 * Refuses a request over its limit: 429 with `Retry-After` in whole seconds (RFC 6585 section 4, RFC 9110 section
 * 10.2.3), rounded up, so that a client who obeys it is never refused again.
 *
 * @throws ThrottlerException always.
 */
export function refuseTooMany(
  context: RequestContext,
  response: HeaderSetter | ServerResponse,
  result: LimitResult,
): never {
  context.refusal = 'throttled';
  const seconds = String(Math.max(1, Math.ceil(result.retryAfterMs / 1_000)));
  if ('header' in response && typeof response.header === 'function') {
    response.header('Retry-After', seconds);
  } else if (typeof response.setHeader === 'function') {
    response.setHeader('Retry-After', seconds);
  }
  throw new ThrottlerException();
}
