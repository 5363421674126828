import type { Duplex } from 'node:stream';
import type { ClientIp } from '../net/client-ip.js';
import { runSliced, type SlicedTask } from '../net/time-slice.js';

/** The connections that have left HTTP: WebSockets and tunnels. Nothing that comes over them meets the edge again. */
export class OpenConnections {
  private readonly clients = new Map<Duplex, ClientIp>();
  private isStale = false;
  private judging: Promise<void> | null = null;

  /** How many there are. */
  get size(): number {
    return this.clients.size;
  }

  /** Remembers a connection until it closes. */
  add(socket: Duplex, client: ClientIp): void {
    if (socket.destroyed) return;
    this.clients.set(socket, client);
    socket.once('close', () => this.clients.delete(socket));
  }

  /**
   * Ends the connections of clients that are refused, in slices, so that ten thousand of them hold up nobody. Asked
   * again meanwhile, it begins again once it is through. Resolves when it is.
   */
  endWhere(refuses: (client: ClientIp) => boolean): Promise<void> {
    this.isStale = true;
    this.judging ??= this.judge(refuses).finally(() => {
      this.judging = null;
    });
    return this.judging;
  }

  private async judge(refuses: (client: ClientIp) => boolean): Promise<void> {
    while (this.isStale) {
      this.isStale = false;
      await runSliced(this.pass(refuses));
    }
  }

  private *pass(refuses: (client: ClientIp) => boolean): SlicedTask<void> {
    for (const [socket, client] of this.clients) {
      // Not a polite end: whoever does not answer it would keep on listening.
      if (refuses(client)) socket.destroy();
      yield;
    }
  }
}
