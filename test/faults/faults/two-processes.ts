import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { stateFiles } from '../../support/state.js';
import type { Fault } from '../drill.js';
import { spooled } from '../spooled-ids.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

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
      requestLog: { tuning: { maxQueued: drill.scaled(200, 2_000) } },
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
    await Promise.all(loads.map((load) => load.answered()));
    const [its, others] = await Promise.all([sleeper.stats(), victim.stats()]);
    const ids = loads.slice(1).flatMap((load) => load.ids);
    await spooled(options.stateDir, ids, its.dropped + others.dropped);
    await victim.end('SIGKILL');
    sleeper.signal('SIGSTOP');
    await ownersAre(1, options.stateDir, 'adoption of what the other two have spooled');
    sleeper.signal('SIGCONT');
    targets[2]!.url = sleeper.url;
    await ownersAre(2, options.stateDir, 'a new folder of the one that was stopped');
    await server.start();
    for (const load of loads) await load.stop();
    await drained([survivor, sleeper]);
    const account = await expectIdentity(server.url, loads, [survivor, sleeper], {
      lost: others.dropped,
    });
    const [mine, other] = await Promise.all([survivor.stats(), sleeper.stats()]);

    await eventually(async () => (await survivor.stats()).spooledBytes < 2_000, {
      withinMs: 20_000,
      what: 'deletion of what is delivered',
    });
    expect(mine.adopted + other.adopted).toBeGreaterThan(0);
    for (const load of loads) expect(load.failed).toBe(0);
    return {
      ...figuresOf(account),
      adopted: String(mine.adopted + other.adopted),
      'handed over': String(other.handedOver),
    };
  },
};

/** Waits until so many processes have a folder of their own in the spool; says what there is where that does not come. */
async function ownersAre(count: number, stateDir: string, what: string): Promise<void> {
  let seen: string[] = [];
  const isSo = () => {
    seen = stateFiles(stateDir, /\/spool\/[^./][^/]*\/heartbeat$/);
    return seen.length === count;
  };
  await eventually(isSo, { withinMs: 20_000, what }).catch((error: Error) => {
    const all = stateFiles(stateDir, /\/spool\//).map(
      (path) => `${path} ${Math.round(Date.now() - statSync(path).mtimeMs)} ms old`,
    );
    throw new Error(`${error.message}; owners are ${seen.join()}; there are\n${all.join('\n')}`);
  });
}
