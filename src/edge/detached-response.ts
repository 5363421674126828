import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import {
  CLIENT_CLOSED_REQUEST,
  endingOf,
  endingOfDetached,
  type Ending,
  UNKNOWN_ANSWER,
} from './ending.js';
import type { RequestContext } from './request-context.js';

/** The last request of a connection. */
interface Last {
  readonly context: RequestContext;
  readonly response: ServerResponse;
  /** What had been written to the connection before it, in bytes. */
  readonly writtenBefore: number;
}

/** Who is told how a request has ended. */
interface Closing {
  close(context: RequestContext, ending: Ending): void;
}

const LAST = Symbol('nestjs-ip-tracking.last-request');
type Followed = Socket & { [LAST]?: Last };

/**
 * Ends the last request of a connection once that has closed, if its response has not: a host may have taken the
 * connection off it (`detachSocket()`), after which nothing ever tells how it has ended. One listener a connection, since
 * each request has one already.
 */
export function followDetached(
  connection: unknown,
  { context, response }: Omit<Last, 'writtenBefore'>,
  edge: Closing,
): void {
  // Without a connection of node's (`inject()`, serverless adapters) there is nothing to take off.
  if (!(connection instanceof Socket)) return;
  const socket: Followed = connection;
  const isFollowed = socket[LAST] !== undefined;
  socket[LAST] = { context, response, writtenBefore: socket.bytesWritten };
  if (isFollowed) return;
  // Responses hear of it in the same moment, those that are attached.
  socket.once('close', () => setImmediate(endLast, socket, edge));
}

/**
 * Whether somebody has answered the last request of a connection by writing to the connection itself. What was said so
 * nobody knows, but the client has not left without it.
 */
function isAnsweredRaw(
  { socket, headers, complete }: IncomingMessage,
  context: RequestContext,
): boolean {
  const last = (socket as Followed | null)?.[LAST];
  // Whoever breaks off an upload, or waits to be told to go on with it, is answered by node.
  if (last?.context !== context || !complete || headers.expect !== undefined) return false;
  return socket.bytesWritten > last.writtenBefore;
}

function endLast(socket: Followed, edge: Closing): void {
  const { context, response } = socket[LAST]!;
  if (context.ending === null) edge.close(context, endingOfDetached(response));
}

/** How a request has ended whose response has closed. */
export function endingAtClose(
  context: RequestContext,
  raw: IncomingMessage,
  response: ServerResponse,
): Ending {
  const ending = endingOf(response, context.isHttp2);
  const isKnown = ending.status !== CLIENT_CLOSED_REQUEST || !isAnsweredRaw(raw, context);
  return isKnown ? ending : UNKNOWN_ANSWER;
}
