/** What is asked, and how long the answer may take. */
export interface JsonRequest {
  url: string;
  headers: Record<string, string>;
  /** From the request to the last byte of the body. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** No answer about one address is longer; a server that sends more is not what was configured. */
const MAX_BYTES = 65_536;
const NOT_FOUND = 404;
const NO_CONTENT = 204;
const TOO_MANY = 429;

/** A status that is a failure of the server's. */
export class HttpFailure extends Error {
  constructor(
    readonly status: number,
    /** How long the server wants to be left alone, in milliseconds; 0 where it does not say. */
    readonly retryAfterMs: number,
  ) {
    super(`it answered ${status}`);
  }
}

/**
 * What a server answers, read as JSON; null for 204 and 404, which say that it knows nothing.
 *
 * @throws HttpFailure for every other status but 200; an error for garbage, for too much of it, and for none in time.
 */
export async function getJson(request: JsonRequest): Promise<unknown> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`it has not answered for ${request.timeoutMs} ms`)),
    request.timeoutMs,
  );
  const leave = (): void => late.abort(request.signal.reason);
  request.signal.addEventListener('abort', leave, { once: true });
  try {
    request.signal.throwIfAborted();
    const response = await fetch(request.url, {
      headers: { accept: 'application/json', ...request.headers },
      signal: late.signal,
    });
    return await bodyOf(response);
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', leave);
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  const { status } = response;
  if (status === 200) return JSON.parse(await textOf(response)) as unknown;
  // A body that nobody reads would keep its connection.
  await response.body?.cancel();
  if (status === NOT_FOUND || status === NO_CONTENT) return null;
  throw new HttpFailure(status, status === TOO_MANY ? retryAfterMs(response) : 0);
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > MAX_BYTES) throw new Error(`its answer is longer than ${MAX_BYTES} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString();
}

/** RFC 9110 section 10.2.3, in seconds; a date is as good as the least pause. */
function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after'));
  return Math.max(1_000, Number.isFinite(seconds) ? seconds * 1_000 : 0);
}
