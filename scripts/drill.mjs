// The failure drill in full: npm run drill, or one fault of it: npm run drill -- "kill -9". Prints a table for docs/request-log.md.
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
  { cwd: checkout, env: { ...process.env, DRILL: 'full' }, stdio: ['ignore', 'pipe', 'inherit'] },
);

const rows = [];
for await (const line of createInterface({ input: child.stdout })) {
  const found = /DRILL (\{.*\})/.exec(line)?.[1];
  if (found === undefined) process.stdout.write(`${line}\n`);
  else rows.push(JSON.parse(found));
}
process.stdout.write('\n| fault | seconds | answered | figures |\n| --- | --- | --- | --- |\n');
for (const { fault, seconds, answered, ...figures } of rows) {
  const rest = Object.entries(figures).map(([name, value]) => `${name}: ${value}`);
  process.stdout.write(`| ${fault} | ${seconds} | ${answered} | ${rest.join('; ')} |\n`);
}
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
if (child.exitCode !== null) process.exitCode = child.exitCode;
