/** How long a sliced task may run before it lets the event loop go on, in milliseconds. */
const SLICE_MS = 4;

/** What {@link runSliced} can be told. */
export interface SliceOptions {
  /** Rejects the promise with the signal's reason at the next pause. */
  signal?: AbortSignal;
  /** Longest time, in milliseconds, between two pauses. Defaults to 4. */
  sliceMs?: number;
  /** Resolves once the event loop has had its turn. Defaults to one based on `setImmediate`. */
  pause?: () => Promise<void>;
}

/**
 * A long computation that yields where it may be interrupted, at least every millisecond or so. The same generator
 * serves the blocking and the sliced form, so both compute the same thing.
 */
export type SlicedTask<T> = Generator<void, T, void>;

/** Runs a task to its end at once. */
export function runWhole<T>(task: SlicedTask<T>): T {
  for (;;) {
    const step = task.next();
    if (step.done) return step.value;
  }
}

/** Runs a task in slices, so that requests are answered in between. */
export async function runSliced<T>(task: SlicedTask<T>, options: SliceOptions = {}): Promise<T> {
  const slice = new TimeSlice(options);
  for (;;) {
    const step = task.next();
    if (step.done) return step.value;
    if (slice.isOver()) await slice.pause();
  }
}

/** Measures the running slice and ends it. */
export class TimeSlice {
  private endsAt: number;
  private readonly sliceMs: number;
  private readonly giveWay: () => Promise<void>;
  private readonly signal: AbortSignal | undefined;

  constructor({ signal, sliceMs = SLICE_MS, pause = nextTurn }: SliceOptions = {}) {
    this.signal = signal;
    this.sliceMs = sliceMs;
    this.giveWay = pause;
    this.endsAt = performance.now() + sliceMs;
    signal?.throwIfAborted();
  }

  isOver(): boolean {
    return performance.now() >= this.endsAt;
  }

  async pause(): Promise<void> {
    this.signal?.throwIfAborted();
    await this.giveWay();
    this.signal?.throwIfAborted();
    this.endsAt = performance.now() + this.sliceMs;
  }
}

/** Not a resolved promise: those are drained before the event loop turns, and would let nobody in. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
