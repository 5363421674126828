import type { GeoPlace } from '../geo/geo-provider.js';
import type { ClientIp } from '../net/client-ip.js';
import type { IpAddress } from '../net/ip-address.js';
import type { RouteFlags } from './route-flags.js';

/** The framework's own answer to the question which route a request has matched. */
export interface MatchedRoute {
  /** The pattern, such as `/users/:id`. */
  pattern: string;
  flags: RouteFlags;
}

/** What the edge asks of the framework that serves a request; one object per app, not per request. */
export interface Framework {
  /** The route that a request has matched; null before the router has run, and where none matches. */
  matchedRoute(request: unknown): MatchedRoute | null;
  /** Whether the request's route may say that stored rules do not apply to it; asked before the router has run. */
  mayBeExempt(request: unknown): boolean;
  /** The route that a request is going to match; asked before the router has run, and null where that cannot be told. */
  routeAhead(request: unknown): MatchedRoute | null;
}

/** What this module knows about one request, from the edge to the closed response. */
export class RequestContext {
  /** The stored rule that matched, whether it refused the request or only watches. */
  ruleId: number | null = null;
  /** What this module refused the request for; null where it did not. */
  refusal: 'blocked' | 'throttled' | null = null;
  /** What the rules said of the client where its request met the server, before a framework had it; null if nowhere. */
  isRefused: boolean | null = null;
  /** It asked to become a WebSocket: what then comes over it are messages of their own. */
  isHandshake = false;
  /** A framework has it, and the edge in front of that framework has let it in or answered it. */
  hasEntered = false;
  /** The edge has left a refusal to the guard, because the route may say that rules do not apply to it. */
  isDeferred = false;
  /** Set by the guards once they have run for this request: an attempt is judged and counted once. */
  isJudged = false;
  isCounted = false;
  /** What is to be done once every guard has let the request pass; null for nothing. It throws what refuses it after all. */
  afterGuards: ((response: unknown) => Promise<void> | null) | null = null;
  isSensitive = false;
  /** One stream of many on its connection. */
  isHttp2 = false;
  private place: GeoPlace | undefined = undefined;
  isClosed = false;

  constructor(
    readonly client: ClientIp,
    /** Epoch milliseconds. */
    readonly startedAtMs: number,
    /** Milliseconds of a clock that only moves forward. */
    readonly startedAtTick: number,
    readonly method: string,
    /** The request's target as it came, query string and all. */
    readonly url: string,
    readonly userAgent: string | undefined,
    /** The request as the framework's handlers see it; node's own until a framework has it. */
    public request: unknown,
    private framework: Framework,
    private readonly lookup: (ip: IpAddress | null) => GeoPlace,
  ) {}

  /** A framework takes the request, which so far had only met the server. */
  enter(request: unknown, framework: Framework): void {
    this.hasEntered = true;
    this.request = request;
    this.framework = framework;
  }

  /** Where the client is. Looked up when it is first asked for: most requests are only placed on their way to the log. */
  locate(): GeoPlace {
    this.place ??= this.lookup(this.client.ip);
    return this.place;
  }

  /** The route that the request has matched, once the framework has routed it. */
  matchedRoute(): MatchedRoute | null {
    return this.framework.matchedRoute(this.request);
  }
}

/** Serves what no framework has seen: a handshake, or a request that another listener of the server answers. */
export const UNROUTED: Framework = {
  matchedRoute: () => null,
  mayBeExempt: () => false,
  routeAhead: () => null,
};

/**
 * One message that no HTTP response answers: over a WebSocket, a microservice's transport or a GraphQL subscription.
 * The connection that brought it was judged when it was opened; each message is judged anew, since a client may be
 * blocked in between.
 */
export class MessageContext extends RequestContext {
  /** False for what came through a broker (Kafka, NATS, Redis, RabbitMQ, MQTT), which tells nobody's address. */
  hasPeer = true;
}

const CONTEXT = Symbol('nestjs-ip-tracking.request-context');

interface Carrier {
  [CONTEXT]?: RequestContext;
  /** Where Fastify keeps node's request. */
  raw?: Carrier;
}

/** Puts a context on node's request, or on the client of a WebSocket. */
export function attachRequestContext(request: object, context: RequestContext): void {
  (request as Carrier)[CONTEXT] = context;
}

/** The context of a request of Express, Fastify or node, or of a linked client; undefined where it came past the edge. */
export function requestContextOf(request: unknown): RequestContext | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  const carrier = request as Carrier;
  return carrier[CONTEXT] ?? carrier.raw?.[CONTEXT];
}
