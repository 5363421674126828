import { existsSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Adapter } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { RecordedApp, recordedCommand } from '../support/recorded-app.js';
import { ROOT, sourcesBelow, textOf } from './source-tree.js';

const PAGE = 'docs/architecture.md';

/** One of the ways, as the page has it. */
interface Way {
  /** The files that hand on what goes the way, in order. */
  readonly steps: readonly string[];
  /** Files that answer at once, and hand nothing on. */
  readonly asked: readonly string[];
  /** The folders in which nothing that runs may be missing. */
  readonly compared: readonly string[];
  /** Folders and files in them that have an inside of their own. */
  readonly stops: readonly string[];
}

/**
 * Where each way is compared, and how long its list may be: a house in which it gets longer has become harder to learn.
 * The second number is that of the files to read in order, the first that of all.
 */
const WAYS = {
  'An address': {
    rooms: ['edge', 'rules', 'limits', 'geo', 'privacy', 'net', 'request-log', 'detection'],
    longest: [50, 30],
  },
  'A rule': { rooms: ['rules'], longest: [20, 16] },
  'An attempt': { rooms: ['limits'], longest: [16, 8] },
} as const;
type Name = keyof typeof WAYS;
const NAMES = Object.keys(WAYS) as Name[];

function readWay(name: Name, adapter: Adapter): Way {
  const [, section = ''] =
    new RegExp(`^### ${name}\\n([\\s\\S]*?)(?=^##)`, 'm').exec(textOf(PAGE)) ?? [];
  const items = (bullet: string) =>
    [...section.matchAll(new RegExp(`^${bullet} \`(\\S+)\`: \\S`, 'gm'))].map(([, path]) => path!);
  const listed = (word: string) => {
    const [line = ''] = new RegExp(`^${word}: .*$`, 'm').exec(section) ?? [];
    return [...line.matchAll(/`(\S+?)`/g)].map(([, path]) => path!);
  };
  return {
    steps: items('\\d+\\.').map((path) =>
      path === 'src/edge/express-edge.ts' ? `src/edge/${adapter}-edge.ts` : path,
    ),
    asked: items('-'),
    compared: listed('Compared'),
    stops: listed('Stops at'),
  };
}

function isBelow(path: string, places: readonly string[]): boolean {
  return places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));
}

/** Whether anything in a program is asynchronous. */
function mayWait(program: string): boolean {
  let isFound = false;
  const visit = (node: ts.Node): void => {
    isFound ||= ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword;
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('a.ts', program, ts.ScriptTarget.Latest));
  return isFound;
}

/** What is wrong with a way, where these files have run. */
function differences({ steps, asked, compared, stops }: Way, run: ReadonlySet<string>) {
  const listed = [...steps, ...asked];
  return {
    'listed, and has not run': listed.filter((path) => !run.has(path)),
    'has run, and is not listed': [...run].filter(
      (path) => isBelow(path, compared) && !isBelow(path, stops) && !listed.includes(path),
    ),
    'the way never comes to where it is said to stop': stops.filter(
      (place) => ![...run].some((path) => isBelow(path, [place])),
    ),
  };
}
const NO_DIFFERENCES = differences({ steps: [], asked: [], compared: [], stops: [] }, new Set());

describe.each(NAMES)('the list of %s', (name) => {
  const way = readWay(name, 'express');
  const listed = [...way.steps, ...way.asked];

  it('is short, of files that there are, each once', () => {
    const [all, inOrder] = WAYS[name].longest;
    expect(way.steps.length).toBeGreaterThan(5);
    expect(way.steps.length).toBeLessThanOrEqual(inOrder);
    expect(listed.length).toBeLessThanOrEqual(all);
    expect(listed.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
  });

  it('is compared with all of its rooms', () => {
    expect([...way.compared].sort()).toEqual(WAYS[name].rooms.map((room) => `src/${room}/`).sort());
    expect(way.stops.filter((place) => !existsSync(join(ROOT, place)))).toEqual([]);
  });

  it('takes for asked only what answers at once', () => {
    expect(
      way.asked.filter((path) => mayWait(textOf(path))),
      'this may wait for something: it is a step',
    ).toEqual([]);
    const imports = new Map(sourcesBelow('src').map((source) => [source.path, source.imports]));
    const goOn = way.asked.flatMap((path) =>
      imports
        .get(path)!
        .filter(({ file, isTypeOnly }) => file !== null && !isTypeOnly && way.steps.includes(file))
        .filter(({ file }) => isBelow(file!, way.compared) && !isBelow(file!, way.stops))
        .map(({ specifier }) => `${path} → ${specifier}`),
    );
    expect(goOn, 'this goes on: it is a step').toEqual([]);
  });
});

describe.each(ADAPTERS)('on %s', (adapter) => {
  let database: TestDatabase;
  let app: RecordedApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await RecordedApp.start(adapter, database.url);
    // What is done once for all, such as looking a route up, is no part of a way.
    await login('203.0.113.1');
    await rowsOf('203.0.113.1', 1);
    await app.scan();
  });
  // What the start of the app has set going is over.
  beforeEach(() => app.settle());
  afterAll(async () => {
    await app.stop();
    await database.close();
  });

  function login(from: string): Promise<{ status: number }> {
    return app.send({
      path: '/login',
      method: 'POST',
      from,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ password: 'wrong' }),
    });
  }

  function rowsOf(ipAddress: string, expected: number): Promise<{ outcome: string }[]> {
    return eventually(
      async () => {
        const rows = await database.query<{ outcome: string }>(
          `select outcome from ip_tracking.request_log where ip_address = $1 order by id`,
          [ipAddress],
        );
        return rows.length >= expected && rows;
      },
      { what: `row ${expected} of ${ipAddress}` },
    );
  }

  it('an address goes from the socket to rule, limit, log and finding as the page says', async () => {
    expect(await login('203.0.113.2')).toMatchObject({ status: 401 });
    expect(await rowsOf('203.0.113.2', 1)).toEqual([{ outcome: 'refused' }]);
    await app.scan();
    const run = new Set(await app.settle());
    expect(
      await database.query(
        `select detector from ip_tracking.suspicious_ip where ip_address = '203.0.113.2'`,
      ),
    ).toEqual([{ detector: 'sensitive-path' }]);
    expect(differences(readWay('An address', adapter), run)).toEqual(NO_DIFFERENCES);
  });

  it('a rule goes from block-ip to the 403 in another process as the page says', async () => {
    const version = await app.version();
    const command = ['block-ip', '198.51.100.7', '--reason', 'scanner'];
    const run = new Set(await recordedCommand(command, database.url));
    await eventually(async () => (await app.version()) !== version);
    expect(await app.send({ path: '/', from: '198.51.100.7' })).toMatchObject({ status: 403 });
    expect(await rowsOf('198.51.100.7', 1)).toEqual([{ outcome: 'blocked' }]);
    for (const path of await app.settle()) run.add(path);
    expect(differences(readWay('A rule', adapter), run)).toEqual(NO_DIFFERENCES);
  });

  it('an attempt goes through its limit as the page says', async () => {
    const statuses: number[] = [];
    while (statuses.length < 6) statuses.push((await login('203.0.113.3')).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
    await rowsOf('203.0.113.3', 6);
    const run = new Set(await app.settle());
    expect(differences(readWay('An attempt', adapter), run)).toEqual(NO_DIFFERENCES);
  });
});

describe('the comparison', () => {
  const way: Way = {
    steps: ['src/a/one.ts'],
    asked: ['src/a/two.ts'],
    compared: ['src/a/'],
    stops: ['src/a/inside/', 'src/a/wiring.ts'],
  };
  const run = ['src/a/one.ts', 'src/a/two.ts', 'src/a/inside/x.ts', 'src/a/wiring.ts', 'src/b.ts'];

  it('finds nothing where page and run agree', () => {
    expect(differences(way, new Set(run))).toEqual(NO_DIFFERENCES);
  });

  it.each(run.slice(0, 4))('misses %s where it has not run', (path) => {
    const others = new Set(run.filter((other) => other !== path));
    expect(differences(way, others)).not.toEqual(NO_DIFFERENCES);
  });

  it('finds what the page has left out', () => {
    expect(differences(way, new Set([...run, 'src/a/three.ts']))).toEqual({
      ...NO_DIFFERENCES,
      'has run, and is not listed': ['src/a/three.ts'],
    });
  });
});
