// Removes from dist/ what no source stands behind any more, so that nothing of an earlier build is run or published.
// The rest stays: the compiler goes on from there, and who runs from dist/ is not disturbed.
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('..', import.meta.url));
/** What is made by other steps of the build. */
const MADE = new Set(['.tsbuildinfo', 'library', 'nest-commander.LICENSES.txt']);

function clean(folder) {
  for (const entry of readdirSync(join(checkout, 'dist', folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (MADE.has(entry.name)) continue;
    if (entry.isDirectory()) clean(path);
    else if (!hasSource(path)) rmSync(join(checkout, 'dist', path));
  }
  if (folder !== '' && readdirSync(join(checkout, 'dist', folder)).length === 0) {
    rmdirSync(join(checkout, 'dist', folder));
  }
}

function hasSource(path) {
  const [, stem, m] = /^(.*?)(?:\.d)?\.(m?)[jt]s(?:\.map)?$/.exec(path) ?? [];
  return stem !== undefined && existsSync(join(checkout, `${stem}.${m}ts`));
}

if (existsSync(join(checkout, 'dist'))) clean('');
