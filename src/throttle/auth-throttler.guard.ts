import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  ThrottlerGuard,
  type ThrottlerModuleOptions,
  type ThrottlerRequest,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import { requestContextOf } from '../edge/request-context.js';
import { RateLimiter } from './rate-limiter.js';
import { refuseTooMany } from './too-many-requests.js';

/** The name of our one throttler: a host's `@SkipThrottle({ 'ip-tracking': true })` names it. */
export const THROTTLER_NAME = 'ip-tracking';
/** Tokens of our own: the host may have a `ThrottlerModule` with other limits and another storage. */
export const THROTTLER_OPTIONS = Symbol('nestjs-ip-tracking.throttler-options');
export const THROTTLER_STORAGE = Symbol('nestjs-ip-tracking.throttler-storage');

/** What this module's throttler options carry beside those of `@nestjs/throttler`. */
export type AuthThrottlerOptions = Exclude<ThrottlerModuleOptions, unknown[]> & {
  isEnabled: boolean;
  authenticated: number;
};

/**
 * The guard of `@nestjs/throttler`, counting by who is asking: one bucket a client over all sensitive routes, for an
 * authenticated user his own, for anybody else his address's.
 */
@Injectable()
export class AuthThrottlerGuard extends ThrottlerGuard {
  constructor(
    @Inject(THROTTLER_OPTIONS) private readonly authOptions: AuthThrottlerOptions,
    @Inject(THROTTLER_STORAGE) storage: ThrottlerStorage,
    @Inject(Reflector) reflector: Reflector,
    @Inject(RateLimiter) private readonly limiter: RateLimiter,
  ) {
    super(authOptions, storage, reflector);
  }

  /** A request is counted once, however many guards of ours its route has; what never met the edge is not ours to count. */
  protected override shouldSkip(execution: ExecutionContext): Promise<boolean> {
    if (!this.authOptions.isEnabled || execution.getType() !== 'http') return Promise.resolve(true);
    const context = requestContextOf(execution.switchToHttp().getRequest());
    return Promise.resolve(context === undefined || context.isCounted);
  }

  /** @throws ThrottlerException (429) where the client is over his limit. */
  protected override async handleRequest(props: ThrottlerRequest): Promise<boolean> {
    const { req, res } = this.getRequestResponse(props.context);
    const context = requestContextOf(req)!;
    context.isCounted = true;
    context.isSensitive = true;
    const result = await this.limiter.reserve(context, req, THROTTLER_NAME, {
      anonymous: props.limit,
      authenticated: this.authOptions.authenticated,
      ttlMs: props.ttl,
    });
    if (!result.admitted) refuseTooMany(context, res, result);
    return true;
  }
}
