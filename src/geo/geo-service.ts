import { LRUCache } from 'lru-cache';
import type { IpAddress } from '../net/ip-address.js';
import { isPrivateOrSpecial } from '../net/special-ranges.js';
import { cleanPlace, UNKNOWN_PLACE } from './clean-place.js';
import type { GeoCoordinates } from './coordinates.js';
import type { GeoPlace, GeoProvider } from './geo-provider.js';
import { type AddressKey, PendingLookups } from './pending-lookups.js';

const DAY_MS = 86_400_000;

/** What a {@link GeoService} needs besides its provider. */
export interface GeoServiceOptions {
  /** How long an answer is kept, in milliseconds. */
  cacheTtlMs: number;
  /** How many addresses are kept at most; the longest unused goes first. */
  cacheMaxEntries: number;
  /** How long {@link GeoService.locate} waits for a provider that answers later, in milliseconds. @default 1000 */
  lookupTimeoutMs?: number;
  /** Data that is older than this many days is warned about; 0 for never. @default 365 */
  warnAfterDays?: number;
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
  /** Epoch milliseconds, for the age of the data. @default the system's clock */
  wallNow?(): number;
  /** Called when the provider cannot be loaded, and at its first failing lookup. */
  onError(error: unknown): void;
  /** Called with a sentence for the operator: the data is old, or could not be renewed. */
  onWarning?(message: string): void;
}

/** What is known of where places come from. */
export interface GeoStatus {
  /** Its name; null where places are off. */
  provider: string | null;
  isLoaded: boolean;
  /** The day that its data is of; null where it cannot tell. */
  dataDate: Date | null;
  /** How many addresses' places are in memory. */
  cachedEntries: number;
}

/**
 * Places by address, from a provider through a bounded cache that keeps what is unknown as well. It never throws, and
 * asks once for an address however often that comes meanwhile. While the provider is not loaded, and when it fails, a
 * place is unknown and not cached.
 */
export class GeoService {
  private readonly cache: LRUCache<AddressKey, GeoPlace>;
  private readonly pending: PendingLookups;
  private loading: Promise<void> | null = null;
  private isLoaded = false;
  private hasReported = false;

  /** @internal */
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
    this.pending = new PendingLookups(options.lookupTimeoutMs ?? 1_000, options.now);
  }

  /** How many addresses are in the cache. */
  get cachedEntries(): number {
    return this.cache.size;
  }

  /** Whether there is anything to ask where an address is. */
  get hasProvider(): boolean {
    return this.provider !== null;
  }

  /** The day that the provider's data is of; null where there is no provider, or it cannot tell. */
  get dataDate(): Date | null {
    return this.provider?.dataDate ?? null;
  }

  /** What is known of where places come from. */
  get status(): GeoStatus {
    return {
      provider: this.provider?.name ?? null,
      isLoaded: this.isLoaded && this.provider !== null,
      dataDate: this.dataDate,
      cachedEntries: this.cachedEntries,
    };
  }

  /** Loads the provider, once. Never rejects: a provider that fails leaves places unknown. @internal */
  async ready(): Promise<void> {
    this.loading ??= this.load();
    return this.loading;
  }

  /**
   * The place of an address, as far as it is known right now; never waits. Of a provider that answers later, the first
   * call sets the lookup off and says "unknown", and calls after the answer have it.
   */
  lookup(ip: IpAddress | null): GeoPlace {
    const place = this.find(ip);
    return place instanceof Promise ? UNKNOWN_PLACE : place;
  }

  /**
   * The place of an address, for work that no request waits for. Where the provider answers later, a promise that is
   * kept within `lookupTimeoutMs`; a provider that has let that pass is not waited for again until it has answered.
   */
  locate(ip: IpAddress | null): GeoPlace | Promise<GeoPlace> {
    const place = this.find(ip);
    return place instanceof Promise ? this.pending.inTime(place, UNKNOWN_PLACE) : place;
  }

  /** The coordinates of an address, as the provider has them in memory; null where it has none, or fails. Never waits. */
  coordinates(ip: IpAddress): GeoCoordinates | null {
    if (!this.isLoaded || isPrivateOrSpecial(ip)) return null;
    try {
      return this.provider?.coordinates?.(ip) ?? null;
    } catch {
      return null;
    }
  }

  /** Lets the provider go. */
  async close(): Promise<void> {
    await this.provider?.close?.();
  }

  private find(ip: IpAddress | null): GeoPlace | Promise<GeoPlace> {
    if (ip === null || this.provider === null) return UNKNOWN_PLACE;
    const key = ip.family === 4 ? ip.w0 : ip.toString();
    const cached = this.cache.get(key);
    if (cached !== undefined) return cached;
    if (isPrivateOrSpecial(ip)) return UNKNOWN_PLACE;
    if (!this.isLoaded) {
      void this.ready();
      return UNKNOWN_PLACE;
    }
    return this.pending.of(key) ?? this.ask(this.provider, ip, key);
  }

  private ask(provider: GeoProvider, ip: IpAddress, key: AddressKey): GeoPlace | Promise<GeoPlace> {
    if (this.pending.isFull) return UNKNOWN_PLACE;
    try {
      const said = provider.lookup(ip);
      if (!isPromise(said)) return this.keep(key, said);
      return this.pending.add(
        key,
        Promise.resolve(said).then(
          (later) => this.keep(key, later),
          (error: unknown) => this.fail(error),
        ),
      );
    } catch (error) {
      return this.fail(error);
    }
  }

  private keep(key: AddressKey, said: unknown): GeoPlace {
    const place = cleanPlace(said);
    this.cache.set(key, place);
    return place;
  }

  private async load(): Promise<void> {
    try {
      await this.provider?.load?.((message) => this.options.onWarning?.(message));
      this.isLoaded = true;
      this.warnOfAge();
    } catch (error) {
      this.fail(error);
    }
  }

  private warnOfAge(): void {
    const { warnAfterDays = 365, wallNow = Date.now, onWarning } = this.options;
    const { dataDate } = this;
    if (warnAfterDays === 0 || dataDate === null || this.provider === null) return;
    if (wallNow() - dataDate.getTime() <= warnAfterDays * DAY_MS) return;
    onWarning?.(
      `places come from ${this.provider.name}'s data of ${dataDate.toISOString().slice(0, 10)}, and networks have moved since: ` +
        "renew it, or give a current .mmdb file, geo: { provider: new MaxMindProvider({ path: '...' }) }; geo.warnAfterDays: 0 keeps this quiet",
    );
  }

  private fail(error: unknown): GeoPlace {
    if (!this.hasReported) {
      this.hasReported = true;
      this.options.onError(error);
    }
    return UNKNOWN_PLACE;
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>> | null)?.then === 'function';
}
