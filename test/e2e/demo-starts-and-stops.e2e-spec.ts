import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  inject,
  it,
  onTestFinished,
} from 'vitest';
import { createDemoCheckout, NodeRun } from '../support/demo-checkout.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

/** Stands in for the host app: it answers, and when it closes it still has something to write, as the log has. */
const APP = `
const { createServer } = require('node:http');
const { Client } = require('pg');
exports.createDemoApp = async function ({ databaseUrl, adapter }) {
  if (process.env.APP_FAILS) throw new Error('The app has no wheels.');
  const server = createServer((request, response) => response.end(adapter));
  return {
    listen: (port, host) => new Promise((resolve) => server.listen(port, host, resolve)),
    getHttpServer: () => server,
    close: async () => {
      if (process.env.APP_NEVER_CLOSES) await new Promise(() => {});
      server.close();
      const client = new Client({ connectionString: databaseUrl });
      await client.connect();
      await client.query('create table if not exists closed (at timestamptz)');
      await client.query('insert into closed values (now())');
      await client.end();
    },
  };
};
`;

let folder: TemporaryFolder;
let checkout: string;

beforeAll(() => {
  folder = temporaryFolder('start');
  checkout = join(folder.path, 'checkout');
  createDemoCheckout({ root: checkout });
  writeFileSync(join(checkout, 'dist', 'demo', 'host/app.js'), APP);
});
afterAll(() => folder.remove());
beforeEach(async () => {
  await stopLeftServer();
  rmSync(join(checkout, '.data'), { recursive: true, force: true });
});

/** The one of a run that the test before has killed. */
async function stopLeftServer(): Promise<void> {
  if (!existsSync(postmasterFile())) return;
  process.kill(Number.parseInt(readFileSync(postmasterFile(), 'utf8'), 10), 'SIGQUIT');
  await expect.poll(() => existsSync(postmasterFile()), { timeout: 60_000 }).toBe(false);
}

interface State {
  readonly databaseUrl: string;
  readonly baseUrl: string;
  readonly pid: number;
}

function start(env: Record<string, string> = {}): NodeRun {
  const run = new NodeRun(join(checkout, 'dist', 'demo', 'start.js'), [], {
    env: { PORT: '0', ...env },
  });
  onTestFinished(() => run.kill());
  return run;
}

async function ready(run: NodeRun): Promise<State> {
  await run.printed(/# Ctrl-C stops the demo/);
  return JSON.parse(readFileSync(stateFile(), 'utf8')) as State;
}

function stateFile(): string {
  return join(checkout, '.data', 'demo.json');
}

function postmasterFile(): string {
  return join(checkout, '.data', 'postgres', 'cluster', 'postmaster.pid');
}

async function closedTimes(databaseUrl: string): Promise<number> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query('select count(*)::int as n from closed');
  await client.end();
  return rows[0].n;
}

describe('npm start', () => {
  it('says where it is and what to try, and tells a second shell', async () => {
    const run = start();
    const { baseUrl, databaseUrl, pid } = await ready(run);
    expect(pid).toBe(run.pid);
    expect(run.stdout).toContain(`Ready on ${baseUrl} (express; embedded PostgreSQL, data in`);
    expect(run.stdout).toContain(`curl -i -H 'X-Forwarded-For: 203.0.113.7' ${baseUrl}/whoami`);
    expect(run.stdout).toContain('npm run -s ip-tracking -- block-ip 203.0.113.7 --reason "test"');
    expect(run.stdout).not.toContain(new URL(databaseUrl).password);
    expect(statSync(stateFile()).mode & 0o777).toBe(0o600);
    expect(await (await fetch(baseUrl)).text()).toBe('express');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'closes the app, then PostgreSQL, on %s to everyone in the terminal',
    async (signal) => {
      const run = start({ ADAPTER: 'fastify' });
      await ready(run);
      run.signalGroup(signal);
      // npm hands on the signal that the terminal sent already.
      run.child.kill(signal);
      expect(await run.ended).toBe(0);
      expect(run.stderr).toBe('');
      expect(existsSync(stateFile())).toBe(false);
      expect(existsSync(postmasterFile())).toBe(false);

      const { databaseUrl } = await ready(start());
      expect(await closedTimes(databaseUrl)).toBe(1);
    },
  );

  it('closes in order also when nobody reads what it prints any more', async () => {
    const run = start();
    await ready(run);
    run.child.stdout!.destroy();
    run.child.kill('SIGHUP');
    expect(await run.ended).toBe(0);
    expect(existsSync(postmasterFile())).toBe(false);
  });

  it('leaves at once on a second signal, and PostgreSQL stops all the same', async () => {
    const run = start({ APP_NEVER_CLOSES: '1' });
    await ready(run);
    run.signalGroup('SIGINT');
    await sleep(700);
    run.signalGroup('SIGINT');
    expect(await run.ended).toBe(130);
    await expect.poll(() => existsSync(postmasterFile()), { timeout: 60_000 }).toBe(false);
  });

  it('goes on after it was killed', async () => {
    const killed = start();
    const { databaseUrl } = await ready(killed);
    await killed.kill();
    expect(existsSync(stateFile())).toBe(true);

    const run = start();
    expect((await ready(run)).databaseUrl).toBe(databaseUrl);
    expect(run.stdout).toContain('Taking over the PostgreSQL that a killed run left behind');
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(existsSync(postmasterFile())).toBe(false);
  });

  it('uses the PostgreSQL of DATABASE_URL and leaves it running', async () => {
    const url = inject('postgresUrl');
    const run = start({ DATABASE_URL: url });
    expect((await ready(run)).databaseUrl).toBe(url);
    expect(existsSync(join(checkout, '.data', 'postgres'))).toBe(false);
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(0);
    expect(await closedTimes(url)).toBeGreaterThan(0);
  });
});

describe('npm start with something in its way', () => {
  async function sentenceOf(env: Record<string, string>): Promise<string> {
    const run = start(env);
    expect(await run.ended).toBe(1);
    expect(existsSync(postmasterFile())).toBe(false);
    expect(existsSync(stateFile())).toBe(false);
    return run.stderr;
  }

  it('says so of a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await sleep(20);
    const { port } = other.address() as AddressInfo;
    expect(await sentenceOf({ PORT: String(port) })).toBe(
      `Port ${port} is taken: stop what uses it, or choose another: PORT=3000 npm start.\n`,
    );
  });

  it.each([
    [{ PORT: 'http' }, 'PORT is "http", which is no port: give a number from 0 to 65535.\n'],
    [{ ADAPTER: 'koa' }, 'ADAPTER is "koa": give "express" or "fastify".\n'],
    [{ HOST: '198.51.100.1' }, /^HOST is "198.51.100.1", where this machine cannot listen \(.*\n$/],
    [{ DATABASE_URL: 'localhost' }, /^DATABASE_URL is not the URL of a PostgreSQL: .*\n$/],
    [
      { DATABASE_URL: 'postgres://me:secret@127.0.0.1:1/x' },
      'The PostgreSQL of DATABASE_URL at 127.0.0.1:1 cannot be used (connect ECONNREFUSED 127.0.0.1:1): ' +
        'start it or correct the URL, or leave DATABASE_URL out to use the embedded one.\n',
    ],
  ])('says so of %o', async (env, sentence) => {
    expect(await sentenceOf(env as Record<string, string>)).toMatch(sentence);
  });

  it('says so of a data folder that cannot be written', async () => {
    writeFileSync(join(checkout, '.data'), '');
    const run = start();
    expect(await run.ended).toBe(1);
    expect(run.stderr).toMatch(
      /^The data folder .*\.data cannot be written \(a file has its name\): .*\n$/,
    );
  });

  it('stops PostgreSQL again when the app does not start', async () => {
    expect(await sentenceOf({ APP_FAILS: '1' })).toContain('The app has no wheels.');
  });
});
