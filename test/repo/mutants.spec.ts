import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeMutants, readMutants } from '../../scripts/hurting-mutants.mjs';
import {
  scoreOf,
  type EquivalentMutant,
  type MutationReport,
} from '../../scripts/pure-mutants.mjs';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { ROOT, textOf } from './source-tree.js';

describe('the mutants that would hurt', () => {
  const mutants = readMutants(ROOT);

  it('are many, and each names whom it hurts and tests that there are', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(40);
    const missing = mutants.flatMap(({ name, specs }) =>
      specs.filter((spec) => !existsSync(join(ROOT, spec))).map((spec) => `${name}: ${spec}`),
    );
    expect(missing).toEqual([]);
  });

  it('are small, and of the sources alone', () => {
    const others = mutants.filter(({ path }) => {
      const text = textOf(path.slice(ROOT.length + 1));
      const files = [...text.matchAll(/^\+\+\+ b\/(.+)$/gm)].map(([, file]) => file!);
      const lines = text.split('\n').filter((line) => /^[+-](?![+-]{2} )/.test(line));
      return files.length !== 1 || !files[0]!.startsWith('src/') || lines.length > 8;
    });
    expect(others.map(({ name }) => name)).toEqual([]);
  });
});

describe('judging a mutant', () => {
  let folder: TemporaryFolder;
  beforeAll(() => {
    folder = temporaryFolder('mutants');
    const write = (path: string, text: string) => writeFileSync(join(folder.path, path), text);
    mkdirSync(join(folder.path, 'src'));
    mkdirSync(join(folder.path, 'test/mutants/hurting'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
    write(
      'vitest.unit.config.mts',
      `import { SummaryReporter } from '${ROOT}/test/support/summary-reporter.ts';
       export default { test: { reporters: ['default', new SummaryReporter()] } };`,
    );
    write('src/sum.ts', 'export const sum = (one: number, other: number) =>\n  one + other;\n');
    write(
      'src/sum.spec.ts',
      `import { expect, it } from 'vitest'; import { sum } from './sum.js';
       it('adds', () => expect(sum(2, 2)).toBe(4));`,
    );
    const patch = (name: string, from: string, to: string) =>
      write(
        `test/mutants/hurting/${name}.patch`,
        `Hurts: Whoever adds.\nTests: src/sum.spec.ts\n\n--- a/src/sum.ts\n+++ b/src/sum.ts\n` +
          `@@ -1,2 +1,2 @@\n export const sum = (one: number, other: number) =>\n-  ${from};\n+  ${to};\n`,
      );
    patch('difference', 'one + other', 'one - other');
    patch('product', 'one + other', 'one * other');
    patch('stale', 'one + another', 'one');
  });
  afterAll(() => folder.remove());

  const judge = async (...names: string[]) => {
    const said: string[] = [];
    const mutants = readMutants(folder.path, names);
    const alive = await judgeMutants(folder.path, mutants, { say: (line) => said.push(line) });
    return {
      alive,
      said: said
        .filter((line) => !line.startsWith(' '))
        .map((line) => line.split('   ').slice(0, 2).join(' ')),
    };
  };

  it('tells the ones that a test notices from those that none does', async () => {
    const { alive, said } = await judge('difference', 'product');
    expect(alive).toBe(1);
    expect(said).toEqual([
      '2 mutants, 1 test files: first as they are',
      'killed difference',
      'alive product',
      '1 of 2 are killed',
    ]);
  }, 120_000);

  it('says which patches do not apply any more, and judges none', async () => {
    const { alive, said } = await judge();
    expect({ alive, said }).toEqual({ alive: 1, said: ['does not apply any more stale'] });
  });
});

describe('the score of a folder', () => {
  const mutant = (column: number, replacement: string, status: string) => ({
    location: { start: { line: 1, column }, end: { line: 1, column: column + 1 } },
    replacement,
    status,
  });
  const report: MutationReport = {
    files: {
      'src/a.ts': {
        source: 'a + b\n',
        mutants: [
          mutant(1, 'b', 'Killed'),
          mutant(3, '-', 'Timeout'),
          mutant(3, '*', 'Survived'),
          mutant(5, 'a', 'NoCoverage'),
          mutant(5, 'c', 'Ignored'),
        ],
      },
    },
  };
  const listed = (original: string, replacement: string): EquivalentMutant => ({
    file: 'src/a.ts',
    original,
    replacement,
    why: 'b is 1',
  });

  it('is of what is killed among what can be', () => {
    expect(scoreOf(report, [])).toMatchObject({ killed: 2, counted: 4, listed: 0, score: 50 });
    const { score, alive, stale } = scoreOf(report, [listed('+', '*')]);
    expect(score).toBeCloseTo(66.7, 1);
    expect(alive.map(({ original, replacement }) => original + replacement)).toEqual(['ba']);
    expect(stale).toEqual([]);
  });

  it('has no use for an entry whose mutant is killed, or gone', () => {
    const { stale } = scoreOf(report, [listed('a', 'b'), listed('d', 'e')]);
    expect(stale).toHaveLength(2);
  });

  it('is told with reasons', () => {
    const list = JSON.parse(textOf('test/mutants/equivalent.json')) as EquivalentMutant[];
    for (const { file, why } of list) {
      expect(existsSync(join(ROOT, file))).toBe(true);
      expect(why.length).toBeGreaterThan(10);
    }
  });
});
