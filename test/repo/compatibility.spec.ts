import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { expect, it } from 'vitest';
import { COLUMNS } from '../hosts/what-works.js';
import { filesBelow, ROOT, textOf } from './source-tree.js';
import { compatibilityPage, PAGE } from '../../scripts/compatibility.mjs';

interface Results {
  suites: Record<string, { failed: number }>;
  hosts: Record<string, string[]>;
}
const { suites, hosts } = JSON.parse(textOf('test/hosts/results.json')) as Results;

it('the page of compatibility says what was recorded', async () => {
  const text = await format(compatibilityPage(ROOT), { parser: 'markdown', printWidth: 100 });
  expect(readFileSync(join(ROOT, PAGE), 'utf8'), 'run npm run compatibility').toBe(text);
});

it('every host that a test records is on it, with nothing that is known to fail', () => {
  const recorded = filesBelow('test/hosts', ['.ts']).flatMap((path) => [
    ...textOf(path).matchAll(/(?:record\(|^ {2}\[)['`](.*(?:Nest|Node).*?)['`],/gm),
  ]);
  const names = recorded.map(([, name]) => name!.replace('${major}', '22'));
  expect(names.length).toBeGreaterThan(6);
  expect(names.filter((name) => !(name in hosts))).toEqual([]);
  expect(Object.values(suites).map(({ failed }) => failed)).toEqual(
    Object.keys(suites).map(() => 0),
  );
  for (const works of Object.values(hosts)) {
    expect(works.filter((column) => !COLUMNS.includes(column as never))).toEqual([]);
  }
});
