import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { contextOfExecution } from '../edge/context-of-execution.js';
import { MessageContext, type RequestContext } from '../edge/request-context.js';
import { RequestEdge } from '../edge/request-edge.js';
import { Door } from './door.js';
import { RefusalException } from './refusal.exception.js';
import { routeRefuses, type RouteRules, RouteRulesReader } from './route-rules.js';

/**
 * The routes' own rules, and a second lock behind the edge: it judges what came past the edge, and what the edge left
 * to it because the route might have said `@SkipIpRules()`. The module binds it globally.
 *
 * It guards handlers of every transport: HTTP and GraphQL by the request, WebSocket messages by the handshake, messages
 * of TCP and gRPC microservices by the connection's peer. What a broker delivers has no peer whose address could be
 * asked, so it is let through, whatever the handler's decorators say.
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

  /**
   * @returns false for a message whose client is refused, which Nest makes a `WsException` or an `RpcException`.
   * @throws RefusalException, an HttpException with the module's answer, where the client of a request is refused.
   */
  canActivate(execution: ExecutionContext): boolean {
    const context = contextOfExecution(execution, this.edge);
    if (context === null) return true;
    if (context instanceof MessageContext && !context.hasPeer) return true;
    const rules = this.routes.of(execution.getHandler(), execution.getClass());
    if (rules.skipsRules) {
      context.isJudged = true;
      if (context.isDeferred) context.ruleId = null;
    } else if (context.isDeferred || (!context.isJudged && this.door.refuses(context))) {
      return this.refuse(context);
    }
    if (this.routeRefuses(rules, context)) {
      // No stored rule did this, so it counts for detection, and a monitor rule must not look as if it had.
      context.ruleId = null;
      return this.refuse(context);
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

  private refuse(context: RequestContext): false {
    context.refusal = 'blocked';
    const refusal = this.door.refusal(context);
    if (context instanceof MessageContext) {
      // No interceptor runs for it, so this is the only place where its record can be written.
      this.edge.end(context, { status: refusal.status, isComplete: true, hasClientLeft: false });
      return false;
    }
    throw new RefusalException(refusal);
  }
}
