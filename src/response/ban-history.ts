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

/** When somebody pardoned, by two clocks: one that may be set, and one that nobody sets. */
interface PardonTime {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly steadyMs: number;
}

interface Past {
  readonly network: Prefix;
  readonly bans: PastBan[];
  pardon: PardonTime | null;
}

/** A pardon of all clients of a network. */
interface WidePardon extends PardonTime {
  readonly network: Prefix;
}

/** The clocks of a {@link BanHistory}, in milliseconds: of the epoch, and one that nobody sets. */
export interface HistoryClocks {
  now(): number;
  steady(): number;
}

/** What this process remembers of bans and pardons of the last 30 days, its own and those of other processes. */
export class BanHistory {
  private readonly pasts = new Map<string, Past>();
  private wide: WidePardon[] = [];

  constructor(private readonly clocks: HistoryClocks) {}

  /** The bans and limits of a client's network. */
  of(network: Prefix): readonly PastBan[] {
    return this.pasts.get(network.toString())?.bans ?? [];
  }

  /**
   * When somebody pardoned a client last, in epoch milliseconds; null for never. Where the clock was set back since, it is as
   * long ago as it is, or all that comes until then would be taken for what was before.
   */
  pardonedAtMs(network: Prefix): number | null {
    const own = this.pasts.get(network.toString())?.pardon ?? null;
    let last = own === null ? null : this.byNow(own);
    for (const pardon of this.wide) {
      if (!pardon.network.overlaps(network)) continue;
      const atMs = this.byNow(pardon);
      last = Math.max(last ?? atMs, atMs);
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
    const time = { atMs, steadyMs: this.clocks.steady() - (this.clocks.now() - atMs) };
    if (isOneClient(network)) {
      const past = this.pastOf(network);
      if (past.pardon === null || this.byNow(past.pardon) < atMs) past.pardon = time;
      return;
    }
    const isKnown = this.wide.some(
      (pardon) => pardon.network.equals(network) && this.byNow(pardon) >= atMs,
    );
    if (isKnown) return;
    this.wide = [
      ...this.wide.filter(({ network: other }) => !other.equals(network)),
      { network, ...time },
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

  private byNow({ atMs, steadyMs }: PardonTime): number {
    const { now, steady } = this.clocks;
    return Math.min(atMs, now() - (steady() - steadyMs));
  }

  private pastOf(network: Prefix): Past {
    const key = network.toString();
    const known = this.pasts.get(key) ?? { network, bans: [], pardon: null };
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
