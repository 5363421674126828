import type { AbstractHttpAdapter } from '@nestjs/core';
import { sendable, type RefusalResponse } from './refusal-response.js';
import { leaveUnawaited } from './host-hook.js';

/** What a host wants a refused client to get instead of the plain answer. */
export interface CustomRefusal {
  /** 400 to 599. @default 403 where a rule refuses, 429 where a limit does */
  status?: number;
  headers?: Record<string, string>;
  /** Text is sent as HTML, anything else as JSON. @default `{ statusCode, message }` */
  body?: string | object;
}

const MESSAGES: Record<number, string> = {
  403: 'Forbidden',
  404: 'Not Found',
  410: 'Gone',
  429: 'Too Many Requests',
  451: 'Unavailable For Legal Reasons',
  503: 'Service Unavailable',
};

/** The answer with a status and nothing else to tell. @param message in the body. @default the status' own */
export function plainRefusal(status: number, message = MESSAGES[status]): RefusalResponse {
  return json(status, { statusCode: status, message });
}

/**
 * The answer that a host's factory makes of what was refused. Where it throws, or gives a status that is no refusal, the
 * plain one is sent: an error of the host's must not let a client in.
 */
export function customRefusal<T>(
  factory: ((refused: T) => CustomRefusal) | null,
  refused: T,
  plain: RefusalResponse,
): RefusalResponse {
  if (factory === null) return plain;
  try {
    const made = factory(refused);
    leaveUnawaited(made);
    const { status = plain.status, headers, body } = made;
    if (!Number.isInteger(status) || status < 400 || status > 599) return plain;
    const content = body ?? { statusCode: status, message: MESSAGES[status] ?? 'Forbidden' };
    const answer = typeof content === 'string' ? html(status, content) : json(status, content);
    return { ...answer, headers: { ...answer.headers, ...lowerCased(headers) } };
  } catch {
    return plain;
  }
}

/** Sends a refusal through Nest's adapter, from an exception filter. */
export function sendRefusal(
  adapter: AbstractHttpAdapter,
  response: unknown,
  refusal: RefusalResponse,
): void {
  const { status, headers, body } = sendable(refusal);
  for (const [name, value] of Object.entries(headers)) {
    if (name !== 'content-length') adapter.setHeader(response, name, value);
  }
  adapter.reply(response, body, status);
}

/** The body of a refusal as whoever catches its exception reads it. */
export function refusalBody({ body, status }: RefusalResponse): object {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // A page.
  }
  return { statusCode: status, message: MESSAGES[status] ?? 'Forbidden' };
}

function json(status: number, content: object): RefusalResponse {
  return response(status, 'application/json; charset=utf-8', JSON.stringify(content));
}

function html(status: number, content: string): RefusalResponse {
  return response(status, 'text/html; charset=utf-8', content);
}

/** No cache may keep it: it is meant for one client, and a status such as 404 could be kept for all of them. */
function response(status: number, type: string, body: string): RefusalResponse {
  const headers = {
    'content-type': type,
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
  };
  return { status, headers, body };
}

function lowerCased(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
