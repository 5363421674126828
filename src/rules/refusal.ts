import type { RefusalResponse } from '../edge/request-edge.js';

/** A request that was refused by a rule of this module. Everything in it may be hostile but the rule. */
export interface BlockedRequest {
  ipAddress: string | null;
  ipSource: string;
  method: string;
  /** The request's target as it came. */
  url: string;
  /** The stored rule that refused it; null for the mode, a country, or a decorator. */
  ruleId: number | null;
  country: string | null;
  city: string | null;
}

/** What a host wants a refused client to get instead of the plain 403. */
export interface CustomRefusal {
  /** 400 to 599. @default 403 */
  status?: number;
  headers?: Record<string, string>;
  /** Text is sent as HTML, anything else as JSON. @default `{ statusCode, message }` */
  body?: string | object;
}

/** Makes the answer to one refused client. It must not block; where it throws, the plain 403 is sent. */
export type RefusalFactory = (blocked: BlockedRequest) => CustomRefusal;

const MESSAGES: Record<number, string> = {
  403: 'Forbidden',
  404: 'Not Found',
  410: 'Gone',
  429: 'Too Many Requests',
  451: 'Unavailable For Legal Reasons',
  503: 'Service Unavailable',
};

/** What a refused client gets when the host does not say otherwise. */
export const PLAIN_REFUSAL = json(403, { statusCode: 403, message: MESSAGES[403] });

/** The answer to a refused client. It says nothing about rules, lists or reasons unless the host does. */
export function refusalOf(
  factory: RefusalFactory | null,
  blocked: BlockedRequest,
): RefusalResponse {
  if (factory === null) return PLAIN_REFUSAL;
  try {
    const { status = 403, headers, body } = factory(blocked);
    if (!Number.isInteger(status) || status < 400 || status > 599) return PLAIN_REFUSAL;
    const content = body ?? {
      statusCode: status,
      message: MESSAGES[status] ?? 'Forbidden',
    };
    const answer = typeof content === 'string' ? html(status, content) : json(status, content);
    return { ...answer, headers: { ...answer.headers, ...lowerCased(headers) } };
  } catch {
    return PLAIN_REFUSAL;
  }
}

function json(status: number, content: object): RefusalResponse {
  return response(status, 'application/json; charset=utf-8', JSON.stringify(content));
}

function html(status: number, content: string): RefusalResponse {
  return response(status, 'text/html; charset=utf-8', content);
}

function response(status: number, type: string, body: string): RefusalResponse {
  const headers = { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) };
  return { status, headers, body };
}

function lowerCased(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
