import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { FastifyCors } from './fastify-cors.js';
import type { HostCors } from './host-cors.js';
import { type RefusalResponse, whenSettled } from './refusal-response.js';
import { type Framework, type MatchedRoute, UNROUTED } from './request-context.js';
import type { RequestEdge } from './request-edge.js';
import { stampOfConfig } from './route-stamps.js';
import { attachServerEdge } from './server-edge.js';

type OnRequestHook = (request: FastifyRequest, reply: FastifyReply, done: () => void) => void;
type FrameworkErrors = (error: Error, request: FastifyRequest, reply: FastifyReply) => void;

/** The parts of a Fastify instance, its requests and its replies that the edge touches. */
export interface FastifyApplication {
  addHook(name: 'onRequest', hook: OnRequestHook): unknown;
  addHook(name: 'onListen', hook: (done: () => void) => void): unknown;
  /** What it gives its own server as the listener of requests. */
  readonly routing: RequestListener;
  readonly initialConfig: object;
}

/** A request of Fastify, as far as the edge reads it. */
export interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly is404: boolean;
  readonly routeOptions: { url?: string; config?: unknown };
}

interface FastifyReply {
  readonly raw: ServerResponse;
  getHeader(name: string): unknown;
  code(status: number): this;
  headers(headers: Record<string, string>): this;
  send(body: unknown): unknown;
}

/**
 * Attaches the edge to Fastify: a request that is routed at all has its `onRequest` hooks run, `inject()` included.
 *
 * @returns the CORS settings that the application has, or will have.
 */
export function attachFastifyEdge(
  app: FastifyApplication,
  adapter: object,
  edge: RequestEdge,
): HostCors {
  const cors = new FastifyCors(adapter, () => internal(app, 'fastify.hooks') ?? {});
  const framework = new FastifyFramework(cors);
  const hook: OnRequestHook = (request, reply, done) => {
    const arrival = { raw: request.raw, response: reply.raw, reply, request, framework };
    const refusal = edge.admit(arrival) ?? edge.throttle(arrival);
    if (refusal === null) done();
    else void whenSettled(refusal, done, (refused) => send(reply, refused));
  };
  if (!addHookInFront(app, hook)) app.addHook('onRequest', hook);
  coverFrameworkErrors(app, edge);
  coverOtherServers(app, edge, cors);
  return cors;
}

function send(reply: FastifyReply, { status, headers, body }: RefusalResponse): void {
  // Fastify takes an empty text for a body.
  reply
    .code(status)
    .headers(headers)
    .send(body === '' ? undefined : body);
}

/** The route that Fastify has matched. */
export function fastifyRoute(request: FastifyRequest): MatchedRoute | null {
  if (request.is404) return null;
  const { url, config } = request.routeOptions;
  return { pattern: url ?? '', route: stampOfConfig(config) };
}

/** Fastify has routed before it runs its first hook, so its answers are its own. */
class FastifyFramework implements Framework {
  constructor(readonly cors: HostCors) {}

  matchedRoute(request: unknown): MatchedRoute | null {
    return fastifyRoute(request as FastifyRequest);
  }

  answeredAhead(): null {
    return null;
  }

  mayBeExempt(request: unknown): boolean {
    return fastifyRoute(request as FastifyRequest)?.route.skipsRules ?? false;
  }

  routeAhead(request: unknown): MatchedRoute | null {
    return fastifyRoute(request as FastifyRequest);
  }
}

/**
 * Nest registers its middleware bridge while the app is created, before any provider exists, so a hook that is added
 * later runs after every middleware, one that answers by itself included. Fastify has no public way to add a hook at
 * the front; should its list not be where it is today, the hook is added where it can be.
 *
 * @returns whether the hook was added.
 */
function addHookInFront(app: object, hook: OnRequestHook): boolean {
  const hooks = internal<{ onRequest?: OnRequestHook[] }>(app, 'fastify.hooks')?.onRequest;
  if (!Array.isArray(hooks)) return false;
  hooks.unshift(hook);
  // Contexts that were encapsulated before have a list of their own, as they would have with `addHook`.
  for (const child of internal<object[]>(app, 'fastify.children') ?? []) {
    addHookInFront(child, hook);
  }
  return true;
}

/**
 * Fastify answers a URL that cannot be decoded, and a parameter that is too long, before it runs a single hook. They
 * reach this callback only; without it such a request would pass a block rule and leave no row.
 */
function coverFrameworkErrors(app: FastifyApplication, edge: RequestEdge): void {
  const options = internal<{ frameworkErrors?: FrameworkErrors }>(app, 'fastify.options');
  if (options === undefined) return;
  const before = options.frameworkErrors;
  options.frameworkErrors = (error, request, reply) => {
    const refusal = edge.admit({
      raw: request.raw,
      response: reply.raw,
      reply,
      request,
      framework: UNROUTED,
    });
    const goOn = (): void => {
      if (before === undefined) reply.send(error);
      else before(error, request, reply);
    };
    if (refusal === null) goOn();
    else void whenSettled(refusal, goOn, (refused) => send(reply, refused));
  };
}

/**
 * For `localhost` Fastify opens a second server at the name's other address. It passes handshakes on to the first, and
 * its requests meet the hook; what it would say to `Expect: 100-continue` is all that is left.
 */
function coverOtherServers(app: FastifyApplication, edge: RequestEdge, cors: HostCors): void {
  app.addHook('onListen', (done) => {
    for (const server of internal<unknown[]>(app, 'fastify.serverBindings') ?? []) {
      attachServerEdge(server, edge, { serve: app.routing, hasExempt: true, cors });
    }
    done();
  });
}

function internal<T>(app: object, description: string): T | undefined {
  const symbol = Object.getOwnPropertySymbols(app).find((key) => key.description === description);
  return symbol === undefined ? undefined : ((app as Record<symbol, unknown>)[symbol] as T);
}
