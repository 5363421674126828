import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GeoPlace } from '../geo/geo-provider.js';
import type { ClientIp } from '../net/client-ip.js';
import type { IpAddress } from '../net/ip-address.js';
import type { RefusalResponse } from './refusal-response.js';
import type { Framework, MatchedRoute, RequestContext } from './request-context.js';

/** How something ended that has no response of node's to tell it: a handshake, a message. */
export interface Ending {
  /** The status that was sent, or that says the same; 0 where a handshake got no answer at all. */
  status: number;
  /** It was answered, and wholly. */
  isComplete: boolean;
  /** The client ended or reset its connection before all of it had left. */
  hasClientLeft: boolean;
}

/** What the edge asks, and whom it tells; the module fills it in from the rules and the log. */
export interface EdgePolicy {
  /** Judges a client by the stored rules and notes the result on the context. True to refuse. */
  refuses(context: RequestContext): boolean;
  /** What a refused client gets. */
  refusal(context: RequestContext): RefusalResponse;
  /**
   * Counts a request of a limited route before any middleware has it; null where limits wait for the guards. Gives what to
   * answer instead of serving it, or null.
   */
  throttles:
    | ((
        context: RequestContext,
        route: MatchedRoute,
        response: ServerResponse,
      ) => Promise<RefusalResponse | null>)
    | null;
  /** A response has closed: the request is over. Called once for each request. */
  onClosed(context: RequestContext, response: ServerResponse): void;
  /** What has no response is over. Called once for each handshake and each message that is logged. */
  onEnded(context: RequestContext, ending: Ending): void;
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

/** A message as it reaches the edge. */
export interface MessageArrival {
  client: ClientIp;
  /** `WS`, `RPC` or `GRAPHQL`. */
  method: string;
  /** The event, the pattern or the field. */
  name: string;
  userAgent: string | undefined;
  /** What tells who the user is. */
  request: unknown;
  framework: Framework;
}
