/**
 * What a hit on a limit costs in memory and in Redis, how many requests pass around the edge of a window, what a million
 * clients weigh, for how long they hold the event loop, and whether an abuser among them stays limited; against
 * @nestjs/throttler's storage, rate-limiter-flexible and @fastify/rate-limit's stores.
 *
 *   npm run bench -- limits
 *
 * Each million runs in a process of its own. Redis is started on a free port; without redis-server that part is left
 * out.
 */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Redis } from 'ioredis';
import { MemoryLimitStorage } from '../src/limits/store/memory/memory-limit-storage.js';
import { createRedisLimitStorage } from '../src/limits/store/redis/redis-limit-storage.js';
import { ResilientLimitStorage } from '../src/limits/store/resilient-limit-storage.js';
import { redisAvailable, startRedis } from '../test/support/redis.js';
import { median, printTable } from './support/figures.js';
import { IN_MEMORY, inRedis, LIMIT, type Hit, type Limiter } from './support/limiters.js';

const MILLION = 1_000_000;
const MINUTE_MS = 60_000;

/** A text of its own each time, as a request gives one. */
function address(i: number): string {
  return `2001:db8:${(i >>> 16).toString(16)}:${(i & 0xffff).toString(16)}::/64`;
}

function scattered(i: number): string {
  return address((Math.imul(i, 0x9e3779b1) % 20_000) >>> 0);
}

/** The median, and the worst in brackets. */
function both(values: number[], digits = 0): string {
  return `${median(values).toFixed(digits)} (${Math.max(...values).toFixed(digits)})`;
}

function print(title: string, rows: string[][]): void {
  process.stdout.write(`\n${title}\n\n`);
  printTable(rows);
}

async function nsPerHit(hit: Hit, hits: number, keyOf: (i: number) => string): Promise<number> {
  const start = process.hrtime.bigint();
  for (let i = 0; i < hits; i++) {
    const admitted = hit(keyOf(i));
    if (typeof admitted !== 'boolean') await admitted;
  }
  return Number(process.hrtime.bigint() - start) / hits;
}

async function benchMemory(): Promise<void> {
  const rounds = 9;
  const shapes = [
    { name: 'one client over their limit', hits: 100_000, keyOf: () => address(7) },
    { name: 'first hits of 50,000 clients', hits: 50_000, keyOf: address },
    { name: '20,000 clients at random', hits: 100_000, keyOf: scattered },
  ];
  const rows = [['', ...IN_MEMORY.map(({ name }) => name)]];
  for (const shape of shapes) {
    const times = IN_MEMORY.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [index, { open }] of IN_MEMORY.entries()) {
        const limiter = await open(MINUTE_MS);
        times[index]!.push(await nsPerHit(limiter.hit, shape.hits, shape.keyOf));
        await limiter.close();
      }
    }
    rows.push([shape.name, ...times.map((all) => both(all))]);
  }
  print(`A hit in memory, ns: median of ${rounds} rounds (worst)`, rows);
}

/** How many hits at most pass in any window, of a client who knows where the limiter's own window ends. */
async function worstWindow({ open }: Limiter): Promise<number> {
  const ttlMs = 1_000;
  const limiter = await open(ttlMs);
  const passed: number[] = [];
  const hitAll = async () => {
    for (let i = 0; i < 2 * LIMIT; i++) {
      if (await limiter.hit('203.0.113.7')) passed.push(performance.now());
    }
  };
  const start = performance.now();
  if (await limiter.hit('203.0.113.7')) passed.push(start);
  for (const atMs of [ttlMs - 60, ttlMs + 30]) {
    await sleep(start + atMs - performance.now());
    await hitAll();
  }
  await limiter.close();
  return Math.max(
    ...passed.map((from) => passed.filter((at) => at >= from && at < from + ttlMs).length),
  );
}

async function benchWindows(redisUrl: string | null): Promise<void> {
  const stores = [
    ...IN_MEMORY.map((limiter) => ({ limiter, where: 'memory' })),
    ...(redisUrl === null ? [] : inRedis(redisUrl)).map((limiter) => ({ limiter, where: 'Redis' })),
  ];
  const rows = [['', 'memory', 'Redis']];
  for (const { name } of IN_MEMORY) {
    const cells = [];
    for (const where of ['memory', 'Redis']) {
      const store = stores.find((one) => one.limiter.name === name && one.where === where);
      cells.push(store === undefined ? '-' : String(await worstWindow(store.limiter)));
    }
    rows.push([name, ...cells]);
  }
  print(`Passed in the worst window of a limit of ${LIMIT}, by bursts around its edge`, rows);
}

interface Million {
  readonly rssMb: number;
  readonly seconds: number;
  readonly worstPauseMs: number;
  readonly sweepMs: number | null;
  readonly abuserAdmitted: number;
  readonly note: string;
}

/** A million clients with one hit each, and one among them who comes a thousand times. */
async function runMillion(name: string): Promise<Million> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const limiter = await IN_MEMORY.find((one) => one.name === name)!.open(MINUTE_MS);
  // Compiled and warm, so that this is not counted as memory of keys.
  for (let i = 0; i < 5_000; i++) await limiter.hit('warm');
  collect();
  const before = process.memoryUsage();
  let abuserAdmitted = 0;
  let worstPauseMs = 0;
  const start = performance.now();
  let last = start;
  for (let i = 0; i < MILLION; i++) {
    const admitted = limiter.hit(address(i));
    if (typeof admitted !== 'boolean') await admitted;
    if (i % 1_000 === 0 && (await limiter.hit('203.0.113.7'))) abuserAdmitted++;
    const now = performance.now();
    worstPauseMs = Math.max(worstPauseMs, now - last);
    last = now;
  }
  const seconds = (performance.now() - start) / 1_000;
  // Before the collector runs: what is resident is what a container is billed for.
  const { rss } = process.memoryUsage();
  let sweepMs: number | null = null;
  if (limiter.sweep !== undefined) {
    const sweepStart = performance.now();
    limiter.sweep();
    sweepMs = performance.now() - sweepStart;
  }
  return {
    rssMb: (rss - before.rss) / 2 ** 20,
    seconds,
    worstPauseMs,
    sweepMs,
    abuserAdmitted,
    note: limiter.note?.() ?? '',
  };
}

function benchMillions(): void {
  const rounds = 3;
  const rows = [['', 'memory, MB', 'longest hit, ms', 'sweep, ms', 'seconds', 'abuser passed', '']];
  for (const { name } of IN_MEMORY) {
    const runs = Array.from({ length: rounds }, () => {
      const self = [fileURLToPath(import.meta.url), 'million', name];
      const { stdout, stderr, status } = spawnSync(process.execPath, self, { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as Million;
    });
    const sweeps = runs.map(({ sweepMs }) => sweepMs).filter((ms) => ms !== null);
    rows.push([
      name,
      both(runs.map(({ rssMb }) => rssMb)),
      both(
        runs.map(({ worstPauseMs }) => worstPauseMs),
        1,
      ),
      sweeps.length === 0 ? 'none' : both(sweeps),
      both(
        runs.map(({ seconds }) => seconds),
        1,
      ),
      `${Math.max(...runs.map(({ abuserAdmitted }) => abuserAdmitted))} of 1000`,
      runs[0]!.note,
    ]);
  }
  print(`A million clients, and one who comes a thousand times: median of ${rounds} (worst)`, rows);
}

const RULE = { limit: LIMIT, ttlMs: MINUTE_MS };

/** What a hit is measured by: the least that a command through this driver, and a write in a script, take. */
const BARE = 'bare: EVALSHA of one INCR';

async function benchRedis(url: string): Promise<void> {
  // As nobody should be without one, the bare command has a timeout too.
  const redis = new Redis(url, { commandTimeout: 5_000 });
  const options = { url, commandTimeoutMs: 5_000 };
  const storage = await createRedisLimitStorage({ ...options, refusalCacheMs: 0 });
  const caching = await createRedisLimitStorage(options);
  const resilient = new ResilientLimitStorage({
    primary: await createRedisLimitStorage({ ...options, refusalCacheMs: 0 }),
    fallback: new MemoryLimitStorage(),
  });
  const command = async (script: string) => {
    const sha = (await redis.script('LOAD', script)) as string;
    return (key: string) => redis.call('evalsha', [sha, 1, `ipt:{${key}}`]);
  };
  const peers = await Promise.all(
    inRedis(url)
      .slice(1)
      .map(async ({ name, open }) => ({ name, ...(await open(MINUTE_MS)) })),
  );
  const contenders = new Map<string, (key: string) => unknown>([
    ['EVALSHA of a constant', await command('return 1')],
    [BARE, await command("return redis.call('INCR', KEYS[1])")],
    ['hit, admitted', (key) => storage.hit(key, RULE)],
    ['hit, admitted, insured', (key) => resilient.hit(key, RULE)],
    ['hit, refused by Redis', () => storage.hit('refused', RULE)],
    ['hit, refused from memory', () => caching.hit('refused', RULE)],
    ...peers.map(({ name, hit }): [string, Hit] => [name, hit]),
  ]);
  const oneAtATime = await inRounds(redis, storage, contenders, 60, (hit) => sequential(hit, 300));
  const many = await inRounds(redis, storage, contenders, 40, (hit) => concurrent(hit, 2_000));
  const rows = [['', 'us', 'x bare', 'script, us', 'node CPU, us', '64 at once, us', 'x bare']];
  for (const name of contenders.keys()) {
    const [one, all] = [oneAtATime.get(name)!, many.get(name)!];
    const [bareOne, bareAll] = [oneAtATime.get(BARE)!, many.get(BARE)!];
    rows.push([
      name,
      both(one.us, 1),
      median(one.us.map((us, round) => us / bareOne.us[round]!)).toFixed(2),
      median(one.scriptUs).toFixed(1),
      median(one.cpuUs).toFixed(1),
      both(all.us, 1),
      median(all.us.map((us, round) => us / bareAll.us[round]!)).toFixed(2),
    ]);
  }
  print('A hit in Redis on loopback: median of 60 rounds of 300 (worst); of 40 of 2,000', rows);
  for (const { close } of peers) await close();
  for (const one of [storage, caching, resilient]) await one.close();
  redis.disconnect();
}

interface Rounds {
  us: number[];
  /** In the server, as it counts its own commands; NaN where it was not asked. */
  scriptUs: number[];
  cpuUs: number[];
}

async function inRounds(
  redis: Redis,
  storage: { hit(key: string, rule: typeof RULE): Promise<unknown> },
  contenders: Map<string, (key: string) => unknown>,
  rounds: number,
  run: (hit: (key: string) => unknown) => Promise<Run>,
): Promise<Map<string, Rounds>> {
  const all = new Map([...contenders.keys()].map((name) => [name, emptyRounds()]));
  // The first two are not counted: the code is compiled in them.
  for (let round = -2; round < rounds; round++) {
    for (const [name, hit] of contenders) {
      await redis.flushdb();
      for (let i = 0; i <= LIMIT; i++) await storage.hit('refused', RULE);
      await hit('warm');
      await redis.config('RESETSTAT');
      const cpuBefore = process.cpuUsage();
      const { us: tookUs, hits } = await run(hit);
      const cpu = process.cpuUsage(cpuBefore);
      const stats = await redis.info('commandstats');
      const [, calls, usec] = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(stats) ?? [];
      if (round < 0) continue;
      const { us, scriptUs, cpuUs } = all.get(name)!;
      us.push(tookUs);
      scriptUs.push(Number(usec) / Number(calls));
      cpuUs.push((cpu.user + cpu.system) / hits);
    }
  }
  return all;
}

function emptyRounds(): Rounds {
  return { us: [], scriptUs: [], cpuUs: [] };
}

interface Run {
  /** Microseconds a hit. */
  us: number;
  hits: number;
}

async function sequential(hit: (key: string) => unknown, hits: number): Promise<Run> {
  const start = performance.now();
  for (let i = 0; i < hits; i++) await hit(address(i % 100));
  return { us: ((performance.now() - start) * 1_000) / hits, hits };
}

async function concurrent(hit: (key: string) => unknown, hits: number): Promise<Run> {
  let next = 0;
  const start = performance.now();
  const worker = async () => {
    while (next < hits) await hit(address(next++ % 500));
  };
  await Promise.all(Array.from({ length: 64 }, worker));
  return { us: ((performance.now() - start) * 1_000) / hits, hits };
}

async function main(): Promise<void> {
  const load = loadavg()[0]!.toFixed(1);
  process.stdout.write(
    `${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, load average ${load}\n`,
  );
  const whyNot = redisAvailable();
  const server = whyNot === null ? await startRedis() : null;
  try {
    await benchMemory();
    await benchWindows(server?.url ?? null);
    if (server === null) process.stdout.write(`\nRedis is left out: ${whyNot}\n`);
    else await benchRedis(server.url);
    benchMillions();
  } finally {
    await server?.stop();
  }
}

if (process.argv[2] === 'million') {
  process.stdout.write(JSON.stringify(await runMillion(process.argv[3]!)));
} else {
  await main();
}
process.exit();
