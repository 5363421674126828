import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { describeRoute } from '../edge/route-description.js';
import {
  AuthThrottlerGuard,
  LIMIT_GUARD,
  LIMIT_PARTS,
  type LimitParts,
} from './auth-throttler.guard.js';
import { isDecorated } from './limit-policy.js';

/**
 * Runs the guard for limited handlers ahead of every other guard, so that what a host's guard refuses has been counted,
 * wherever that guard is bound. For all other handlers it costs one look-up.
 */
@Injectable()
export class RateLimitGate implements CanActivate {
  /** False for a host's subclass that judges otherwise before it asks ours. */
  private readonly isOurs: boolean;

  constructor(
    @Inject(LIMIT_GUARD) private readonly guard: AuthThrottlerGuard,
    @Inject(LIMIT_PARTS) private readonly parts: LimitParts,
  ) {
    this.isOurs = guard.canActivate === AuthThrottlerGuard.prototype.canActivate;
  }

  canActivate(execution: ExecutionContext): ReturnType<CanActivate['canActivate']> {
    const route = describeRoute(execution.getHandler(), execution.getClass());
    if (this.parts.policies.of(route) === null) return true;
    if (!isDecorated(route) && execution.getType() !== 'http') return true;
    return this.isOurs ? this.guard.admits(execution) : this.guard.canActivate(execution);
  }
}
