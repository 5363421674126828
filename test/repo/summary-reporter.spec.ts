import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../package/packed-host.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { ROOT } from './source-tree.js';

let folder: TemporaryFolder;

beforeAll(() => {
  folder = temporaryFolder('summary');
  symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  writeFileSync(
    join(folder.path, 'vitest.config.ts'),
    `import { SummaryReporter } from '${ROOT}/test/support/summary-reporter.ts';
     export default { test: { reporters: ['default', new SummaryReporter()] } };`,
  );
});
afterAll(() => folder.remove());

async function lastLine(name: string, test: string): Promise<string> {
  const file = join(folder.path, name, 'a.spec.ts');
  mkdirSync(join(folder.path, name));
  writeFileSync(file, `import { it, describe, beforeAll, expect } from 'vitest';\n${test}`);
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const { stdout } = await run(process.execPath, [vitest, 'run', name], folder.path);
  return stdout.trimEnd().split('\n').at(-1)!;
}

it.each([
  [
    'counts',
    `it('a', () => {}); it('b', () => {}); it.skip('c', () => {}); it.todo('d');
     it('e', () => expect(1).toBe(2)); it('f', ({ skip }) => skip());`,
    '2 passed, 1 failed, 3 skipped',
  ],
  [
    'hook',
    `describe('s', () => { beforeAll(() => { throw new Error('no'); }); it('a', () => {}); });`,
    '0 passed, 1 failed, 1 skipped',
  ],
  ['broken', `throw new Error('no');`, '0 passed, 1 failed, 0 skipped'],
  [
    'unhandled',
    `it('a', () => { void Promise.reject(new Error('no')); });`,
    '1 passed, 1 failed, 0 skipped',
  ],
])('a run closes with what became of its tests: %s', async (name, test, line) => {
  expect(await lastLine(name, test)).toBe(line);
});
