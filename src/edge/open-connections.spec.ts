import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ClientIp } from '../net/client-ip.js';
import { parseIp } from '../net/ip-address.js';
import { OpenConnections } from './open-connections.js';

const client = (text: string): ClientIp => ({
  ip: parseIp(text),
  source: 'socket',
  trusted: false,
});
const is = (text: string) => (of: ClientIp) => of.ip?.toString() === text;

describe('OpenConnections', () => {
  it('ends those of refused clients and keeps the others', async () => {
    const open = new OpenConnections();
    const [one, two] = [new PassThrough(), new PassThrough()];
    open.add(one, client('192.0.2.1'));
    open.add(two, client('192.0.2.2'));
    await open.endWhere(is('192.0.2.1'));
    expect([one.destroyed, two.destroyed]).toEqual([true, false]);
  });

  it('forgets what has closed, and never takes what is closed already', async () => {
    const open = new OpenConnections();
    const [one, two] = [new PassThrough(), new PassThrough()];
    open.add(one, client('192.0.2.1'));
    one.destroy();
    two.destroy();
    await once(one, 'close');
    open.add(two, client('192.0.2.2'));
    expect(open.size).toBe(0);
  });

  it('begins again where the rules have changed meanwhile', async () => {
    const open = new OpenConnections();
    const sockets = Array.from({ length: 50 }, () => new PassThrough());
    for (const socket of sockets) open.add(socket, client('192.0.2.1'));
    let asked = 0;
    let isBlocked = false;
    const refuses = (): boolean => {
      asked += 1;
      if (asked === 30) {
        isBlocked = true;
        void open.endWhere(refuses);
      }
      return isBlocked;
    };
    await open.endWhere(refuses);
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
  });

  it('holds the event loop for a slice at a time', async () => {
    const open = new OpenConnections();
    for (let i = 0; i < 20; i += 1) open.add(new PassThrough(), client('192.0.2.1'));
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await open.endWhere(() => {
      for (const until = performance.now() + 3; performance.now() < until;);
      return false;
    });
    isOver = true;
    expect(turns).toBeGreaterThan(2);
  });
});
