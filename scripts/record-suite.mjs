// Keeps how a whole suite has ended, for docs/compatibility.md, where the run is one that records (RECORD=1).
import { readFileSync, writeFileSync } from 'node:fs';

const RESULTS = new URL('../test/hosts/results.json', import.meta.url);

export function record(name, output) {
  if (process.env.RECORD !== '1') return;
  const counted = [...output.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm)].at(-1);
  if (counted === undefined) return;
  const [passed, failed, skipped] = counted.slice(1).map(Number);
  const results = JSON.parse(readFileSync(RESULTS, 'utf8'));
  const day = new Date().toISOString().slice(0, 10);
  results.suites[name] = { passed, failed, skipped, day };
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
}
