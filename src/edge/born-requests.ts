import type { EventEmitter } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** What a framework makes of node's requests and responses. */
export interface FrameworkPrototypes {
  readonly request: object;
  readonly response: object;
}

/** The events whose listeners are given a request and its response. */
const REQUESTS: readonly (string | symbol)[] = ['request', 'checkContinue', 'checkExpectation'];

type Class = abstract new (...given: never) => object;
type Server = EventEmitter & Record<symbol, unknown>;

/** The prototypes that some server makes its requests with. */
const BORN_WITH = new WeakSet<object>();

/**
 * Has a server make its requests and responses with the prototypes that its framework gives them a moment later, as
 * Express does, which then has no need to. To change a prototype costs little; but V8 of Node 20 gives each such object a
 * hidden class of its own with the next property, and optimizes no access to it any more, whoever it is that asks: most
 * of an Express app's time.
 *
 * Only while the framework alone listens: another listener has a right to plain requests, whose `query` or `ip` it may
 * set. And only where the server makes node's own, and none of its host's.
 *
 * @param listener the framework's own, of a server that has this module's edge
 */
export function bearAs(
  { request, response }: FrameworkPrototypes,
  server: unknown,
  listener: unknown,
): void {
  if (!isServer(server) || !isAlone(server, listener)) return;
  const undo = [
    bear(server, 'IncomingMessage', {
      from: IncomingMessage,
      prototype: request,
      of: new Socket(),
    }),
    bear(server, 'ServerResponse', {
      from: ServerResponse,
      prototype: response,
      of: new IncomingMessage(new Socket()),
    }),
  ];
  BORN_WITH.add(request);
  server.on('newListener', (event) => {
    if (REQUESTS.includes(event)) for (const each of undo) each();
  });
}

/** Gives a request that its framework will not have, such as an upgrade, node's own prototype back. */
export function makePlain(raw: IncomingMessage): void {
  if (BORN_WITH.has(Object.getPrototypeOf(raw) as object)) {
    Object.setPrototypeOf(raw, IncomingMessage.prototype);
  }
}

/** Puts a class of ours in the place of node's. Gives what puts node's back. */
function bear(
  server: Server,
  name: string,
  born: { from: Class; prototype: object; of: unknown },
): () => void {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === name);
  const ours = classOf(born);
  if (key === undefined || ours === null || server[key] !== born.from) return () => undefined;
  server[key] = ours;
  return () => {
    if (server[key] === ours) server[key] = born.from;
  };
}

/** Null where none can be made: a later node may have classes that must not be called. */
function classOf({ from, prototype, of }: { from: Class; prototype: object; of: unknown }) {
  const make = from as unknown as (this: object, first: unknown, second: unknown) => void;
  // Called, and not constructed: that alone is optimized.
  function Born(this: object, first: unknown, second: unknown): void {
    make.call(this, first, second);
  }
  Born.prototype = prototype;
  try {
    return Reflect.construct(Born, [of]) instanceof from ? Born : null;
  } catch {
    return null;
  }
}

function isServer(server: unknown): server is Server {
  return typeof (server as Partial<EventEmitter> | null)?.listeners === 'function';
}

/** Whether nobody else is given requests. Of those that expect something, the edge itself is given one. */
function isAlone(server: Server, listener: unknown): boolean {
  const listeners = server.listeners('request');
  return (
    listeners.length === 1 &&
    listeners[0] === listener &&
    server.listenerCount('checkContinue') <= 1 &&
    server.listenerCount('checkExpectation') <= 1
  );
}
