/** Whether records reach the disk: `ready`, `full` at the size cap, or `unavailable` by an error of the file system. */
export type SpoolState = 'ready' | 'full' | 'unavailable';

/** A file system that refuses is asked again after this many milliseconds. */
const RETRY_MS = 1_000;

/** How the disk of a spool is; whoever is told hears of each change once. */
export class SpoolCondition {
  state: SpoolState = 'ready';
  private retryAtMs = 0;

  constructor(
    /** Milliseconds of a clock that only moves forward. */
    private readonly now: () => number,
    private readonly onState: (state: SpoolState, error: unknown) => void,
  ) {}

  /** Whether enough time has passed since the last error. */
  get mayTry(): boolean {
    return this.now() >= this.retryAtMs;
  }

  is(state: SpoolState): void {
    this.change(state, null);
  }

  failed(error: unknown): void {
    this.retryAtMs = this.now() + RETRY_MS;
    this.change('unavailable', error);
  }

  private change(state: SpoolState, error: unknown): void {
    if (this.state === state) return;
    this.state = state;
    this.onState(state, error);
  }
}
