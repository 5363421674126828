import { ENDING_SIGNALS, isListenedTo } from './sudden-end.js';

/** How soon after the first a second signal is the same one: npm hands on the Ctrl-C that the terminal has sent already. */
const SAME_SIGNAL_WITHIN_MS = 500;

/**
 * Hears whoever sends a second signal because closing takes too long for them. Nest, which closes the app at the first
 * one, passes over all others; this module then stops waiting for anything.
 */
export class SecondSignal {
  private readonly impatience = new AbortController();
  private readonly onSignal = (): void => this.hear();
  private firstAtMs = 0;

  /** Resolves at the second signal. */
  readonly heard: Promise<void>;

  constructor(private readonly now: () => number) {
    this.heard = new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  get signal(): AbortSignal {
    return this.impatience.signal;
  }

  /** The first one has come. What nobody listens to ends the process by itself, and must go on doing so. */
  listen(): void {
    this.firstAtMs = this.now();
    for (const signal of ENDING_SIGNALS) {
      if (isListenedTo(signal)) process.on(signal, this.onSignal);
    }
  }

  stop(): void {
    for (const signal of ENDING_SIGNALS) process.off(signal, this.onSignal);
  }

  private hear(): void {
    if (this.now() - this.firstAtMs > SAME_SIGNAL_WITHIN_MS) this.impatience.abort();
  }
}
