import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createDataSource } from './data-source.js';
import { Database } from './database.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

it('hears of a session that is ended in the moment in which it begins', async () => {
  const url = await serverThatSays(
    Buffer.concat([
      message('R', Buffer.alloc(4)),
      message('Z', Buffer.from('I')),
      message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0')),
    ]),
  );
  const database = new Database(createDataSource({ url }, []), true);
  cleanups.push(() => database.close());
  await expect(database.connect()).rejects.toThrow(/PostgreSQL cannot be used/);
});

/** A server that answers every client's first words with these bytes, all at once. */
async function serverThatSays(bytes: Buffer): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return `postgres://user:password@127.0.0.1:${(server.address() as AddressInfo).port}/name`;
}

/** A message of PostgreSQL's protocol: its kind, its length, its body. */
function message(kind: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(kind, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
