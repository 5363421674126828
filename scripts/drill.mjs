// The failure drill in full: npm run drill, or one fault of it: npm run drill -- "kill -9". DRILL=small takes the scale of
// npm run test:all. Prints a table for docs/drill.md.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const [only] = process.argv.slice(2);
const child = spawn(
  process.execPath,
  [
    `${checkout}node_modules/vitest/vitest.mjs`,
    'run',
    'test/faults/',
    '--disable-console-intercept',
    ...(only === undefined ? [] : ['-t', only]),
  ],
  { cwd: checkout, env: { DRILL: 'full', ...process.env }, stdio: ['ignore', 'pipe', 'inherit'] },
);

const rows = [];
for await (const text of createInterface({ input: child.stdout })) {
  const found = /DRILL (\{.*\})/.exec(text)?.[1];
  if (found === undefined) process.stdout.write(`${text}\n`);
  else {
    const row = JSON.parse(found);
    rows.push(row);
    process.stdout.write(`${row.fault}: held, after ${row.seconds} s\n`);
  }
}
const COLUMNS = ['fault', 'seconds', 'answered', 'rows', 'counted', 'duplicates'];
const line = (cells) => `| ${cells.join(' | ')} |\n`;
process.stdout.write(
  `\n${line([...COLUMNS, 'figures'])}${line([...COLUMNS, ''].map(() => '---'))}`,
);
for (const row of rows) {
  const rest = Object.entries(row).filter(([name]) => !COLUMNS.includes(name));
  const figures = rest.map(([name, value]) => `${name}: ${value}`).join('; ');
  process.stdout.write(line([...COLUMNS.map((name) => row[name]), figures]));
}
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
if (child.exitCode !== null) process.exitCode = child.exitCode;
