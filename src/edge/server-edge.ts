import type { EventEmitter } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { makePlain } from './born-requests.js';
import { meetHandshake } from './handshake.js';
import { type HostCors, isForCors } from './host-cors.js';
import type { RequestEdge } from './request-edge.js';

/** What an HTTP adapter of Nest has of a server. */
export interface ServerHolder {
  getHttpServer(): unknown;
  initHttpServer(options: never): void;
}

/** The framework behind a server. */
export interface FrameworkEntry {
  /** Serves a refused request, past all other listeners: it answers it, or knows that its route is exempt. */
  serve: RequestListener;
  /** Whether any of its routes says `@SkipIpRules()`; only it can tell which one a request is for. */
  hasExempt: boolean;
  /** The host's CORS settings, which say how a refusal is answered. */
  cors: HostCors;
}

/**
 * What becomes of a refused request: the framework has it, if that is to be asked; it is answered at once, because there
 * is none; or requests are left alone.
 */
export type OnRefused = FrameworkEntry | 'answer' | 'ignore';

const ATTACHED = new WeakSet<EventEmitter>();

/**
 * Stands in front of every listener of an HTTP server. Listeners are not enough: engine.io takes all the others off and
 * calls them when it likes, socket.io serves its client's script past the framework, and a host may have an `upgrade`
 * listener of its own. So the edge is where the server emits.
 */
export function attachServerEdge(server: unknown, edge: RequestEdge, onRefused: OnRefused): void {
  if (!isEmitter(server) || ATTACHED.has(server)) return;
  ATTACHED.add(server);
  const emit = server.emit;
  const passes = (
    event: string | symbol,
    raw: IncomingMessage,
    other: unknown,
  ): boolean | Promise<boolean> => {
    switch (event) {
      case 'request':
      case 'checkContinue':
      case 'checkExpectation':
        if (onRefused === 'ignore') return true;
        if (onRefused === 'answer' || !hasToBeAsked(onRefused, raw)) {
          return edge.meetsUnrouted(raw, other as ServerResponse);
        }
        if (edge.meets(raw, other as ServerResponse)) return true;
        onRefused.serve(raw, other as ServerResponse);
        return false;
      case 'upgrade':
        makePlain(raw);
        return meetHandshake(edge, raw, other as Duplex);
      case 'connect':
        makePlain(raw);
        return isResponse(other)
          ? edge.meetsUnrouted(raw, other)
          : meetHandshake(edge, raw, other as Duplex);
      default:
        return true;
    }
  };
  server.emit = function (this: EventEmitter, event: string | symbol, ...args: unknown[]): boolean {
    const isLetIn = passes(event, args[0] as IncomingMessage, args[1]);
    if (isLetIn === true) return emit.call(this, event, ...args);
    if (isLetIn !== false) {
      void isLetIn.then((mayPass) => mayPass && emit.call(this, event, ...args));
    }
    return true;
  };
  if (onRefused !== 'ignore') answerExpectations(server);
}

/** Attaches to the server that an adapter has, or is going to make: Nest makes it after the providers. */
export function whenServerExists(adapter: ServerHolder, attach: (server: unknown) => void): void {
  const server = adapter.getHttpServer();
  if (server !== undefined && server !== null) {
    attach(server);
    return;
  }
  const { initHttpServer } = adapter;
  adapter.initHttpServer = function (this: ServerHolder, options): void {
    initHttpServer.call(this, options);
    attach(this.getHttpServer());
  };
}

/**
 * Without listeners node says `100 Continue` by itself, and takes the body of whom we are about to refuse (and answers
 * 417 to any other expectation, with nobody knowing). With listeners it leaves both to them: to the host's where there
 * are any, else to these, which do what node does.
 */
function answerExpectations(server: EventEmitter): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (server.listenerCount('checkContinue') > 1) return;
    response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (_: IncomingMessage, response: ServerResponse) => {
    if (server.listenerCount('checkExpectation') > 1) return;
    response.writeHead(417);
    response.end();
  });
}

/** Whether the framework may know more of a request than that its client is refused. */
function hasToBeAsked({ hasExempt, cors }: FrameworkEntry, raw: IncomingMessage): boolean {
  return hasExempt || (isForCors(raw) && cors.areSet);
}

function isEmitter(server: unknown): server is EventEmitter {
  return typeof (server as Partial<EventEmitter> | null)?.emit === 'function';
}

/** HTTP/2 answers CONNECT with a response, HTTP/1 on the socket. */
function isResponse(other: unknown): other is ServerResponse {
  return typeof (other as Partial<ServerResponse> | null)?.writeHead === 'function';
}
