import {
  type IncomingMessage,
  type ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';

/** What is sent to a client that is refused. */
export interface RefusalResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** The headers are this module's own, so nobody has to look whether node would send them. */
  hasPlainHeaders?: boolean;
}

/** What becomes of a request, where it is not served at once: what is answered instead, or what tells that later. */
export type Refusal = RefusalResponse | Promise<RefusalResponse | null> | null;

/** Nothing that fails while it is asked for a refusal may cost the request. */
export function unlessItFails(ask: () => Refusal): Refusal {
  try {
    const refusal = ask();
    return refusal instanceof Promise ? refusal.catch(() => null) : refusal;
  } catch {
    return null;
  }
}

/** Serves or refuses a request, when what the edge gave has come. */
export function whenSettled(
  refusal: NonNullable<Refusal>,
  serve: () => void,
  refuse: (refusal: RefusalResponse) => void,
): void | Promise<void> {
  if (!(refusal instanceof Promise)) return refuse(refusal);
  return refusal.then((refused) => (refused === null ? serve() : refuse(refused)));
}

/** Answers a refused client on node's own response, unless somebody has meanwhile: a time-out of the host's, for one. */
export function answer(response: ServerResponse, { status, headers, body }: RefusalResponse): void {
  if (response.headersSent) return;
  response.writeHead(status, headers);
  response.end(body);
}

/**
 * The answer without the headers that node would refuse to send. A host's own answer may repeat what the client has
 * sent, and an error where the server emits would end the process.
 */
export function sendable(refusal: RefusalResponse): RefusalResponse {
  if (refusal.hasPlainHeaders === true) return refusal;
  const headers = Object.entries(refusal.headers);
  const good = headers.filter(([name, value]) => isSendable(name, value));
  if (good.length === headers.length) return refusal;
  return { ...refusal, headers: Object.fromEntries(good) };
}

function isSendable(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

/** The upload of a refused client is not read: its connection ends with the answer. */
export function withBodyUnread(
  request: IncomingMessage,
  refusal: RefusalResponse,
): RefusalResponse {
  const { headers } = request;
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
  if (!hasBody || request.httpVersionMajor !== 1) return refusal;
  return { ...refusal, headers: { ...refusal.headers, connection: 'close' } };
}
