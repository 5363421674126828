import { LRUCache } from 'lru-cache';
import type { IpAddress } from '../net/ip-address.js';
import { isPrivateOrSpecial } from '../net/special-ranges.js';
import type { GeoPlace, GeoProvider } from './geo-provider.js';

/** What is answered for an address that nothing is known about. */
export const UNKNOWN_PLACE: GeoPlace = Object.freeze({ country: null, city: null });

/** What a {@link GeoService} needs besides its provider. */
export interface GeoServiceOptions {
  /** How long an answer is kept, in milliseconds. */
  cacheTtlMs: number;
  /** How many addresses are kept at most; the longest unused goes first. */
  cacheMaxEntries: number;
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
  /** Called when the provider cannot be loaded, and at its first failing lookup. */
  onError(error: unknown): void;
}

/**
 * Places by address, from a provider through a bounded cache that keeps what is unknown as well. It never throws and
 * never waits: while the provider is not loaded, and when it fails, a place is unknown and not cached.
 */
export class GeoService {
  private readonly cache: LRUCache<string, GeoPlace>;
  private loading: Promise<void> | null = null;
  private isLoaded = false;
  private hasReported = false;

  constructor(
    private readonly provider: GeoProvider | null,
    private readonly options: GeoServiceOptions,
  ) {
    this.cache = new LRUCache({
      max: options.cacheMaxEntries,
      ttl: options.cacheTtlMs,
      // The clock is asked each time: it may be the test's.
      ttlResolution: 0,
      perf: { now: options.now },
    });
  }

  /** How many addresses are in the cache. */
  get cachedEntries(): number {
    return this.cache.size;
  }

  /** Loads the provider, once. Never rejects: a provider that fails leaves places unknown. */
  async ready(): Promise<void> {
    this.loading ??= this.load();
    return this.loading;
  }

  /** The place of an address, as far as it is known right now. */
  lookup(ip: IpAddress | null): GeoPlace {
    if (ip === null || this.provider === null) return UNKNOWN_PLACE;
    const key = ip.toString();
    const cached = this.cache.get(key);
    if (cached !== undefined) return cached;
    if (isPrivateOrSpecial(ip)) return UNKNOWN_PLACE;
    if (!this.isLoaded) {
      void this.ready();
      return UNKNOWN_PLACE;
    }
    return this.ask(this.provider, ip, key);
  }

  private ask(provider: GeoProvider, ip: IpAddress, key: string): GeoPlace {
    try {
      const place = provider.lookup(ip) ?? UNKNOWN_PLACE;
      this.cache.set(key, place);
      return place;
    } catch (error) {
      this.report(error);
      return UNKNOWN_PLACE;
    }
  }

  private async load(): Promise<void> {
    try {
      await this.provider?.load?.();
      this.isLoaded = true;
    } catch (error) {
      this.report(error);
    }
  }

  private report(error: unknown): void {
    if (this.hasReported) return;
    this.hasReported = true;
    this.options.onError(error);
  }
}
