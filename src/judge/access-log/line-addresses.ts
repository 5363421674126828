import { IpAddress, parseIp } from '../../net/ip-address.js';

const SPACE = 32;
const DOT = 46;

/** A power of two: so many IPv4 addresses are kept, each in the one place that its bits give it. */
const V4_SLOTS = 8_192;
/** Beyond this many, the texts that are kept are forgotten together. */
const TEXT_ENTRIES = 8_192;

/** Reads the addresses of an access log, where the same ones come again and again: those seen lately are kept. */
export class LineAddresses {
  private readonly v4: (IpAddress | undefined)[] = Array.from({ length: V4_SLOTS });
  private readonly texts = new Map<string, IpAddress>();

  /** Where the word ended that {@link read} looked at last: at a space, or at the end. */
  end = 0;

  /** The address that the word at `start` is, up to a space or `end`; null where the word is none. */
  read(bytes: Uint8Array, start: number, end: number): IpAddress | null {
    let address = 0;
    let octet = 0;
    let digits = 0;
    let dots = 0;
    let i = start;
    for (; i < end; i++) {
      const byte = bytes[i]!;
      if (byte === SPACE) break;
      if (byte === DOT) {
        if (digits === 0) return this.readWord(bytes, start, end);
        address = (address << 8) | octet;
        dots++;
        octet = 0;
        digits = 0;
      } else {
        // What is no plain dotted decimal is for the one reader that knows every notation.
        const digit = byte - 48;
        if (digit < 0 || digit > 9 || (digits !== 0 && octet === 0) || digits === 3) {
          return this.readWord(bytes, start, end);
        }
        octet = octet * 10 + digit;
        digits++;
        if (octet > 255) return this.readWord(bytes, start, end);
      }
    }
    if (dots !== 3 || digits === 0) return this.readWord(bytes, start, end);
    this.end = i;
    return this.ofV4((address << 8) | octet);
  }

  /** The address that a text is, as JSON has it. */
  readText(text: string): IpAddress | null {
    const kept = this.texts.get(text);
    if (kept !== undefined) return kept;
    const ip = parseIp(text);
    if (ip === null) return null;
    if (this.texts.size >= TEXT_ENTRIES) this.texts.clear();
    this.texts.set(text, ip);
    return ip;
  }

  private readWord(bytes: Uint8Array, start: number, end: number): IpAddress | null {
    let i = start;
    while (i < end && bytes[i] !== SPACE) i++;
    this.end = i;
    // Longer than any address there is: not worth a text.
    if (i - start > 64) return null;
    return this.readText(latin1(bytes, start, i));
  }

  private ofV4(address: number): IpAddress {
    const slot = (Math.imul(address, 0x9e3779b1) >>> 19) & (V4_SLOTS - 1);
    const kept = this.v4[slot];
    if (kept !== undefined && kept.w0 === address) return kept;
    return (this.v4[slot] = IpAddress.fromV4(address));
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
