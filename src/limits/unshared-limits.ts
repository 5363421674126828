/** What an {@link UnsharedLimits} asks, and whom it tells. */
export interface UnsharedLimitsOptions {
  /** How many processes on the database count limits in their own memory, this one included. */
  count(): Promise<number>;
  /** Calls back once, after so many milliseconds; gives what calls that off. */
  after(ms: number, call: () => void): () => void;
  warn(message: string): void;
}

/** Processes that a deployment replaces are there together with the new ones for about as long, in milliseconds. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Notices that several processes serve one app and each counts for itself, so that a client passes its limit once in
 * each. It is said once, and not before it was seen twice.
 */
export class UnsharedLimits {
  private isTold = false;
  private isWaiting = false;
  private callOff: (() => void) | null = null;

  constructor(private readonly options: UnsharedLimitsOptions) {}

  /** Looks, and where there are others looks again a minute later. Rejects where the database cannot be asked. */
  async look(): Promise<void> {
    if (this.isTold || this.isWaiting || (await this.options.count()) < 2) return;
    this.isWaiting = true;
    this.callOff = this.options.after(LOOK_AGAIN_MS, () => void this.lookAgain());
  }

  stop(): void {
    this.isTold = true;
    this.callOff?.();
  }

  private async lookAgain(): Promise<void> {
    this.isWaiting = false;
    const count = await this.options.count().catch(() => 0);
    if (count < 2 || this.isTold) return;
    this.isTold = true;
    this.options.warn(
      `${count} processes on this database count limits in their own memory, so a client may do ${count} times what its limit says: give rateLimits.redis, which they share`,
    );
  }
}
