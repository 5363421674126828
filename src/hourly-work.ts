/** How {@link HourlyWork} waits, and whom it tells. */
export interface HourlyWorkOptions {
  /** Calls back once, after so many milliseconds, and does not keep the process alive for it; gives what calls that off. */
  after(ms: number, call: () => void): () => void;
  /** Whether an error is somebody else's to report, such as an outage of the database. */
  isPassing(error: unknown): boolean;
  warn(error: unknown): void;
}

const HOUR_MS = 3_600_000;
/** What could not be done is tried again after so many milliseconds. */
const RETRY_MS = 15_000;

/** Does what has to be done from time to time: at once, every hour, and soon again where it could not be done. */
export class HourlyWork {
  private callOff: (() => void) | null = null;
  private isStopped = false;

  constructor(
    private readonly tasks: readonly (() => Promise<unknown>)[],
    private readonly options: HourlyWorkOptions,
  ) {}

  /** Begins. Nobody waits for it, and it never rejects. */
  start(): void {
    void this.round();
  }

  /** Ends it; what is under way goes on to its end. */
  stop(): void {
    this.isStopped = true;
    this.callOff?.();
  }

  private async round(): Promise<void> {
    let nextMs = HOUR_MS;
    try {
      for (const task of this.tasks) await task();
    } catch (error) {
      nextMs = RETRY_MS;
      if (!this.isStopped && !this.options.isPassing(error)) this.options.warn(error);
    }
    if (!this.isStopped) this.callOff = this.options.after(nextMs, () => void this.round());
  }
}

/** As node's own timer does it. */
export function afterTimer(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
