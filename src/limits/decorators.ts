import { applyDecorators, SetMetadata, UseGuards, UseInterceptors } from '@nestjs/common';
import { ROUTE_KEYS } from '../edge/route-description.js';
import { AuthThrottlerGuard } from './auth-throttler.guard.js';
import { noteRouteLimit } from './limit-policy.js';
import { LimitInterceptor } from './limit.interceptor.js';
import type { RouteRateLimit } from './limits.options.js';

/**
 * Marks a controller or a handler as sensitive: it is limited by who is asking (10 requests a minute for an
 * authenticated user, 5 for an anonymous address, unless configured otherwise), its rows in the request log say so, and
 * the hourly scan looks at who calls it.
 */
export const Sensitive = (): ClassDecorator & MethodDecorator =>
  applyDecorators(
    SetMetadata(ROUTE_KEYS.isSensitive, true),
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
