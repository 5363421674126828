import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  Inject,
  Injectable,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ThrottlerException } from '@nestjs/throttler';
import { plainRefusal, refusalBody, sendRefusal } from '../edge/custom-refusal.js';
import type { RefusalResponse } from '../edge/refusal-response.js';

/**
 * A request over its limit, or one whose limit cannot be counted. To whoever catches it, it is an exception of
 * @nestjs/throttler with the status and the body that a client gets in JSON.
 */
export class TooManyRequestsException extends ThrottlerException {
  /** @internal */
  constructor(
    /** @internal */
    readonly refusal: RefusalResponse,
    /** Milliseconds until the next attempt can pass. */
    readonly retryAfterMs: number,
  ) {
    super();
    this.message = textOf(refusal);
  }

  override getStatus(): number {
    return this.refusal.status;
  }

  override getResponse(): object {
    return refusalBody(this.refusal);
  }
}

/** Sends the answer as `rateLimits.refusal` has made it, page and headers included, where no filter of the host's has caught it. */
@Catch(TooManyRequestsException)
@Injectable()
export class TooManyRequestsFilter implements ExceptionFilter<TooManyRequestsException> {
  constructor(@Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost) {}

  catch(exception: TooManyRequestsException, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<unknown>();
    sendRefusal(this.adapterHost.httpAdapter, response, exception.refusal);
  }
}

/**
 * The same in the words of a GraphQL error, which every server of GraphQL passes on: `extensions.code` is
 * `TOO_MANY_REQUESTS` or `SERVICE_UNAVAILABLE`, `extensions.retryAfter` is in seconds.
 */
export class GraphqlTooManyRequestsError extends Error {
  override readonly name = 'GraphqlTooManyRequestsError';
  readonly extensions: Readonly<Record<string, unknown>>;

  /** @internal */
  constructor(refusal: RefusalResponse, retryAfterMs: number) {
    super(textOf(refusal));
    this.extensions = {
      code: codeOf(refusal),
      retryAfter: Math.ceil(retryAfterMs / 1_000),
      http: { status: refusal.status, headers: new Map(Object.entries(retryHeader(refusal))) },
    };
  }
}

/**
 * What to throw for a kind of execution: each kind has exceptions of its own, from packages that are there only where
 * the kind is.
 */
export function tooManyRequests(
  kind: string,
  refusal: RefusalResponse,
  retryAfterMs: number,
): Error {
  const told = {
    status: 'error',
    code: codeOf(refusal),
    message: textOf(refusal),
    retryAfterMs: Math.ceil(retryAfterMs),
  };
  switch (kind) {
    case 'ws': {
      const { WsException } = require('@nestjs/websockets') as typeof import('@nestjs/websockets');
      return new WsException(told);
    }
    case 'rpc': {
      const { RpcException } =
        require('@nestjs/microservices') as typeof import('@nestjs/microservices');
      return new RpcException(told);
    }
    case 'graphql':
      return new GraphqlTooManyRequestsError(refusal, retryAfterMs);
    default:
      return new TooManyRequestsException(refusal, retryAfterMs);
  }
}

/** A plain refusal with other words; what a host has made itself stays as it is. */
export function withMessage(refusal: RefusalResponse, message: string): RefusalResponse {
  if (refusal.body !== plainRefusal(refusal.status).body) return refusal;
  const { body, headers } = plainRefusal(refusal.status, message);
  return { ...refusal, body, headers: { ...refusal.headers, ...headers } };
}

function codeOf({ status }: RefusalResponse): string {
  return status === 503 ? 'SERVICE_UNAVAILABLE' : 'TOO_MANY_REQUESTS';
}

function textOf(refusal: RefusalResponse): string {
  const { message } = refusalBody(refusal) as { message?: unknown };
  if (typeof message === 'string') return message;
  return refusal.status === 503 ? 'Service Unavailable' : 'Too Many Requests';
}

function retryHeader({ headers }: RefusalResponse): Record<string, string> {
  const retryAfter = headers['retry-after'];
  return retryAfter === undefined ? {} : { 'retry-after': retryAfter };
}
