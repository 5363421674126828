import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { WebSocketAdapter } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import { attachRequestContext, requestContextOf } from './request-context.js';
import type { RequestEdge } from './request-edge.js';
import { attachServerEdge } from './server-edge.js';

/** What is known of the servers that adapters make: socket.io's, one of its namespaces', ws'. */
interface GatewayServer {
  httpServer?: unknown;
  server?: { httpServer?: unknown };
  _server?: unknown;
}

/** Nest's adapter for ws keeps the servers of ports that several paths share. */
interface SharedServers {
  httpServersRegistry?: Map<number, unknown>;
}

/** What a {@link attachGatewayEdge} needs. */
export interface GatewayEdgeOptions {
  edge: RequestEdge;
  /** Whether the rules are there to be asked. */
  isReady(): boolean;
  /** Told once of each port whose handshakes cannot be seen. */
  warn(message: string): void;
}

const ATTACHED = new WeakSet<WebSocketAdapter>();

/**
 * Attaches the edge to gateways with a port of their own: they have an HTTP server that Nest's adapter makes while the
 * app starts, and that nobody else hears of. So the edge goes with the adapter, from the moment the app has one.
 */
export function attachGatewayEdge(config: ApplicationConfig, options: GatewayEdgeOptions): void {
  const present = config.getIoAdapter() as WebSocketAdapter | undefined;
  if (present) attachAdapter(present, options);
  const { setIoAdapter } = config;
  config.setIoAdapter = function (this: ApplicationConfig, adapter: WebSocketAdapter): void {
    attachAdapter(adapter, options);
    setIoAdapter.call(this, adapter);
  };
}

function attachAdapter(
  adapter: WebSocketAdapter,
  { edge, isReady, warn }: GatewayEdgeOptions,
): void {
  if (ATTACHED.has(adapter)) return;
  ATTACHED.add(adapter);
  const create = adapter.create;
  adapter.create = function (this: WebSocketAdapter, port: number, settings?: unknown): unknown {
    const server: unknown = create.call(this, port, settings);
    const httpServer = httpServerOf(server, this, port);
    // It listens already, but nobody is let in before this turn of the event loop is over.
    if (httpServer) attachServerEdge(httpServer, edge, 'answer');
    if (port !== 0 && httpServer) turnAwayUntil(isReady, httpServer as EventEmitter);
    if (port !== 0 && !httpServer) {
      warn(
        `the gateway on port ${port} has an adapter that shows no HTTP server: its handshakes are neither logged nor refused, its messages are`,
      );
    }
    linkClients(server);
    return server;
  };
}

/**
 * Nest starts such a server before any provider is initialised, and so before the rules are loaded. Whoever comes that
 * early finds the door closed, and may come again.
 */
function turnAwayUntil(isReady: () => boolean, httpServer: EventEmitter): void {
  httpServer.prependListener('connection', (socket: Duplex) => {
    if (!isReady()) socket.destroy();
  });
}

/** Where it finds Nest's own server, that one has its edge already. */
function httpServerOf(server: unknown, adapter: unknown, port: number): unknown {
  const { httpServer, server: parent, _server } = (server ?? {}) as GatewayServer;
  const { httpServersRegistry } = adapter as SharedServers;
  return httpServer ?? parent?.httpServer ?? _server ?? httpServersRegistry?.get(port);
}

/** A client of ws does not know the request that it came with; the server says so once, when it connects. */
function linkClients(server: unknown): void {
  const emitter = server as Partial<EventEmitter> | null | undefined;
  emitter?.on?.('connection', (client: unknown, request: unknown) => {
    const handshake = requestContextOf(request);
    if (handshake !== undefined && typeof client === 'object' && client !== null) {
      attachRequestContext(client, handshake);
    }
  });
}
