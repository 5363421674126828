const HOUR_MS = 3_600_000;
/** Of fewer requests a share says nothing. */
const FEWEST_REQUESTS = 20;
/** Peers that are counted: there are few addresses that proxies have, and clients cannot choose theirs from them. */
const MAX_PEERS = 64;

interface Counts {
  /** Of this hour, and of the one before. */
  now: number;
  before: number;
}

/**
 * Tells a proxy that nobody has declared from a client: it is a neighbour, or one of a provider's edges, says for whom it
 * asks, and brings more than half of all requests. A client who only pretends to forward has no such address; one of many
 * clients in one's own network brings no such share.
 */
export class LikelyProxies {
  private readonly peers = new Map<string, Counts>();
  private all: Counts = { now: 0, before: 0 };
  private hour = Number.NEGATIVE_INFINITY;

  /**
   * A request has ended.
   *
   * @param peer the client's key where it may be a proxy and said for whom it asks; null for every other one.
   */
  note(peer: string | null, atMs: number): void {
    this.moveTo(Math.floor(atMs / HOUR_MS));
    this.all.now += 1;
    if (peer === null) return;
    const counts = this.peers.get(peer);
    if (counts !== undefined) counts.now += 1;
    else if (this.peers.size < MAX_PEERS) this.peers.set(peer, { now: 1, before: 0 });
  }

  /** Whether a client is most likely a proxy, by what came within the last hour or two. */
  has(client: string): boolean {
    const counts = this.peers.get(client);
    if (counts === undefined) return false;
    const total = this.all.now + this.all.before;
    return total >= FEWEST_REQUESTS && (counts.now + counts.before) * 2 > total;
  }

  private moveTo(hour: number): void {
    if (hour === this.hour) return;
    const isNext = hour === this.hour + 1;
    this.hour = hour;
    this.all = { now: 0, before: isNext ? this.all.now : 0 };
    for (const [peer, counts] of this.peers) {
      if (!isNext || counts.now === 0) this.peers.delete(peer);
      else this.peers.set(peer, { now: 0, before: counts.now });
    }
  }
}
