import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  Optional,
} from '@nestjs/common';
import type { Observable } from 'rxjs';
import { contextOfExecution } from '../../edge/context-of-execution.js';
import { endWith } from '../../edge/message-ending.js';
import { withoutModule } from '../../edge/missing-module.js';
import { MessageContext } from '../../edge/request-context.js';
import { RequestEdge } from '../../edge/request-edge.js';

/**
 * Logs what the edge does not see. Bound to a gateway, a microservice's handler or a GraphQL subscription, it writes one
 * record a message, which nothing else does: there is no response to close. Bound to a controller whose requests did not
 * come through the edge, it opens the record that the response then closes. Not bound globally: an empty global
 * interceptor alone costs a third of a Fastify app's throughput.
 */
@Injectable()
export class RequestLogInterceptor implements NestInterceptor {
  /** @internal */
  constructor(@Optional() @Inject(RequestEdge) private readonly edge: RequestEdge | undefined) {
    if (edge === undefined) withoutModule(RequestLogInterceptor.name);
  }

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { edge } = this;
    if (edge === undefined) return next.handle();
    const context = contextOfExecution(execution, edge);
    return context instanceof MessageContext
      ? endWith(next.handle(), context, edge)
      : next.handle();
  }
}
