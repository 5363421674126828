import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run, type RunResult } from '../package/packed-host.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { filesOfRecipes } from './recipes.js';
import { filesBelow, ROOT } from './source-tree.js';

/** A copy of the checkout in which somebody has followed every recipe of CONTRIBUTING.md, as it is written. */
let copy: TemporaryFolder;
let database: TestDatabase;

beforeAll(async () => {
  copy = temporaryFolder('recipes');
  const config = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  for (const path of ['src', 'migrations', 'package.json']) {
    cpSync(join(ROOT, path), join(copy.path, path), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy.path, 'node_modules'));
  const written = filesOfRecipes();
  for (const [path, text] of written) writeFileSync(join(copy.path, path), text);
  const sources = new Set([
    ...filesBelow('src', ['.ts']),
    ...filesBelow('migrations', ['.ts']),
    ...written.keys(),
  ]);
  for (const path of sources) {
    if (path.endsWith('spec.ts')) continue;
    // That it compiles is the business of another test.
    const { outputText } = ts.transpileModule(readFileSync(join(copy.path, path), 'utf8'), {
      compilerOptions: { ...config.config.compilerOptions, sourceMap: false, ...COMMONJS },
    });
    const target = join(copy.path, 'dist', path.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  database = await createTestDatabase({ migrated: false });
  const { exitCode, stderr } = await ipTracking('migrate');
  if (exitCode !== 0) throw new Error(`the copy cannot migrate: ${stderr}`);
});

afterAll(async () => {
  await database?.close();
  await copy?.remove();
});

const COMMONJS = {
  module: ts.ModuleKind.CommonJS,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  target: ts.ScriptTarget.ES2023,
};

function ipTracking(...args: string[]): Promise<RunResult> {
  const main = join(copy.path, 'dist/src/cli/main.js');
  return run(process.execPath, [main, ...args], copy.path, {
    IP_TRACKING_DATABASE_URL: database.url,
  });
}

it('the detector passes the test that the recipe gives it', async () => {
  const specs = [...filesOfRecipes().keys()].filter((path) => path.endsWith('.spec.ts'));
  expect(specs).toHaveLength(1);
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const { stdout, exitCode } = await run(
    process.execPath,
    [vitest, 'run', '--reporter=json', ...specs],
    copy.path,
  );
  const report = JSON.parse(stdout) as { numPassedTests: number; numTotalTests: number };
  expect({ exitCode, ...report }).toMatchObject({
    exitCode: 0,
    numPassedTests: 3,
    numTotalTests: 3,
  });
});

it('the geo provider places the clients of an app', async () => {
  const host = fileURLToPath(new URL('../support/recipe-host.mjs', pathToFileURL(__filename)));
  const { stdout, stderr } = await run(
    process.execPath,
    [host, join(copy.path, 'dist'), database.url],
    copy.path,
  );
  expect(stderr).toBe('');
  expect(stdout.trim().split('\n')).toEqual([
    '{"place":{"country":"SE","city":"Kiruna"}}',
    '{"place":null}',
  ]);
});

it('the command says what would happen to a client', async () => {
  expect(await ipTracking('explain-ip', '203.0.113.7')).toEqual({
    exitCode: 0,
    stdout: '203.0.113.7: allow\n',
    stderr: '',
  });
  await ipTracking('block-ip', '203.0.113.0/24');
  expect(await ipTracking('explain-ip', '203.0.113.7')).toEqual({
    exitCode: 0,
    stdout: '203.0.113.7: block, by 203.0.113.0/24\n',
    stderr: '',
  });
});

it('the command ends with one line and exit code 2 for wrong input', async () => {
  const { exitCode, stdout, stderr } = await ipTracking('explain-ip', '203.0.113');
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^ip-tracking: .*203\.0\.113.*\n$/);
});

it('the migration goes up with all others, and the entity reads what it has added', async () => {
  await ipTracking('block-ip', '198.51.100.0/24');
  await database.query(`update ip_tracking.ip_rule set note = 'as long as a story'`);
  expect(await ipTracking('list-rules')).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await database.query(COLUMNS)).toHaveLength(1);
});

it('the migration goes down again', async () => {
  const path = [...filesOfRecipes().keys()].find((each) => /^migrations\/\d/.test(each))!;
  const file = join(copy.path, 'dist', path.replace(/\.ts$/, '.js'));
  const [Migration] = Object.values(require(file) as Record<string, new () => MigrationInterface>);
  const migration = new Migration!();
  const runner = { query: (sql: string) => database.query(sql) } as unknown as QueryRunner;
  await migration.down(runner);
  expect(await database.query(COLUMNS)).toEqual([]);
  await migration.up(runner);
  expect(await database.query(COLUMNS)).toHaveLength(1);
});

const COLUMNS = `select 1 from information_schema.columns
                  where table_schema = 'ip_tracking' and table_name = 'ip_rule' and column_name = 'note'`;
