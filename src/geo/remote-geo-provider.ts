import { IpTrackingError, messageOf } from '../ip-tracking.errors.js';
import type { IpAddress } from '../net/ip-address.js';
import { cleanPlace } from './clean-place.js';
import { FailurePause } from './failure-pause.js';
import type { GeoPlace, GeoProvider } from './geo-provider.js';
import { getJson, HttpFailure } from './http-json.js';
import { placeOfRecord } from './mmdb-place.js';

/** How a {@link RemoteGeoProvider} asks. */
export interface RemoteGeoProviderOptions {
  /** The address of the API, with `{ip}` where the client's belongs: `https://geo.example/v1/{ip}?fields=country`. */
  url: string;
  /** Headers of each request, such as the API's key. @default none */
  headers?: Record<string, string>;
  /**
   * Reads the API's answer, which is JSON.
   *
   * @default finds `country_code`, `countryCode`, `country.iso_code` or `country`, and `city` as text or with names
   */
  read?: (answer: unknown) => { country?: unknown; city?: unknown } | null;
  /** How long an answer may take, its body included, in milliseconds. @default 1000 */
  timeoutMs?: number;
  /** Requests under way at most. @default 8 */
  maxConcurrent?: number;
  /** Addresses that wait for their turn at most; beyond it a place is unknown at once. @default 1000 */
  maxWaiting?: number;
}

const LONGEST_RETRY_AFTER_MS = 3_600_000;

/**
 * Places from an API over HTTP. Requests wait for none of this: an address is unknown until the answer is there. An API
 * that fails three times in a row, or says 429, is left alone for a while that grows. Mind that it learns the address of
 * every client.
 */
export class RemoteGeoProvider implements GeoProvider {
  readonly name: string;
  private readonly pause = new FailurePause();
  private readonly abort = new AbortController();
  private readonly waiting: (() => void)[] = [];
  private readonly timeoutMs: number;
  private readonly maxConcurrent: number;
  private readonly maxWaiting: number;
  private running = 0;

  /**
   * @param now milliseconds of a clock that only moves forward.
   * @throws IpTrackingError `IPT_INVALID_OPTION` for a `url` that is none, or has no `{ip}`.
   */
  constructor(
    private readonly options: RemoteGeoProviderOptions,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.name = `remote(${hostOf(options.url)})`;
    this.timeoutMs = options.timeoutMs ?? 1_000;
    this.maxConcurrent = options.maxConcurrent ?? 8;
    this.maxWaiting = options.maxWaiting ?? 1_000;
  }

  /** @returns a promise that rejects where the API fails, is left alone, or has too many waiting for it. */
  async lookup(ip: IpAddress): Promise<GeoPlace | null> {
    await this.turn();
    try {
      if (!this.pause.admits(this.now())) throw new Error(`${this.name} is left alone for a while`);
      return await this.ask(ip);
    } finally {
      this.next();
    }
  }

  /** Breaks off what is under way. */
  close(): void {
    this.abort.abort(new Error('the app is closing'));
  }

  private async turn(): Promise<void> {
    if (this.running < this.maxConcurrent) {
      this.running += 1;
      return;
    }
    if (this.waiting.length >= this.maxWaiting) throw new Error(`${this.name} is too slow`);
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Hands a turn that is over to whoever waits the longest. */
  private next(): void {
    const first = this.waiting.shift();
    if (first === undefined) this.running -= 1;
    else first();
  }

  private async ask(ip: IpAddress): Promise<GeoPlace | null> {
    try {
      const answer = await getJson({
        url: this.options.url.replace('{ip}', encodeURIComponent(ip.toString())),
        headers: this.options.headers ?? {},
        timeoutMs: this.timeoutMs,
        signal: this.abort.signal,
      });
      const place = answer === null ? null : (this.options.read ?? placeOfRecord)(answer);
      this.pause.succeeded();
      return place === null ? null : cleanPlace(place);
    } catch (error) {
      const askedMs = error instanceof HttpFailure ? error.retryAfterMs : 0;
      this.pause.failed(this.now(), Math.min(askedMs, LONGEST_RETRY_AFTER_MS));
      throw new Error(`${this.name} failed: ${messageOf(error)}`, { cause: error });
    }
  }
}

function hostOf(url: string): string {
  const sample = typeof url === 'string' ? url.replace('{ip}', '192.0.2.1') : '';
  if (sample === url || !URL.canParse(sample) || !/^https?:$/.test(new URL(sample).protocol)) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      // It may hold the API's key, so it is not shown.
      'the url of RemoteGeoProvider is not an http(s) URL with {ip} in it: give one such as "https://geo.example/v1/{ip}"',
    );
  }
  return new URL(sample).host;
}
