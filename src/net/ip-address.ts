import { IpTrackingError } from '../ip-tracking.errors.js';
import { show } from '../options/checks.js';
import { readIp, readWords, v4Text, v6Text } from './ip-text.js';

/**
 * One IP address as bits. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) does not exist here: it is its IPv4
 * address, decided by its bits, so that a dual-stack socket and a header name the same client by the same value.
 *
 * The words are signed 32-bit integers (`word >>> 0` is the unsigned value): V8 keeps those inside the object, while
 * it would box every one above 2^31. IPv4 is `w0` alone and the rest are 0.
 */
export class IpAddress {
  private constructor(
    /** 4 or 6. */
    readonly family: 4 | 6,
    /** The first 32 bits, signed; for IPv4 the whole address. */
    readonly w0: number,
    /** Bits 32 to 63, signed. */
    readonly w1: number,
    /** Bits 64 to 95, signed. */
    readonly w2: number,
    /** Bits 96 to 127, signed. */
    readonly w3: number,
  ) {}

  /** The IPv4 address whose 32 bits, signed or unsigned, are given. */
  static fromV4(address: number): IpAddress {
    return new IpAddress(4, address | 0, 0, 0, 0);
  }

  /** The address whose 128 bits are given as four 32-bit words, signed or unsigned; IPv4 where they are mapped. */
  static fromV6(w0: number, w1: number, w2: number, w3: number): IpAddress {
    if (isMapped(w0, w1, w2)) return new IpAddress(4, w3 | 0, 0, 0, 0);
    return new IpAddress(6, w0 | 0, w1 | 0, w2 | 0, w3 | 0);
  }

  /** Whether both are the same address; how they were written does not matter. */
  equals(other: IpAddress): boolean {
    return (
      this.family === other.family &&
      this.w0 === other.w0 &&
      this.w1 === other.w1 &&
      this.w2 === other.w2 &&
      this.w3 === other.w3
    );
  }

  /** The canonical text: dotted decimal, or RFC 5952. */
  toString(): string {
    return this.family === 4 ? v4Text(this.w0) : v6Text(this.w0, this.w1, this.w2, this.w3);
  }

  /** The canonical text, so that a log line or an answer in JSON shows an address and not its words. */
  toJSON(): string {
    return this.toString();
  }
}

/** Whether 128 bits lie in `::ffff:0:0/96`; the fourth word is then an IPv4 address. */
export function isMapped(w0: number, w1: number, w2: number): boolean {
  return (w2 | 0) === 0xffff && (w1 | 0) === 0 && (w0 | 0) === 0;
}

/**
 * Reads exactly one IPv4 or IPv6 address. Everything else is `null`: leading zeros, octal, hexadecimal or short IPv4
 * forms, ports, brackets, white space, zone ids (`fe80::1%eth0`), values that are not strings. It never throws.
 * A `null` must be treated as "address unknown", never as "matches no rule": a blocklist that lets unreadable text
 * through is open to whoever can send some.
 */
export function parseIp(text: string): IpAddress | null {
  return typeof text === 'string' ? parseIpAt(text, 0, text.length) : null;
}

/**
 * As {@link parseIp}, for what an operator has named.
 *
 * @param what is to be an address, where that has to be said.
 * @throws IpTrackingError `IPT_INVALID_IP` for text that is not exactly one address.
 */
export function requireIp(text: string, what = ''): IpAddress {
  const ip = parseIp(text);
  if (ip !== null) return ip;
  throw new IpTrackingError(
    'IPT_INVALID_IP',
    `${what}${what && ' '}${show(text)} is not an IP address: write one such as 203.0.113.7 or 2001:db8::1`,
  );
}

/** As {@link parseIp}, for `text[start, end)`, without making the substring. */
export function parseIpAt(text: string, start: number, end: number): IpAddress | null {
  const family = readIp(text, start, end);
  if (family === 0) return null;
  if (family === 4) return IpAddress.fromV4(readWords[0]!);
  return IpAddress.fromV6(readWords[0]!, readWords[1]!, readWords[2]!, readWords[3]!);
}

/**
 * Reads the `remoteAddress` of a socket. Node names the zone of a link-local peer (`fe80::1%eth0`); the zone is only
 * meaningful on this host and is dropped (RFC 4007 section 11.2). `null` for a UNIX socket or a socket already closed.
 * Only for what the kernel says: in a header a zone id is refused, like any other text that is not an address.
 */
export function ipFromSocket(remoteAddress: string | undefined): IpAddress | null {
  if (typeof remoteAddress !== 'string') return null;
  const ip = parseIpAt(remoteAddress, 0, remoteAddress.length);
  if (ip !== null) return ip;
  const zone = remoteAddress.indexOf('%');
  if (zone <= 0 || zone === remoteAddress.length - 1) return null;
  const scoped = parseIpAt(remoteAddress, 0, zone);
  return scoped?.family === 6 ? scoped : null;
}
