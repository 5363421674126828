import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { DETECTED_FRAMEWORK } from './detect-framework.js';
import {
  graphqlMessage,
  handshakeOf,
  knownRpcMessage,
  requestOfGraphql,
  rpcMessage,
  webSocketMessage,
} from './message.js';
import { MessageContext, requestContextOf, type RequestContext } from './request-context.js';
import type { RequestEdge } from './request-edge.js';

/** Fastify keeps node's own object behind the one that it hands out. */
interface MaybeWrapped<T> {
  raw?: T;
}

/**
 * The context of what a guard or an interceptor is run for: of the HTTP request, which is opened where no edge has; of
 * the message, where no HTTP request carries it. Null for a kind of execution that this module
 * does not know, such as a chat bot's, and where the module is off.
 */
export function contextOfExecution(
  execution: ExecutionContext,
  edge: RequestEdge,
): RequestContext | null {
  if (edge.isOff) return null;
  switch (execution.getType<string>()) {
    case 'http':
      return httpContext(execution, edge);
    case 'ws':
      return webSocketMessage(execution, edge);
    case 'rpc':
      return rpcMessage(execution, edge);
    case 'graphql': {
      const carrier = requestContextOf(requestOfGraphql(execution.getArgs()));
      return carrier !== undefined && !carrier.isHandshake
        ? carrier
        : graphqlMessage(execution, edge);
    }
    default:
      return null;
  }
}

/**
 * What one attempt is, for whoever counts them: a request, a message, or a field of a GraphQL operation, of which one
 * request can carry a hundred.
 */
export function countedExecution(execution: ExecutionContext, context: RequestContext): object {
  return execution.getType<string>() === 'graphql' && !(context instanceof MessageContext)
    ? execution.getArgs()
    : context;
}

/** The context that a parameter decorator reads the client from: of the request, or of the handshake before a message. */
export function knownContextOfExecution(execution: ExecutionContext): RequestContext | undefined {
  switch (execution.getType<string>()) {
    case 'ws':
      return requestContextOf(handshakeOf(execution.switchToWs().getClient()));
    case 'rpc':
      return knownRpcMessage(execution.getArgs());
    case 'graphql':
      return requestContextOf(requestOfGraphql(execution.getArgs()));
    default:
      return requestContextOf(execution.switchToHttp().getRequest());
  }
}

function httpContext(execution: ExecutionContext, edge: RequestEdge): RequestContext | null {
  // What `switchToHttp()` reads, without the object that it makes each time.
  const request = execution.getArgByIndex<IncomingMessage & MaybeWrapped<IncomingMessage>>(0);
  const known = requestContextOf(request);
  if (known !== undefined) return known;
  // What calls Nest's handlers from outside is said to be HTTP unless it says otherwise.
  if (typeof request?.headers !== 'object') return null;
  const response = execution.getArgByIndex<ServerResponse & MaybeWrapped<ServerResponse>>(1);
  return edge.open({
    raw: request.raw ?? request,
    response: response.raw ?? response,
    request,
    framework: DETECTED_FRAMEWORK,
  });
}
