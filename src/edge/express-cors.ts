import { type IncomingMessage, ServerResponse } from 'node:http';
import { callHost } from './host-hook.js';
import type { CorsAnswer, CorsRequest, HostCors } from './host-cors.js';

/** A layer of Express' router that is no route. */
export interface MiddlewareLayer {
  readonly route?: unknown;
  readonly handle: Middleware;
  match(path: string): unknown;
}

type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => unknown;

/** The parts of an Express application that its middleware finds on what it is given. */
interface ExpressPrototypes {
  request: object;
  response: object;
}

/** The adapter of Nest, as far as CORS goes. */
export interface CorsAdapter {
  enableCors?(options?: unknown, prefix?: string): unknown;
}

/** The name that the package `cors` gives its middleware; a host may have mounted it without Nest. */
const CORS_MIDDLEWARE = 'corsMiddleware';

/**
 * The middleware of `cors` in an Express application. Nest mounts it with `enableCors()`, which is listened to, because a
 * bundler may take its name; where a host mounts it itself with `app.use()`, it is known by its name.
 */
export class ExpressCors implements HostCors {
  private readonly mounted = new WeakSet<MiddlewareLayer>();
  private layers: readonly MiddlewareLayer[] | null = null;

  constructor(
    private readonly app: ExpressPrototypes,
    private readonly stack: () => readonly MiddlewareLayer[],
    private readonly pathOf: (request: IncomingMessage) => string | null,
  ) {}

  /** Remembers what `enableCors()` mounts from now on. */
  listenTo(adapter: CorsAdapter): void {
    const { enableCors } = adapter;
    if (typeof enableCors !== 'function') return;
    const { mounted, stack } = this;
    adapter.enableCors = function (this: unknown, ...given) {
      const before = new Set(stack());
      const result: unknown = Reflect.apply(enableCors, this, given);
      for (const layer of stack()) if (!before.has(layer)) mounted.add(layer);
      return result;
    };
  }

  get areSet(): boolean {
    // First asked by a request, when all that is mounted is.
    this.layers ??= this.stack().filter(
      (layer) => this.mounted.has(layer) || layer.handle.name === CORS_MIDDLEWARE,
    );
    return this.layers.length > 0;
  }

  judge({ raw }: CorsRequest, settle: (said: CorsAnswer | null) => void): void {
    const path = this.pathOf(raw);
    const layers = (this.layers ?? []).filter(
      (layer) => path !== null && matchesSafely(layer, path),
    );
    const response = this.standIn(raw);
    response.end = function (this: ServerResponse) {
      settle({ headers: headersOf(response), status: response.statusCode });
      return this;
    };
    const run = (index: number): void => {
      const layer = layers[index];
      if (layer === undefined) {
        settle({ headers: headersOf(response), status: null });
        return;
      }
      const next = (error?: unknown): void => {
        if (error) settle(null);
        else run(index + 1);
      };
      callHost(
        () => layer.handle(raw, response, next),
        () => settle(null),
      );
    };
    run(0);
  }

  /** A response that goes nowhere, and a request as Express makes it: a host's function asks `req.header('Origin')`. */
  private standIn(raw: IncomingMessage): ServerResponse {
    const request = raw as IncomingMessage & { originalUrl?: string; res?: unknown };
    const response = new ServerResponse(raw) as ServerResponse & { locals?: object };
    request.originalUrl ??= raw.url ?? '';
    Object.setPrototypeOf(request, this.app.request);
    Object.setPrototypeOf(response, this.app.response);
    response.locals = {};
    return response;
  }
}

/** Whether a layer is for a path. */
export function matchesSafely(layer: Pick<MiddlewareLayer, 'match'>, path: string): boolean {
  try {
    return Boolean(layer.match(path));
  } catch {
    // A malformed percent-escape in a parameter: Express would answer 400, the edge 403.
    return false;
  }
}

function headersOf(response: ServerResponse): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]),
  );
}
