import type { IncomingMessage, ServerResponse } from 'node:http';
import { isOfCors } from './host-cors.js';
import { answer, type RefusalResponse } from './refusal-response.js';

/** What a {@link guardResponse} asks when something is about to be answered. */
export interface ResponseGuard {
  /** Whether whoever answers now may: the route is exempt, or it is our own refusal that is sent. */
  mayAnswer(): boolean;
  /** What is answered instead. Asked once. */
  refuse(): RefusalResponse;
}

/** What begins an answer, or goes on with it. Whatever writes to a response of node's, a stream included, ends up here. */
const WRITING = ['writeHead', 'flushHeaders', 'write', 'end'] as const;

type Writing = (typeof WRITING)[number];
type Method = (this: ServerResponse, ...args: unknown[]) => unknown;
type Methods = Record<Writing | 'writeEarlyHints', Method>;

/**
 * Stands in front of the response of a refused client whose request might reach an exempt route. A guard sees the
 * handlers of Nest alone: what a middleware, a static file, another framework's handler or an error answers reaches
 * nobody but the response, and so the first of it becomes the refusal.
 *
 * It is put on the response itself, before anybody else has it: whoever wraps the response later, to compress it for
 * instance, wraps this.
 */
export function guardResponse(
  request: IncomingMessage,
  response: ServerResponse,
  guard: ResponseGuard,
): void {
  const methods = response as unknown as Methods;
  const node = pick(methods);
  let state: 'watching' | 'open' | 'refused' = 'watching';
  const isOpen = (): boolean => {
    if (state === 'watching') {
      // What has been sent already cannot be taken back.
      if (response.headersSent || guard.mayAnswer()) state = 'open';
      else refuse();
    }
    return state === 'open';
  };
  const refuse = (): void => {
    const refusal = guard.refuse();
    removeHeaders(request, response);
    // Node's HTTP/2 comes back through these while it answers.
    state = 'open';
    answer(bare(response, node), refusal);
    state = 'refused';
  };
  for (const name of WRITING) {
    methods[name] = function (...args) {
      return isOpen() ? Reflect.apply(node[name], this, args) : swallowed(name, this, args);
    };
  }
  methods.writeEarlyHints = function (...args) {
    // They answer nothing, so they decide nothing; but they tell what the client is not to know.
    if (state === 'open' || guard.mayAnswer())
      return Reflect.apply(node.writeEarlyHints, this, args);
    callBack(args);
    return undefined;
  };
}

function pick({ writeHead, flushHeaders, write, end, writeEarlyHints }: Methods): Methods {
  return { writeHead, flushHeaders, write, end, writeEarlyHints };
}

/** The response as node made it, past all who have wrapped it since: they would sign, compress or count our answer. */
function bare(response: ServerResponse, node: Methods): ServerResponse {
  return {
    writeHead: (...args: unknown[]) => Reflect.apply(node.writeHead, response, args),
    end: (...args: unknown[]) => Reflect.apply(node.end, response, args),
  } as unknown as ServerResponse;
}

/** What was to describe another answer must not describe ours; what tells browsers who may read it may stay. */
function removeHeaders({ httpVersionMajor }: IncomingMessage, response: ServerResponse): void {
  for (const name of response.getHeaderNames()) {
    if (!isOfCors(name)) response.removeHeader(name);
  }
  // HTTP/2 has none, and warns of whoever sets one.
  if (httpVersionMajor === 1) response.statusMessage = '';
}

/** Whoever goes on writing finds that all is well, as with HEAD: an error of ours would be one of the host's. */
function swallowed(name: Writing, response: ServerResponse, args: readonly unknown[]): unknown {
  callBack(args);
  switch (name) {
    case 'write':
      return true;
    case 'flushHeaders':
      return undefined;
    default:
      return response;
  }
}

function callBack(args: readonly unknown[]): void {
  const done = args.find((arg) => typeof arg === 'function');
  if (done !== undefined) process.nextTick(done);
}

/** A refused client whose route may be exempt was not yet told to go on, if it asked. */
export function inviteBody(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect?.toLowerCase() !== '100-continue') return;
  const { _sent100: wasInvited } = response as { _sent100?: boolean };
  if (wasInvited !== true && !response.headersSent) response.writeContinue();
}
