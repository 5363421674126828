import type { GeoPlace } from './geo-provider.js';

/** Beyond this many, a provider that answers later is not asked for more. */
const MAX_PENDING = 10_000;
/** A lookup that has not been answered for so long is taken for lost, and may be asked again. */
const LOST_AFTER_MS = 30_000;

/** What an address is remembered by: the bits of an IPv4 address, which need no text to be made, or the text. */
export type AddressKey = number | string;

interface Pending {
  readonly place: Promise<GeoPlace>;
  readonly since: number;
}

/** The lookups of a provider that answers later: one for an address at a time, and a bounded number in all. */
export class PendingLookups {
  private readonly byKey = new Map<AddressKey, Pending>();
  /** False since a lookup took too long, until one is answered: whoever waits must not wait for each anew. */
  private isPatient = true;

  /** @param now milliseconds of a clock that only moves forward. */
  constructor(
    private readonly timeoutMs: number,
    private readonly now: () => number,
  ) {}

  get isFull(): boolean {
    if (this.byKey.size < MAX_PENDING) return false;
    // The first is the oldest.
    for (const [key, { since }] of this.byKey) {
      if (this.now() - since < LOST_AFTER_MS) break;
      this.byKey.delete(key);
    }
    return this.byKey.size >= MAX_PENDING;
  }

  /** The lookup that is under way for an address. */
  of(key: AddressKey): Promise<GeoPlace> | undefined {
    const pending = this.byKey.get(key);
    if (pending === undefined) return undefined;
    return this.now() - pending.since < LOST_AFTER_MS ? pending.place : undefined;
  }

  /** @param place never rejects. */
  add(key: AddressKey, place: Promise<GeoPlace>): Promise<GeoPlace> {
    const pending: Pending = {
      place: place.then((found) => this.settle(key, pending, found)),
      since: this.now(),
    };
    this.byKey.delete(key);
    this.byKey.set(key, pending);
    return pending.place;
  }

  /** What a lookup comes to, or `fallback` if that takes too long. */
  inTime(place: Promise<GeoPlace>, fallback: GeoPlace): GeoPlace | Promise<GeoPlace> {
    if (!this.isPatient) return fallback;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.isPatient = false;
        resolve(fallback);
      }, this.timeoutMs);
      void place.finally(() => clearTimeout(timer)).then(resolve);
    });
  }

  private settle(key: AddressKey, pending: Pending, found: GeoPlace): GeoPlace {
    this.isPatient = true;
    if (this.byKey.get(key) === pending) this.byKey.delete(key);
    return found;
  }
}
