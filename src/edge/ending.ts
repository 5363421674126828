import type { ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { Socket } from 'node:net';

/** How a request, a handshake or a message has ended. */
export interface Ending {
  /**
   * The status that was sent, or that says the same; 499 where the client has left before any was, and 0 where no answer
   * is known at all.
   */
  status: number;
  /** It was answered, and wholly. */
  isComplete: boolean;
  /** The client ended or reset its connection before all of it had left. */
  hasClientLeft: boolean;
}

/** Node's response of HTTP/2, which its types take for one of HTTP/1. */
type Http2Response = ServerResponse & { stream?: ServerHttp2Stream };

/** The ending of what was answered, wholly, without a response of node's to tell it. */
export function answered(status: number): Ending {
  return { status, isComplete: true, hasClientLeft: false };
}

/** As nginx has it: the client has closed its request before there was an answer. */
export const CLIENT_CLOSED_REQUEST = 499;

/** The ending of what was answered by somebody else than node, so that nobody knows what. */
export const UNKNOWN_ANSWER: Ending = Object.freeze({
  status: 0,
  isComplete: false,
  hasClientLeft: false,
});

/** How a request has ended whose response has closed. */
export function endingOf(response: Http2Response, isHttp2: boolean): Ending {
  // Asked for only where there can be one: to look for what Express' prototypes do not have is dear.
  const stream = isHttp2 ? response.stream : undefined;
  const isComplete = stream === undefined ? hasLeft(response) : hasStreamLeft(stream);
  const hasClientLeft =
    !isComplete && (stream === undefined ? hasClientHungUp(response) : hasClientReset(stream));
  const sent = stream === undefined ? sentStatus(response) : sentStreamStatus(stream);
  return {
    status: sent ?? (hasClientLeft ? CLIENT_CLOSED_REQUEST : 0),
    isComplete,
    hasClientLeft,
  };
}

/** How a request has ended whose connection has closed, and whose response will never tell: it was taken off it. */
export function endingOfDetached(response: ServerResponse): Ending {
  return { status: sentStatus(response) ?? 0, isComplete: false, hasClientLeft: false };
}

/** Where the status stands in `HTTP/1.1 200 OK`. */
const STATUS_START = 9;
const STATUS_END = 12;

/** The status that was handed to the client, whatever has been made of `statusCode` since; null where none was. */
function sentStatus(response: ServerResponse): number | null {
  const { _header: head } = response as { _header?: string | null };
  if (typeof head === 'string') return Number(head.slice(STATUS_START, STATUS_END));
  return head === null && !response.headersSent ? null : response.statusCode;
}

function sentStreamStatus({ sentHeaders, headersSent }: ServerHttp2Stream): number | null {
  if (!headersSent) return null;
  return Number(sentHeaders?.[constants.HTTP2_HEADER_STATUS] ?? 0);
}

/**
 * Whether all of the answer has left. Without a connection (`inject()`, serverless adapters) nothing has to leave: ended
 * is finished.
 */
function hasLeft(response: ServerResponse): boolean {
  return (
    response.writableFinished ||
    (response.writableEnded && !(response.req.socket instanceof Socket))
  );
}

/**
 * Of HTTP/2 it is the stream that knows. One that was reset says that it has finished, though what was written last may
 * still have been here: `aborted` is not set once the answer has been ended.
 */
function hasStreamLeft({ writableFinished, aborted, rstCode }: ServerHttp2Stream): boolean {
  return writableFinished && !aborted && rstCode === constants.NGHTTP2_NO_ERROR;
}

/** Whether it was the client who ended the connection, and not this process that broke off its answer. */
function hasClientHungUp({ errored, req: { socket } }: ServerResponse): boolean {
  if (errored !== null && errored !== undefined) return false;
  return socket === null || socket.errored !== null || socket.readableEnded;
}

/**
 * Of HTTP/2 the connection goes on, and its stream is reset: with CANCEL by browsers, and by node for each stream of a
 * connection that is lost; without an error by some, who have ended their side then; with another code, which node makes
 * an error of. What else has gone wrong with a stream has done so here.
 */
function hasClientReset({ errored, rstCode, readableEnded }: ServerHttp2Stream): boolean {
  if (errored !== null) return (errored as NodeJS.ErrnoException).code === 'ERR_HTTP2_STREAM_ERROR';
  return rstCode === constants.NGHTTP2_CANCEL || readableEnded;
}
