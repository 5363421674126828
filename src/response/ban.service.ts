import { IpTrackingError } from '../ip-tracking.errors.js';
import { parsePrefix } from '../net/prefix.js';
import type { Ban } from './ban.js';
import { toldOf, type BanTold } from './ban.js';
import type { BanEvent } from './ban-event.js';
import type { BanRepository } from './ban.repository.js';

/** What detection has made of clients: bans in force in this process, and what has become of any. */
export class BanService {
  /** @internal */
  constructor(
    private readonly repository: Pick<BanRepository, 'history'>,
    private readonly inForce: () => Iterable<Ban>,
    private readonly now: () => number,
  ) {}

  /**
   * What has become of an address or a network: bans, their ends, and those that were not made, the last first; a thousand
   * at most.
   *
   * @throws IpTrackingError `IPT_INVALID_PREFIX` for text that is neither an address nor a network.
   */
  async history(network: string): Promise<BanEvent[]> {
    const prefix = parsePrefix(network);
    if (prefix === null) {
      throw new IpTrackingError(
        'IPT_INVALID_PREFIX',
        `${JSON.stringify(network)} is neither an IP address nor a network`,
      );
    }
    return this.repository.history(prefix);
  }

  /** The bans and limits that this process has decided on, and that act: those among them that are stored nowhere. */
  list(): BanTold[] {
    const nowMs = this.now();
    return [...this.inForce()].filter(({ untilMs }) => untilMs > nowMs).map((ban) => toldOf(ban));
  }
}
