import { Agent, request, type IncomingMessage } from 'node:http';
import type { LoggedRequest } from './combined-log.js';

/** The answer's status, or the system's code for why there was none. */
export type ReplayOutcome = { readonly status: number } | { readonly error: string };

const TIMEOUT_MS = 30_000;

/** Sends logged requests to one server over connections that stay open. */
export class ReplayClient {
  readonly #agent: Agent;
  readonly #hostname: string;
  readonly #port: number;

  constructor(baseUrl: URL, concurrency: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: concurrency });
    this.#hostname = baseUrl.hostname.replace(/^\[|\]$/g, '');
    this.#port = Number(baseUrl.port || 80);
  }

  /** Never rejects. A connection that the server closed just as it was to be used again is tried once more. */
  async send(logged: LoggedRequest): Promise<ReplayOutcome> {
    const first = await this.#try(logged);
    return 'isStale' in first ? this.#try(logged) : first;
  }

  close(): void {
    this.#agent.destroy();
  }

  #try(logged: LoggedRequest): Promise<ReplayOutcome & { isStale?: true }> {
    return new Promise((resolve) => {
      const sent = request({
        agent: this.#agent,
        hostname: this.#hostname,
        port: this.#port,
        method: logged.method,
        path: legalPath(logged.path),
        headers: headersOf(logged),
        timeout: TIMEOUT_MS,
      });
      const answered = (response: IncomingMessage) => {
        const status = response.statusCode ?? 0;
        response.once('error', (error: NodeJS.ErrnoException) =>
          resolve({ error: error.code ?? error.message }),
        );
        response.once('end', () => resolve({ status }));
        response.resume();
      };
      sent.once('response', answered);
      // The answer to CONNECT hands the socket over.
      sent.once('connect', (response, socket) => {
        socket.destroy();
        resolve({ status: response.statusCode ?? 0 });
      });
      sent.once('timeout', () => sent.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
      sent.once('error', (error: NodeJS.ErrnoException) => {
        const code = error.code ?? error.message;
        resolve(
          sent.reusedSocket && code === 'ECONNRESET'
            ? { error: code, isStale: true }
            : { error: code },
        );
      });
      sent.end();
    });
  }
}

/** As in the log, but for the bytes that HTTP has no room for (space, control characters, beyond ASCII). */
export function legalPath(path: string): string {
  return path.replace(
    // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
    /[\u0000-\u0020\u007f-\u00ff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function headersOf({ address, referer, userAgent }: LoggedRequest): Record<string, string> {
  return {
    'X-Forwarded-For': address,
    ...(referer === null ? {} : { Referer: legalHeader(referer) }),
    ...(userAgent === null ? {} : { 'User-Agent': legalHeader(userAgent) }),
  };
}

/** A header cannot be escaped: what may not stand in it becomes a space. */
function legalHeader(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, ' ').trim();
}
