import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { keptPort } from './kept-port.js';
import { temporaryFolder } from './temporary-folder.js';

const PGBOUNCER = ['pgbouncer', '/usr/sbin/pgbouncer'].find(
  (path) => spawnSync(path, ['--version']).error === undefined,
);

/** Why tests with a PgBouncer are skipped here; null where they are not. */
export const whyNoPgBouncer =
  PGBOUNCER === undefined ? 'pgbouncer is not on PATH; apt-get install pgbouncer' : null;

export interface PgBouncer {
  /** The URL of the database behind it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Ends with this process, however that ends: the shell waits for its pipe to close. */
const KEEPER = `"$@" & read -r _; kill "$!"; wait`;

/**
 * A PgBouncer in front of a database.
 *
 * @param settings lines of its configuration.
 */
export async function startPgBouncer(
  databaseUrl: string,
  mode: 'transaction' | 'session',
  ...settings: string[]
): Promise<PgBouncer> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const folder = temporaryFolder('pgbouncer');
  const own = await keptPort();
  const file = join(folder.path, 'pgbouncer.ini');
  const name = pathname.slice(1);
  writeFileSync(
    file,
    [
      '[databases]',
      `${name} = host=${hostname} port=${port} dbname=${name} user=${username} password=${decodeURIComponent(password)}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${own}`,
      'unix_socket_dir =',
      'auth_type = any',
      `pool_mode = ${mode}`,
      'default_pool_size = 10',
      ...settings,
      '',
    ].join('\n'),
  );
  chmodSync(file, 0o644);
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const keeper = spawn('/bin/sh', ['-c', KEEPER, 'keeper', PGBOUNCER!, ...user, file], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(own);
  await eventually(() => isOpen(own), { withinMs: 10_000, what: 'PgBouncer' });
  return {
    url: url.href,
    stop: async () => {
      const ended = once(keeper, 'close');
      keeper.stdin.end();
      await ended;
      await folder.remove();
    },
  };
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
