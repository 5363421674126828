import type { IpAddress } from '../net/ip-address.js';
import { Prefix } from '../net/prefix.js';

/** So many are remembered between two rounds. A client can pretend to forward, and each costs a row. */
const MAX_PEERS = 32;

/**
 * The peers that were seen forwarding for others although the options trust none of them to: a proxy that nobody
 * declared, most likely. What an operator sees as the client is then the proxy, and to block it blocks everybody.
 */
export class ForwardingPeers {
  private readonly seen = new Map<string, Prefix>();
  private last: IpAddress | null = null;

  constructor(private readonly announce: (peers: readonly Prefix[]) => Promise<void>) {}

  /** Whether none was seen since the last round. */
  get isEmpty(): boolean {
    return this.seen.size === 0;
  }

  /** A request came through this peer. A new one is announced at once; never waits, never throws. */
  saw(peer: IpAddress): void {
    // The resolver gives the same object for as long as the same peer comes again, as a proxy does.
    if (peer === this.last) return;
    this.last = peer;
    if (this.seen.size >= MAX_PEERS) return;
    const prefix = Prefix.of(peer, peer.family === 4 ? 32 : 128);
    const key = prefix.toString();
    if (this.seen.has(key)) return;
    this.seen.set(key, prefix);
    // Where that fails, the next round does it.
    this.announce([prefix]).catch(() => undefined);
  }

  /** Whether a peer was seen forwarding since the last round. */
  has(peer: IpAddress): boolean {
    return this.seen.has(Prefix.of(peer, peer.family === 4 ? 32 : 128).toString());
  }

  /** Announces those that were seen since the last round, none even, and forgets them: who still forwards is seen again. */
  async round(): Promise<void> {
    await this.announce([...this.seen.values()]);
    this.seen.clear();
    this.last = null;
  }
}
