// The tables of docs/compatibility.md, made of what test/hosts and the suites have shown: test/hosts/results.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const PAGE = 'docs/compatibility.md';
const COLUMNS = 'install boot log rules limits scan CLI WebSocket GraphQL tests'.split(' ');

const row = (cells) => `| ${cells.join(' | ')} |`;

/** The page with the tables of today between its marks. */
export function compatibilityPage(checkout) {
  const { suites, hosts } = JSON.parse(
    readFileSync(join(checkout, 'test/hosts/results.json'), 'utf8'),
  );
  const tables = {
    suites: [
      row(['the suite on', 'passed', 'failed', 'skipped', 'run on']),
      row(['---', '---', '---', '---', '---']),
      ...Object.values(suites).map(({ versions, passed, failed, skipped, day }) =>
        row([versions, passed, failed, skipped, day]),
      ),
    ],
    hosts: [
      row(['host', ...COLUMNS]),
      row(['---', ...COLUMNS.map(() => '---')]),
      ...Object.entries(hosts).map(([name, works]) =>
        row([name, ...COLUMNS.map((column) => (works.includes(column) ? 'yes' : ''))]),
      ),
    ],
  };
  return readFileSync(join(checkout, PAGE), 'utf8').replaceAll(
    /(<!-- (suites|hosts) -->\n)[^]*?(\n<!-- end -->)/g,
    (_, before, name, after) => `${before}\n${tables[name].join('\n')}\n${after}`,
  );
}
