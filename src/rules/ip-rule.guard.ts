import {
  type CanActivate,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { contextOfExecution } from '../edge/context-of-execution.js';
import type { RequestContext } from '../edge/request-context.js';
import { RequestEdge } from '../edge/request-edge.js';
import { Door } from './door.js';
import { routeRefuses, type RouteRules, RouteRulesReader } from './route-rules.js';

/**
 * The routes' own rules, and a second lock behind the edge: it judges what came past the edge, and what the edge left
 * to it because the route might have said `@SkipIpRules()`. The module binds it globally.
 */
@Injectable()
export class IpRuleGuard implements CanActivate {
  private readonly routes: RouteRulesReader;

  constructor(
    @Inject(Door) private readonly door: Door,
    @Inject(RequestEdge) private readonly edge: RequestEdge,
    @Inject(Reflector) reflector: Reflector,
  ) {
    this.routes = new RouteRulesReader(reflector);
  }

  /** @throws HttpException with the module's 403 where the client is refused. */
  canActivate(execution: ExecutionContext): boolean {
    if (execution.getType() !== 'http') return true;
    const context = contextOfExecution(execution, this.edge);
    const rules = this.routes.of(execution.getHandler(), execution.getClass());
    if (rules.skipsRules) {
      context.isJudged = true;
      if (context.isDeferred) context.ruleId = null;
    } else if (context.isDeferred || (!context.isJudged && this.door.refuses(context))) {
      this.refuse(context);
    }
    if (this.routeRefuses(rules, context)) {
      // No stored rule did this, so it counts for detection, and a monitor rule must not look as if it had.
      context.ruleId = null;
      this.refuse(context);
    }
    return true;
  }

  private routeRefuses(rules: RouteRules, context: RequestContext): boolean {
    return routeRefuses(rules, {
      ip: context.client.ip,
      isAllowlisted: () => this.door.isAllowlisted(context),
      country: () => context.locate().country,
    });
  }

  private refuse(context: RequestContext): never {
    context.refusal = 'blocked';
    const { status, body } = this.door.refusal(context);
    throw new HttpException(JSON.parse(body) as object, status);
  }
}
