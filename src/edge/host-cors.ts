import type { IncomingMessage } from 'node:http';
import { sendable, type RefusalResponse } from './refusal-response.js';

/** What the host's CORS settings say of one request. */
export interface CorsAnswer {
  /** In lower case. */
  headers: Record<string, string>;
  /** The status that answers a preflight; null where the request is to go on. */
  status: number | null;
}

/** A request that CORS settings are asked about. */
export interface CorsRequest {
  /** Node's own object. */
  readonly raw: IncomingMessage;
  /** The request as the framework's handlers see it. */
  readonly request: unknown;
}

/** The host's CORS settings, as its framework has them. */
export interface HostCors {
  /** Whether there are any. */
  readonly areSet: boolean;
  /**
   * Has them judge a request, with a response that is nobody's, so that what comes late does no harm. Never throws.
   *
   * @param settle told what they say, or null where they fail; what it is told later than that is of no account.
   */
  judge(asked: CorsRequest, settle: (said: CorsAnswer | null) => void): void;
}

/** How long an origin is looked up, in milliseconds. Whoever is refused does not hold a connection for longer. */
const PATIENCE_MS = 2_000;

/** Whether a browser asks in advance whether it may send a request (Fetch standard, section 3.3.2). */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

/** Whether CORS settings may be asked about a request: any other OPTIONS they would answer as if it were a preflight. */
export function isForCors(raw: IncomingMessage): boolean {
  return raw.headers.origin !== undefined && (raw.method !== 'OPTIONS' || isPreflight(raw));
}

/** What the settings say; null where they fail or take too long. Never rejects. */
export function askCors(cors: HostCors, asked: CorsRequest): Promise<CorsAnswer | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), PATIENCE_MS);
    timer.unref();
    cors.judge(asked, (said) => {
      clearTimeout(timer);
      resolve(said);
    });
  });
}

/** The host's own answer to a preflight. */
export function preflightAnswer(status: number, { headers }: CorsAnswer): RefusalResponse {
  return sendable({ status, headers, body: '' });
}

/** A refusal that a browser shows to the page that is to get it. What it says itself stays. */
export function withCors(refusal: RefusalResponse, said: CorsAnswer | null): RefusalResponse {
  if (said === null) return refusal;
  const added = Object.entries(said.headers).filter(([name]) => isOfCors(name));
  return sendable({
    ...refusal,
    hasPlainHeaders: false,
    headers: { ...Object.fromEntries(added), ...refusal.headers },
  });
}

/** Whether a header, in lower case, is one that says who may read an answer. */
export function isOfCors(name: string): boolean {
  return name === 'vary' || name.startsWith('access-control-');
}
