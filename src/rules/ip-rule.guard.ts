import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  Optional,
} from '@nestjs/common';
import { contextOfExecution } from '../edge/context-of-execution.js';
import { REFUSED_BY_DECORATOR } from '../edge/decision.js';
import { answered } from '../edge/ending.js';
import { withoutModule } from '../edge/missing-module.js';
import { MessageContext, type RequestContext } from '../edge/request-context.js';
import { RequestEdge } from '../edge/request-edge.js';
import {
  describeRoute,
  type RouteDescription,
  type RouteRules,
} from '../edge/route-description.js';
import type { RefusalResponse } from '../edge/refusal-response.js';
import { Door } from './door.js';
import { RefusalException } from './refusal.exception.js';
import { routeRefuses } from './route-rules.js';

/**
 * The routes' own rules, and a second lock behind the edge: it judges what came past the edge, and what the edge left
 * to it because the route might have said `@SkipIpRules()`. The module binds it globally.
 *
 * It guards handlers of every transport: HTTP and GraphQL by the request, WebSocket messages by the handshake, messages
 * of TCP and gRPC microservices by the connection's peer. What a broker delivers has no peer whose address could be
 * asked, so it is let through, whatever the handler's decorators say.
 *
 * The decorators of routes bind it once more: that costs next to nothing, holds for a hybrid app's microservices, which
 * have no global guards, and tells an app without the module that nothing is guarded.
 */
@Injectable()
export class IpRuleGuard implements CanActivate {
  /** @internal */
  constructor(
    @Optional() @Inject(Door) private readonly door: Door,
    @Optional() @Inject(RequestEdge) private readonly edge: RequestEdge | undefined,
  ) {
    if (edge === undefined) withoutModule(IpRuleGuard.name);
  }

  /**
   * @returns false for a message whose client is refused, which Nest makes a `WsException` or an `RpcException`.
   * @throws RefusalException, an HttpException with the module's answer, where the client of a request is refused, or
   * asks more often than a limit rule lets them; it rejects with it where the counters are elsewhere.
   */
  canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    if (this.edge === undefined) return true;
    const context = contextOfExecution(execution, this.edge);
    if (context === null) return true;
    if (context instanceof MessageContext && !context.hasPeer) return true;
    const route = describeRoute(execution.getHandler(), execution.getClass());
    const isLetIn = this.letsIn(route, context);
    if (!isLetIn || route.skipsRules) return isLetIn;
    const slowed = this.edge.slow(context);
    return slowed instanceof Promise
      ? slowed.then((refusal) => refusal === null || this.answer(refusal, context))
      : slowed === null || this.answer(slowed, context);
  }

  private letsIn(route: RouteDescription, context: RequestContext): boolean {
    // The global guard has seen to it. A field of GraphQL that another one overtakes is judged twice, and the same.
    if (context.guardedAs === route && route.rules !== null) return true;
    if (route.skipsRules) {
      if (context.admission === 'deferred') context.decision = null;
      if (context.admission !== 'admitted') context.admission = 'exempt';
    } else if (this.isRefused(context)) {
      return this.refuse(context);
    }
    if (route.rules !== null && this.routeRefuses(route.rules, context)) {
      context.decision = REFUSED_BY_DECORATOR;
      return this.refuse(context);
    }
    context.guardedAs = route;
    return true;
  }

  /** An exempt handler may have handed the request on to one that is not. */
  private isRefused(context: RequestContext): boolean {
    switch (context.admission) {
      case 'admitted':
        return false;
      case 'deferred':
        return true;
      default:
        return this.door.refuses(context);
    }
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
    return this.answer(this.door.refusal(context), context);
  }

  private answer(refusal: RefusalResponse, context: RequestContext): false {
    if (context instanceof MessageContext) {
      // No interceptor runs for it, so this is the only place where its record can be written.
      this.edge?.end(context, answered(refusal.status));
      return false;
    }
    throw new RefusalException(refusal);
  }
}
