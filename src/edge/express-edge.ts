import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse } from 'node:url';
import {
  type CorsAdapter,
  ExpressCors,
  matchesSafely,
  type MiddlewareLayer,
} from './express-cors.js';
import type { HostCors } from './host-cors.js';
import { answer, whenSettled } from './refusal-response.js';
import type { Framework, MatchedRoute } from './request-context.js';
import type { RequestEdge } from './request-edge.js';
import { stampOfHandler, type StampedRoute } from './route-stamps.js';

/** The parts of an Express application, its requests and its router that the edge touches. */
export interface ExpressApplication {
  (request: IncomingMessage, response: ServerResponse): void;
  handle(request: ExpressRequest, response: ServerResponse, next?: (error?: unknown) => void): void;
  request: object;
  response: object;
  router?: { stack?: ExpressLayer[] };
}

/** A request of Express, as far as the edge reads it. */
export interface ExpressRequest extends IncomingMessage {
  baseUrl?: string;
  originalUrl?: string;
  route?: ExpressRoute;
}

interface ExpressRoute {
  path: unknown;
  methods: Record<string, boolean>;
  stack: { handle: unknown }[];
}

interface ExpressLayer extends MiddlewareLayer, LayerMatch {
  readonly route?: ExpressRoute;
}

/** What a layer has matched: `match()` gives it, or in older releases leaves it on the layer. */
interface LayerMatch {
  /** What of the path it was, and the names of the parameters in it. */
  readonly path?: string;
  readonly keys?: readonly unknown[];
  /** What the layer is mounted at, as the host has written it; older releases do not keep it. */
  readonly pattern?: unknown;
}

/** The pattern under which Nest registers its own not-found handler below a global prefix. */
const NEST_NOT_FOUND = '*path';

/**
 * Wraps the application's own `handle`, which is the one function that every way into an Express app goes through:
 * Nest's server, a server of the host's, a serverless adapter, `supertest`. A middleware would run after the host's
 * earlier ones; a listener on Nest's HTTP server would miss all others.
 *
 * @returns the CORS settings that the application has, or will have.
 */
export function attachExpressEdge(
  app: ExpressApplication,
  adapter: CorsAdapter,
  edge: RequestEdge,
): HostCors {
  const handle = app.handle;
  const stack = (): ExpressLayer[] => app.router?.stack ?? [];
  const cors = new ExpressCors(app, stack, ({ url = '' }) => pathnameOf(url));
  cors.listenTo(adapter);
  const framework = new ExpressFramework(stack, cors);
  app.handle = function (this: unknown, request, response, next) {
    const arrival = { raw: request, response, request, framework };
    const refusal = edge.admit(arrival) ?? edge.throttle(arrival);
    if (refusal === null) {
      handle.call(this, request, response, next);
      return;
    }
    void whenSettled(
      refusal,
      () => handle.call(this, request, response, next),
      (refused) => answer(response, refused),
    );
  };
  return cors;
}

/** The route that Express has put on a request. */
export function expressRoute({ route, baseUrl }: ExpressRequest): MatchedRoute | null {
  if (route === undefined) return null;
  const handler = route.stack[0]?.handle;
  const pattern = String(route.path);
  if (pattern === NEST_NOT_FOUND && !isNestHandler(handler)) return null;
  return { pattern: `${baseUrl ?? ''}${pattern}`, route: stampOfHandler(handler) };
}

function isNestHandler(handler: unknown): boolean {
  return typeof handler === 'function' && Reflect.getMetadataKeys(handler).length > 0;
}

/**
 * Express matches a route only when its turn comes, so routes are matched ahead of it by Express' own layers: those that
 * say `@SkipIpRules()` for refused clients alone, all of them only where limits are to hold before any middleware.
 */
class ExpressFramework implements Framework {
  private routes: ExpressLayer[] | null = null;
  private exempt: ExpressLayer[] | null = null;

  constructor(
    private readonly stack: () => readonly ExpressLayer[],
    readonly cors: HostCors,
  ) {}

  matchedRoute(request: unknown): MatchedRoute | null {
    return expressRoute(request as ExpressRequest);
  }

  answeredAhead(request: unknown, isError: boolean): MatchedRoute | null {
    const { method, url, originalUrl, baseUrl } = request as ExpressRequest;
    const path = pathnameOf(originalUrl ?? url ?? '');
    if (path === null) return null;
    if (baseUrl) {
      const pattern = mountOf(this.stack(), path, baseUrl);
      if (pattern !== null) return { pattern, route: stampOfHandler(null) };
    }
    return isError ? this.routeAhead({ method, url: path }) : null;
  }

  mayBeExempt(request: unknown): boolean {
    this.exempt ??= this.collect().filter(({ route }) => stampOf(route!).skipsRules);
    return firstMatch(this.exempt, request as ExpressRequest) !== undefined;
  }

  routeAhead(request: unknown): MatchedRoute | null {
    this.routes ??= this.collect();
    const route = firstMatch(this.routes, request as ExpressRequest)?.route;
    return route === undefined ? null : { pattern: String(route.path), route: stampOf(route) };
  }

  /** The layers of routes: asked first by a request, when all of them have been registered. */
  private collect(): ExpressLayer[] {
    return this.stack().filter(({ route }) => route !== undefined);
  }
}

/**
 * Where the middleware is mounted that has answered. One that is mounted by a pattern is there for many routes, and stands
 * for none of them: what it has matched is the client's own text.
 */
function mountOf(stack: readonly ExpressLayer[], path: string, baseUrl: string): string | null {
  for (const layer of stack) {
    if (layer.route !== undefined || !matchesSafely(layer, path)) continue;
    const said: unknown = layer.match(path);
    const match: LayerMatch = said === true ? layer : (said as LayerMatch);
    if (match.keys?.length !== 0 || match.path?.replace(/\/$/, '') !== baseUrl) continue;
    return typeof match.pattern === 'string' ? match.pattern : baseUrl.toLowerCase();
  }
  return null;
}

function stampOf({ stack }: ExpressRoute): StampedRoute {
  return stampOfHandler(stack[0]?.handle);
}

function firstMatch(
  layers: readonly ExpressLayer[],
  { method = '', url = '' }: ExpressRequest,
): ExpressLayer | undefined {
  const path = pathnameOf(url);
  if (path === null) return undefined;
  return layers.find(
    (layer) => answersTo(layer.route!, method.toLowerCase()) && matchesSafely(layer, path),
  );
}

function answersTo({ methods }: ExpressRoute, method: string): boolean {
  if (methods['_all'] === true || methods[method] === true) return true;
  return method === 'head' && methods['get'] === true;
}

/**
 * The path that Express routes by, as its `parseurl` reads it: of a target that is a whole URL, or has a fragment, by
 * node's older parser. Null for a target that Express cannot read.
 */
function pathnameOf(url: string): string | null {
  const plain = /^(\/[^?#\t\n\f\r \u00a0\ufeff]*)(?:\?[^#\t\n\f\r \u00a0\ufeff]*)?$/.exec(url)?.[1];
  if (plain !== undefined) return plain;
  try {
    return parse(url).pathname;
  } catch {
    return null;
  }
}
