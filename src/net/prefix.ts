import { IpTrackingError } from '../ip-tracking.errors.js';
import { IpAddress, isMapped } from './ip-address.js';
import { readIp, readWords, v4Text, v6Text } from './ip-text.js';

/**
 * A network: an address with its host bits cleared, and a length in bits. IPv4 and IPv6 never mix: `::/0` contains no
 * IPv4 address, and a mapped prefix of /96 or longer is its IPv4 prefix. The words are signed, as in `IpAddress`.
 */
export class Prefix {
  private constructor(
    /** 4 or 6. */
    readonly family: 4 | 6,
    /** How many leading bits are fixed: 0 to 32, or 0 to 128. */
    readonly length: number,
    readonly w0: number,
    readonly w1: number,
    readonly w2: number,
    readonly w3: number,
  ) {}

  /**
   * The prefix of the given length around an address.
   * @throws {IpTrackingError} `IPT_INVALID_PREFIX` when the length is not an integer from 0 to 32 or 128.
   */
  static of(ip: IpAddress, length: number): Prefix {
    const bits = ip.family === 4 ? 32 : 128;
    if (!Number.isInteger(length) || length < 0 || length > bits) {
      throw new IpTrackingError(
        'IPT_INVALID_PREFIX',
        `A prefix of ${ip.toString()} cannot be ${String(length)} bits long. ` +
          `Use a whole number from 0 to ${bits}.`,
      );
    }
    return ip.family === 4
      ? Prefix.fromV4(ip.w0, length)
      : Prefix.fromV6(ip.w0, ip.w1, ip.w2, ip.w3, length);
  }

  /** The IPv4 prefix of 32 bits and a length from 0 to 32, which is not checked; host bits are masked off. */
  static fromV4(address: number, length: number): Prefix {
    return new Prefix(4, length, address & maskWord(length), 0, 0, 0);
  }

  /**
   * The prefix of four 32-bit words and a length from 0 to 128, which is not checked; host bits are masked off. Mapped
   * bits with a length of 96 or more give the IPv4 prefix; with a shorter one an IPv6 prefix that covers no IPv4.
   */
  static fromV6(w0: number, w1: number, w2: number, w3: number, length: number): Prefix {
    if (length >= 96 && isMapped(w0, w1, w2)) return Prefix.fromV4(w3, length - 96);
    return new Prefix(
      6,
      length,
      w0 & maskWord(length),
      w1 & maskWord(length - 32),
      w2 & maskWord(length - 64),
      w3 & maskWord(length - 96),
    );
  }

  /** Whether the address lies in this network. An address of the other family never does. */
  contains(ip: IpAddress): boolean {
    return ip.family === this.family && this.covers(ip);
  }

  /** Whether all of the other network lies in this one; true for equals. */
  containsPrefix(other: Prefix): boolean {
    return other.family === this.family && other.length >= this.length && this.covers(other);
  }

  /** Whether the networks share an address. Two prefixes do only where one contains the other. */
  overlaps(other: Prefix): boolean {
    return this.containsPrefix(other) || other.containsPrefix(this);
  }

  /** Whether both are the same network. */
  equals(other: Prefix): boolean {
    return this.length === other.length && this.containsPrefix(other);
  }

  /** The canonical text, always with its length: `192.0.2.0/24`, `2001:db8::/32`, `192.0.2.1/32`. */
  toString(): string {
    const address =
      this.family === 4 ? v4Text(this.w0) : v6Text(this.w0, this.w1, this.w2, this.w3);
    return `${address}/${this.length}`;
  }

  /** The canonical text. */
  toJSON(): string {
    return this.toString();
  }

  private covers(bits: { w0: number; w1: number; w2: number; w3: number }): boolean {
    const length = this.length;
    if (((bits.w0 ^ this.w0) & maskWord(length)) !== 0) return false;
    if (length <= 32) return true;
    if (((bits.w1 ^ this.w1) & maskWord(length - 32)) !== 0) return false;
    if (length <= 64) return true;
    if (((bits.w2 ^ this.w2) & maskWord(length - 64)) !== 0) return false;
    return ((bits.w3 ^ this.w3) & maskWord(length - 96)) === 0;
  }
}

/** The mask of one 32-bit word of which `length` leading bits are kept; out of range means none or all. */
export function maskWord(length: number): number {
  if (length >= 32) return -1;
  // A shift by 32 is a shift by 0 in ECMAScript, hence the case for 0.
  return length <= 0 ? 0 : -1 << (32 - length);
}

/**
 * Reads CIDR notation (RFC 4632 section 3.1) or a bare address, which is the prefix of that one address. Host bits are
 * masked off. `null` for everything else, `/33`, `/`, `/01`, `/-1`, `/1e1`, `/ 8` and values that are not strings
 * included. The length of a mapped address counts 128 bits: `::ffff:10.0.0.0/104` is `10.0.0.0/8`, and one shorter
 * than /96 never covers IPv4. It never throws.
 */
export function parsePrefix(text: string): Prefix | null {
  if (typeof text !== 'string') return null;
  let slash = text.length;
  let length = -1;
  // The length has at most three digits, so the slash is one of the last four characters or not there at all.
  for (let i = text.length - 1, stop = Math.max(0, text.length - 4); i >= stop; i--) {
    if (text.charCodeAt(i) === 47) {
      slash = i;
      length = readLength(text, i + 1);
      if (length < 0) return null;
      break;
    }
  }
  const family = readIp(text, 0, slash);
  if (family === 0) return null;
  const bits = family === 4 ? 32 : 128;
  if (length > bits) return null;
  if (length < 0) length = bits;
  return family === 4
    ? Prefix.fromV4(readWords[0]!, length)
    : Prefix.fromV6(readWords[0]!, readWords[1]!, readWords[2]!, readWords[3]!, length);
}

function readLength(text: string, start: number): number {
  if (start === text.length) return -1;
  let length = 0;
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    if (i > start && length === 0) return -1;
    length = length * 10 + digit;
  }
  return length;
}
