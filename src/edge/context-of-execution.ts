import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { DETECTED_FRAMEWORK } from './detect-framework.js';
import { requestContextOf, type RequestContext } from './request-context.js';
import type { RequestEdge } from './request-edge.js';

/** Fastify keeps node's own object behind the one that it hands out. */
interface MaybeWrapped<T> {
  raw?: T;
}

/** The context of the HTTP request that a guard or an interceptor is run for; opened where no edge has. */
export function contextOfExecution(execution: ExecutionContext, edge: RequestEdge): RequestContext {
  const http = execution.switchToHttp();
  const request = http.getRequest<IncomingMessage & MaybeWrapped<IncomingMessage>>();
  const known = requestContextOf(request);
  if (known !== undefined) return known;
  const response = http.getResponse<ServerResponse & MaybeWrapped<ServerResponse>>();
  return edge.open({
    raw: request.raw ?? request,
    response: response.raw ?? response,
    request,
    framework: DETECTED_FRAMEWORK,
  });
}
