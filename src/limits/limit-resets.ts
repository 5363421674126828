import type { LimitReset, LimitResetRepository } from './limit-reset.repository.js';

/** The PostgreSQL channel on which the trigger of `limit_reset` says that there is a row. */
export const RESET_CHANNEL = 'ip_tracking_limit_reset';

/** Rows are numbered before they are there: so far back one may appear after a later one. */
const OVERLAP = 100;

/**
 * Follows the resets that other processes ask for. A notification says only that there may be one: what is to be done is
 * in the table, each is done once, and those that were missed while nobody listened are made up for.
 */
export class LimitResets {
  private readonly begunAtMs: number;
  /** Up to here everything was before this process, or is done; null while that is unknown. */
  private floor: number | null = null;
  private last = 0;
  private readonly done = new Set<number>();
  private following: Promise<void> | null = null;
  private isStale = false;

  constructor(
    private readonly repository: Pick<LimitResetRepository, 'request' | 'lastBefore' | 'after'>,
    /** Does it here. */
    private readonly reset: (client: string, name: string | null) => Promise<unknown>,
    /** Milliseconds of a clock that only moves forward. */
    private readonly now: () => number,
  ) {
    this.begunAtMs = now();
  }

  /** What a listener on {@link RESET_CHANNEL} has to call. */
  readonly handlers = {
    onNotification: (): void => void this.follow(),
    onListening: (): void => void this.follow(),
  };

  /**
   * Asks all other processes; this one has done it.
   *
   * @returns how many listen, this one included if it does.
   */
  async request(client: string, name: string | null): Promise<number> {
    const { id, processes } = await this.repository.request(client, name);
    this.done.add(id);
    return processes;
  }

  /** Does what was asked for meanwhile. Never rejects: the next notification tries again. */
  follow(): Promise<void> {
    if (this.following !== null) {
      // What is under way may have read before the row was there.
      this.isStale = true;
      return this.following;
    }
    this.following = this.catchUp()
      .catch(() => undefined)
      .finally(() => {
        this.following = null;
        if (this.isStale) {
          this.isStale = false;
          void this.follow();
        }
      });
    return this.following;
  }

  private async catchUp(): Promise<void> {
    if (this.floor === null) {
      // Nothing was counted here before it began, and it counts before it listens.
      this.floor = await this.repository.lastBefore(this.now() - this.begunAtMs);
      this.last = this.floor;
    }
    for (const reset of await this.repository.after(Math.max(this.floor, this.last - OVERLAP))) {
      await this.once(reset);
    }
  }

  private async once({ id, client, name }: LimitReset): Promise<void> {
    this.last = Math.max(this.last, id);
    if (this.done.has(id)) return;
    this.done.add(id);
    for (const old of this.done) if (old < this.last - OVERLAP) this.done.delete(old);
    await this.reset(client, name);
  }
}
