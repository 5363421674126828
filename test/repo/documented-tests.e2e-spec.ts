import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { codeBlocksOf } from './markdown.js';
import { ROOT } from './source-tree.js';

const PAGE = 'docs/testing.md';
/** What a host with jest leaves out. */
const FROM_VITEST = /^import \{.*\} from 'vitest';\n/m;

const TESTS = codeBlocksOf(PAGE).filter(({ code }) => FROM_VITEST.test(code));

interface Result {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly { title: string; status: string }[];
}

/** A host of its own, with the tests of the page as its own: with vitest's imports, or with globals as jest has them. */
async function runTests(folder: string, globals: boolean): Promise<Result[]> {
  mkdirSync(folder);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const { code, line } of TESTS) {
    const text = globals ? code.replace(FROM_VITEST, '') : code;
    writeFileSync(join(folder, `line-${line}.spec.ts`), text);
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

  it('has tests of units and of whole apps', () => {
    expect(TESTS.length).toBeGreaterThan(3);
  });

  it.each([
    ['vitest', false],
    ['globals, as jest has them,', true],
  ])('has tests that pass with %s as they stand', async (name, globals) => {
    const results = await runTests(join(folder.path, name.split(',')[0]!), globals);
    expect(results.map(({ status, message }) => [status, message])).toEqual(
      TESTS.map(() => ['passed', '']),
    );
    expect(results.flatMap(({ assertionResults }) => assertionResults).length).toBeGreaterThan(4);
  });
});
