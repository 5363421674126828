import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import type { ClientIp } from '../net/client-ip.js';
import {
  type Framework,
  type MatchedRoute,
  type MessageContext,
  requestContextOf,
} from './request-context.js';
import type { RequestEdge } from './request-edge.js';
import { stampOfMessage } from './route-stamps.js';
import { peerOfRpc, nameOfRpc } from './rpc-peer.js';

/** Nest makes a new execution context for each guard and each interceptor, around one list of arguments a message. */
const CONTEXTS = new WeakMap<object, MessageContext>();

const NO_CLIENT: ClientIp = Object.freeze({ ip: null, source: 'socket', trusted: false });

/** The context of the WebSocket message that a guard or an interceptor runs for. */
export function webSocketMessage(execution: ExecutionContext, edge: RequestEdge): MessageContext {
  return contextOf(execution.getArgs(), () => {
    const ws = execution.switchToWs();
    const client = ws.getClient<unknown>();
    const handshake = handshakeOf(client);
    return edge.openMessage({
      client: clientOf(handshake, edge),
      method: 'WS',
      name: textOf(ws.getPattern()) ?? execution.getHandler().name,
      userAgent: userAgentOf(handshake),
      request: client,
      framework: new MessageRoute(execution),
    });
  });
}

/** The context of the message of a microservice. */
export function rpcMessage(execution: ExecutionContext, edge: RequestEdge): MessageContext {
  const rpc = execution.switchToRpc();
  const transport = rpc.getContext<unknown>();
  return contextOf(isObject(transport) ? transport : execution.getArgs(), () => {
    const peer = peerOfRpc(execution.getArgs());
    const context = edge.openMessage({
      client: peer === null ? NO_CLIENT : edge.resolve(peer),
      method: 'RPC',
      name: nameOfRpc(transport) ?? execution.getHandler().name,
      userAgent: undefined,
      request: transport,
      framework: new MessageRoute(execution),
    });
    context.hasPeer = peer !== null;
    return context;
  });
}

/** The context of a GraphQL operation that no HTTP request carries: one over a WebSocket. */
export function graphqlMessage(execution: ExecutionContext, edge: RequestEdge): MessageContext {
  return contextOf(execution.getArgs(), () => {
    const request = requestOfGraphql(execution.getArgs());
    return edge.openMessage({
      client: clientOf(request, edge),
      method: 'GRAPHQL',
      name: fieldOfGraphql(execution.getArgs()) ?? execution.getHandler().name,
      userAgent: userAgentOf(request),
      request,
      framework: new MessageRoute(execution),
    });
  });
}

/** The context of a microservice's message, for whom only sees its arguments. */
export function knownRpcMessage(args: readonly unknown[]): MessageContext | undefined {
  return isObject(args[1]) ? CONTEXTS.get(args[1]) : undefined;
}

/**
 * What brought a WebSocket's client: itself where the edge has linked it to its handshake (ws), else the request that it
 * keeps (socket.io).
 */
export function handshakeOf(client: unknown): unknown {
  if (!isObject(client) || requestContextOf(client) !== undefined) return client;
  return (client as { request?: unknown }).request;
}

/** The request in a GraphQL context, where drivers and hosts put it: `req` (Nest), `request`, `extra.request`, `reply.request`. */
export function requestOfGraphql(args: readonly unknown[]): unknown {
  // A reference resolver is called without the second argument, so its context comes second.
  for (const candidate of [args[2], args[1]]) {
    if (!isObject(candidate)) continue;
    const { req, request, extra, reply } = candidate as GraphqlContext;
    const found = req ?? request ?? extra?.request ?? reply?.request;
    if (isObject(found)) return found;
  }
  return undefined;
}

interface GraphqlContext {
  req?: unknown;
  request?: unknown;
  extra?: { request?: unknown };
  reply?: { request?: unknown };
}

/** A message has no route: its class and its handler stand for it. */
class MessageRoute implements Framework {
  readonly cors = null;

  constructor(private readonly execution: ExecutionContext) {}

  matchedRoute(): MatchedRoute {
    const handler = this.execution.getHandler();
    const type = this.execution.getClass();
    return { pattern: `${type.name}.${handler.name}`, route: stampOfMessage(handler, type) };
  }

  answeredAhead(): null {
    return null;
  }

  mayBeExempt(): boolean {
    return false;
  }

  routeAhead(): MatchedRoute {
    return this.matchedRoute();
  }
}

function contextOf(key: object, open: () => MessageContext): MessageContext {
  let context = CONTEXTS.get(key);
  if (context === undefined) {
    context = open();
    CONTEXTS.set(key, context);
  }
  return context;
}

function clientOf(request: unknown, edge: RequestEdge): ClientIp {
  const known = requestContextOf(request);
  if (known !== undefined) return known.client;
  const headers = headersOf(request);
  if (headers === undefined) return NO_CLIENT;
  const { socket } = request as Partial<IncomingMessage>;
  return edge.resolve({ remoteAddress: socket?.remoteAddress, headers });
}

function userAgentOf(request: unknown): string | undefined {
  return requestContextOf(request)?.userAgent ?? headersOf(request)?.['user-agent'];
}

function headersOf(request: unknown): IncomingMessage['headers'] | undefined {
  return isObject(request) ? (request as Partial<IncomingMessage>).headers : undefined;
}

function fieldOfGraphql(args: readonly unknown[]): string | null {
  for (const candidate of [args[3], args[2]]) {
    const field = isObject(candidate) ? (candidate as { fieldName?: unknown }).fieldName : null;
    if (typeof field === 'string') return field;
  }
  return null;
}

function textOf(pattern: unknown): string | null {
  return typeof pattern === 'string' ? pattern : null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
