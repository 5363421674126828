import { applyDecorators, SetMetadata, UseGuards, UseInterceptors } from '@nestjs/common';
import { FLAG_KEYS } from '../edge/route-flags.js';
import { AuthThrottlerGuard } from '../throttle/auth-throttler.guard.js';
import { RequestLogInterceptor } from './request-log.interceptor.js';

/**
 * Marks a controller or a handler as sensitive: it is limited by who is asking (10 requests a minute for an
 * authenticated user, 5 for an anonymous address, unless configured otherwise), its rows in the request log say so, and
 * the hourly scan looks at who calls it.
 */
export const Sensitive = (): ClassDecorator & MethodDecorator =>
  applyDecorators(
    SetMetadata(FLAG_KEYS.isSensitive, true),
    UseGuards(AuthThrottlerGuard),
    UseInterceptors(RequestLogInterceptor),
  );

/** Leaves the requests of a controller or a handler out of the request log. Rules and limits still apply to them. */
export const SkipRequestLog = (): ClassDecorator & MethodDecorator =>
  SetMetadata(FLAG_KEYS.isUnlogged, true);
