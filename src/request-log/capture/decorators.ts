import { applyDecorators, SetMetadata, UseGuards, UseInterceptors } from '@nestjs/common';
import { FLAG_KEYS } from '../../edge/route-flags.js';
import { AuthThrottlerGuard } from '../../limits/auth-throttler.guard.js';
import { noteRouteLimit } from '../../limits/limit-policy.js';
import type { RouteRateLimit } from '../../limits/rate-limit.options.js';
import { LimitInterceptor } from './request-log.interceptor.js';

/**
 * Marks a controller or a handler as sensitive: it is limited by who is asking (10 requests a minute for an
 * authenticated user, 5 for an anonymous address, unless configured otherwise), its rows in the request log say so, and
 * the hourly scan looks at who calls it.
 */
export const Sensitive = (): ClassDecorator & MethodDecorator =>
  applyDecorators(
    SetMetadata(FLAG_KEYS.isSensitive, true),
    UseGuards(AuthThrottlerGuard),
    UseInterceptors(LimitInterceptor),
  );

/**
 * Gives a controller or a handler a limit of its own; a handler's overrides its controller's. What is left out is as
 * `rateLimits` says. Unlike {@link Sensitive} it makes a route of no interest to detection; both can stand together.
 *
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION` or `IPT_INVALID_OPTION`, when the class is loaded.
 */
export const RateLimit = (limit: RouteRateLimit = {}): ClassDecorator & MethodDecorator =>
  applyDecorators(
    noteRouteLimit(limit),
    UseGuards(AuthThrottlerGuard),
    UseInterceptors(LimitInterceptor),
  );

/**
 * Leaves the requests of a controller or a handler out of the request log, but for those that this module refuses. Rules
 * and limits still apply to them.
 */
export const SkipRequestLog = (): ClassDecorator & MethodDecorator =>
  SetMetadata(FLAG_KEYS.isUnlogged, true);
