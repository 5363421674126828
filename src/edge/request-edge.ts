import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GeoPlace } from '../geo/geo-provider.js';
import type { ClientIp, ClientIpResolver } from '../net/client-ip.js';
import type { IpAddress } from '../net/ip-address.js';
import {
  attachRequestContext,
  RequestContext,
  requestContextOf,
  type Framework,
} from './request-context.js';

/** What is sent to a client that is refused. */
export interface RefusalResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What the edge asks, and whom it tells; the module fills it in from the rules and the log. */
export interface EdgePolicy {
  /** Judges a client by the stored rules and notes the result on the context. True to refuse. */
  refuses(context: RequestContext): boolean;
  /** What a refused client gets. */
  refusal(context: RequestContext): RefusalResponse;
  /** A response has closed: the request is over. Called once for each request. */
  onClosed(context: RequestContext, response: ServerResponse): void;
  /** Where an address is, as far as it is known; never waits. */
  locate(ip: IpAddress | null): GeoPlace;
  /** Epoch milliseconds. */
  now(): number;
}

/** A request as it reaches the edge. */
export interface Arrival {
  /** Node's own objects. */
  raw: IncomingMessage;
  response: ServerResponse;
  /** The request as the framework's handlers see it: the same object on Express, another one on Fastify. */
  request: unknown;
  framework: Framework;
}

/** Node's response, with the request that node keeps on it. */
type NodeResponse = ServerResponse<IncomingMessage>;

/**
 * Where a request enters and leaves. It opens the context, asks the rules, and tells the log when the response closes;
 * how a framework is brought to call it is in the files beside this one.
 */
export class RequestEdge {
  private readonly closeListener: (this: NodeResponse) => void;

  constructor(
    private readonly resolver: ClientIpResolver,
    private readonly policy: EdgePolicy,
  ) {
    // One function for every response: a closure each would be garbage at the rate of the traffic.
    // eslint-disable-next-line typescript/no-this-alias
    const edge = this;
    this.closeListener = function (this: NodeResponse): void {
      const context = requestContextOf(this.req);
      if (context !== undefined) edge.close(context, this);
    };
  }

  /** Opens the context of a request, or gives the one it has: a request passes the edge once, however it is routed. */
  open({ raw, response, request, framework }: Arrival): RequestContext {
    const known = requestContextOf(raw);
    if (known !== undefined) return known;
    const context = new RequestContext(
      this.resolve(raw),
      this.policy.now(),
      performance.now(),
      raw.method ?? '',
      raw.url ?? '',
      raw.headers['user-agent'],
      request,
      framework,
      this.policy.locate,
    );
    attachRequestContext(raw, context);
    response.on('close', this.closeListener);
    return context;
  }

  /**
   * Opens the context and judges the client.
   *
   * @returns what to answer instead of serving the request, or null to serve it.
   */
  admit(arrival: Arrival): RefusalResponse | null {
    const { raw, request, framework } = arrival;
    if (requestContextOf(raw) !== undefined) return null;
    const context = this.open(arrival);
    if (!this.policy.refuses(context)) return null;
    if (framework.mayBeExempt(request)) {
      context.isDeferred = true;
      return null;
    }
    context.refusal = 'blocked';
    return withBodyUnread(raw, this.policy.refusal(context));
  }

  private resolve(request: IncomingMessage): ClientIp {
    return this.resolver.resolve({
      remoteAddress: request.socket?.remoteAddress,
      headers: request.headers,
    });
  }

  private close(context: RequestContext, response: NodeResponse): void {
    if (context.isClosed) return;
    context.isClosed = true;
    this.policy.onClosed(context, response);
  }
}

/** The upload of a refused client is not read: its connection ends with the answer. */
function withBodyUnread(request: IncomingMessage, refusal: RefusalResponse): RefusalResponse {
  const { headers } = request;
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
  if (!hasBody || request.httpVersionMajor !== 1) return refusal;
  return { ...refusal, headers: { ...refusal.headers, connection: 'close' } };
}
