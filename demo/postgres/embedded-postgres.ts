import { setTimeout as sleep } from 'node:timers/promises';
import { openDataFolder } from './data-folder.js';
import { DemoError } from '../demo-error.js';
import { freePort } from './free-port.js';
import { OwnerLock } from './owner-lock.js';
import { usablePostgres } from './postgres-binaries.js';
import { openCluster, type Cluster } from './postgres-cluster.js';
import { startServer } from './postgres-server.js';
import { readPostmaster } from './postmaster-file.js';
import { signalServer, stopServer, type ShutdownMode } from './stop-server.js';

export interface EmbeddedPostgresOptions {
  /** Where the data stays. Created where it is missing; several processes may open the same one. */
  readonly dataDir: string;
  /** Hears, in whole sentences, what the user should know: where the data is, whose server is used. */
  readonly log?: (line: string) => void;
  /**
   * The port on 127.0.0.1.
   *
   * @default one that is free
   */
  readonly port?: number;
  /**
   * Whether commits survive a crash of the machine. Off is for data that is thrown away.
   *
   * @default true
   */
  readonly fsync?: boolean;
  /**
   * Settings of the server, such as `{ shared_buffers: '4GB' }`.
   *
   * @default those of a small server beside others
   */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * Where data and programs go when PostgreSQL's user cannot enter the folders they are in (as root only).
   *
   * @default a folder under /var/tmp, the same one each time
   */
  readonly fallbackDir?: string;
}

export interface EmbeddedPostgres {
  /** `postgres://` with the password in it: the superuser's, on the database `postgres`. */
  readonly url: string;
  /** Where the data really is. */
  readonly dataDir: string;
  /** The server's process. */
  readonly pid: number;
  /** Whether this process started the server, or took it over from one that was killed. */
  readonly owned: boolean;
  /** Stops the server if it is {@link owned}, and is done when it is gone. */
  stop(mode?: ShutdownMode): Promise<void>;
  /** Tells an {@link owned} server to stop and does not wait: for a process that has to leave at once. */
  abandon(): void;
}

/** How long a server that holds the data directory may take to come up, or to go. */
const HELD_FOR_MS = 20_000;

/** PostgreSQL's `invalid_password`. */
const WRONG_PASSWORD = '28P01';

/**
 * A real PostgreSQL on `dataDir`, from the programs that npm installed, listening on 127.0.0.1 alone. A server that runs
 * on that folder already is used as it is: shared while the process that owns it lives, taken over once it does not.
 *
 * @throws {DemoError} in one sentence that says what to do.
 */
export async function openEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const folder = await openDataFolder({ ...options, fallbackDir: options.fallbackDir, log });
  const programs = await usablePostgres(folder.user, folder.copiesFolder);
  const cluster = await openCluster(folder, programs);

  const deadline = Date.now() + HELD_FOR_MS;
  let startedPid: number | null = null;
  while (Date.now() < deadline) {
    const running = await useRunning(cluster, folder.path);
    if (running) {
      if (running.pid !== startedPid) log(describeRunning(running));
      return running;
    }
    const port = options.port ?? (await freePort());
    const outcome = await startServer(folder, cluster, programs, {
      port,
      fsync: options.fsync ?? true,
      settings: options.settings ?? {},
    });
    if (outcome.started) {
      startedPid = outcome.pid;
      continue;
    }
    if (outcome.why === 'port-taken' && options.port !== undefined) {
      throw new DemoError(`Port ${port} is taken: stop what uses it, or choose another.`);
    }
    // Held by a server that is coming up, or going: look again in a moment.
    await sleep(200);
  }
  const holder = await readPostmaster(cluster.pgdata);
  throw new DemoError(
    `Process ${holder?.pid} holds the data in ${folder.path} but does not answer as a PostgreSQL: end it, ` +
      `or delete ${cluster.pgdata}/postmaster.pid if it is something else.`,
  );
}

async function useRunning(cluster: Cluster, dataDir: string): Promise<EmbeddedPostgres | null> {
  const postmaster = await readPostmaster(cluster.pgdata);
  if (!postmaster?.isReady) return null;
  const url = `postgres://postgres:${cluster.password}@127.0.0.1:${postmaster.port}/postgres`;
  try {
    const lock = await OwnerLock.take(url, cluster.pgdata);
    return new RunningPostgres(url, dataDir, cluster.pgdata, postmaster.pid, lock);
  } catch (error) {
    if ((error as { code?: string }).code === WRONG_PASSWORD) {
      throw new DemoError(
        `The password in ${dataDir}/password is not the one of the PostgreSQL that runs there ` +
          `(process ${postmaster.pid}): put the right one back, or stop it and delete that folder to begin afresh.`,
        undefined,
        { cause: error },
      );
    }
    // Left by a crash, or on its way out: trying to start one will tell.
    return null;
  }
}

function describeRunning({ pid, owned }: EmbeddedPostgres): string {
  return owned
    ? `Taking over the PostgreSQL that a killed run left behind (process ${pid}).`
    : `Sharing the PostgreSQL of another run (process ${pid}), which stops with that one.`;
}

class RunningPostgres implements EmbeddedPostgres {
  #stopping: Promise<void> | null = null;

  constructor(
    readonly url: string,
    readonly dataDir: string,
    private readonly pgdata: string,
    readonly pid: number,
    private readonly lock: OwnerLock | null,
  ) {}

  get owned(): boolean {
    return this.lock !== null;
  }

  stop(mode: ShutdownMode = 'fast'): Promise<void> {
    this.#stopping ??= this.#stop(mode);
    return this.#stopping;
  }

  abandon(): void {
    if (this.owned) signalServer(this.pid, 'SIGINT');
  }

  async #stop(mode: ShutdownMode): Promise<void> {
    if (!this.lock) return;
    this.lock.letGo();
    await stopServer(this.pgdata, this.pid, mode);
    await this.lock.close();
  }
}
