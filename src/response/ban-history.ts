import type { Prefix } from '../net/prefix.js';
import { BAN_MEMORY_MS } from './ban-length.js';
import { BANNED_IPV6_LENGTH, type BannedNetwork } from './ban-network.js';
import type { PastBan } from './client-facts.js';

/** Networks whose past is remembered; the one that was heard of longest ago goes first. */
const MAX_NETWORKS = 50_000;
/** Pardons of networks wider than a client. */
const MAX_WIDE = 1_000;
/** No client's bans of 30 days are more. */
const MAX_BANS = 64;

interface Past {
  readonly network: Prefix;
  readonly bans: PastBan[];
  pardonedAtMs: number | null;
}

/** A pardon of all clients of a network. */
interface WidePardon {
  readonly network: Prefix;
  readonly atMs: number;
}

/** What this process remembers of bans and pardons of the last 30 days, its own and those of other processes. */
export class BanHistory {
  private readonly pasts = new Map<string, Past>();
  private wide: WidePardon[] = [];

  /** The bans and limits of a client's network. */
  of(network: Prefix): readonly PastBan[] {
    return this.pasts.get(network.toString())?.bans ?? [];
  }

  /** When somebody pardoned a client last, in epoch milliseconds; null for never. */
  pardonedAtMs(network: Prefix): number | null {
    let last = this.pasts.get(network.toString())?.pardonedAtMs ?? null;
    for (const pardon of this.wide) {
      if (pardon.network.overlaps(network)) last = Math.max(last ?? pardon.atMs, pardon.atMs);
    }
    return last;
  }

  /** A ban began. One that is known, by when it began, is changed. */
  add(network: Prefix, ban: PastBan): void {
    const { bans } = this.pastOf(network);
    const at = bans.findIndex(
      ({ startedAtMs, action }) => startedAtMs === ban.startedAtMs && action === ban.action,
    );
    if (at >= 0) bans.splice(at, 1);
    bans.push(ban);
    while (bans.length > MAX_BANS || ban.startedAtMs - bans[0]!.startedAtMs > BAN_MEMORY_MS) {
      bans.shift();
    }
  }

  /** A ban that was made in vain did not begin. */
  remove(network: Prefix, startedAtMs: number): void {
    const { bans } = this.pastOf(network);
    const at = bans.findIndex((ban) => ban.startedAtMs === startedAtMs);
    if (at >= 0) bans.splice(at, 1);
  }

  /** Somebody has pardoned a network. */
  pardon(network: Prefix, atMs: number): void {
    if (isOneClient(network)) {
      const past = this.pastOf(network);
      past.pardonedAtMs = Math.max(past.pardonedAtMs ?? atMs, atMs);
      return;
    }
    const isKnown = this.wide.some(
      (pardon) => pardon.network.equals(network) && pardon.atMs >= atMs,
    );
    if (isKnown) return;
    this.wide = [
      ...this.wide.filter(({ network: other }) => !other.equals(network)),
      { network, atMs },
    ].slice(-MAX_WIDE);
  }

  /** The /64 that have been banned within an hour, or so. */
  *recentlyBanned(nowMs: number): Iterable<BannedNetwork> {
    for (const { network, bans } of this.pasts.values()) {
      if (network.family === 4) continue;
      for (const { action, startedAtMs } of bans) {
        if (action === 'ban' && nowMs - startedAtMs < 3_600_000) yield { network, startedAtMs };
      }
    }
  }

  private pastOf(network: Prefix): Past {
    const key = network.toString();
    const known = this.pasts.get(key) ?? { network, bans: [], pardonedAtMs: null };
    this.pasts.delete(key);
    this.pasts.set(key, known);
    if (this.pasts.size > MAX_NETWORKS) {
      for (const oldest of this.pasts.keys()) {
        this.pasts.delete(oldest);
        break;
      }
    }
    return known;
  }
}

function isOneClient({ family, length }: Prefix): boolean {
  return family === 4 ? length === 32 : length === BANNED_IPV6_LENGTH;
}
