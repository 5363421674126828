import { describe, expect, it, vi } from 'vitest';

import { LimitStoreUnavailableError } from '../limit-storage.js';
import { clientsFor, clientsLike, RedisConnection } from './redis-connection.js';
import type { RedisClient } from './redis-connection.js';
import { createRedisLimitStorage, RedisLimitStorage } from './redis-limit-storage.js';

const rule = { limit: 5, ttlMs: 60_000 };
const admitted = replyOf(1, 4, 0, 60_000_000, 1_000_000);
const refused = replyOf(0, 0, 30_000_000, 30_000_000, 1_000_000);
const late = replyOf(-1, 0, 0, 0, 5_000_000);

function replyOf(...values: number[]): Buffer {
  return Buffer.from(Float64Array.from(values).buffer);
}

/** The deadline that a call was sent with, in milliseconds of the server. */
function deadlineOf([, args]: Parameters<RedisClient['callBuffer']>): number {
  return Number(String(args[3]).slice(12, 28)) / 1_000;
}

/** A server that answers commands as it is told. */
function clientThat(answer: (command: string, args: (string | number)[]) => unknown) {
  const client = {
    isCluster: false,
    connect: async () => {},
    call: async () => ['1', '0'],
    callBuffer: vi.fn<RedisClient['callBuffer']>(async (command, args) => answer(command, args)),
    on: () => {},
    disconnect: vi.fn<() => void>(),
  };
  return client satisfies RedisClient;
}

async function storageOn(client: RedisClient, options = {}) {
  const connection = new RedisConnection(() => client);
  await connection.open();
  return new RedisLimitStorage(connection, options);
}

describe('createRedisLimitStorage', () => {
  it('says what to install where ioredis is missing', () => {
    const missing = Object.assign(new Error('Cannot find package'), { code: 'MODULE_NOT_FOUND' });
    const requireIoredis = () => {
      throw missing;
    };
    expect(() => clientsFor('redis://localhost', requireIoredis)).toThrow(
      expect.objectContaining({
        code: 'IPT_MISSING_PACKAGE',
        message: expect.stringContaining('npm i ioredis'),
      }),
    );
  });

  it.each([
    { options: {}, message: /neither client nor url/ },
    {
      options: { url: 'redis://127.0.0.1:1', commandTimeoutMs: 0 },
      message: /commandTimeoutMs: 0/,
    },
    { options: { url: 'redis://127.0.0.1:1', refusalCacheMs: -1 }, message: /refusalCacheMs: -1/ },
  ])('refuses $options', async ({ options, message }) => {
    await expect(createRedisLimitStorage(options)).rejects.toThrow(message);
  });

  it('duplicates the client of a host with settings that queue and repeat nothing', () => {
    const duplicate = vi.fn<(...overrides: unknown[]) => unknown>();
    clientsLike({ isCluster: false, options: {}, duplicate })();
    expect(duplicate).toHaveBeenCalledWith(
      expect.objectContaining({ enableOfflineQueue: false, maxRetriesPerRequest: 0 }),
    );
  });

  it('keeps the node settings of a cluster', () => {
    const duplicate = vi.fn<(...overrides: unknown[]) => unknown>();
    clientsLike({ isCluster: true, options: { redisOptions: { password: 'p' } }, duplicate })();
    expect(duplicate).toHaveBeenCalledWith(
      [],
      expect.objectContaining({
        enableOfflineQueue: false,
        redisOptions: expect.objectContaining({ password: 'p', maxRetriesPerRequest: 0 }),
      }),
    );
  });
});

describe('RedisLimitStorage', () => {
  it('sends one EVALSHA a hit, with the key as hash tag', async () => {
    const client = clientThat(() => admitted);
    const storage = await storageOn(client);
    client.callBuffer.mockClear();
    expect(await storage.hit('203.0.113.7', rule)).toEqual({
      admitted: true,
      limit: 5,
      remaining: 4,
      retryAfterMs: 0,
      resetAfterMs: 60_000,
      slot: expect.stringMatching(/^.{12}$/),
    });
    expect(client.callBuffer).toHaveBeenCalledOnce();
    const [command, args] = client.callBuffer.mock.lastCall ?? [];
    expect(command).toBe('evalsha');
    expect(args?.[2]).toBe('ipt:{203.0.113.7}');
  });

  it('brings the script to a server that does not know it', async () => {
    const client = clientThat((command) => {
      if (command === 'evalsha') throw new Error('NOSCRIPT No matching script.');
      return admitted;
    });
    const storage = await storageOn(client);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: true });
    expect(client.callBuffer.mock.calls.map(([command]) => command)).toEqual(['evalsha', 'eval']);
  });

  it('gives a hit up that is not answered in time', async () => {
    const storage = await storageOn(
      clientThat(() => new Promise(() => {})),
      { commandTimeoutMs: 20 },
    );
    await expect(storage.hit('k', rule)).rejects.toThrow(LimitStoreUnavailableError);
    expect(storage.stats()).toMatchObject({ timeouts: 1, errors: 0 });
  });

  it('gives a connection up that owes an answer for a second, although it gives later ones', async () => {
    let isFirst = true;
    const client = clientThat(() => {
      if (!isFirst) return admitted;
      isFirst = false;
      return new Promise(() => {});
    });
    const storage = await storageOn(client, { commandTimeoutMs: 20 });
    await expect(storage.hit('k', rule)).rejects.toThrow(LimitStoreUnavailableError);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: true });
    await vi.waitFor(() => expect(client.disconnect).toHaveBeenCalled(), 5_000);
    await storage.close();
  });

  it('takes an answer that came in time for such, although this process was busy meanwhile', async () => {
    const storage = await storageOn(
      clientThat(() => new Promise((resolve) => void setImmediate(resolve, admitted))),
      { commandTimeoutMs: 5 },
    );
    const hit = storage.hit('k', rule);
    const until = performance.now() + 30;
    while (performance.now() < until);
    expect(await hit).toMatchObject({ admitted: true });
  });

  it('says why Redis failed', async () => {
    const storage = await storageOn(
      clientThat(() => {
        throw new Error('OOM command not allowed');
      }),
    );
    const failure = expect.objectContaining({
      code: 'IPT_LIMIT_STORE_UNAVAILABLE',
      message: expect.stringContaining('OOM'),
    });
    await expect(storage.hit('k', rule)).rejects.toThrow(failure);
    expect(storage.stats()).toMatchObject({ errors: 1, isConnected: true });
  });

  it.each([
    "READONLY You can't write against a read only replica.",
    "ERR Error running script (call to f_0): @user_script:1: -READONLY You can't write against a read only replica.",
  ])('leaves a primary that has become a replica and says %s', async (message) => {
    const client = clientThat(() => {
      throw new Error(message);
    });
    const storage = await storageOn(client);
    await expect(storage.hit('k', rule)).rejects.toThrow(LimitStoreUnavailableError);
    expect(client.disconnect).toHaveBeenCalledOnce();
    expect(storage.stats().isConnected).toBe(false);
    await storage.close();
  });

  it('asks again when the clock of the server was set forward', async () => {
    const replies = [late, admitted];
    const client = clientThat(() => replies.shift());
    const storage = await storageOn(client);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: true });
    const [first = NaN, second = NaN] = client.callBuffer.mock.calls.map(deadlineOf);
    expect(second - first).toBeGreaterThan(3_000);
  });

  it('forgets what time the server had before its clock was set back', async () => {
    vi.useFakeTimers();
    try {
      let serverMs = 3_600_000;
      const client = clientThat(() => replyOf(1, 4, 0, 0, serverMs * 1_000));
      const storage = await storageOn(client);
      await storage.hit('k', rule);
      serverMs = 0;
      for (let i = 0; i < 25; i++) {
        await vi.advanceTimersByTimeAsync(1_000);
        serverMs += 1_000;
        await storage.hit('k', rule);
      }
      const last = client.callBuffer.mock.calls.at(-1);
      expect(deadlineOf(last as Parameters<RedisClient['callBuffer']>)).toBeLessThan(30_000);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    {
      message: 'WRONGTYPE Operation against a key holding the wrong kind of value',
      isOfOneKey: true,
    },
    {
      message: "ERR user_script:29: bad argument #2 to 'unpack' (data string too short)",
      isOfOneKey: true,
    },
    { message: 'LOADING Redis is loading the dataset in memory', isOfOneKey: false },
  ])('says whether "$message" concerns one key alone', async ({ message, isOfOneKey }) => {
    const storage = await storageOn(
      clientThat(() => {
        throw new Error(message);
      }),
    );
    await expect(storage.hit('k', rule)).rejects.toMatchObject({ isOfOneKey });
  });

  it('repeats a refusal without asking, until something is given back', async () => {
    const client = clientThat((_command, args) => (args[7] === 'release' ? admitted : refused));
    const storage = await storageOn(client);
    client.callBuffer.mockClear();
    await storage.hit('k', rule);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: false });
    expect(client.callBuffer).toHaveBeenCalledOnce();
    await storage.release('k', 'abcdefgh0000');
    await storage.hit('k', rule);
    expect(client.callBuffer).toHaveBeenCalledTimes(3);
    expect(storage.stats().localRefusals).toBe(1);
  });

  it('counts nothing for a limit of Infinity', async () => {
    const client = clientThat(() => admitted);
    const storage = await storageOn(client);
    client.callBuffer.mockClear();
    expect(await storage.hit('k', { limit: Infinity, ttlMs: 1 })).toMatchObject({ admitted: true });
    expect(await storage.peek('k', { limit: Infinity, ttlMs: 1 })).toMatchObject({ slot: null });
    expect(client.callBuffer).not.toHaveBeenCalled();
  });
});
