import { isIP } from 'node:net';

/** One request as an access log tells it; texts hold one byte a character, as the log does. */
export interface LoggedRequest {
  readonly address: string;
  readonly method: string;
  /** As it was sent: never normalised, and perhaps not legal. */
  readonly path: string;
  readonly referer: string | null;
  readonly userAgent: string | null;
}

/**
 * `address identity user [time] "request" status bytes "referer" "user agent"`, as Apache's and nginx's "combined" write it.
 * The last quote may be missing (a line that was cut off), and so may referer and user agent ("common"); what follows them
 * is not looked at.
 */
const LINE =
  /^(\S+) \S+ .*?\[[^\]]*\] "((?:[^"\\]|\\.)*)" (?:\d{3}|-) (?:\d+|-)(?: "((?:[^"\\]|\\.)*)"(?: "((?:[^"\\]|\\.)*))?)?/;

/** The protocol is missing where a client speaks HTTP/0.9; spaces in the path are the client's mistake, but were sent. */
const REQUEST = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\S|\S.*?\S)(?: HTTP\/\d(?:\.\d)?)?$/s;

/** Reads a line of an access log in the combined format; `null` where it holds no request by an address. */
export function parseCombinedLine(line: string): LoggedRequest | null {
  const [, address, quotedRequest, referer, userAgent] = LINE.exec(line) ?? [];
  if (address === undefined || quotedRequest === undefined || isIP(address) === 0) return null;
  const [, method, path] = REQUEST.exec(unescape(quotedRequest)) ?? [];
  if (method === undefined || path === undefined) return null;
  return { address, method, path, referer: textOf(referer), userAgent: textOf(userAgent) };
}

function textOf(quoted: string | undefined): string | null {
  return quoted === undefined || quoted === '-' ? null : unescape(quoted);
}

const ESCAPES: Record<string, string> = {
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unescape(quoted: string): string {
  if (!quoted.includes('\\')) return quoted;
  return quoted.replace(/\\(?:x([0-9A-Fa-f]{2})|(.))/gs, (_, hex?: string, character = '') =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (ESCAPES[character] ?? character),
  );
}
