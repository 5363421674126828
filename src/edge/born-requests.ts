import type { EventEmitter } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';

/** An application that gives node's requests and responses prototypes of its own. */
export interface PrototypeGiver {
  request: object;
  response: object;
}

/** The events whose listeners are given a request and its response. */
const REQUESTS: readonly (string | symbol)[] = ['request', 'checkContinue', 'checkExpectation'];

type Server = EventEmitter & Record<symbol, unknown>;

/** The prototypes that some server makes its requests with. */
const BORN_WITH = new WeakSet<object>();

/**
 * Has a server make its requests and responses with the prototypes that its application gives them a moment later, as
 * Express does, which then finds nothing to change. To change a prototype costs little; but V8 of Node 20 and 22 gives
 * each such object a hidden class of its own with the next property, and optimizes no access to it any more, whoever it
 * is that asks: most of an Express app's time. V8 of Node 24 does not, and is faster as well.
 *
 * For that the application gets prototypes that inherit from those it had: only what is made by a class has all of its
 * properties in one place, and a class has its own.
 *
 * Only while the application alone listens: another listener has a right to plain requests, whose `query` or `ip` it may
 * set. And only where the server makes node's own, and none of its host's.
 *
 * @param server one that has this module's edge, which listens to what expects something
 */
export function bearFor(app: PrototypeGiver, server: unknown): void {
  if (!isServer(server) || !isAlone(server, app)) return;
  class BornRequest extends IncomingMessage {}
  class BornResponse extends ServerResponse {}
  const request = keyOf(server, 'IncomingMessage', IncomingMessage);
  const response = keyOf(server, 'ServerResponse', ServerResponse);
  if (request === undefined || response === undefined) return;
  server[request] = BornRequest;
  server[response] = BornResponse;
  app.request = inheriting(BornRequest.prototype, app.request);
  app.response = inheriting(BornResponse.prototype, app.response);
  BORN_WITH.add(app.request);
  server.on('newListener', (event) => {
    if (!REQUESTS.includes(event) || server[request] !== BornRequest) return;
    server[request] = IncomingMessage;
    server[response] = ServerResponse;
  });
}

/** Gives a request that its application will not have, such as an upgrade, node's own prototype back. */
export function makePlain(raw: IncomingMessage): void {
  if (BORN_WITH.has(Object.getPrototypeOf(raw) as object)) {
    Object.setPrototypeOf(raw, IncomingMessage.prototype);
  }
}

/** Where a server keeps the class that it makes; undefined where that is not node's. */
function keyOf(server: Server, name: string, own: unknown): symbol | undefined {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === name);
  return key !== undefined && server[key] === own ? key : undefined;
}

/** The prototype of a class, as one of the application's: it tells whose it is itself, wherever that is mounted. */
function inheriting(prototype: object, given: object): object {
  Reflect.deleteProperty(prototype, 'constructor');
  Object.defineProperties(prototype, Object.getOwnPropertyDescriptors(given));
  return Object.setPrototypeOf(prototype, given) as object;
}

function isServer(server: unknown): server is Server {
  return typeof (server as Partial<EventEmitter> | null)?.listeners === 'function';
}

/** Whether nobody else is given requests. Of those that expect something, the edge itself is given one. */
function isAlone(server: Server, app: unknown): boolean {
  const listeners = server.listeners('request');
  return (
    listeners.length === 1 &&
    listeners[0] === app &&
    server.listenerCount('checkContinue') <= 1 &&
    server.listenerCount('checkExpectation') <= 1
  );
}
