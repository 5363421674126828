import type { ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { Socket } from 'node:net';

/** How a request, a handshake or a message has ended. */
export interface Ending {
  /** The status that was sent, or that says the same; 0 where a handshake got no answer at all. */
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

/** How a request has ended whose response has closed. */
export function endingOf(response: Http2Response, isHttp2: boolean): Ending {
  // Asked for only where there can be one: to look for what Express' prototypes do not have is dear.
  const stream = isHttp2 ? response.stream : undefined;
  const isComplete = stream === undefined ? hasLeft(response) : hasStreamLeft(stream);
  return {
    status: response.statusCode,
    isComplete,
    hasClientLeft:
      !isComplete && (stream === undefined ? hasClientHungUp(response) : hasClientReset(stream)),
  };
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

/** Of HTTP/2 it is the stream that knows, and an aborted one says that it has finished. */
function hasStreamLeft(stream: ServerHttp2Stream): boolean {
  return stream.writableFinished && !stream.aborted;
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
