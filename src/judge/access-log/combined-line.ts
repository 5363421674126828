import type { IpAddress } from '../../net/ip-address.js';
import type { AccessLogLine } from './access-log-line.js';
import type { LineAddresses } from './line-addresses.js';
import { LINE_TIME_LENGTH, type LineTime } from './line-time.js';
import { closingQuote, unescapeField } from './quoted-field.js';
import { splitRequestLine } from './request-line.js';

const SPACE = 32;
const QUOTE = 34;
const MINUS = 45;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

/**
 * Reads `address identity user [time] "request" status bytes "referer" "user agent"`, as Apache's and nginx's "combined"
 * write it, and "common", which ends after the bytes. A virtual host may stand before the address, as in Debian's
 * `other_vhosts_access.log`; what follows the user agent is not looked at. The last field may lack its closing quote.
 *
 * Called once a line of logs of any size, it goes by positions and makes no text but those that it returns.
 */
export class CombinedLineReader {
  /** Whether the line that was read last had a referer or user agent, which "common" has not. */
  isCombined = false;

  private timestampMs = Number.NaN;
  private status = 0;
  private bytes: number | null = null;

  constructor(
    private readonly addresses: LineAddresses,
    private readonly time: LineTime,
  ) {}

  /** The request that `line[start, end)` tells of; null where that is no line of these formats. */
  read(line: Buffer, start: number, end: number): AccessLogLine | null {
    const { addresses } = this;
    let ip = addresses.read(line, start, end);
    let host: string | null = null;
    if (ip === null) {
      const hostEnd = addresses.end;
      if (hostEnd >= end) return null;
      ip = addresses.read(line, hostEnd + 1, end);
      if (ip === null) return null;
      host = hostOf(line, start, hostEnd);
    }
    return this.readAfter(addresses.end, ip, host, line, end);
  }

  private readAfter(
    addressEnd: number,
    ip: IpAddress,
    host: string | null,
    line: Buffer,
    end: number,
  ): AccessLogLine | null {
    const bracket = this.findTime(line, addressEnd, end);
    if (bracket < 0) return null;
    const requestStart = bracket + LINE_TIME_LENGTH + 4;
    const requestEnd = closingQuote(line, requestStart, end);
    if (requestEnd < 0) return null;
    let at = this.readNumbers(line, requestEnd + 1, end);
    if (at < 0) return null;

    let referer: string | null = null;
    let userAgent: string | null = null;
    this.isCombined = line[at] === SPACE && line[at + 1] === QUOTE && at + 1 < end;
    if (this.isCombined) {
      const refererEnd = closingQuote(line, at + 2, end);
      referer = fieldOf(line, at + 2, refererEnd < 0 ? end : refererEnd);
      at = refererEnd + 1;
      if (refererEnd >= 0 && line[at] === SPACE && line[at + 1] === QUOTE && at + 1 < end) {
        const agentEnd = closingQuote(line, at + 2, end);
        userAgent = fieldOf(line, at + 2, agentEnd < 0 ? end : agentEnd);
      }
    }
    const { method, target, protocol } = splitRequestLine(line, requestStart, requestEnd);
    return {
      timestampMs: this.timestampMs,
      ip,
      method,
      target,
      protocol,
      status: this.status,
      bytes: this.bytes,
      referer,
      userAgent,
      host,
      durationMs: null,
      remoteUser:
        bracket === addressEnd + 5 && line[bracket - 2] === MINUS
          ? null
          : userOf(line, addressEnd + 1, bracket - 1),
    };
  }

  /**
   * The bracket before the time. The user, whom a client names as it likes, may hold brackets and spaces, but never a
   * quote, which servers escape: so the right bracket is the first one whose time is followed by the request's quote.
   */
  private findTime(line: Buffer, addressEnd: number, end: number): number {
    const last = end - LINE_TIME_LENGTH - 4;
    // Nearly all lines have ` - - [` here.
    if (addressEnd + 5 <= last && line[addressEnd + 5] === OPEN_BRACKET) {
      if (
        line[addressEnd + 1] === MINUS &&
        line[addressEnd + 3] === MINUS &&
        this.isTimeAt(line, addressEnd + 5)
      ) {
        return addressEnd + 5;
      }
    }
    for (let i = addressEnd + 1; i <= last; i++) {
      if (line[i] === OPEN_BRACKET && line[i - 1] === SPACE && this.isTimeAt(line, i)) return i;
    }
    return -1;
  }

  private isTimeAt(line: Buffer, bracket: number): boolean {
    const close = bracket + 1 + LINE_TIME_LENGTH;
    if (line[close] !== CLOSE_BRACKET || line[close + 1] !== SPACE || line[close + 2] !== QUOTE) {
      return false;
    }
    this.timestampMs = this.time.read(line, bracket + 1);
    return !Number.isNaN(this.timestampMs);
  }

  /** Reads ` 200 512` and says where it ends; -1 where something else stands there. The size may be missing. */
  private readNumbers(line: Buffer, from: number, end: number): number {
    if (line[from] !== SPACE) return -1;
    let at = from + 1;
    if (line[at] === MINUS) {
      this.status = 0;
      at += 1;
    } else {
      const hundreds = line[at]! - 48;
      const tens = line[at + 1]! - 48;
      const ones = line[at + 2]! - 48;
      if (!(isDigit(hundreds) && isDigit(tens) && isDigit(ones))) return -1;
      this.status = hundreds * 100 + tens * 10 + ones;
      at += 3;
    }
    if (at > end) return -1;
    this.bytes = null;
    if (at === end) return at;
    if (line[at] !== SPACE) return -1;
    if (at + 1 === end) return at;
    if (line[at + 1] === MINUS) return at + 2;
    let size = 0;
    let digit = line[at + 1]! - 48;
    if (!isDigit(digit)) return at;
    for (at += 1; at < end && isDigit(digit); digit = line[++at]! - 48) size = size * 10 + digit;
    this.bytes = size;
    return at;
  }
}

function isDigit(digit: number): boolean {
  return digit >= 0 && digit <= 9;
}

/** A field of which the server says that it was not there is null; one that was empty is empty. */
function fieldOf(line: Buffer, start: number, end: number): string | null {
  if (end - start === 1 && line[start] === MINUS) return null;
  return unescapeField(line.toString('latin1', start, end));
}

/** The user after the identity, which is one word and hardly ever anything but `-`. */
function userOf(line: Buffer, start: number, end: number): string | null {
  const identityAndUser = line.toString('latin1', start, end);
  const user = unescapeField(identityAndUser.slice(identityAndUser.indexOf(' ') + 1));
  return user === '-' || user === '' || user === '""' ? null : user;
}

/** The virtual host, without the port that Debian's format adds. */
function hostOf(line: Buffer, start: number, end: number): string {
  return line.toString('latin1', start, end).replace(/:\d{1,5}$/, '');
}
