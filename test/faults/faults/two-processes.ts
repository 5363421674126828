import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Fault } from '../drill.js';
import { drained, expectIdentity } from '../identity.js';

/**
 * Three processes share a folder while the database is down. One is killed: another delivers what it has spooled. One
 * is stopped for so long that it is taken for dead, and goes on: nothing of it is lost, and nothing is there twice.
 */
export const twoProcesses: Fault = {
  name: 'processes share a spool',
  async run(drill) {
    const server = await drill.server();
    const options = {
      databaseUrl: server.url,
      stateDir: drill.folder(),
      // So that much of it is on the disk alone.
      requestLog: { maxQueued: 200 },
    };
    const [survivor, victim, sleeper] = await Promise.all([
      drill.app(options),
      drill.app(options),
      drill.app(options),
    ]);
    await server.stop('fast');
    const targets = [survivor, victim, sleeper].map((app) => ({ url: app.url as string | null }));
    const loads = targets.map((target) => drill.load(() => target.url));
    await sleep(drill.scaled(1_500, 10_000));
    targets[1]!.url = null;
    targets[2]!.url = null;
    await sleep(500);
    await victim.end('SIGKILL');
    sleeper.signal('SIGSTOP');
    await sleep(2_500);
    sleeper.signal('SIGCONT');
    targets[2]!.url = sleeper.url;
    await sleep(1_000);
    await server.start();
    for (const load of loads) await load.stop();
    await drained([survivor, sleeper], 30_000);
    const { answered } = await expectIdentity(server.url, loads);
    const [mine, its] = await Promise.all([survivor.stats(), sleeper.stats()]);
    await eventually(async () => (await survivor.stats()).spooledBytes < 2_000, {
      what: 'deletion of what is delivered',
    });
    expect(mine.adopted + its.adopted).toBeGreaterThan(0);
    for (const load of loads) expect(load.failed).toBe(0);
    return {
      answered: String(answered),
      adopted: String(mine.adopted + its.adopted),
      'handed over': String(its.handedOver),
    };
  },
};
