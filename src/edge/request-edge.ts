import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ClientIp, ClientIpRequest, ClientIpResolver } from '../net/client-ip.js';
import type { Arrival, EdgePolicy, MessageArrival } from './edge-policy.js';
import { guardResponse, inviteBody } from './deferred-response.js';
import { endingAtClose, followDetached } from './detached-response.js';
import { answered, type Ending } from './ending.js';
import { corsOf } from './asked-cors.js';
import { askCors, type HostCors, isPreflight, preflightAnswer, withCors } from './host-cors.js';
import { answerLimited } from './limited-requests.js';
import { OpenConnections } from './open-connections.js';
import {
  answer,
  sendable,
  unlessItFails,
  withBodyUnread,
  type Refusal,
  type RefusalResponse,
} from './refusal-response.js';
import {
  attachRequestContext,
  MessageContext,
  RequestContext,
  requestContextOf,
  UNROUTED,
  type Framework,
} from './request-context.js';

/**
 * Where a request enters and leaves. It opens the context, asks the rules, and tells the log when the response closes;
 * how servers and frameworks are brought to call it is in the files beside this one.
 */
export class RequestEdge {
  /** Those of handshakes that were not refused. */
  private readonly upgraded = new OpenConnections();
  private opened = 0;
  private closed = 0;

  constructor(
    private readonly resolver: ClientIpResolver,
    private readonly policy: EdgePolicy,
  ) {}

  /** Whether there are no contexts at all. */
  get isOff(): boolean {
    return this.policy.isOff;
  }

  /** Opens the context of a request, or gives the one it has: a request passes the edge once, however it is routed. */
  open({ raw, response, request, framework }: Arrival): RequestContext {
    const known = requestContextOf(raw);
    if (known !== undefined) return known;
    const context = this.attach(raw, request, framework);
    this.watch(context, raw, response);
    return context;
  }

  /** How many requests have a response that has not closed yet. */
  get inFlight(): number {
    return this.opened - this.closed;
  }

  /**
   * Where a request meets the server, before any of the server's listeners. It is not answered here, because only the
   * framework knows whether its route is exempt.
   *
   * @returns false where the client is refused: nobody but the framework may have the request.
   */
  meets(raw: IncomingMessage, response: ServerResponse): boolean {
    const known = requestContextOf(raw);
    if (known !== undefined) return isLetIn(known);
    return !this.policy.refuses(this.open({ raw, response, request: raw, framework: UNROUTED }));
  }

  /**
   * As {@link meets}, where no route is exempt: a refused client is answered here, and its record is written at once.
   * Nothing that still happens to the response could change it, so nobody has to wait for the end. A promise where a rule
   * limits the client, and others have to be asked.
   */
  meetsUnrouted(raw: IncomingMessage, response: ServerResponse): boolean | Promise<boolean> {
    const known = requestContextOf(raw);
    if (known !== undefined) return isLetIn(known);
    const context = this.attach(raw, raw, UNROUTED);
    const settle = (refusal: RefusalResponse | null): boolean => {
      if (refusal === null) {
        this.watch(context, raw, response);
        return true;
      }
      context.hasEntered = true;
      answer(response, withBodyUnread(raw, sendable(refusal)));
      this.end(context, answered(refusal.status));
      return false;
    };
    const refusal = this.policy.refuses(context) ? this.refuse(context) : this.slow(context);
    return refusal instanceof Promise ? refusal.then(settle) : settle(refusal);
  }

  /**
   * Where a request enters its framework: opens the context and judges the client, unless the server's edge has done
   * both.
   *
   * @returns what to answer instead of serving the request, or null to serve it; a promise of either where the host's
   * CORS settings are asked. It never rejects.
   */
  admit(arrival: Arrival): Refusal {
    const { raw, response, request, framework } = arrival;
    const context = this.open(arrival);
    if (context.hasEntered) return null;
    context.enter(request, framework);
    if (arrival.reply !== undefined) context.answer = arrival.reply;
    if (context.admission === 'unjudged') this.policy.refuses(context);
    if (context.admission !== 'refused') {
      if (!context.isLimitedByRule || framework.mayBeExempt(request)) return null;
      const slowed = this.slow(context);
      return slowed === null ? null : answerLimited(arrival, slowed, () => this.throttle(arrival));
    }
    const cors = corsOf(arrival);
    if (cors !== null && isPreflight(raw)) return this.admitPreflight(arrival, context, cors);
    if (framework.mayBeExempt(request)) {
      this.defer(context, raw, response);
      return null;
    }
    const refusal = withBodyUnread(raw, this.refuse(context));
    return cors === null ? refusal : askCors(cors, arrival).then((said) => withCors(refusal, said));
  }

  /**
   * Nobody but the host's CORS settings answers the preflight of a refused client: a browser would take a refusal for an
   * error of the network, and not even send the request whose refusal its page can read.
   */
  private async admitPreflight(
    arrival: Arrival,
    context: RequestContext,
    cors: HostCors,
  ): Promise<RefusalResponse | null> {
    const { raw, response, request, framework } = arrival;
    const said = await askCors(cors, arrival);
    if (said !== null && said.status !== null) {
      return withBodyUnread(raw, preflightAnswer(said.status, said));
    }
    if (!framework.mayBeExempt(request)) {
      return withBodyUnread(raw, withCors(this.refuse(context), said));
    }
    this.defer(context, raw, response);
    return this.throttle(arrival);
  }

  /** Leaves it to the guard whether the route is exempt, and lets nobody else answer. */
  private defer(context: RequestContext, raw: IncomingMessage, response: ServerResponse): void {
    context.admission = 'deferred';
    guardResponse(raw, response, {
      // Whatever we refuse for is answered by us.
      mayAnswer: () => context.admission !== 'deferred' || context.refusal !== null,
      refuse: () => withBodyUnread(raw, this.refuse(context)),
    });
    inviteBody(raw, response);
  }

  /**
   * Counts a request that {@link admit} has let in, where limits are to hold before any middleware.
   *
   * @returns null to serve it at once; else a promise of what to answer, or of null to serve it then. It never rejects.
   */
  throttle(arrival: Arrival): Promise<RefusalResponse | null> | null {
    const { raw, response, request, framework } = arrival;
    const { throttles } = this.policy;
    if (throttles === null) return null;
    const context = requestContextOf(raw);
    if (context === undefined || context.attempts !== null) return null;
    const route = framework.routeAhead(request);
    if (route === null) return null;
    const throttling = unlessItFails(() => throttles(context, route, response));
    return throttling === null ? null : answerLimited(arrival, throttling, () => null);
  }

  /** Opens the context of a handshake, which has no response; null where it has one and is judged. */
  openHandshake(raw: IncomingMessage): RequestContext | null {
    if (requestContextOf(raw) !== undefined) return null;
    const context = this.attach(raw, raw, UNROUTED);
    context.isHandshake = true;
    return context;
  }

  /** Judges a handshake. Gives what to answer instead of letting it happen, or null, or a promise of either. */
  admitHandshake(context: RequestContext): Refusal {
    return this.policy.refuses(context) ? this.refuse(context) : this.slow(context);
  }

  /** Counts what a client sends whom a limit rule names, once: gives what refuses it, or null, or a promise of either. */
  slow(context: RequestContext): Refusal {
    if (!context.isLimitedByRule) return null;
    context.isCountedByRule = true;
    return this.policy.slows(context);
  }

  /** A handshake was not refused: its connection is remembered for as long as it is open. */
  letIn(context: RequestContext, socket: Duplex): void {
    this.upgraded.add(socket, context.client);
  }

  /** Ends the upgraded connections of clients whom the rules refuse by now. */
  endRefused(): Promise<void> {
    return this.upgraded.endWhere((client) =>
      this.policy.refuses(
        this.openMessage({
          client,
          method: '',
          name: '',
          userAgent: undefined,
          request: null,
          framework: UNROUTED,
        }),
      ),
    );
  }

  /** Opens the context of a message; whoever does so calls {@link end}, if the message is to be logged. */
  openMessage(message: MessageArrival): MessageContext {
    return new MessageContext(
      message.client,
      this.policy.now(),
      performance.now(),
      message.method,
      message.name,
      message.userAgent,
      message.request,
      message.framework,
      this.policy,
    );
  }

  /** Ends what has no response: its record is written. What has ended already stays as it is. */
  end(context: RequestContext, ending: Ending): void {
    if (context.ending !== null) return;
    context.ending = ending;
    this.policy.onEnded(context);
  }

  /** Who the client of a connection is, by the module's rules of trust. */
  resolve(request: ClientIpRequest): ClientIp {
    return this.resolver.resolve(request);
  }

  private refuse(context: RequestContext): RefusalResponse {
    context.refusal = 'blocked';
    return sendable(this.policy.refusal(context));
  }

  private attach(raw: IncomingMessage, request: unknown, framework: Framework): RequestContext {
    const arrivedAtTick = performance.now();
    this.policy.onArrival(arrivedAtTick);
    const context = new RequestContext(
      this.resolve({ remoteAddress: raw.socket?.remoteAddress, headers: raw.headers }),
      this.policy.now(),
      arrivedAtTick,
      raw.method ?? '',
      raw.url ?? '',
      raw.headers['user-agent'],
      request,
      framework,
      this.policy,
    );
    context.headers = raw.headers;
    context.isHttp2 = raw.httpVersionMajor === 2;
    attachRequestContext(raw, context);
    return context;
  }

  /**
   * A closure each, although they are garbage at the rate of the traffic: Express changes the prototypes of requests and
   * responses, after which V8, in Node 20, optimizes no access to them. So what is known is not asked of them.
   */
  private watch(context: RequestContext, raw: IncomingMessage, response: ServerResponse): void {
    context.answer = response;
    response.on('close', () => {
      if (context.ending === null) this.close(context, endingAtClose(context, raw, response));
    });
    if (!context.isHttp2) followDetached(raw.socket, { context, response }, this);
    this.opened += 1;
  }

  /** The response of a request has closed, or never will. */
  close(context: RequestContext, ending: Ending): void {
    this.closed += 1;
    this.end(context, ending);
  }
}

/** Whether others than a framework may have a request that has been judged. */
function isLetIn({ admission }: RequestContext): boolean {
  return admission !== 'refused' && admission !== 'deferred';
}
