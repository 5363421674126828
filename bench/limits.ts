/**
 * What a hit on a limit costs in memory and in Redis, what a million clients weigh, for how long they hold the event
 * loop, and whether an abuser among them stays limited; against the storage of @nestjs/throttler, and
 * rate-limiter-flexible where it is installed.
 *
 *   npm run bench -- limits
 *
 * Each million runs in a process of its own. Redis is started on a free port; without redis-server that part is left
 * out.
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { ThrottlerStorageService } from '@nestjs/throttler';
import { Redis } from 'ioredis';

import { MemoryLimitStorage } from '../src/throttle/memory-limit-storage.js';
import { createRedisLimitStorage } from '../src/throttle/redis-limit-storage.js';
import { redisAvailable, startRedis } from '../test/support/redis.js';

const ROUNDS = 7;
const MILLION = 1_000_000;
const TTL_MS = 60_000;
const FIVE = { limit: 5, ttlMs: TTL_MS };

/** Counts one hit against 5 a minute, and says whether it may pass. */
type Hit = (key: string) => boolean | Promise<boolean>;

interface Contender {
  readonly name: string;
  open(): Promise<{ hit: Hit; sweep?: () => void; note?: () => string } | string>;
}

const CONTENDERS: Contender[] = [
  {
    name: 'nestjs-ip-tracking',
    open: async () => {
      const storage = new MemoryLimitStorage();
      return {
        hit: (key) => storage.hit(key, FIVE).admitted,
        note: () => JSON.stringify(storage.stats()),
      };
    },
  },
  {
    name: '@nestjs/throttler',
    open: async () => {
      const storage = new ThrottlerStorageService();
      return {
        hit: async (key) => !(await storage.increment(key, TTL_MS, 5, 0, 'default')).isBlocked,
        // What its timer does once a minute, after the minute.
        sweep: () => (storage as unknown as Sweeper).evictIdleRecords(Date.now() + TTL_MS),
      };
    },
  },
  {
    name: 'rate-limiter-flexible',
    open: async () => {
      const name = 'rate-limiter-flexible';
      const flexible = (await import(name).catch(() => null)) as FlexibleModule | null;
      if (flexible === null) return 'not installed';
      const limiter = new flexible.RateLimiterMemory({ points: 5, duration: TTL_MS / 1_000 });
      return {
        hit: (key) =>
          limiter.consume(key).then(
            () => true,
            () => false,
          ),
      };
    },
  },
];

interface Sweeper {
  evictIdleRecords(now: number): void;
}

interface FlexibleModule {
  RateLimiterMemory: new (options: { points: number; duration: number }) => {
    consume(key: string): Promise<unknown>;
  };
}

/** A text of its own each time, as a request gives one. */
function address(i: number): string {
  return `2001:db8:${(i >>> 16).toString(16)}:${(i & 0xffff).toString(16)}::/64`;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

async function nsPerHit(hit: Hit, hits: number, keyOf: (i: number) => string): Promise<number> {
  const start = process.hrtime.bigint();
  for (let i = 0; i < hits; i++) {
    const admitted = hit(keyOf(i));
    if (typeof admitted !== 'boolean') await admitted;
  }
  return Number(process.hrtime.bigint() - start) / hits;
}

async function benchHits(): Promise<void> {
  const shapes = [
    { name: 'one client over his limit', hits: 200_000, keyOf: () => address(7) },
    { name: 'first hits of 100,000 clients', hits: 100_000, keyOf: address },
    { name: 'hits of 20,000 clients, at random', hits: 200_000, keyOf: scattered },
  ];
  console.log(`\nA hit in memory, ns (median of ${ROUNDS} rounds, worst in brackets)\n`);
  const rows: Record<string, Record<string, string>> = {};
  for (const shape of shapes) {
    const times = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const { name, open } of CONTENDERS) {
        const opened = await open();
        if (typeof opened === 'string') continue;
        const ns = await nsPerHit(opened.hit, shape.hits, shape.keyOf);
        times.set(name, [...(times.get(name) ?? []), ns]);
      }
    }
    rows[shape.name] = Object.fromEntries(
      CONTENDERS.map(({ name }) => {
        const all = times.get(name);
        if (all === undefined) return [name, 'not installed'];
        return [name, `${median(all).toFixed(0)} (${Math.max(...all).toFixed(0)})`];
      }),
    );
  }
  console.table(rows);
}

function scattered(i: number): string {
  return address((Math.imul(i, 0x9e3779b1) % 20_000) >>> 0);
}

interface Million {
  readonly rssMb: number;
  readonly heapMb: number;
  readonly seconds: number;
  readonly worstPauseMs: number;
  readonly sweepMs: number | null;
  readonly abuserAdmitted: number;
  readonly note: string;
}

/** A million clients with one hit each, and one among them who comes a thousand times. */
async function runMillion(name: string): Promise<Million | string> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const opened = await CONTENDERS.find((contender) => contender.name === name)!.open();
  if (typeof opened === 'string') return opened;
  // Compiled and warm, so that this is not counted as memory of keys.
  for (let i = 0; i < 5_000; i++) await opened.hit('warm');
  collect();
  const before = process.memoryUsage();
  let abuserAdmitted = 0;
  let worstPauseMs = 0;
  const start = performance.now();
  let last = start;
  for (let i = 0; i < MILLION; i++) {
    const admitted = opened.hit(address(i));
    if (typeof admitted !== 'boolean') await admitted;
    if (i % 1_000 === 0 && (await opened.hit('203.0.113.7'))) abuserAdmitted++;
    const now = performance.now();
    worstPauseMs = Math.max(worstPauseMs, now - last);
    last = now;
  }
  const seconds = (performance.now() - start) / 1_000;
  // Before the collector runs: what is resident is what a container is billed for.
  const { rss } = process.memoryUsage();
  collect();
  const { heapUsed } = process.memoryUsage();
  let sweepMs: number | null = null;
  if (opened.sweep !== undefined) {
    const sweepStart = performance.now();
    opened.sweep();
    sweepMs = performance.now() - sweepStart;
  }
  return {
    rssMb: (rss - before.rss) / 2 ** 20,
    heapMb: (heapUsed - before.heapUsed) / 2 ** 20,
    seconds,
    worstPauseMs,
    sweepMs,
    abuserAdmitted,
    note: opened.note?.() ?? '',
  };
}

function benchMillions(): void {
  console.log('\nA million clients, and one who comes a thousand times (median of 3 processes)\n');
  const rows: Record<string, Record<string, string>> = {};
  for (const { name } of CONTENDERS) {
    const runs: Million[] = [];
    let absent = '';
    for (let round = 0; round < 3 && absent === ''; round++) {
      const self = [fileURLToPath(import.meta.url), 'million', name];
      const { stdout, stderr, status } = spawnSync(process.execPath, self, { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      const result = JSON.parse(stdout) as Million | string;
      if (typeof result === 'string') absent = result;
      else runs.push(result);
    }
    rows[name] =
      absent === ''
        ? {
            'RSS, MB': `+${median(runs.map(({ rssMb }) => rssMb)).toFixed(0)}`,
            'heap, MB': `+${median(runs.map(({ heapMb }) => heapMb)).toFixed(0)}`,
            'longest hit, ms': worst(runs.map(({ worstPauseMs }) => worstPauseMs)),
            'sweep, ms': worst(runs.map(({ sweepMs }) => sweepMs)),
            seconds: median(runs.map(({ seconds }) => seconds)).toFixed(2),
            'abuser passed': `${runs[0].abuserAdmitted} of 1000`,
          }
        : { 'RSS, MB': absent };
  }
  console.table(rows);
}

function worst(values: (number | null)[]): string {
  const given = values.filter((value) => value !== null);
  if (given.length === 0) return 'none';
  return `${median(given).toFixed(1)} (worst ${Math.max(...given).toFixed(1)})`;
}

/** Takes and answers as much as the real script, and does nothing. */
const BARE_SCRIPT = 'return {1, 4, 0, 60000000, 1700000000000000}';

/** The least that a limit takes: a fixed window, which lets twice the limit pass around its edge. */
const FIXED_WINDOW_SCRIPT = `
local hits = redis.call('INCR', KEYS[1])
if hits == 1 then redis.call('PEXPIRE', KEYS[1], 60000) end
return {hits <= 5 and 1 or 0, 5 - hits, redis.call('PTTL', KEYS[1]), 0, 0}
`;

async function benchRedis(): Promise<void> {
  const whyNot = redisAvailable();
  if (whyNot !== null) {
    console.log(`\nRedis is left out: ${whyNot}`);
    return;
  }
  const server = await startRedis();
  // As nobody should be without one, the bare command has a timeout too.
  const redis = new Redis(server.url, { commandTimeout: 5_000 });
  const storage = await createRedisLimitStorage({
    url: server.url,
    refusalCacheMs: 0,
    commandTimeoutMs: 5_000,
  });
  const caching = await createRedisLimitStorage({ url: server.url, commandTimeoutMs: 5_000 });
  const command = async (script: string) => {
    const sha = (await redis.script('LOAD', script)) as string;
    return (key: string) => {
      const args = ['hit', 1_700_000_000_000_000, 5, 60_000_000, 1, 0, 'abcdefgh0001', ''];
      return redis.call('evalsha', [sha, 1, `ipt:{${key}}`, ...args]);
    };
  };
  const contenders: Record<string, (key: string) => Promise<unknown>> = {
    'bare EVALSHA': await command(BARE_SCRIPT),
    'EVALSHA of a fixed window': await command(FIXED_WINDOW_SCRIPT),
    'hit, admitted': (key) => storage.hit(key, FIVE),
    'hit, refused by Redis': () => storage.hit('refused', FIVE),
    'hit, refused from memory': () => caching.hit('refused', FIVE),
  };
  try {
    for (let i = 0; i < 10; i++) await storage.hit('refused', FIVE);
    const one = new Map<string, number[]>();
    const many = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, hit] of Object.entries(contenders)) {
        const keyOf = (i: number) => `${round}.${i % 1_000}`;
        await redis.flushdb();
        for (let i = 0; i < 6; i++) await storage.hit('refused', FIVE);
        one.set(name, [...(one.get(name) ?? []), await sequential(hit, 3_000, keyOf)]);
        await redis.flushdb();
        for (let i = 0; i < 6; i++) await storage.hit('refused', FIVE);
        many.set(name, [...(many.get(name) ?? []), await concurrent(hit, 20_000, keyOf)]);
      }
    }
    const base = { one: median(one.get('bare EVALSHA')!), many: median(many.get('bare EVALSHA')!) };
    console.log(`\nA hit in Redis, us (median of ${ROUNDS} rounds, worst in brackets)\n`);
    console.table(
      Object.fromEntries(
        Object.keys(contenders).map((name) => [
          name,
          {
            'one at a time': both(one.get(name)!),
            'of a bare one': (median(one.get(name)!) / base.one).toFixed(2),
            '64 at a time, each': both(many.get(name)!),
            'of a bare one ': (median(many.get(name)!) / base.many).toFixed(2),
          },
        ]),
      ),
    );
  } finally {
    await storage.close();
    await caching.close();
    redis.disconnect();
    await server.stop();
  }
}

function both(values: number[]): string {
  return `${median(values).toFixed(1)} (${Math.max(...values).toFixed(1)})`;
}

async function sequential(
  hit: (key: string) => Promise<unknown>,
  hits: number,
  keyOf: (i: number) => string,
): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < hits; i++) await hit(keyOf(i));
  return ((performance.now() - start) * 1_000) / hits;
}

async function concurrent(
  hit: (key: string) => Promise<unknown>,
  hits: number,
  keyOf: (i: number) => string,
): Promise<number> {
  let next = 0;
  const start = performance.now();
  const worker = async () => {
    while (next < hits) await hit(keyOf(next++));
  };
  await Promise.all(Array.from({ length: 64 }, worker));
  return ((performance.now() - start) * 1_000) / hits;
}

if (process.argv[2] === 'million') {
  process.stdout.write(JSON.stringify(await runMillion(process.argv[3])));
  process.exit();
} else {
  console.log(`${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`);
  await benchHits();
  benchMillions();
  await benchRedis();
  process.exit();
}
