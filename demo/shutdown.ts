/** How soon after the first a second signal is the same one: npm hands on the Ctrl-C that the terminal has sent already. */
const SAME_SIGNAL_WITHIN_MS = 500;

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

interface Step {
  readonly close: () => Promise<unknown> | void;
  /** What can still be done when there is no time to wait. */
  readonly abandon?: (() => void) | undefined;
}

/** What has been opened, to be closed in the reverse order: after a signal, or after a start that failed. */
export class Shutdown {
  readonly #steps: Step[] = [];
  #requestedAt: number | null = null;
  #request: () => void = () => undefined;

  /** Resolves at the first signal. */
  readonly requested: Promise<void>;

  constructor(private readonly log: (line: string) => void) {
    this.requested = new Promise((resolve) => (this.#request = resolve));
    for (const signal of SIGNALS) process.on(signal, () => this.#onSignal());
    process.on('exit', () => this.#abandon());
  }

  get isRequested(): boolean {
    return this.#requestedAt !== null;
  }

  onClose(close: Step['close'], abandon?: Step['abandon']): void {
    this.#steps.push({ close, abandon });
  }

  async close(): Promise<void> {
    for (let step = this.#steps.at(-1); step; step = this.#steps.at(-1)) {
      try {
        await step.close();
      } catch (error) {
        this.log(`While stopping: ${error instanceof Error ? error.message : String(error)}`);
      }
      this.#steps.pop();
    }
  }

  #onSignal(): void {
    const now = Date.now();
    if (this.#requestedAt === null) {
      this.#requestedAt = now;
      this.log('Stopping; once more to leave at once.');
      this.#request();
    } else if (now - this.#requestedAt > SAME_SIGNAL_WITHIN_MS) {
      // The handler of `exit` does the rest.
      process.exit(130);
    }
  }

  #abandon(): void {
    for (const { abandon } of this.#steps.splice(0).toReversed()) abandon?.();
  }
}
