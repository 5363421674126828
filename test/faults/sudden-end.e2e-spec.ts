import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import type { Adapter } from '../support/host-app.js';
import type { TestDatabase } from '../support/postgres.js';
import { Drill } from './drill.js';
import type { DrillApp } from './drill-app.js';
import type { FixedLoad } from './fixed-load.js';
import { drained, expectIdentity } from './identity.js';
import { ServerPool } from './server-pool.js';
import { segmentsIn } from './spooled-ids.js';

const servers = new ServerPool();
let drill: Drill;
let database: TestDatabase;
let stateDir: string;

beforeEach(async () => {
  drill = new Drill(servers, false);
  database = await drill.database();
  stateDir = drill.folder();
});
afterEach(() => drill.end());
afterAll(() => servers.close());

describe.each<Adapter>(['express', 'fastify'])('a process on %s that nobody closes', (adapter) => {
  async function underLoad(listens?: 'politely' | 'deafly'): Promise<[DrillApp, FixedLoad]> {
    const app = await drill.app({
      databaseUrl: database.url,
      stateDir,
      adapter,
      shutdownHooks: false,
      listens,
    });
    let url: string | null = app.url;
    void app.exited.then(() => (url = null));
    // Before the spool is open nothing but memory has a record.
    await eventually(() => segmentsIn(stateDir).length >= 2, { what: 'opening of segments' });
    const load = drill.load(() => url);
    await eventually(() => load.answers.size > 50);
    return [app, load];
  }

  async function expectAll(load: FixedLoad): Promise<void> {
    await load.stop();
    const next = await drill.app({ databaseUrl: database.url, stateDir, adapter });
    await drained([next]);
    const { missing } = await expectIdentity(database.url, [load], [next]);
    expect(missing).toEqual([]);
  }

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'leaves what it has not stored to the next, and dies of %s',
    async (signal) => {
      const [app, load] = await underLoad();
      app.signal(signal);
      expect(await app.exited).toEqual({ code: null, signal });
      expect(app.log).not.toContain('are lost');
      await expectAll(load);
    },
  );

  it('leaves it to the next where it calls process.exit()', async () => {
    const [app, load] = await underLoad();
    app.exit(3);
    expect(await app.exited).toEqual({ code: 3, signal: null });
    await expectAll(load);
  });

  it('is ended by somebody else who listens, and would not end it were they not alone', async () => {
    const [app, load] = await underLoad('politely');
    app.signal('SIGTERM');
    expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' });
    await expectAll(load);
  });

  it('goes on where somebody else has taken the signal upon them, and is heard again', async () => {
    const [app, load] = await underLoad('deafly');
    app.signal('SIGTERM');
    const before = load.answers.size;
    await eventually(() => load.answers.size > before + 50, { what: 'answers after SIGTERM' });
    app.signal('SIGINT');
    expect(await app.exited).toEqual({ code: null, signal: 'SIGINT' });
    await expectAll(load);
  });
});

describe('an app that nobody closes at a signal', () => {
  const LINE = 'Add app.enableShutdownHooks(); before app.listen()';

  it('is warned at its boot, with the line to add', async () => {
    const options = { databaseUrl: database.url, stateDir, shutdownHooks: false };
    const app = await drill.app(options);
    await eventually(() => app.log.includes(LINE), { what: 'the warning' });
    expect(app.log).toContain('nobody listens to SIGTERM');
    expect(app.log).toContain('which a container may not keep');
  });

  it.each([
    ['that closes at SIGTERM', {}],
    ['whose host listens to SIGTERM', { shutdownHooks: false, listens: 'deafly' as const }],
  ])('is not warned %s', async (_, options) => {
    const app = await drill.app({ databaseUrl: database.url, stateDir, ...options });
    const warned = await drill.app({ databaseUrl: database.url, stateDir, shutdownHooks: false });
    // Booted later, and so warned later.
    await eventually(() => warned.log.includes(LINE), { what: 'the warning of the other one' });
    expect(app.log).not.toContain(LINE);
  });

  it('says how many records are lost with it, where nothing outlives the process', async () => {
    const server = await drill.server();
    const app = await drill.app({ databaseUrl: server.url, stateDir: false, shutdownHooks: false });
    await eventually(() => app.log.includes('lost, since there is no spool'));
    await server.stop('fast');
    const load = drill.load(() => app.url);
    await eventually(() => load.answers.size >= 20);
    await load.stop();
    app.signal('SIGTERM');
    expect(await app.exited).toMatchObject({ signal: 'SIGTERM' });
    expect(app.log).toContain(
      `${load.answers.size} records of the request log could not be written and are lost`,
    );
  });
});
