import { parseIp, type IpAddress } from '../net/ip-address.js';
import type { ErasedClientsRepository } from './erased-clients.repository.js';

/** The PostgreSQL channel on which the trigger of `erased_address` says that somebody was erased. */
export const ERASED_CHANNEL = 'ip_tracking_erased';

/**
 * Follows the erasures that any process makes, so that the watch of this one forgets whom they were about. A notification
 * says only that there was one; whom it was about is in the table, and what was missed while nobody listened is made up
 * for.
 */
export class ErasedClients {
  private known = new Map<string, number>();
  private following: Promise<void> | null = null;
  private isStale = false;

  constructor(
    private readonly repository: Pick<ErasedClientsRepository, 'lately'>,
    private readonly watch: { forget(clients: readonly IpAddress[]): void },
  ) {}

  /** What a listener on {@link ERASED_CHANNEL} has to call. Never rejects: the next notification tries again. */
  readonly handlers = {
    onNotification: (): void => void this.follow().catch(() => undefined),
    onListening: (): void => void this.follow().catch(() => undefined),
  };

  /** Forgets who was erased meanwhile. */
  follow(): Promise<void> {
    if (this.following !== null) {
      // What is under way may have read before the row was there.
      this.isStale = true;
      return this.following;
    }
    this.following = this.forgetAll().finally(() => {
      this.following = null;
    });
    return this.following;
  }

  private async forgetAll(): Promise<void> {
    do {
      this.isStale = false;
      const lately = await this.repository.lately();
      const fresh = lately.filter(({ address, beforeMs }) => this.known.get(address) !== beforeMs);
      this.watch.forget(fresh.flatMap(({ address }) => parseIp(address) ?? []));
      this.known = new Map(lately.map(({ address, beforeMs }) => [address, beforeMs]));
    } while (this.isStale);
  }
}
