import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface AnswerDropper {
  readonly port: number;
  /** While it is true, PostgreSQL's word that a COPY is done reaches nobody, and its connection breaks. */
  isDropping: boolean;
  /** How many answers were dropped. */
  dropped: number;
  stop(): Promise<void>;
}

/** A proxy before PostgreSQL that loses the one answer after which everything is committed. */
export async function answerDropper(targetPort: number): Promise<AnswerDropper> {
  const sockets = new Set<Socket>();
  const state = { isDropping: false, dropped: 0 };
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('data', (bytes: Buffer) => {
        if (from === target && state.isDropping && isCopyDone(bytes)) {
          state.dropped += 1;
          client.destroy();
        } else to.write(bytes);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(state, {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
}

/** The server says how many rows it has copied or inserted, and, after the commit, that it is ready. */
function isCopyDone(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  return /(COPY|INSERT 0) \d/.test(text) && text.includes('Z\0\0\0\u0005I');
}
