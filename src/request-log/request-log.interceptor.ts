import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { defer, from, mergeMap, type Observable } from 'rxjs';
import { contextOfExecution } from '../edge/context-of-execution.js';
import { MessageContext, type RequestContext } from '../edge/request-context.js';
import { RequestEdge } from '../edge/request-edge.js';
import { RateLimiter } from '../throttle/rate-limiter.js';
import { refuseTooMany } from '../throttle/too-many-requests.js';
import { logMessage } from './message-log.js';

/**
 * Runs after every guard, and so is the first to know who the user is: it moves the request from its address's limit to
 * the user's. Bound to a controller whose requests did not come through the edge, it opens the record that the response
 * then closes. Bound to a gateway, a microservice's handler or a GraphQL subscription, it writes one record a message,
 * which nothing else does: there is no response to close. Not bound globally: an empty global interceptor alone costs a third of a Fastify app's throughput.
 */
@Injectable()
export class RequestLogInterceptor implements NestInterceptor {
  constructor(
    @Inject(RequestEdge) private readonly edge: RequestEdge,
    @Inject(RateLimiter) private readonly limiter: RateLimiter,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const context = contextOfExecution(execution, this.edge);
    if (context === null) return next.handle();
    if (context instanceof MessageContext) return logMessage(next.handle(), context, this.edge);
    if (context.reservation === null) return next.handle();
    return defer(() => from(this.settle(context, execution))).pipe(mergeMap(() => next.handle()));
  }

  private async settle(context: RequestContext, execution: ExecutionContext): Promise<void> {
    const http = execution.switchToHttp();
    const result = await this.limiter.settle(context, http.getRequest());
    if (result !== null && !result.admitted) refuseTooMany(context, http.getResponse(), result);
  }
}
