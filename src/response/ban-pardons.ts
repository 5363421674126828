import { IpAddress } from '../net/ip-address.js';
import { Prefix } from '../net/prefix.js';
import type { IpRule } from '../rules/ip-rule.entity.js';
import type { Pardons } from '../rules/pardons.js';
import { BANNED_IPV6_LENGTH } from './ban-network.js';
import type { BanRepository } from './ban.repository.js';

/** What this process does about a pardon. */
export type OnPardon = (network: Prefix, atMs: number) => void;

/** Ends bans because somebody says so: the pardon is stored with who and when, and every process is notified. */
export class BanPardons implements Pardons {
  constructor(
    /** Runs `work` in one transaction. */
    private readonly inTransaction: <T>(work: (bans: BanRepository) => Promise<T>) => Promise<T>,
    private readonly onPardon: OnPardon,
    private readonly now: () => number,
  ) {}

  async pardon(
    network: Prefix,
    { by, hasUnblocked }: { by: string | null; hasUnblocked: boolean },
  ): Promise<{ removed: IpRule[]; isPardoned: boolean }> {
    const clients = wholeClients(network);
    const text = clients.toString();
    const actor = by ?? '';
    const pardoned = await this.inTransaction(async (bans) => {
      await bans.alone(actor);
      const removed = await bans.endBans(text);
      const isPardoned = removed.length > 0 || hasUnblocked || (await bans.hasBans(text));
      if (isPardoned) {
        await bans.settleFindings(text, by ?? 'nobody named');
        await bans.note([
          {
            event: 'pardon',
            network: text,
            reason: 'unblocked: what was before does not count any more',
            actor: by ?? 'nobody named',
          },
        ]);
      }
      return { removed, isPardoned };
    });
    // The others are notified; this one has its answer first.
    if (pardoned.isPardoned) this.onPardon(clients, this.now());
    return pardoned;
  }
}

/** A client has a whole /64: to pardon an address of it is to pardon them. */
function wholeClients(network: Prefix): Prefix {
  if (network.family === 4 || network.length <= BANNED_IPV6_LENGTH) return network;
  return Prefix.fromV6(network.w0, network.w1, network.w2, network.w3, BANNED_IPV6_LENGTH);
}

/** So many addresses of a wide network are forgotten one by one; of wider ones nothing is counted by address. */
const MOST_ADDRESSES = 256;

/** The addresses under which what is counted of a network's clients is found. */
export function clientsIn({ family, length, w0, w1, w2, w3 }: Prefix): IpAddress[] {
  if (family === 6) {
    return length === BANNED_IPV6_LENGTH ? [IpAddress.fromV6(w0, w1, w2, w3)] : [];
  }
  const count = 2 ** (32 - length);
  return count > MOST_ADDRESSES
    ? []
    : Array.from({ length: count }, (_, at) => IpAddress.fromV4(w0 + at));
}
