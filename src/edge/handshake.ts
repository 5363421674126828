import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { answered } from './ending.js';
import type { RefusalResponse } from './refusal-response.js';
import type { RequestContext } from './request-context.js';
import type { RequestEdge } from './request-edge.js';

/** A handshake that has been judged. */
interface Handshake {
  raw: IncomingMessage;
  socket: Duplex;
  refusal: RefusalResponse | null;
}

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/;
const SWITCHING_PROTOCOLS = 101;
const FIRST_FINAL_STATUS = 200;

/**
 * Where a handshake (`Upgrade`, and CONNECT of HTTP/1) meets the server, before whoever would accept it. It leaves one
 * record, when it is answered, not when the connection ends: that may be days later.
 *
 * @returns false where the client was refused, and nobody else may have the socket.
 */
export function meetHandshake(
  edge: RequestEdge,
  raw: IncomingMessage,
  socket: Duplex,
): boolean | Promise<boolean> {
  const context = edge.openHandshake(raw);
  if (context === null) return true;
  const refusal = edge.admitHandshake(context);
  const settle = (refused: RefusalResponse | null): boolean =>
    letInOrRefuse(edge, context, { raw, socket, refusal: refused });
  if (!(refusal instanceof Promise)) return settle(refusal);
  // Node has taken its listeners off: a client that leaves meanwhile must not end the process.
  const ignore = (): void => undefined;
  socket.on('error', ignore);
  return refusal.then((refused) => {
    const isLetIn = settle(refused);
    socket.off('error', ignore);
    return isLetIn;
  });
}

function letInOrRefuse(
  edge: RequestEdge,
  context: RequestContext,
  { raw, socket, refusal }: Handshake,
): boolean {
  if (refusal === null) {
    // Before it is answered: the rules may change while a host still looks into a token.
    edge.letIn(context, socket);
    onAnswer(socket, (status) =>
      edge.end(context, {
        status: status ?? 0,
        isComplete: status !== null,
        hasClientLeft: status === null && hasPeerLeft(socket),
      }),
    );
    return true;
  }
  edge.end(context, answered(refusal.status));
  refuse(raw, socket, refusal);
  return false;
}

/** Node has taken its listeners off the socket: without one of ours, a reset by the client would end the process. */
function refuse(raw: IncomingMessage, socket: Duplex, { status, headers, body }: RefusalResponse) {
  socket.on('error', () => socket.destroy());
  // Node's response, not a text of our own: it checks what the host's headers hold.
  const response = new ServerResponse(raw);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as IncomingMessage['socket']);
  response.once('finish', () => {
    response.detachSocket(socket as IncomingMessage['socket']);
    socket.end(() => socket.destroy());
  });
  response.writeHead(status, headers);
  response.end(body);
}

/**
 * Calls back once: with the status that is first written to a socket, whoever writes it, or with null when the socket
 * ends without one.
 */
function onAnswer(socket: Duplex, done: (status: number | null) => void): void {
  const { write, end } = socket;
  const own = { write: Object.hasOwn(socket, 'write'), end: Object.hasOwn(socket, 'end') };
  let isSettled = false;
  const settle = (status: number | null): void => {
    if (isSettled) return;
    isSettled = true;
    socket.off('close', onClose);
    // Whoever has wrapped them after us is left alone, and gets what we had.
    if (socket.write === ourWrite) restore('write', write);
    if (socket.end === ourEnd) restore('end', end);
    done(status);
  };
  const restore = <Name extends 'write' | 'end'>(name: Name, original: Duplex[Name]): void => {
    if (own[name]) socket[name] = original;
    else Reflect.deleteProperty(socket, name);
  };
  const read = (chunk: unknown): void => {
    const status = statusOf(chunk);
    // Another 1xx only announces the answer.
    if (status === null || status === SWITCHING_PROTOCOLS || status >= FIRST_FINAL_STATUS) {
      settle(status);
    }
  };
  const ourWrite = function (this: Duplex, ...args: unknown[]): boolean {
    read(args[0]);
    return Reflect.apply(write, this, args) as boolean;
  };
  const ourEnd = function (this: Duplex, ...args: unknown[]): Duplex {
    read(args[0]);
    return Reflect.apply(end, this, args) as Duplex;
  };
  const onClose = (): void => settle(null);
  socket.write = ourWrite;
  socket.end = ourEnd;
  socket.once('close', onClose);
}

function statusOf(chunk: unknown): number | null {
  const text =
    typeof chunk === 'string'
      ? chunk
      : chunk instanceof Uint8Array
        ? Buffer.from(chunk.subarray(0, 16)).toString('latin1')
        : '';
  const status = STATUS_LINE.exec(text)?.[1];
  return status === undefined ? null : Number(status);
}

function hasPeerLeft(socket: Duplex): boolean {
  return socket.errored !== null || socket.readableEnded;
}
