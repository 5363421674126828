import type { IncomingHttpHeaders } from 'node:http';
import type { GeoPlace } from '../geo/geo-provider.js';
import type { ClientIp } from '../net/client-ip.js';
import type { IpAddress } from '../net/ip-address.js';
import type { Decision, DecisionReason } from './decision.js';
import type { Ending } from './ending.js';
import type { HostCors } from './host-cors.js';
import type { RouteDescription } from './route-description.js';
import type { StampedRoute } from './route-stamps.js';

/** The framework's own answer to the question which route a request has matched. */
export interface MatchedRoute {
  /** The pattern, such as `/users/:id`. */
  pattern: string;
  route: StampedRoute;
}

/** What the edge asks of the framework that serves a request; one object per app, not per request. */
export interface Framework {
  /** The route that a request has matched; null before the router has run, and where none matches. */
  matchedRoute(request: unknown): MatchedRoute | null;
  /**
   * What a request was for that something ahead of the router has answered: the path that it is mounted at, or, of an
   * error, the route that the request would have matched. Asked once the response has closed; null where nothing tells.
   */
  answeredAhead(request: unknown, isError: boolean): MatchedRoute | null;
  /** Whether the request's route may say that stored rules do not apply to it; asked before the router has run. */
  mayBeExempt(request: unknown): boolean;
  /** The route that a request is going to match; asked before the router has run, and null where that cannot be told. */
  routeAhead(request: unknown): MatchedRoute | null;
  /** The host's CORS settings; null where there can be none. */
  readonly cors: HostCors | null;
}

/** What the rules have said of a request so far. */
export type Admission =
  /** Nobody has asked them. */
  | 'unjudged'
  | 'admitted'
  /** Its client is refused, and nobody but a framework, which may know that its route is exempt, may have it. */
  | 'refused'
  /** A framework has it although its client is refused: the guard tells whether its route is exempt. */
  | 'deferred'
  /** A guard has found that its route says `@SkipIpRules()`, whoever its client is. */
  | 'exempt';

/** What the header fields of an answer are asked of: node's response, or the framework's own. */
export interface AnswerHeaders {
  getHeader(name: string): unknown;
}

/** What the app itself has said of the credentials that a request brought. */
export type AuthReport = 'failure' | 'success';

/** What a context has to ask, when it is asked. */
export interface ContextSources {
  /** Where an address is, as far as it is known; never waits. */
  locate(ip: IpAddress | null): GeoPlace;
  /** Who is asking; null while it is not known. Never throws. */
  identify(request: unknown): string | null;
}

/** What this module knows about one request, from the edge to the closed response. */
export class RequestContext {
  admission: Admission = 'unjudged';
  /** What the rules, or the route's own decorators, have decided; null where they do not apply. */
  decision: Decision | null = null;
  /** What this module refused the request for; null where it did not. */
  refusal: 'blocked' | 'throttled' | null = null;
  /** A limit rule names its client, and it counts as one of the requests that those may make. */
  isCountedByRule = false;
  /** It is one more than such a rule lets its client make: `refusal` is then the rule's, and no limit's of a route. */
  isOverRule = false;
  /** How it has ended; null while it has not. */
  ending: Ending | null = null;
  /** It asked to become a WebSocket: what then comes over it are messages of their own. */
  isHandshake = false;
  /** A framework has it, and the edge in front of that framework has let it in or answered it. */
  hasEntered = false;
  /** Set by the guards: the route is `@Sensitive()`, also where no framework can tell. */
  isSensitive = false;
  /** One stream of many on its connection. */
  isHttp2 = false;
  /** What a guard has let it pass as, last: a route with rules of its own has that guard twice. */
  guardedAs: RouteDescription | null = null;
  /** The attempts that limits have counted for it, by what each was counted for; null where there is none. */
  attempts: Map<object, object | null> | null = null;
  /** The header fields as they came; null for what has none. */
  headers: IncomingHttpHeaders | null = null;
  /** Where the answer's header fields are found; null where nobody answers through them. */
  answer: AnswerHeaders | null = null;
  /** What the app has said of the credentials; null where it has said nothing. */
  authReport: AuthReport | null = null;
  /** Whom the credentials were for, as the app has said it. */
  attemptedUser: string | null = null;
  private place: GeoPlace | undefined = undefined;
  private userId: string | null = null;

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
    private readonly sources: ContextSources,
  ) {}

  /** A framework takes the request, which so far had only met the server. */
  enter(request: unknown, framework: Framework): void {
    this.hasEntered = true;
    this.request = request;
    this.framework = framework;
  }

  /** Where the client is. Looked up when it is first asked for: most requests are only placed on their way to the log. */
  locate(): GeoPlace {
    this.place ??= this.sources.locate(this.client.ip);
    return this.place;
  }

  /**
   * Who is asking, as far as it is known by now. Whoever has become known stays: what was counted for them, and what is
   * logged of them, is one user's.
   */
  user(): string | null {
    this.userId ??= this.sources.identify(this.request);
    return this.userId;
  }

  /** The route that the request has matched, once the framework has routed it. */
  matchedRoute(): MatchedRoute | null {
    return this.framework.matchedRoute(this.request);
  }

  /**
   * The route that the request is logged with, now that it has ended: of what a middleware has answered, a body that
   * cannot be parsed for one, what it was for. A 404 is no route's, and what we have refused is not looked for.
   */
  endedRoute(status: number): MatchedRoute | null {
    const matched = this.matchedRoute();
    if (matched !== null || this.refusal !== null || status === 404) return matched;
    return this.framework.answeredAhead(this.request, status >= 400);
  }

  /** Whether a limit rule names its client, and it has not been counted for that. */
  get isLimitedByRule(): boolean {
    return this.decision?.action === 'limit' && !this.isCountedByRule;
  }

  /** The stored rule that refused the request, or the monitor rule that has matched it. */
  get ruleId(): number | null {
    if (this.decision === null) return null;
    const isRefused = this.refusal === 'blocked' || this.isOverRule;
    return isRefused ? this.decision.ruleId : this.decision.monitorRuleId;
  }

  /** Why this module has blocked the request, or a limit rule has refused it; null where neither has. */
  get blockReason(): DecisionReason | null {
    if (this.isOverRule) return 'rule';
    return this.refusal === 'blocked' ? (this.decision?.reason ?? null) : null;
  }
}

/** Serves what no framework has seen: a handshake, or a request that another listener of the server answers. */
export const UNROUTED: Framework = {
  matchedRoute: () => null,
  answeredAhead: () => null,
  mayBeExempt: () => false,
  routeAhead: () => null,
  cors: null,
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
