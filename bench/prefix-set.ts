/**
 * What a decision costs in processor time, from the text of an address to the rule, with 10, 10,000 and 1,000,000 prefixes of both
 * families, against `net.BlockList` and ipaddr.js with 10,000; what a million prefixes weigh, how long they take to
 * load, and for how long loading holds the event loop.
 *
 *   npx tsc -p tsconfig.json --outDir <folder> && node <folder>/bench/prefix-set.js [seed]
 *
 * A folder inside the checkout, so that packages are found.
 */
import { BlockList } from 'node:net';
import { cpus } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseIp } from '../src/net/ip-address.js';
import { PrefixSet, PrefixSetBuilder } from '../src/net/prefix-set.js';

const ROUNDS = 7;
/** Different addresses a round asks about: those of a busy hour, and so many that hardly any is in a cache. */
const CLIENTS = 10_000;
const STRANGERS = 100_000;
/** Questions a round. */
const QUESTIONS = 100_000;
const MILLION = 1_000_000;

const seed = Number(process.argv[2] ?? 20261121);
let state = seed >>> 0;

/** Mulberry32: 32 random bits, the same for the same seed. */
function random(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return (t ^ (t >>> 14)) >>> 0;
}

function pick<T>(list: readonly T[]): T {
  return list[random() % list.length]!;
}

const V4_LENGTHS = [32, 32, 32, 32, 32, 32, 24, 24, 22, 20, 16];
const V6_LENGTHS = [128, 128, 128, 64, 64, 64, 56, 48, 48, 32];

function v4Text(word: number): string {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join('.');
}

function v6Text(words: readonly number[]): string {
  return words.flatMap((w) => [(w >>> 16).toString(16), (w & 0xffff).toString(16)]).join(':');
}

/** The worst case of a tree over the top bits: half of the IPv6 prefixes crowd in one /32, the rest in 2000::/3. */
function randomV6(): number[] {
  const top = random() % 2 === 0 ? 0x20010db8 : 0x20000000 | (random() >>> 3);
  return [top, random(), random(), random()];
}

/** Many short texts in one piece of memory outside the heap, where the garbage collector need not look at them. */
class Texts {
  private readonly ends: Uint32Array;
  private readonly bytes: Buffer;

  constructor(
    readonly count: number,
    make: (i: number) => string,
  ) {
    this.ends = new Uint32Array(count);
    this.bytes = Buffer.alloc(count * 48);
    for (let i = 0; i < count; i++) {
      this.ends[i] = this.start(i) + this.bytes.write(make(i), this.start(i), 'latin1');
    }
  }

  /** A new flat string each time, as a header or a socket gives one. */
  at(i: number): string {
    return this.bytes.toString('latin1', this.start(i), this.ends[i]);
  }

  *entries(): Generator<readonly [string, number]> {
    for (let i = 0; i < this.count; i++) yield [this.at(i), i];
  }

  private start(i: number): number {
    return i * 48;
  }
}

function makePrefixes(count: number): Texts {
  return new Texts(count, (i) =>
    i % 2 === 0
      ? `${v4Text(random())}/${pick(V4_LENGTHS)}`
      : `${v6Text(randomV6())}/${pick(V6_LENGTHS)}`,
  );
}

/** Half of the addresses lie in a prefix of the list; the families alternate. */
function makeQueries(prefixes: Texts, count: number): string[] {
  const texts = new Texts(count, (i) => {
    if (i % 4 < 2)
      return prefixes.at((random() % (prefixes.count / 2)) * 2 + (i % 2)).split('/')[0]!;
    return i % 2 === 0 ? v4Text(random()) : v6Text(randomV6());
  });
  return Array.from({ length: count }, (_, i) => texts.at(i));
}

/** Processor time: on a machine that does other work as well, a clock would count that, too. */
function ns(queries: readonly string[], decide: (text: string) => unknown, rounds: number): number {
  let hits = 0;
  const start = process.cpuUsage();
  for (let round = 0; round < rounds; round++) for (const text of queries) if (decide(text)) hits++;
  const { user, system } = process.cpuUsage(start);
  if (hits < 0) throw new Error('unreachable, and keeps the loop');
  return ((user + system) * 1_000) / (queries.length * rounds);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

async function bytesInUse(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    gc();
    // Array buffers are freed off the main thread.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

interface Hold {
  longestMs: number;
  meanMs: number;
}

/** Runs a task while counting how long the event loop had to wait for its turns. */
async function watched<T>(task: () => Promise<T>): Promise<{ result: T; ms: number; hold: Hold }> {
  let isRunning = true;
  let turns = 0;
  let longestMs = 0;
  let last = performance.now();
  const turn = (): void => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    turns++;
    if (isRunning) setImmediate(turn);
  };
  setImmediate(turn);
  const start = performance.now();
  const result = await task();
  const ms = performance.now() - start;
  isRunning = false;
  await new Promise((resolve) => setImmediate(resolve));
  return { result, ms, hold: { longestMs, meanMs: ms / turns } };
}

async function weigh(): Promise<void> {
  const mixed = makePrefixes(MILLION);
  await reportWeight('half of them IPv6', () => PrefixSet.fromAsync(mixed.entries()));
  await reportWeight('all of them IPv6', () => {
    const builder = new PrefixSetBuilder<number>();
    for (let i = 0; i < MILLION; i++) {
      const [w0, w1, w2, w3] = randomV6() as [number, number, number, number];
      builder.addV6(w0, w1, w2, w3, pick(V6_LENGTHS), i);
    }
    return builder.buildAsync();
  });
}

async function reportWeight(what: string, build: () => Promise<PrefixSet<number>>): Promise<void> {
  // Warm code weighs too, and is no part of the set.
  await build();
  const empty = PrefixSet.empty<number>();
  const before = await bytesInUse();
  const set = await build();
  const megabytes = ((await bytesInUse()) - before) / 1e6;
  console.log(
    `memory   ${set.size - empty.size} of 1,000,000 prefixes, ${what}: ${megabytes.toFixed(1)} MB over the empty set`,
  );
}

async function load(prefixes: Texts): Promise<void> {
  const fromText: number[] = [];
  const fromIntegers: number[] = [];
  const holds: number[] = [];
  const words = new Uint32Array(prefixes.count * 5);
  for (const [text, i] of prefixes.entries()) {
    const [address, length] = text.split('/');
    const ip = parseIp(address!)!;
    words.set([ip.w0, ip.w1, ip.w2, ip.w3, Number(length)], i * 5);
  }
  for (let round = 0; round < ROUNDS; round++) {
    gc();
    const text = await watched(() => PrefixSet.fromAsync(prefixes.entries()));
    fromText.push(text.ms);
    gc();
    const integers = await watched(async () => {
      const builder = new PrefixSetBuilder<number>();
      for (let i = 0; i < prefixes.count; i++) {
        const at = i * 5;
        const length = words[at + 4]!;
        if (i % 2 === 0) builder.addV4(words[at]!, length, i);
        else builder.addV6(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, length, i);
        // As rows of a cursor come: a thousand at a time.
        if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return builder.buildAsync();
    });
    fromIntegers.push(integers.ms);
    holds.push(text.hold.longestMs, integers.hold.longestMs);
  }
  console.log(
    `load     1,000,000 from text: median ${median(fromText).toFixed(0)} ms, worst ${Math.max(...fromText).toFixed(0)} ms; ` +
      `from integers: median ${median(fromIntegers).toFixed(0)} ms, worst ${Math.max(...fromIntegers).toFixed(0)} ms`,
  );
  console.log(
    `hold     event loop: median of the longest ${median(holds).toFixed(1)} ms, worst ${Math.max(...holds).toFixed(1)} ms`,
  );
}

interface IpaddrModule {
  parse(text: string): { kind(): string; match(range: unknown): boolean };
  parseCIDR(text: string): unknown;
}

/** ipaddr.js where a dependency brought it along. */
async function loadIpaddr(): Promise<IpaddrModule | null> {
  try {
    const name = 'ipaddr.js';
    const module = (await import(name)) as { default: IpaddrModule };
    return module.default;
  } catch {
    return null;
  }
}

interface Contender {
  name: string;
  queries: readonly string[];
  decide: (text: string) => unknown;
}

async function contenders(): Promise<Contender[]> {
  const list: Contender[] = [];
  for (const size of [10, 10_000, MILLION]) {
    const prefixes = makePrefixes(size);
    const set = PrefixSet.from(prefixes.entries());
    const queries = makeQueries(prefixes, CLIENTS);
    const decide = (text: string): unknown => {
      const ip = parseIp(text);
      return ip !== null && set.match(ip) !== undefined;
    };
    list.push({ name: `PrefixSet ${size}`, queries, decide });
    const v4 = queries.filter((text) => !text.includes(':'));
    const v6 = queries.filter((text) => text.includes(':'));
    list.push({ name: `PrefixSet ${size}, IPv4`, queries: v4, decide });
    list.push({ name: `PrefixSet ${size}, IPv6`, queries: v6, decide });
    list.push({
      name: `PrefixSet ${size}, cold`,
      queries: makeQueries(prefixes, STRANGERS),
      decide,
    });
  }
  const prefixes = makePrefixes(10_000);
  // Linear peers: fewer questions, or a round takes half an hour.
  const queries = makeQueries(prefixes, 200);
  const blockList = new BlockList();
  for (const [text] of prefixes.entries()) {
    const [address, length] = text.split('/');
    blockList.addSubnet(address!, Number(length), address!.includes(':') ? 'ipv6' : 'ipv4');
  }
  list.push({
    name: 'net.BlockList 10000',
    queries,
    decide: (text) => blockList.check(text, text.includes(':') ? 'ipv6' : 'ipv4'),
  });
  const ipaddr = await loadIpaddr();
  if (ipaddr) {
    const ranges = Array.from(
      prefixes.entries(),
      ([text]) => [text.includes(':'), ipaddr.parseCIDR(text)] as const,
    );
    list.push({
      name: 'ipaddr.js 10000',
      queries,
      decide: (text) => {
        const ip = ipaddr.parse(text);
        const isV6 = ip.kind() === 'ipv6';
        return ranges.some(([v6, range]) => v6 === isV6 && ip.match(range));
      },
    });
  }
  return list;
}

async function decide(): Promise<void> {
  const all = await contenders();
  const results = new Map(all.map(({ name }) => [name, [] as number[]]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const { name, queries, decide } of all) {
      const questions = name.startsWith('PrefixSet') ? QUESTIONS : queries.length;
      const value = ns(queries, decide, Math.ceil(questions / queries.length));
      if (round >= 0) results.get(name)!.push(value);
    }
  }
  const base = (name: string): number =>
    median(
      results.get(
        name.replace(/(PrefixSet|BlockList|ipaddr\.js) \d+/, 'PrefixSet 10').replace(/^net\./, ''),
      )!,
    );
  for (const [name, values] of results) {
    const value = median(values);
    console.log(
      `decision ${name.padEnd(26)} median ${value.toFixed(0).padStart(9)} ns, worst round ${Math.max(
        ...values,
      )
        .toFixed(0)
        .padStart(9)} ns, ${(value / base(name)).toFixed(2)} x the cost with 10`,
    );
  }
}

console.log(
  `seed ${seed}, node ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'}, ${ROUNDS} rounds`,
);
await weigh();
await load(makePrefixes(MILLION));
await decide();
