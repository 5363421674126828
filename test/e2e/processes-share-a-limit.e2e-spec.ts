import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { blackHoleProxy } from '../support/black-hole-proxy.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS } from '../support/host-app.js';
import { LimitedApp } from '../support/limited-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { redisAvailable, startRedis, type TestRedis } from '../support/redis.js';

const whyNot = redisAvailable();
const skipped = whyNot === null ? '' : ` (${whyNot})`;

/** Longer than the default, so that a busy test machine is not taken for a Redis that is down. */
const TIMEOUT_MS = 500;
/**
 * What a request may take while Redis is silent: the command's timeout, and what a busy test machine adds. Were it to
 * wait for a connection instead, it would take ten seconds and more.
 */
const PATIENCE_MS = 4_000;
const RECOVERY_MS = 15_000;

/** Its log comes by another way than its counters. */
async function says(app: LimitedApp, changes: LimitedApp['changes']): Promise<void> {
  await vi.waitFor(() => expect(app.changes).toEqual(changes), 5_000);
}

/**
 * It has said that it lost Redis and found it again. On a machine that is busy enough a command may take longer than its
 * time at any later moment: then it counts for itself again, and has to say so.
 */
async function saysFound(app: LimitedApp, insuredBefore: number): Promise<void> {
  await vi.waitFor(() => expect(app.changes.slice(0, 2)).toEqual(['lost', 'found']), 5_000);
  const { insuranceHits } = await app.stats();
  if (insuranceHits === insuredBefore) return;
  await vi.waitFor(() => expect(app.changes[2]).toBe('lost'), 5_000);
}

interface Loss {
  port: number;
  lose(): void | Promise<void>;
  mend(): void | Promise<void>;
  /** How many of its hits Redis still knows afterwards: the counters of a killed one are gone. */
  keptHits: number;
}

describe.skipIf(whyNot !== null).each(ADAPTERS)(
  `App processes on %s share a limit${skipped}`,
  (adapter) => {
    let database: TestDatabase;
    const ends: (() => unknown)[] = [];

    beforeAll(async () => {
      database = await createTestDatabase();
    });

    afterAll(() => database?.close());

    afterEach(async () => {
      for (const end of ends.splice(0).toReversed()) await end();
    });

    async function redisServer(port?: number): Promise<TestRedis> {
      const server = await startRedis({ port });
      ends.push(() => server.stop());
      return server;
    }

    async function start(count: number, redisPort: number, redis = {}): Promise<LimitedApp[]> {
      const apps = await Promise.all(
        Array.from({ length: count }, () =>
          LimitedApp.start({
            adapter,
            databaseUrl: database.url,
            rateLimits: { redis: { url: `redis://127.0.0.1:${redisPort}`, ...redis } },
          }),
        ),
      );
      ends.push(() => Promise.all(apps.map((app) => app.stop())));
      return apps;
    }

    /** The statuses of so many requests at once of one client, spread over the apps, and how many of each. */
    async function burst(apps: LimitedApp[], requests: number, from: string, path = '/limited') {
      const statuses: Record<number, number> = {};
      await Promise.all(
        apps.flatMap((app) =>
          Array.from({ length: requests / apps.length }, async () => {
            const { status } = await app.send({ path, from });
            statuses[status] = (statuses[status] ?? 0) + 1;
          }),
        ),
      );
      return statuses;
    }

    async function settled(apps: LimitedApp[], state: 'open' | 'closed'): Promise<void> {
      for (const app of apps) {
        const isThere = async () => {
          const is = (await app.stats()).state;
          return state === 'closed' ? is === 'closed' : is !== 'closed';
        };
        await eventually(isThere, { withinMs: RECOVERY_MS, what: `the store ${state}` });
      }
    }

    /** So many of 100 requests pass; fewer where a busy machine has made an app lose Redis again, and none is left there. */
    async function passTogether(
      apps: LimitedApp[],
      count: number,
      from: string,
      insuredBefore: number,
    ): Promise<void> {
      const { 200: passed = 0, ...others } = await burst(apps, 100, from);
      expect(others).toEqual({ 429: 100 - passed });
      expect(passed).toBeLessThanOrEqual(count);
      const stats = await Promise.all(apps.map((app) => app.stats()));
      const isTogether = stats.every(({ insuranceHits }) => insuranceHits === insuredBefore);
      expect(isTogether ? passed : count).toBe(count);
    }

    it.each([2, 4])('exactly: 5 of 1,000 requests at once to %i of them pass', async (count) => {
      const { port } = await redisServer();
      // On a machine that is busy with the test itself nobody should be given up: the subject is the count.
      const apps = await start(count, port, { commandTimeoutMs: 20_000 });
      expect(await burst(apps, 1_000, '203.0.113.7')).toEqual({ 200: 5, 429: 995 });
      for (const app of apps) expect(await app.stats()).toMatchObject({ insuranceHits: 0 });
    });

    /** Each way of losing Redis, and of getting it back. */
    const losses: { name: string; set(): Promise<Loss> }[] = [
      {
        name: 'is killed',
        set: async () => {
          const { port, kill } = await redisServer();
          return {
            port,
            lose: () => kill('SIGKILL'),
            mend: async () => void (await redisServer(port)),
            keptHits: 0,
          };
        },
      },
      {
        name: 'is frozen',
        set: async () => {
          const { port, kill } = await redisServer();
          ends.push(() => kill('SIGCONT'));
          return { port, lose: () => kill('SIGSTOP'), mend: () => kill('SIGCONT'), keptHits: 1 };
        },
      },
      {
        name: 'is behind a network that swallows everything',
        set: async () => {
          const { port } = await redisServer();
          const proxy = await blackHoleProxy(port);
          ends.push(() => proxy.stop());
          return {
            port: proxy.port,
            lose: () => void (proxy.isSwallowing = true),
            mend: () => void (proxy.isSwallowing = false),
            keptHits: 1,
          };
        },
      },
    ];

    it.each(losses)(
      'each for itself while Redis $name, and together again afterwards',
      async ({ set }) => {
        const { port, lose, mend, keptHits } = await set();
        const apps = await start(2, port, { commandTimeoutMs: TIMEOUT_MS });
        await settled(apps, 'closed');
        expect(await burst(apps.slice(0, 1), 1, '203.0.113.7')).toEqual({ 200: 1 });

        await lose();
        // Who comes first waits for the timeout, and nobody longer.
        const longest = await Promise.all(
          apps.map(async (app) => {
            const start = performance.now();
            expect((await app.send({ path: '/limited', from: '198.51.100.1' })).status).toBe(200);
            return performance.now() - start;
          }),
        );
        expect(Math.max(...longest)).toBeLessThan(PATIENCE_MS);
        await settled(apps, 'open');
        // Each has a limit of its own now, which holds. All of both clients' is used up: whatever passes afterwards has been
        // counted in Redis, even where an app loses that again for a moment.
        expect(await burst(apps, 100, '203.0.113.7')).toEqual({ 200: 10, 429: 90 });
        expect(await burst(apps, 20, '198.51.100.1')).toEqual({ 200: 8, 429: 12 });
        expect(await burst(apps, 10, '203.0.113.7', '/closed')).toEqual({ 503: 10 });
        expect(await burst(apps, 10, '203.0.113.7', '/free')).toEqual({ 200: 10 });
        for (const app of apps) {
          expect(await app.stats()).toMatchObject({ insuranceHits: 61, failClosedRefusals: 5 });
          await says(app, ['lost']);
        }

        await mend();
        await settled(apps, 'closed');
        // Nothing of what was counted meanwhile has reached it, not even late.
        await passTogether(apps, 5 - keptHits, '203.0.113.7', 61);
        await passTogether(apps, 5, '198.51.100.1', 61);
        for (const app of apps) {
          expect(await app.stats()).toMatchObject({ failClosedRefusals: 5 });
          await saysFound(app, 61);
          expect(app.unhandled).toEqual([]);
        }
      },
    );

    it('from a start without Redis, once it is there', async () => {
      const { port, stop } = await startRedis();
      await stop();
      const apps = await start(2, port);
      expect(await burst(apps, 20, '203.0.113.7')).toEqual({ 200: 10, 429: 10 });
      await redisServer(port);
      await settled(apps, 'closed');
      await passTogether(apps, 5, '203.0.113.7', 10);
      for (const app of apps) await saysFound(app, 10);
    });
  },
);
