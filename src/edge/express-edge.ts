import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Framework, MatchedRoute } from './request-context.js';
import type { RequestEdge } from './request-edge.js';
import { flagsOfHandler } from './route-flags.js';
import { answer } from './server-edge.js';

/** The parts of an Express application, its requests and its router that the edge touches. */
export interface ExpressApplication {
  (request: IncomingMessage, response: ServerResponse): void;
  handle(request: ExpressRequest, response: ServerResponse, next?: (error?: unknown) => void): void;
  router?: { stack?: ExpressLayer[] };
}

/** A request of Express, as far as the edge reads it. */
export interface ExpressRequest extends IncomingMessage {
  baseUrl?: string;
  route?: ExpressRoute;
}

interface ExpressRoute {
  path: unknown;
  methods: Record<string, boolean>;
  stack: { handle: unknown }[];
}

interface ExpressLayer {
  route?: ExpressRoute;
  match(path: string): unknown;
}

/** The pattern under which Nest registers its own not-found handler below a global prefix. */
const NEST_NOT_FOUND = '*path';

/**
 * Wraps the application's own `handle`, which is the one function that every way into an Express app goes through:
 * Nest's server, a server of the host's, a serverless adapter, `supertest`. A middleware would run after the host's
 * earlier ones; a listener on Nest's HTTP server would miss all others.
 */
export function attachExpressEdge(app: ExpressApplication, edge: RequestEdge): void {
  const handle = app.handle;
  const framework = new ExpressFramework(app);
  app.handle = function (this: unknown, request, response, next) {
    const refusal = edge.admit({ raw: request, response, request, framework });
    if (refusal === null) handle.call(this, request, response, next);
    else answer(response, refusal);
  };
}

/** The route that Express has put on a request. */
export function expressRoute({ route, baseUrl }: ExpressRequest): MatchedRoute | null {
  if (route === undefined) return null;
  const handler = route.stack[0]?.handle;
  const pattern = String(route.path);
  if (pattern === NEST_NOT_FOUND && !isNestHandler(handler)) return null;
  return { pattern: `${baseUrl ?? ''}${pattern}`, flags: flagsOfHandler(handler) };
}

function isNestHandler(handler: unknown): boolean {
  return typeof handler === 'function' && Reflect.getMetadataKeys(handler).length > 0;
}

/**
 * Express matches a route only when its turn comes, so the routes that say `@SkipIpRules()` are matched ahead of it, by
 * Express' own layers. That is asked about refused clients alone: every other request pays nothing for it.
 */
class ExpressFramework implements Framework {
  private exempt: ExpressLayer[] | null = null;

  constructor(private readonly app: ExpressApplication) {}

  matchedRoute(request: unknown): MatchedRoute | null {
    return expressRoute(request as ExpressRequest);
  }

  mayBeExempt(request: unknown): boolean {
    const { method = '', url = '' } = request as ExpressRequest;
    this.exempt ??= this.collectExempt();
    return this.exempt.some(
      (layer) =>
        answersTo(layer.route!, method.toLowerCase()) && matchesSafely(layer, pathnameOf(url)),
    );
  }

  private collectExempt(): ExpressLayer[] {
    return (this.app.router?.stack ?? []).filter(
      ({ route }) => route !== undefined && flagsOfHandler(route.stack[0]?.handle).skipsRules,
    );
  }
}

function answersTo({ methods }: ExpressRoute, method: string): boolean {
  return methods['_all'] === true || methods[method === 'head' ? 'get' : method] === true;
}

function matchesSafely(layer: ExpressLayer, path: string): boolean {
  try {
    return Boolean(layer.match(path));
  } catch {
    // A malformed percent-escape in a parameter: Express would answer 400, the edge 403.
    return false;
  }
}

function pathnameOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}
