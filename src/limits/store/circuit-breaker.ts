/** How a {@link CircuitBreaker} waits. */
export interface CircuitBreakerOptions {
  /** The pause before the first probe, in milliseconds; it doubles with each probe that fails. */
  readonly firstPauseMs: number;
  /** The longest pause. */
  readonly maxPauseMs: number;
  /** A circuit that fails again sooner than this after it was closed goes on with the pauses where it was. */
  readonly calmAfterMs: number;
  /** Numbers from 0 to 1, as of `Math.random`: processes that lost a store together must not all probe it together. */
  readonly random: () => number;
}

/** What a {@link CircuitBreaker} is in: all calls pass, none does, or a single one is trying. */
export type CircuitState = 'closed' | 'open' | 'half-open';

/**
 * Decides when a store that has failed is asked again. One failure opens it: with a timeout per call, each further try
 * would cost somebody that timeout. It holds no timer; `now` is in milliseconds and monotonic.
 */
export class CircuitBreaker {
  private current: CircuitState = 'closed';
  private pauseMs: number;
  private closedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: CircuitBreakerOptions) {
    this.pauseMs = options.firstPauseMs;
  }

  get state(): CircuitState {
    return this.current;
  }

  /** Opens the circuit. Returns after how many milliseconds to probe, or null if it was open already. */
  open(now: number): number | null {
    if (this.current !== 'closed') return null;
    if (now - this.closedAt >= this.options.calmAfterMs) this.pauseMs = this.options.firstPauseMs;
    return this.pause();
  }

  /** Says that a probe is under way. */
  probe(): void {
    this.current = 'half-open';
  }

  /** Says that the probe failed. Returns after how many milliseconds to probe again. */
  probeFailed(): number {
    return this.pause();
  }

  /** Says that the probe succeeded. */
  close(now: number): void {
    this.current = 'closed';
    this.closedAt = now;
  }

  private pause(): number {
    this.current = 'open';
    const pauseMs = this.pauseMs * (0.75 + this.options.random() / 4);
    this.pauseMs = Math.min(this.options.maxPauseMs, 2 * this.pauseMs);
    return pauseMs;
  }
}
