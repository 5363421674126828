import { IpAddress, parseIpAt } from './ip-address.js';
import { readIp, readWords } from './ip-text.js';
import { isUnspecified } from './special-ranges.js';

/** The two headers that list one address per proxy. */
export type ListHeader = 'x-forwarded-for' | 'forwarded';

/** An address with brackets, a port and white space around it; more is none. */
const MAX_ENTRY = 128;
/** Empty entries are passed over, but only a reasonable number of them (RFC 9110 section 5.6.1.2). */
const MAX_EMPTY = 32;
/** An RFC 7239 element also holds `host`, `by` and extensions. */
const MAX_ELEMENT = 1024;

const TAB = 9;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const SEMICOLON = 59;
const EQUALS = 61;
const BACKSLASH = 92;

/**
 * The entries of a list header from the last, which the nearest proxy wrote, to the first, which anyone may have
 * written. Nothing left of the entry asked for is looked at, so nothing a client wrote can change how an entry that a
 * proxy appended is read: a quote left open, which makes a reader from the left swallow what follows ("Forwarded header
 * sabotage"), is never reached. The work for an entry is bounded.
 */
export class ForwardedEntries {
  private readonly lines: readonly unknown[];
  private line: number;
  private text = '';
  /** End of the entry to read next in `text`, or -1 when the line is used up. */
  private end = -1;

  /**
   * Whether the last entry, for which {@link next} gave null, is well-formed and names nobody on purpose: `unknown`, an
   * obfuscated identifier (RFC 7239 section 6), an element without `for`. A proxy has written one, so it stands for a hop.
   */
  isUnnamed = false;

  constructor(
    value: unknown,
    private readonly header: ListHeader,
  ) {
    this.lines =
      value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
    this.line = this.lines.length;
  }

  /**
   * The next entry to the left: an address, `null` for one that names none, `undefined` after the first. Empty ones are
   * none (RFC 9110 section 5.6.1).
   */
  next(): IpAddress | null | undefined {
    this.isUnnamed = false;
    for (let empty = 0; empty <= MAX_EMPTY; empty++) {
      if (this.end < 0) {
        if (this.line === 0) return undefined;
        const line = this.lines[--this.line];
        if (typeof line !== 'string') return null;
        this.text = line;
        this.end = line.length;
      }
      const end = this.end;
      const start =
        this.header === 'forwarded' ? elementStart(this.text, end) : entryStart(this.text, end);
      this.end = start - 1;
      if (start < 0) {
        this.line = 0;
        this.end = -1;
        return null;
      }
      if (skipSpace(this.text, start, end) === end) continue;
      return this.header === 'forwarded' ? this.element(start, end) : this.entry(start, end);
    }
    this.line = 0;
    this.end = -1;
    return null;
  }

  private entry(start: number, end: number): IpAddress | null {
    const ip = readNode(this.text, start, end);
    this.isUnnamed = ip === null && isUnnamedNode(this.text, start, end);
    return ip;
  }

  private element(start: number, end: number): IpAddress | null {
    const found = readElement(this.text, start, end);
    if (found instanceof IpAddress) return found;
    this.isUnnamed = found === 'unnamed';
    return null;
  }
}

/** The address of a header that holds exactly one, `null` where it holds anything else. */
export function readSingleAddress(value: unknown): IpAddress | null {
  const text = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return typeof text === 'string' && text.length <= MAX_ENTRY
    ? readNode(text, 0, text.length)
    : null;
}

/** Where the entry that ends at `end` starts, or -1 when it is too long to be one. */
function entryStart(text: string, end: number): number {
  for (let i = end, stop = Math.max(0, end - MAX_ENTRY); ; i--) {
    if (i === 0 || text.charCodeAt(i - 1) === COMMA) return i;
    if (i === stop) return -1;
  }
}

/** As {@link entryStart} for RFC 7239, where a comma inside quotes separates nothing. */
function elementStart(text: string, end: number): number {
  let isQuoted = false;
  for (let i = end, stop = Math.max(0, end - MAX_ELEMENT); ; i--) {
    if (i === 0) return 0;
    const c = text.charCodeAt(i - 1);
    if (c === COMMA && !isQuoted) return i;
    if (c === QUOTE && !(isQuoted && isEscaped(text, i - 1))) isQuoted = !isQuoted;
    if (i === stop) return -1;
  }
}

function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (start > 0 && text.charCodeAt(start - 1) === BACKSLASH) start--;
  return ((at - start) & 1) === 1;
}

/**
 * The `for` of one RFC 7239 section 4 element; `unnamed` without one, or where it names nobody; or `null`: with two of them (section 4 forbids it, and to
 * pick one is to guess), or where the element is not well-formed to its end. Values may have `:`, `[` and `]` without
 * quotes, because proxies write them.
 */
function readElement(text: string, start: number, end: number): IpAddress | 'unnamed' | null {
  let found: IpAddress | 'unnamed' | null | undefined;
  let i = skipSpace(text, start, end);
  while (i < end) {
    if (text.charCodeAt(i) === SEMICOLON) {
      i = skipSpace(text, i + 1, end);
      continue;
    }
    const nameStart = i;
    while (i < end && isTokenChar(text.charCodeAt(i))) i++;
    if (i === nameStart || i === end || text.charCodeAt(i) !== EQUALS) return null;
    const isFor = i - nameStart === 3 && text.slice(nameStart, i).toLowerCase() === 'for';
    const valueStart = ++i;
    const isQuoted = i < end && text.charCodeAt(i) === QUOTE;
    i = isQuoted ? quotedEnd(text, i, end) : bareEnd(text, i, end);
    if (i < 0) return null;
    if (isFor) {
      if (found !== undefined) return null;
      found = isQuoted
        ? readQuoted(text.slice(valueStart + 1, i - 1))
        : readNamed(text, valueStart, i);
    }
    i = skipSpace(text, i, end);
    if (i < end && text.charCodeAt(i) !== SEMICOLON) return null;
  }
  return found === undefined ? 'unnamed' : found;
}

function readNamed(text: string, start: number, end: number): IpAddress | 'unnamed' | null {
  return readNode(text, start, end) ?? (isUnnamedNode(text, start, end) ? 'unnamed' : null);
}

/** After the closing quote of RFC 9110 section 5.6.4, or -1. */
function quotedEnd(text: string, start: number, end: number): number {
  for (let i = start + 1; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) return i + 1;
    if (c === BACKSLASH) i++;
  }
  return -1;
}

function bareEnd(text: string, start: number, end: number): number {
  let i = start;
  for (; i < end; i++) {
    const c = text.charCodeAt(i);
    if (!isTokenChar(c) && c !== COLON && c !== 91 && c !== 93) break;
  }
  return i === start ? -1 : i;
}

function readQuoted(value: string): IpAddress | 'unnamed' | null {
  const text = value.includes('\\') ? value.replace(/\\(.)/gs, '$1') : value;
  return readNamed(text, 0, text.length);
}

/**
 * An address as forwarding headers have it: bare, `192.0.2.1:80`, `[2001:db8::1]` or `[2001:db8::1]:80`. `unknown`,
 * obfuscated names (RFC 7239 section 6.3), zone ids and the unspecified addresses name nobody: `null`.
 */
export function readNode(text: string, from: number, to: number): IpAddress | null {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  const ip =
    text.charCodeAt(start) === 91 ? readBracketed(text, start, end) : readBare(text, start, end);
  return ip === null || isUnspecified(ip) ? null : ip;
}

/** RFC 7239 section 6: `unknown` or an obfuscated name, which begins with `_`, with a port or without. */
function isUnnamedNode(text: string, from: number, to: number): boolean {
  const node = text.slice(from, to).trim();
  return /^(?:unknown|_[\w.-]{1,64})(?::(?:\d{1,5}|_[\w.-]{1,64}))?$/i.test(node);
}

function readBracketed(text: string, start: number, end: number): IpAddress | null {
  const close = text.indexOf(']', start);
  if (close < 0 || close >= end) return null;
  if (close + 1 < end && !isPort(text, close + 1, end)) return null;
  // RFC 3986 section 3.2.2: brackets hold an IPv6 address, never an IPv4 one.
  if (readIp(text, start + 1, close) !== 6) return null;
  return IpAddress.fromV6(readWords[0]!, readWords[1]!, readWords[2]!, readWords[3]!);
}

function readBare(text: string, start: number, end: number): IpAddress | null {
  const whole = parseIpAt(text, start, end);
  if (whole !== null) return whole;
  const colon = text.indexOf(':', start);
  if (colon < 0 || colon >= end || !isPort(text, colon, end)) return null;
  return parseIpAt(text, start, colon);
}

/** RFC 7239 section 6: a colon, then one to five digits or an obfuscated port. */
function isPort(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(start) !== COLON || start + 1 === end) return false;
  if (text.charCodeAt(start + 1) === 95) {
    for (let i = start + 2; i < end; i++) if (!isTokenChar(text.charCodeAt(i))) return false;
    return start + 2 < end;
  }
  if (end - start > 6) return false;
  let port = 0;
  for (let i = start + 1; i < end; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65535;
}

function skipSpace(text: string, start: number, end: number): number {
  let i = start;
  while (i < end && isSpace(text.charCodeAt(i))) i++;
  return i;
}

function isSpace(c: number): boolean {
  return c === SPACE || c === TAB;
}

const tokenChars = new Uint8Array(128);
for (const c of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  tokenChars[c.charCodeAt(0)] = 1;
}

/** `tchar` of RFC 9110 section 5.6.2. */
export function isTokenChar(c: number): boolean {
  return c < 128 && tokenChars[c] === 1;
}
