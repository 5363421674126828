import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { describeRoute } from '../edge/route-description.js';
import { LIMIT_GUARD, LIMIT_PARTS, type LimitParts } from './auth-throttler.guard.js';
import { isDecorated } from './limit-policy.js';

/**
 * Runs the guard for limited handlers ahead of every other guard, so that what a host's guard refuses has been counted,
 * wherever that guard is bound. For all other handlers it costs one look-up.
 */
@Injectable()
export class RateLimitGate implements CanActivate {
  constructor(
    @Inject(LIMIT_GUARD) private readonly guard: CanActivate,
    @Inject(LIMIT_PARTS) private readonly parts: LimitParts,
  ) {}

  canActivate(execution: ExecutionContext): ReturnType<CanActivate['canActivate']> {
    const route = describeRoute(execution.getHandler(), execution.getClass());
    if (this.parts.policies.of(route) === null) return true;
    if (!isDecorated(route) && execution.getType() !== 'http') return true;
    return this.guard.canActivate(execution);
  }
}
