import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { p99, type Fault } from '../drill.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

/** The database comes and goes. */
export const flapping: Fault = {
  name: 'database flaps',
  async run(drill) {
    const server = await drill.server();
    const app = await drill.app({ databaseUrl: server.url, stateDir: drill.folder() });
    const load = drill.load(() => app.url);
    const pauseMs = drill.scaled(400, 3_000);
    for (let times = drill.scaled(3, 20); times > 0; times -= 1) {
      await sleep(pauseMs);
      await server.stop('immediate');
      await sleep(pauseMs);
      await server.start();
    }
    await load.stop();
    await drained([app]);
    const account = await expectIdentity(server.url, [load], [app]);
    expect(load.failed).toBe(0);
    const { retried } = await app.stats();
    return { ...figuresOf(account), 'p99 ms': p99(load), retried: String(retried) };
  },
};
