import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface BlackHoleProxy {
  readonly port: number;
  /** While it is true every byte vanishes, in both directions, on old connections and new ones; none is closed. */
  isSwallowing: boolean;
  stop(): Promise<void>;
}

/** Stands between a client and a port of this host, as a network that can be cut without anybody being told. */
export async function blackHoleProxy(targetPort: number): Promise<BlackHoleProxy> {
  const sockets = new Set<Socket>();
  const proxy = { isSwallowing: false };
  const pass = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on('data', (bytes) => {
      if (!proxy.isSwallowing) to.write(bytes);
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      if (!proxy.isSwallowing) to.destroy();
    });
  };
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    pass(client, target);
    pass(target, client);
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
