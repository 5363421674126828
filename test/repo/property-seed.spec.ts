import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../package/packed-host.js';
import { readSeed } from '../support/property-seed.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { filesBelow, ROOT, textOf } from './source-tree.js';

const SPEC = `
import * as fc from 'fast-check';
import { it } from 'vitest';
it('draws', () => {
  const drawn = fc.sample(fc.integer(), 10);
  fc.assert(fc.property(fc.integer(), (number) => { drawn.push(number); }));
  process.stdout.write('DRAWN ' + drawn.join() + '\\n');
  if (process.env.FAILS) throw new Error('as asked');
});`;

let folder: TemporaryFolder;

beforeAll(() => {
  folder = temporaryFolder('seed');
  symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  writeFileSync(
    join(folder.path, 'vitest.config.ts'),
    `import { SeedReporter } from '${ROOT}/test/support/property-seed.ts';
     export default {
       test: {
         globalSetup: ['${ROOT}/test/support/unit-setup.ts'],
         setupFiles: ['${ROOT}/test/support/setup.ts'],
         reporters: ['default', new SeedReporter()],
       },
     };`,
  );
  mkdirSync(join(folder.path, 'specs'));
  writeFileSync(join(folder.path, 'specs', 'draws.spec.ts'), SPEC);
});
afterAll(() => folder.remove());

async function drawn(env: Record<string, string> = {}) {
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--disable-console-intercept'];
  const { stdout } = await run(process.execPath, args, folder.path, env);
  const read = (pattern: RegExp) => pattern.exec(stdout)?.[1];
  return {
    seed: read(/^Property tests draw from SEED=(\d+)\.$/m),
    numbers: read(/^DRAWN (.+)$/m),
    atTheEnd: read(/^SEED=(\d+) with the same command draws the same/m),
  };
}

describe('the seed of a run', () => {
  it('is new each time, printed, and repeats the run', async () => {
    const first = await drawn();
    const second = await drawn();
    expect(first.numbers).toMatch(/^-?\d+(,-?\d+){109}$/);
    expect(second.seed).not.toBe(first.seed);
    expect(second.numbers).not.toBe(first.numbers);
    expect(await drawn({ SEED: first.seed! })).toEqual(first);
  }, 120_000);

  it('is printed again where the run fails', async () => {
    expect(await drawn({ SEED: '77', FAILS: 'yes' })).toMatchObject({ seed: '77', atTheEnd: '77' });
    expect(await drawn({ SEED: '77' })).toMatchObject({ atTheEnd: undefined });
  }, 120_000);

  it.each(['x', '-1', '1.5', '2147483648', '1e3'])(
    'is no other than a whole number: %s',
    (text) => {
      expect(() => readSeed(text)).toThrow(`SEED=${text} is not a whole number`);
    },
  );

  it.each([
    [undefined, null],
    ['', null],
    ['0', 0],
    ['2147483647', 2_147_483_647],
  ])('is read: %j', (text, seed) => {
    expect(readSeed(text)).toBe(seed);
  });

  it('is no test’s own', () => {
    const own = [...filesBelow('src', ['.spec.ts']), ...filesBelow('test', ['.ts'])].filter(
      (path) => /\bseed: ?[\d_]/.test(textOf(path)),
    );
    expect(own).toEqual([]);
  });
});
