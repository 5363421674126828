import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** An address that leads to one server now and to another later, as a name or a virtual address does. */
export interface SwitchProxy {
  /** Where it leads to, as a port of 127.0.0.1; null for nowhere: connections are refused. Open ones break. */
  lead(port: number | null): void;
  stop(): Promise<void>;
}

/** @param listenOn a port of 127.0.0.1, or the path of a UNIX socket. */
export async function switchProxy(listenOn: number | string): Promise<SwitchProxy> {
  const sockets = new Set<Socket>();
  let target: number | null = null;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    if (target === null) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target, '127.0.0.1');
    keep(upstream);
    client.pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  if (typeof listenOn === 'number') server.listen(listenOn, '127.0.0.1');
  else server.listen(listenOn);
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    lead: (port) => {
      target = port;
      cut();
    },
    stop: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
