import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientIp } from '../net/client-ip.js';
import type { Refusal, RefusalResponse } from './refusal-response.js';
import type {
  AnswerHeaders,
  ContextSources,
  Framework,
  MatchedRoute,
  RequestContext,
} from './request-context.js';

/** What the edge asks, and whom it tells; the module fills it in from the rules and the log. */
export interface EdgePolicy extends ContextSources {
  /** The module is off: nobody has a context, and so whoever would act on one does nothing. */
  readonly isOff: boolean;
  /** Judges a client by the stored rules, and notes on the context what they said. True to refuse. */
  refuses(context: RequestContext): boolean;
  /** What a refused client gets. */
  refusal(context: RequestContext): RefusalResponse;
  /**
   * Counts a request whose client a limit rule names. Gives what to answer instead of serving it, and notes that on the
   * context, or null. Never throws, never rejects.
   */
  slows(context: RequestContext): Refusal;
  /**
   * Counts a request of a limited route before any middleware has it; null where limits wait for the guards. Gives what to
   * answer instead of serving it, or null.
   */
  throttles:
    ((context: RequestContext, route: MatchedRoute, response: ServerResponse) => Refusal) | null;
  /** A request or a handshake has arrived, at a moment of `performance.now()`. Must neither throw nor take long. */
  onArrival(tickMs: number): void;
  /** Something is over, and its context says how: called once for each request, each handshake, and each logged message. */
  onEnded(context: RequestContext): void;
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
  /** Where the answer's header fields are, if the framework hands them to node only as they leave. */
  reply?: AnswerHeaders;
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
