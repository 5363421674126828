import { IpAddress } from '../net/ip-address.js';
import { HashedAddress } from './hashed-address.js';
import type { PrivacySettings } from './privacy.options.js';

/** Decides what of an address is stored, and what an address may have been stored as. */
export class AddressPrivacy {
  /** The current key's first. */
  private readonly hashes: readonly HashedAddress[];

  constructor(private readonly settings: PrivacySettings) {
    this.hashes = settings.keys.map((key) => new HashedAddress(key, settings.rotateEveryMs));
  }

  /** Whether what is stored is the address itself. */
  get isFull(): boolean {
    return this.settings.address === 'full';
  }

  /** What is stored of an address that was seen at a moment, in epoch milliseconds. */
  stored(ip: IpAddress | null, timestampMs: number): IpAddress | null {
    if (ip === null) return null;
    switch (this.settings.address) {
      case 'full':
        return ip;
      case 'truncated':
        return truncated(ip);
      case 'hashed':
        return this.hashes[0]!.at(ip, timestampMs);
      case 'none':
        return null;
    }
  }

  /**
   * Every form of an address, and of no other, that rows of a stretch of time may hold, whatever the setting was then:
   * the address itself, and its hashes under each key that is known. A truncated address stands for all its neighbours,
   * so it is never among them; under `truncated`, neither is an address that looks like one.
   */
  formsBetween(ip: IpAddress, fromMs: number, toMs: number): IpAddress[] {
    const isShared = this.settings.address === 'truncated' && truncated(ip).equals(ip);
    return [
      ...(isShared ? [] : [ip]),
      ...this.hashes.flatMap((hashed) => hashed.between(ip, fromMs, toMs)),
    ];
  }

  /**
   * The forms by which records that are on their way are known again when they arrive. They are kept for as long, so
   * under `hashed` the address itself is not among them: beside its hashes it would tell whose they are. Where no
   * address is stored that belongs to one client alone there are none.
   */
  arrivingBetween(ip: IpAddress, fromMs: number, toMs: number): IpAddress[] {
    switch (this.settings.address) {
      case 'full':
        return this.formsBetween(ip, fromMs, toMs);
      case 'hashed':
        return this.hashes.flatMap((hashed) => hashed.between(ip, fromMs, toMs));
      case 'truncated':
      case 'none':
        return [];
    }
  }
}

/** An address without what tells a client from their neighbours: IPv4 by /24, IPv6 by /48. */
export function truncated(ip: IpAddress): IpAddress {
  return ip.family === 4
    ? IpAddress.fromV4(ip.w0 & 0xffffff00)
    : IpAddress.fromV6(ip.w0, ip.w1 & 0xffff0000, 0, 0);
}
