import { IpAddress } from '../net/ip-address.js';
import { Prefix } from '../net/prefix.js';
import type { IpRule } from '../rules/ip-rule.entity.js';
import type { Pardons } from '../rules/pardons.js';
import { BANNED_IPV6_LENGTH } from './ban-network.js';
import type { BanRepository } from './ban.repository.js';

/** What a {@link BanPardons} does it with. */
export interface BanPardonsParts {
  /** Runs `work` in one transaction. */
  inTransaction<T>(work: (bans: BanRepository) => Promise<T>): Promise<T>;
  /** What this process does about a pardon. */
  onPardon(network: Prefix, atMs: number): void;
  /** The networks of bans of this process that the database has not got, and that share an address with one. */
  held(network: Prefix): string[];
  /** Epoch milliseconds. */
  now(): number;
}

/** Pardons that wait for the database; of more than these the oldest are given up. */
const MAX_LATE = 1_000;

/** Ends bans because somebody says so: the pardon is stored with who and when, and every process is notified. */
export class BanPardons implements Pardons {
  /** Those that the database could not be told of, by their networks. */
  private readonly late = new Map<string, { network: Prefix; by: string | null }>();

  constructor(private readonly parts: BanPardonsParts) {}

  async pardon(
    network: Prefix,
    { by, hasUnblocked }: { by: string | null; hasUnblocked: boolean },
  ): Promise<{ removed: IpRule[]; isPardoned: boolean }> {
    const clients = wholeClients(network);
    const text = clients.toString();
    const actor = by ?? '';
    // The ban may be on its way to the database: its writer will find the pardon there.
    const isHeld = this.parts.held(clients).length > 0;
    const pardoned = await this.parts.inTransaction(async (bans) => {
      await bans.lockFindings(text);
      await bans.alone(actor);
      const removed = await bans.endBans(text);
      const isPardoned = removed.length > 0 || hasUnblocked || isHeld || (await bans.hasBans(text));
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
    if (pardoned.isPardoned) this.parts.onPardon(clients, this.parts.now());
    this.late.delete(text);
    return pardoned;
  }

  pardonHere(network: Prefix, by: string | null): string[] {
    const clients = wholeClients(network);
    const ended = this.parts.held(clients);
    if (ended.length === 0) return ended;
    this.parts.onPardon(clients, this.parts.now());
    this.late.set(clients.toString(), { network: clients, by });
    for (const oldest of this.late.keys()) {
      if (this.late.size <= MAX_LATE) break;
      this.late.delete(oldest);
    }
    return ended;
  }

  /** Stores the pardons that the database could not be told of. Rejects as it does; they are stored later then. */
  async storeLate(): Promise<void> {
    // Who is pardoned here may be banned by another process, which only the database can tell.
    for (const { network, by } of this.late.values()) {
      await this.pardon(network, { by, hasUnblocked: true });
    }
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
