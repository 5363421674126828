import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { IpAddress } from '../net/ip-address.js';

/** Clients that come again within a period are hashed once. */
const MAX_CACHED = 10_000;
/** Unique local addresses (RFC 4193): the column's type and every query stay, and no client on the internet has one. */
const FIRST_BYTE = 0xfd;

/**
 * Turns addresses into keyed hashes that are addresses themselves, inside `fd00::/8`.
 *
 * The 56 bits after the first byte hash the client as limits and findings count it, an IPv4 address or the /64 of an
 * IPv6 one; the last 64 bits hash the whole address. So whoever counts stored IPv6 addresses by /64 counts hashed clients
 * rightly, too, and no client escapes detection by moving about in their own network.
 *
 * The key of a period is derived from the secret (HMAC-SHA256, RFC 2104), so that a client has one hash within a period
 * and another, which nobody without the secret can tie to the first, in the next.
 */
export class HashedAddress {
  private readonly cache = new LRUCache<string, IpAddress>({ max: MAX_CACHED });
  private readonly keys = new LRUCache<number, Buffer>({ max: 8 });

  /** @param secret 32 bytes or more. */
  constructor(
    private readonly secret: string,
    private readonly rotateEveryMs: number,
  ) {}

  /** The hash of an address at a moment, in epoch milliseconds. */
  at(ip: IpAddress, timestampMs: number): IpAddress {
    return this.inPeriod(ip, this.periodOf(timestampMs));
  }

  /** Every hash that an address has had from one moment to another, both included, the oldest first. */
  between(ip: IpAddress, fromMs: number, toMs: number): IpAddress[] {
    const hashes: IpAddress[] = [];
    for (let period = this.periodOf(fromMs); period <= this.periodOf(toMs); period += 1) {
      hashes.push(hash(ip, this.keyOf(period)));
    }
    return hashes;
  }

  private periodOf(timestampMs: number): number {
    return Math.floor(timestampMs / this.rotateEveryMs);
  }

  private inPeriod(ip: IpAddress, period: number): IpAddress {
    const name = `${period} ${ip.toString()}`;
    const known = this.cache.get(name);
    if (known !== undefined) return known;
    const hashed = hash(ip, this.keyOf(period));
    this.cache.set(name, hashed);
    return hashed;
  }

  private keyOf(period: number): Buffer {
    const known = this.keys.get(period);
    if (known !== undefined) return known;
    // The length of a period is part of its name: the same number stands for another time after it was changed.
    const key = createHmac('sha256', this.secret)
      .update(`nestjs-ip-tracking address ${this.rotateEveryMs} ${period}`)
      .digest();
    this.keys.set(period, key);
    return key;
  }
}

function hash(ip: IpAddress, key: Buffer): IpAddress {
  const bytes = Buffer.alloc(20);
  // Written byte by byte, so that machines of either byte order make the same hash.
  [ip.family, ip.w0, ip.w1, ip.w2, ip.w3].forEach((word, at) => bytes.writeInt32BE(word, 4 * at));
  const client = createHmac('sha256', key).update(bytes.subarray(0, 12)).digest();
  const whole = createHmac('sha256', key).update(bytes).digest();
  client[0] = FIRST_BYTE;
  return IpAddress.fromV6(
    client.readInt32BE(0),
    client.readInt32BE(4),
    whole.readInt32BE(0),
    whole.readInt32BE(4),
  );
}
