import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { documentedTests } from './documented-tests.js';
import { ROOT } from './source-tree.js';

interface Result {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly { title: string; status: string }[];
}

/** A host of its own, with the tests of the page as its own: with vitest's imports, or with globals as jest has them. */
async function runTests(folder: string, runner: 'vitest' | 'jest'): Promise<Result[]> {
  const globals = runner === 'jest';
  mkdirSync(folder);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const [name, text] of Object.entries(documentedTests(runner))) {
    writeFileSync(join(folder, name), text);
  }
  const source = (path: string) => JSON.stringify(join(ROOT, 'src', path));
  writeFileSync(
    join(folder, 'vitest.config.mjs'),
    `export default {
       resolve: {
         alias: [
           { find: /^nestjs-ip-tracking$/, replacement: ${source('index.ts')} },
           { find: /^nestjs-ip-tracking\\/testing$/, replacement: ${source('testing/entry.ts')} },
         ],
       },
       test: { include: ['*.spec.ts'], globals: ${globals}, setupFiles: ['./setup.mjs'], maxWorkers: 1 },
     };`,
  );
  writeFileSync(join(folder, 'setup.mjs'), "import 'reflect-metadata';\n");
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'es2023',
        module: 'nodenext',
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
      },
    }),
  );
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const { PATH = '', HOME = '' } = process.env;
  const stdout = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [vitest, 'run', '--reporter=json'],
      { cwd: folder, env: { PATH, HOME } },
      (_, out, err) => resolve(out === '' ? err : out),
    );
  });
  const from = stdout.indexOf('{"num');
  if (from === -1) throw new Error(`vitest has said nothing: ${stdout}`);
  return (JSON.parse(stdout.slice(from)) as { testResults: Result[] }).testResults;
}

describe('the page about tests', () => {
  let folder: TemporaryFolder;
  beforeAll(() => {
    folder = temporaryFolder('documented-tests');
  });
  afterAll(() => folder.remove());

  // Hosts with jest itself are in test/hosts/.
  it.each(['vitest', 'jest'] as const)('has tests that pass as %s has them', async (runner) => {
    const results = await runTests(join(folder.path, runner), runner);
    expect(results.length).toBeGreaterThan(3);
    expect(results.map(({ status, message }) => [status, message])).toEqual(
      results.map(() => ['passed', '']),
    );
    expect(results.flatMap(({ assertionResults }) => assertionResults).length).toBeGreaterThan(4);
  });
});
