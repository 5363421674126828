import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codeBlocksOf, rowsOf } from './markdown.js';
import { filesBelow, parseSource, ROOT, sourcesBelow, type SourceFile } from './source-tree.js';

const sources = [...sourcesBelow('src'), ...sourcesBelow('demo')];
const migrations = sourcesBelow('migrations');
const byPath = new Map([...sources, ...migrations].map((source) => [source.path, source]));

/** Files at the root of src/ that stand below every room. */
const LEAVES = [
  'ip-tracking.errors',
  'provide',
  'within',
  'sudden-end',
  'second-signal',
  'hourly-work',
  'outages',
];
/** What puts the rooms together: the other files at the root of src/. */
const MODULE = 'module';
const FLOOR = ['options', ...LEAVES];

/** What each room may import besides itself: everything below it, which is why imports can never turn back. */
const BELOW: Record<string, readonly string[]> = {
  'ip-tracking.errors': [],
  provide: [],
  within: [],
  'sudden-end': [],
  'second-signal': ['sudden-end'],
  'hourly-work': [],
  outages: ['provide'],
  options: ['ip-tracking.errors'],
  migrations: [],
  database: [...FLOOR, 'migrations'],
  state: [...FLOOR, 'database'],
  net: ['ip-tracking.errors', 'options'],
  signals: ['ip-tracking.errors', 'options', 'net'],
  geo: [...FLOOR, 'net'],
  privacy: [...FLOOR, 'net', 'database'],
  edge: [...FLOOR, 'geo', 'net', 'signals'],
  rules: [...FLOOR, 'edge', 'geo', 'net', 'signals', 'database', 'state'],
  limits: [...FLOOR, 'edge', 'geo', 'net', 'signals', 'database'],
};

/** The same within the request log, the largest room. Its options and its providers stand above its floors. */
const BELOW_IN_REQUEST_LOG: Record<string, readonly string[]> = {
  record: [],
  capture: ['record'],
  spool: ['record'],
  queue: ['spool', 'record'],
  sinks: ['queue', 'record'],
  table: ['record'],
  top: ['record', 'capture', 'spool', 'queue', 'sinks', 'table'],
};

BELOW['request-log'] = [
  ...new Set([...BELOW['rules']!, ...BELOW['limits']!, 'rules', 'limits', 'privacy']),
];
BELOW['detection'] = ['request-log', ...BELOW['request-log']];
BELOW['response'] = ['detection', ...BELOW['detection']];
BELOW['judge'] = ['response', ...BELOW['response']];
BELOW[MODULE] = ['response', ...BELOW['response']];
// What stands for the module's parts in tests of hosts has to know them; nobody knows it.
BELOW['testing'] = [MODULE, ...BELOW[MODULE]];
BELOW['index'] = [MODULE, 'judge', 'migrations', ...BELOW[MODULE]];
// The judge needs no Nest, and is reached without it: through the index it would take a second to start.
BELOW['cli'] = ['index', 'judge', 'options', 'ip-tracking.errors'];
BELOW['demo'] = ['index'];

/** The judge's command and what it fails by: the index would load all of Nest first. */
function startsWithoutNest(path: string): boolean {
  return /^src\/cli\/(judge\/|cli-errors\.ts$|(import-log|judge|replay)\.command)/.test(path);
}

function roomOf(path: string): string {
  const [top, ...rest] = path.split('/');
  if (top !== 'src') return top!;
  if (rest.length > 1) return rest[0]!;
  const name = rest[0]!.replace(/\.ts$/, '');
  return name === 'index' || LEAVES.includes(name) ? name : MODULE;
}

/** Rooms and folders that are pure as a whole. */
const PURE_FOLDERS = [
  'src/net/',
  'src/signals/',
  'src/detection/detectors/',
  'src/detection/watch/',
];

/** The pure files of the others, by their folders. */
const PURE_FILES = Object.entries({
  'src/geo': ['coordinates'],
  'src/edge': ['decision'],
  'src/rules': ['decide', 'held-rules'],
  'src/limits/store': ['sliding-window', 'memory/keyed-hash'],
  'src/detection': [
    'detector',
    'detector-rule',
    'finding',
    'response-finding',
    'tuned-detectors',
    'scan/compile-scan',
    'scan/evidence',
    'scan/detector-terms',
    'scan/forwarders',
    'scan/hour-counts',
    'scan/hour-reads',
    'scan/log-terms',
  ],
  'src/detection/crawlers': [
    'crawler-check',
    'crawler-claim',
    'crawler-ranges',
    'crawlers',
    'dns-name',
    'published-ranges',
  ],
  'src/response': [
    'ban-budget',
    'ban-length',
    'ban-network',
    'client-facts',
    'duration-words',
    'plan-response',
    'protected-networks',
    'response',
    'softening',
    'audit-notes',
    'ban-event',
    'ban-history',
    'client-estimate',
    'finding-evidence',
    'known-users',
    'likely-proxies',
    'page-crowds',
    'sign-ins',
    'subject-scores',
    'would-have',
  ],
  'src/judge': [
    'client-counts',
    'client-under-judgement',
    'doubts',
    'judge-detectors',
    'judgement',
    'log-clock',
    'log-request',
    'page-agents',
    'would-be-bans',
    'site/answers',
    'site/own-names',
    'site/site',
    'site/site-learner',
  ],
  'src/judge/access-log': [
    'access-log-line',
    'access-log-report',
    'caddy-json-line',
    'combined-line',
    'json-fields',
    'line-addresses',
    'line-parser',
    'line-splitter',
    'line-time',
    'nginx-json-line',
    'quoted-field',
    'request-line',
  ],
}).flatMap(([folder, names]) => names.map((name) => `${folder}/${name}.ts`));

/** Judgements and algorithms: what they need is handed to them. */
function isPure(path: string): boolean {
  return PURE_FOLDERS.some((folder) => path.startsWith(folder)) || PURE_FILES.includes(path);
}

/** What pure code may import of what stands below it. */
const PURE_LEAVES = ['ip-tracking.errors', 'options'];

/** Packages and parts of node that pure code may use. There are none. */
const PURE_MAY_IMPORT: readonly string[] = [];

/** The library's files that may hold a connection. The demo runs a server of its own and is not asked. */
const MAY_USE_THE_DATABASE = [
  /^src\/database\//,
  /\.repository\.ts$/,
  /^src\/limits\/store\/redis\/redis-(connection|limit-storage)\.ts$/,
  /^src\/request-log\/sinks\/postgres-sink\.ts$/,
  /^src\/request-log\/table\/(partitions|retention|rollup)\.ts$/,
  /^src\/detection\/(detection\.service|replay-log|scan\/scan-findings)\.ts$/,
  // These make the connection and close it; they run no statement.
  /\.providers\.ts$/,
  /^src\/ip-tracking\.(lifecycle|providers)\.ts$/,
];

const DRIVERS = ['pg', 'pg-copy-streams', 'ioredis'];
const CONNECTIONS = ['DataSource', 'EntityManager', 'QueryRunner', 'Repository'];

function usesTheDatabase({ imports }: SourceFile): boolean {
  return imports.some(
    ({ specifier, file, names }) =>
      DRIVERS.includes(specifier) ||
      file === 'src/database/database.ts' ||
      (specifier === 'typeorm' && names.some((name) => CONNECTIONS.includes(name))),
  );
}

/** The page that draws the house. */
const PAGE = 'docs/architecture.md';

/** What each room may import by the page's drawing: what an arrow comes from, and all that is below that. */
function drawnBelow(drawing: string): Map<string, Set<string>> {
  const below = new Map<string, Set<string>>();
  for (const line of drawing.trim().split('\n')) {
    const floors = line.split('<-').map((floor) => floor.match(/[\w-]+/g) ?? []);
    floors.forEach((floor, at) => {
      for (const room of floor) {
        const known = below.get(room) ?? new Set();
        for (const lower of floors[at - 1] ?? []) known.add(lower);
        below.set(room, known);
      }
    });
  }
  return below;
}

function allBelow(room: string, drawn: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const found = new Set<string>();
  const visit = (from: string): void => {
    for (const lower of drawn.get(from) ?? []) {
      if (found.has(lower)) continue;
      found.add(lower);
      visit(lower);
    }
  };
  visit(room);
  return found;
}

const LONGEST_FILE = 300;

/** `file → what it imports` for each import that `isWrong`. */
function wrongImports(
  files: readonly SourceFile[],
  isWrong: (source: SourceFile, target: SourceFile['imports'][number]) => boolean,
): string[] {
  return files.flatMap((source) =>
    source.imports
      .filter((target) => isWrong(source, target))
      .map(({ specifier }) => `${source.path} → ${specifier}`),
  );
}

/** At least one cycle for each knot of files that reach each other, as the path that leads round. */
function cycles(files: readonly Pick<SourceFile, 'path' | 'imports'>[]): string[] {
  const importsOf = new Map(files.map(({ path, imports }) => [path, imports]));
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push([...trail.slice(start), path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const { file } of importsOf.get(path) ?? []) {
      if (file !== null) walk(file, [...trail, path]);
    }
    done.add(path);
  };
  for (const { path } of files) walk(path, []);
  return found;
}

describe('the reader of imports', () => {
  it('sees every way to import, and no comment or string', () => {
    const { imports, hasDefaultExport } = parseSource(
      'src/rules/sample.ts',
      `import a, { b as c } from '../net/a.js';
       import type { D } from './d.js';
       import 'reflect-metadata';
       export { e } from '../e.js';
       export * from '../../migrations/index.js';
       const f = await import('./f.js');
       const g = require('pg');
       let h: import('ioredis').Redis;
       // import '../no.js';
       const text = "import '../no.js'";
       export class Sample {}`,
    );
    expect(imports.map(({ specifier, file, names }) => [file ?? specifier, ...names])).toEqual([
      ['src/net/a.ts', 'default', 'b'],
      ['src/rules/d.ts', 'D'],
      ['reflect-metadata'],
      ['src/e.ts', 'e'],
      ['migrations/index.ts'],
      ['src/rules/f.ts'],
      ['pg'],
      ['ioredis'],
    ]);
    expect(imports[1]!.isTypeOnly).toBe(true);
    expect(hasDefaultExport).toBe(false);
  });

  it.each([
    'export default class A {}',
    'const a = 1; export default a;',
    'const a = 1; export { a as default };',
    "export { default } from './a.js';",
  ])('sees the default export in %s', (text) => {
    expect(parseSource('src/a.ts', text).hasDefaultExport).toBe(true);
  });

  it('sees a circle', () => {
    const files = [
      parseSource('src/a.ts', "import './b.js'; import './d.js';"),
      parseSource('src/b.ts', "import type { C } from './c.js';"),
      parseSource('src/c.ts', "export { b } from './b.js';"),
      parseSource('src/d.ts', "import './c.js';"),
    ];
    expect(cycles(files)).toEqual(['src/b.ts → src/c.ts → src/b.ts']);
  });

  it('finds every file that is imported', () => {
    const missing = wrongImports(
      [...sources, ...migrations],
      (_, { file }) => file !== null && !existsSync(join(ROOT, file)),
    );
    expect(missing, 'these lead nowhere: write the specifier as ./name.js').toEqual([]);
  });
});

describe('imports', () => {
  it('know every room', () => {
    const unknown = sources.map(({ path }) => path).filter((path) => !BELOW[roomOf(path)]);
    expect(unknown, 'a new room of src/ needs its place: add it to BELOW in this test').toEqual([]);
  });

  it.each(Object.keys(BELOW).filter((room) => room !== 'migrations'))(
    'of %s point down',
    (room) => {
      const files = sources.filter(({ path }) => roomOf(path) === room);
      const wrong = wrongImports(files, (_, { file }) => {
        if (file === null) return false;
        const target = roomOf(file);
        return target !== room && !BELOW[room]!.includes(target);
      });
      expect(
        wrong,
        `${room} may import ${BELOW[room]!.join(', ') || 'nothing'}: move the shared part down, or pass it in`,
      ).toEqual([]);
    },
  );

  it('within the request log point down as well', () => {
    const floorOf = (path: string | null) =>
      path?.startsWith('src/request-log/')
        ? path.split('/').at(-2) === 'request-log'
          ? 'top'
          : path.split('/')[2]
        : undefined;
    const files = sources.filter(({ path }) => path.startsWith('src/request-log/'));
    const wrong = wrongImports(files, ({ path }, { file }) => {
      const [floor, target] = [floorOf(path)!, floorOf(file)];
      return (
        target !== undefined && target !== floor && !BELOW_IN_REQUEST_LOG[floor]!.includes(target)
      );
    });
    expect(wrong, 'what both need belongs into record/, or is passed in').toEqual([]);
  });

  it('of pure code stay pure', () => {
    const pure = sources.filter(({ path }) => isPure(path));
    expect(pure.length).toBeGreaterThan(5);
    expect(
      PURE_FILES.filter((path) => !byPath.has(path)),
      'these are pure no more, since there are none: take them from PURE_FILES',
    ).toEqual([]);
    const isLeaf = (file: string) => PURE_LEAVES.includes(roomOf(file));
    const wrong = wrongImports(pure, (_, { specifier, file }) =>
      file === null ? !PURE_MAY_IMPORT.includes(specifier) : !isPure(file) && !isLeaf(file),
    );
    expect(
      wrong,
      'pure code uses neither Nest nor TypeORM nor I/O of node: pass the value in, `now` included',
    ).toEqual([]);
  });

  it('of a database are few', () => {
    const users = sources.filter((source) => usesTheDatabase(source));
    expect(users.length).toBeGreaterThan(3);
    const wrong = users
      .map(({ path }) => path)
      .filter((path) => !path.startsWith('demo/'))
      .filter((path) => !MAY_USE_THE_DATABASE.some((allowed) => allowed.test(path)));
    expect(
      wrong,
      'only repositories, storages, scans and the writers of the log use a database: move the statement into one',
    ).toEqual([]);
  });

  it.each(['cli', 'demo'])('of %s take the library through its only door', (room) => {
    const files = sources.filter(({ path }) => roomOf(path) === room);
    expect(files.length).toBeGreaterThan(5);
    const wrong = wrongImports(
      files,
      (source, { file }) =>
        file !== null &&
        roomOf(file) !== room &&
        file !== 'src/index.ts' &&
        !startsWithoutNest(source.path),
    );
    expect(
      wrong,
      `${room}/ is a user: import from ../index.js, and export there what is missing`,
    ).toEqual([]);
  });

  it('of migrations take TypeORM alone', () => {
    expect(migrations.length).toBeGreaterThan(1);
    const wrong = wrongImports(migrations, ({ path }, { specifier, file }) => {
      const isSibling = path === 'migrations/index.ts' && file?.startsWith('migrations/');
      return specifier !== 'typeorm' && !isSibling;
    });
    expect(
      wrong,
      'a migration is history: write its SQL out, so that later code cannot change it',
    ).toEqual([]);
  });

  it('go in no circle', () => {
    expect(
      cycles([...sources, ...migrations]),
      'move what both need into a file of its own below them; a type counts as well',
    ).toEqual([]);
  });
});

describe('the page of the house', () => {
  const drawn = drawnBelow(
    codeBlocksOf(PAGE).find(({ code }) => code.startsWith('options <-'))!.code,
  );
  const rooms = Object.keys(BELOW).filter((room) => !LEAVES.includes(room));

  it('has one line for each room, and for no other', () => {
    const named = rowsOf(PAGE)
      .filter(({ heading }) => heading === 'The house')
      .flatMap(({ cells: [first = ''] }) => [...first.matchAll(/`([^`]+?)\/?`/g)])
      .map(([, room]) => room!);
    expect(named.sort(), `the table in ${PAGE} and BELOW in this test`).toEqual(
      Object.keys(BELOW).sort(),
    );
  });

  it('draws all that a room may import', () => {
    expect([...drawn.keys()].sort()).toEqual(rooms.sort());
    const missing = rooms.flatMap((room) => {
      const below = allBelow(room, drawn);
      return BELOW[room]!.filter((lower) => !LEAVES.includes(lower) && !below.has(lower)).map(
        (lower) => `${lower} <- ${room}`,
      );
    });
    expect(missing, `draw these arrows in ${PAGE}, or take them out of BELOW`).toEqual([]);
  });

  it('draws nothing that a room may not import', () => {
    const wrong = [...drawn].flatMap(([room, lower]) =>
      [...lower].filter((each) => !BELOW[room]?.includes(each)).map((each) => `${each} <- ${room}`),
    );
    expect(wrong, `no such import is allowed: mend the drawing in ${PAGE}`).toEqual([]);
  });

  it('is read as it is drawn', () => {
    const drawing = drawnBelow('a <- { b, c } <- d\nx <- c\n');
    expect([...allBelow('d', drawing)].sort()).toEqual(['a', 'b', 'c', 'x']);
    expect([...allBelow('b', drawing)]).toEqual(['a']);
    expect(drawing.get('a')).toEqual(new Set());
  });
});

describe('the house', () => {
  it('has one door', () => {
    const inner = sources
      .map(({ path }) => path)
      .filter((path) => path.endsWith('/index.ts') && path !== 'src/index.ts');
    expect(inner, 'src/index.ts is the only barrel: import the file itself').toEqual([]);
  });

  it('names every export of its door', () => {
    const stars = [...byPath.get('src/index.ts')!.text.matchAll(/^export \*.*$/gm)].map(String);
    expect(stars, 'a star makes everything public: name what users may have').toEqual([]);
  });

  it('has no room for odds and ends', () => {
    const folders = new Set(
      ['src', 'demo', 'test', 'migrations', 'bench', 'scripts']
        .flatMap((top) => filesBelow(top, ['']))
        .flatMap((path) => path.split('/').slice(0, -1)),
    );
    const nameless = ['utils', 'util', 'common', 'helpers', 'helper', 'shared', 'misc', 'lib'];
    expect(
      nameless.filter((name) => folders.has(name)),
      'a folder is named for what is in it: put the file beside what uses it',
    ).toEqual([]);
  });

  it('exports by name', () => {
    const wrong = sources.filter((source) => source.hasDefaultExport).map(({ path }) => path);
    expect(wrong, 'use a named export: it keeps its name wherever it is imported').toEqual([]);
  });

  it(`has no file over ${LONGEST_FILE} lines`, () => {
    const long = sources
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > LONGEST_FILE)
      .map(({ path, lines }) => `${path}: ${lines} lines`);
    expect(long, 'a file is one noun: split off the part that has a name of its own').toEqual([]);
  });
});
