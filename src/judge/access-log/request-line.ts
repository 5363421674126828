import { unescapeField } from './quoted-field.js';

/** Method, target and protocol of a request line; method and protocol are empty where it has none. */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
}

const SPACE = 32;

/** The bytes of an RFC 9110 section 5.6.2 token, which a method is. */
const isTokenByte = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789") isTokenByte[character.charCodeAt(0)] = 1;
for (let letter = 65; letter <= 90; letter++) {
  isTokenByte[letter] = 1;
  isTokenByte[letter + 32] = 1;
}

/**
 * Takes the request line of `bytes[start, end)` apart, as it stands escaped in a log. Spaces within the target are the
 * client's mistake, but were sent. What is no request line at all, such as the first bytes of TLS, is a target without
 * a method: it was sent as well, and tells something. A lone `-` stands for a connection on which nothing came.
 */
export function splitRequestLine(bytes: Buffer, start: number, end: number): RequestLine {
  const methodEnd = tokenEnd(bytes, start, end);
  const isRequest = methodEnd > start && methodEnd + 1 < end && bytes[methodEnd] === SPACE;
  if (!isRequest) return { method: '', target: wholeLine(bytes, start, end), protocol: '' };
  const protocolStart = startOfProtocol(bytes, methodEnd + 1, end);
  const target = bytes.toString(
    'latin1',
    methodEnd + 1,
    protocolStart < 0 ? end : protocolStart - 1,
  );
  return {
    method: methodOf(bytes, start, methodEnd),
    target: unescapeField(target),
    protocol: protocolStart < 0 ? '' : protocolOf(bytes, protocolStart, end),
  };
}

/** As {@link splitRequestLine}, for a text that is not escaped any more. */
export function splitRequestText(text: string): RequestLine {
  let methodEnd = 0;
  while (isTokenByte[text.charCodeAt(methodEnd)] === 1) methodEnd++;
  const isRequest = methodEnd > 0 && methodEnd + 1 < text.length && text[methodEnd] === ' ';
  if (!isRequest) return { method: '', target: text === '-' ? '' : text, protocol: '' };
  const space = text.lastIndexOf(' ');
  const hasProtocol = space > methodEnd + 1 && isProtocol(text.slice(space + 1));
  return {
    method: text.slice(0, methodEnd),
    target: text.slice(methodEnd + 1, hasProtocol ? space : text.length),
    protocol: hasProtocol ? text.slice(space + 1) : '',
  };
}

function isProtocol(word: string): boolean {
  if (word === 'HTTP/1.1' || word === 'HTTP/2.0' || word === 'HTTP/1.0') return true;
  return /^HTTP\/\d(?:\.\d)?$/.test(word);
}

function wholeLine(bytes: Buffer, start: number, end: number): string {
  const line = bytes.toString('latin1', start, end);
  return line === '-' ? '' : unescapeField(line);
}

function tokenEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && isTokenByte[bytes[i]!] === 1) i++;
  return i;
}

/** The text of most methods is there already. */
function methodOf(bytes: Buffer, start: number, end: number): string {
  const first = bytes[start];
  if (end - start === 3 && first === 71 && bytes[start + 1] === 69 && bytes[start + 2] === 84) {
    return 'GET';
  }
  return bytes.toString('latin1', start, end);
}

/** Where `HTTP/1.1` or `HTTP/2` stands at the end, behind a target; -1 where it does not. */
function startOfProtocol(bytes: Uint8Array, from: number, end: number): number {
  const start = isDigit(bytes[end - 1]) && bytes[end - 2] === 46 ? end - 8 : end - 6;
  const isProtocol =
    start > from + 1 &&
    bytes[start - 1] === SPACE &&
    bytes[start] === 72 &&
    bytes[start + 1] === 84 &&
    bytes[start + 2] === 84 &&
    bytes[start + 3] === 80 &&
    bytes[start + 4] === 47 &&
    isDigit(bytes[start + 5]);
  return isProtocol ? start : -1;
}

function protocolOf(bytes: Buffer, start: number, end: number): string {
  if (end - start === 8 && bytes[start + 5] === 49) {
    if (bytes[start + 7] === 49) return 'HTTP/1.1';
    if (bytes[start + 7] === 48) return 'HTTP/1.0';
  }
  return bytes.toString('latin1', start, end);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}
