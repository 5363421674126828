import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { DrillApp, type DrillAppOptions } from './drill-app.js';
import { ClientsLoad, FixedLoad, type Load } from './fixed-load.js';
import type { DrillServer, ServerPool } from './server-pool.js';

/** One thing that goes wrong, and what has to hold afterwards. */
export interface Fault {
  readonly name: string;
  /** @returns figures for the table of the drill, such as `{ 'p99 ms': '3.2' }`. */
  run(drill: Drill): Promise<Record<string, string>>;
}

/** What a fault is made with; all of it is gone when the fault is over. */
export class Drill {
  readonly loads: Load[] = [];
  readonly apps: DrillApp[] = [];
  private readonly cleanups: (() => Promise<unknown>)[] = [];

  constructor(
    private readonly servers: ServerPool,
    /** At the scale of `npm run drill`, and not at that of `npm run test:all`, where a fault takes some seconds. */
    readonly isFull: boolean,
    /** How long what has to come right in the end may take, in milliseconds. */
    readonly patienceMs = 30_000,
  ) {}

  /** One of two values, by the scale. */
  scaled<T>(small: T, full: T): T {
    return this.isFull ? full : small;
  }

  get perSecond(): number {
    return this.scaled(200, 500);
  }

  folder(name = 'state'): string {
    const folder = temporaryFolder(name);
    this.cleanups.push(() => folder.remove());
    return `${folder.path}/state`;
  }

  /** A migrated database on a server that can be stopped. */
  async server(): Promise<DrillServer> {
    const server = await this.servers.take();
    this.cleanups.push(() => server.giveBack());
    return server;
  }

  /** A migrated database on the server of all tests. */
  async database(options?: { migrated: boolean }): Promise<TestDatabase> {
    const database = await createTestDatabase(options);
    this.cleanups.push(() => database.close());
    return database;
  }

  async app(options: DrillAppOptions): Promise<DrillApp> {
    const app = await DrillApp.start(options);
    this.apps.push(app);
    return app;
  }

  load(target: () => string | null, pathOf?: (id: string) => string): FixedLoad {
    const load = new FixedLoad(target, this.perSecond, `l${this.loads.length}`, pathOf);
    this.loads.push(load);
    return load.start();
  }

  /** So many clients, each with one request at a time. */
  clients(target: () => string | null, count: number): Load {
    const load = new ClientsLoad(target, count, `c${this.loads.length}`);
    this.loads.push(load);
    return load.start();
  }

  onEnd(cleanup: () => Promise<unknown>): void {
    this.cleanups.push(cleanup);
  }

  async end(): Promise<void> {
    for (const load of this.loads) await load.stop();
    for (const app of this.apps) {
      app.signal('SIGCONT');
      await app.end('SIGKILL');
    }
    for (const cleanup of this.cleanups.toReversed()) await cleanup();
  }

  /** What of the module nobody caught, in any of the apps. */
  get unhandled(): string[] {
    return this.apps.flatMap(({ unhandled }) => unhandled);
  }
}

/** The latency that 99 of 100 requests stay below, in milliseconds. */
export function p99(load: Load): string {
  const sorted = [...load.latenciesMs].sort((a, b) => a - b);
  return (sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN).toFixed(1);
}
