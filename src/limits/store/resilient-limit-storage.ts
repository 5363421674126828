import { IpTrackingError } from '../../ip-tracking.errors.js';
import { CircuitBreaker } from './circuit-breaker.js';
import type { CircuitState } from './circuit-breaker.js';
import { LimitStoreUnavailableError } from './limit-storage.js';
import type { HitOptions, LimitResult, LimitRule, LimitStorage } from './limit-storage.js';

/** Told once each time the shared store is lost or found again. */
export interface LimitStoreStateChange {
  /** `open`: the store is not asked any more. `closed`: it is asked again. */
  readonly state: 'open' | 'closed';
  /** Why it was lost. */
  readonly error?: Error;
}

/** What a {@link ResilientLimitStorage} stands on. */
export interface ResilientLimitStorageOptions {
  /** The shared store. */
  readonly primary: LimitStorage;
  /** What counts while the shared store is down, usually a `MemoryLimitStorage`. */
  readonly fallback: LimitStorage;
  /** Called once per change of state, so it may log. What it throws is ignored: a hit must not fail by it. */
  readonly onStateChange?: (change: LimitStoreStateChange) => void;
}

/** What a {@link ResilientLimitStorage} has done. */
export interface ResilientLimitStorageStats {
  readonly state: CircuitState;
  /** How often the shared store failed, probes included. */
  readonly primaryErrors: number;
  /** Hits that were counted in this process only. */
  readonly insuranceHits: number;
  /** Hits that were answered with {@link LimitStoreUnavailableError}, as their route wished. */
  readonly failClosedRefusals: number;
}

const PRIMARY = 'p:';
const FALLBACK = 'f:';

/**
 * Puts an insurance under a shared store. If that fails once, hits are counted in this process (so a limit holds per
 * process) or refused with {@link LimitStoreUnavailableError}, as each hit wishes, and the store is not asked any more:
 * only who comes first waits for it. It is probed in the background with the key that failed, after a quarter of a
 * second at first and every second later, until it answers; then it is asked again. What was counted meanwhile is not
 * replayed. An error that concerns one key alone leaves the store in use for all others.
 */
export class ResilientLimitStorage implements LimitStorage {
  private readonly breaker = new CircuitBreaker({
    firstPauseMs: 250,
    maxPauseMs: 1_000,
    calmAfterMs: 10_000,
    random: Math.random,
  });
  private readonly primary: LimitStorage;
  private readonly fallback: LimitStorage;
  private readonly onStateChange: (change: LimitStoreStateChange) => void;
  private probeTimer: NodeJS.Timeout | undefined;
  private isClosed = false;
  private primaryErrors = 0;
  private insuranceHits = 0;
  private failClosedRefusals = 0;

  constructor(options: ResilientLimitStorageOptions) {
    this.primary = options.primary;
    this.fallback = options.fallback;
    this.onStateChange = options.onStateChange ?? (() => {});
  }

  async hit(key: string, rule: LimitRule, options: HitOptions = {}): Promise<LimitResult> {
    const result = await this.ask(key, () => this.primary.hit(key, rule, options));
    if (result !== null) return withSlotOf(PRIMARY, result);
    this.refuseIfClosed(options);
    this.insuranceHits++;
    return withSlotOf(FALLBACK, await this.fallback.hit(key, rule, options));
  }

  async peek(key: string, rule: LimitRule, options: HitOptions = {}): Promise<LimitResult> {
    const result = await this.ask(key, () => this.primary.peek(key, rule, options));
    if (result !== null) return result;
    this.refuseIfClosed(options);
    return this.fallback.peek(key, rule, options);
  }

  /** A slot of the shared store cannot be given back while that is down; it is not made up for later. */
  async release(key: string, slot: string): Promise<boolean> {
    if (slot.startsWith(FALLBACK)) return this.fallback.release(key, slot.slice(FALLBACK.length));
    if (!slot.startsWith(PRIMARY)) return false;
    const own = slot.slice(PRIMARY.length);
    return (await this.ask(key, () => this.primary.release(key, own))) ?? false;
  }

  /**
   * Forgets the key in both stores.
   *
   * @throws LimitStoreUnavailableError while the shared store is down: whoever resets a limit has to know that it was
   * not done.
   */
  async reset(key: string): Promise<boolean> {
    const isInFallback = await this.fallback.reset(key);
    const isInPrimary = await this.ask(key, () => this.primary.reset(key));
    if (isInPrimary === null) throw unavailable();
    return isInPrimary || isInFallback;
  }

  /** Says whether the shared store is asked, and counts what was answered without it. */
  stats(): ResilientLimitStorageStats {
    return {
      state: this.breaker.state,
      primaryErrors: this.primaryErrors,
      insuranceHits: this.insuranceHits,
      failClosedRefusals: this.failClosedRefusals,
    };
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.probeTimer);
    await this.primary.close?.();
    await this.fallback.close?.();
  }

  /** Returns null where the shared store gives no answer. */
  private async ask<T>(key: string, call: () => Promise<T> | T): Promise<T | null> {
    if (this.breaker.state !== 'closed') return null;
    try {
      return await call();
    } catch (error) {
      if (isMistake(error)) throw error;
      this.primaryErrors++;
      if (error instanceof LimitStoreUnavailableError && error.isOfOneKey) return null;
      const pauseMs = this.breaker.open(performance.now());
      if (pauseMs !== null) {
        this.probeIn(pauseMs, key);
        this.tell({ state: 'open', error: toError(error) });
      }
      return null;
    }
  }

  private probeIn(pauseMs: number, key: string): void {
    if (this.isClosed) return;
    this.probeTimer = setTimeout(() => void this.probePrimary(key), pauseMs);
    this.probeTimer.unref();
  }

  /** Asks for the key that failed, not for one of its own: in a cluster only one node may be down. */
  private async probePrimary(key: string): Promise<void> {
    this.breaker.probe();
    try {
      if (this.primary.probe !== undefined) await this.primary.probe(key);
      else await this.primary.peek(key, { limit: 1, ttlMs: 1_000 });
    } catch {
      this.primaryErrors++;
      this.probeIn(this.breaker.probeFailed(), key);
      return;
    }
    this.breaker.close(performance.now());
    this.tell({ state: 'closed' });
  }

  private refuseIfClosed({ failClosed = false }: HitOptions): void {
    if (!failClosed) return;
    this.failClosedRefusals++;
    throw unavailable();
  }

  private tell(change: LimitStoreStateChange): void {
    try {
      this.onStateChange(change);
    } catch {
      // Documented at the option.
    }
  }
}

function withSlotOf(origin: string, result: LimitResult): LimitResult {
  return result.slot === null ? result : { ...result, slot: origin + result.slot };
}

/** A rule that makes no sense is not made good by another store. */
function isMistake(error: unknown): boolean {
  return error instanceof IpTrackingError && !(error instanceof LimitStoreUnavailableError);
}

function unavailable(): LimitStoreUnavailableError {
  return new LimitStoreUnavailableError('The shared store of rate limits is down.');
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
