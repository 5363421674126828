import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface BlackHoleProxy {
  readonly port: number;
  /** While it is true every byte vanishes, in both directions, on old connections and new ones, a goodbye included. */
  isSwallowing: boolean;
  /**
   * Sees what a client sends: a number of bytes begins the swallowing, once so many of these have passed; null lets all
   * of it pass.
   */
  cut: ((bytes: Buffer) => number | null) | null;
  stop(): Promise<void>;
}

/** Stands between a client and a port of this host, as a network that can be cut without anybody being told. */
export async function blackHoleProxy(targetPort: number): Promise<BlackHoleProxy> {
  const sockets = new Set<Socket>();
  const proxy: Pick<BlackHoleProxy, 'isSwallowing' | 'cut'> = { isSwallowing: false, cut: null };
  const pass = (from: Socket, to: Socket, isClient: boolean) => {
    sockets.add(from);
    from.on('end', () => {
      if (!proxy.isSwallowing) from.end();
    });
    from.on('data', (bytes: Buffer) => {
      if (proxy.isSwallowing) return;
      const passing = isClient ? (proxy.cut?.(bytes) ?? null) : null;
      if (passing !== null) proxy.isSwallowing = true;
      to.write(passing === null ? bytes : bytes.subarray(0, passing));
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      if (!proxy.isSwallowing) to.destroy();
    });
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    pass(client, target, true);
    pass(target, client, false);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(proxy, {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
}
