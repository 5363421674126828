import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.js';
import { send } from '../support/http.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { ROOT, run } from './packed-host.js';

/** What `nest` builds from, and what says how. */
const SOURCES = [
  'nest-cli.json',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'src',
  'migrations',
  'demo',
];

let folder: TemporaryFolder;
/** A copy: `nest` deletes dist/ before it builds, which others work from. */
let checkout: string;

beforeAll(() => {
  folder = temporaryFolder('nest');
  checkout = join(folder.path, 'checkout');
  mkdirSync(checkout);
  for (const name of SOURCES) cpSync(join(ROOT, name), join(checkout, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
});
afterAll(() => folder.remove());

it('npx nest build makes what npm run build makes', { timeout: 300_000 }, async () => {
  mkdirSync(join(checkout, 'dist'));
  writeFileSync(join(checkout, 'dist', 'of-an-earlier-build.js'), '');
  expect(await run('npx', ['--offline', 'nest', 'build'], checkout)).toMatchObject({ exitCode: 0 });
  expect(readdirSync(join(checkout, 'dist')).filter((name) => !name.startsWith('.'))).toEqual([
    'demo',
    'migrations',
    'src',
  ]);
  for (const file of ['src/index.js', 'src/index.d.ts', 'src/cli/main.js', 'demo/start.js']) {
    expect.soft(existsSync(join(checkout, 'dist', file)), file).toBe(true);
  }
  const tests = readdirSync(join(checkout, 'dist'), { recursive: true, encoding: 'utf8' });
  expect(tests.filter((path) => /spec\.(js|d\.ts)$/.test(path))).toEqual([]);
});

it(
  'npx nest start builds and starts the demo, and hands Ctrl-C on',
  { timeout: 300_000 },
  async () => {
    const { PATH = '', HOME = '' } = process.env;
    const started = spawn('npx', ['--offline', 'nest', 'start'], {
      cwd: checkout,
      env: { PATH, HOME, PORT: '0' },
      // A group of its own, so that it can be signalled as a terminal does.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const signal = (name: NodeJS.Signals) => process.kill(-started.pid!, name);
    let output = '';
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    let hasEnded = false;
    const ended = once(started, 'close').finally(() => (hasEnded = true));
    onTestFinished(async () => {
      if (hasEnded) return;
      signal('SIGKILL');
      await ended;
    });

    const [, url = ''] = await eventually(
      () => {
        if (hasEnded) throw new Error(`nest start ended:\n${output}`);
        return /^Ready on (http:\S+)/m.exec(output) ?? undefined;
      },
      { withinMs: 100_000, what: 'the start' },
    );
    const { status, text } = await send(url, '/health');
    expect([status, JSON.parse(text)]).toEqual([200, { status: 'ok' }]);
    const postmasterFile = join(checkout, '.data/postgres/cluster/postmaster.pid');
    expect(existsSync(postmasterFile)).toBe(true);

    signal('SIGINT');
    // Not until the demo has closed its end of the pipe.
    await ended;
    expect(output).toContain('Stopping');
    expect(existsSync(postmasterFile)).toBe(false);
    await expect(send(url, '/health')).rejects.toThrow('ECONNREFUSED');
  },
);
