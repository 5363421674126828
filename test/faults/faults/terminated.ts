import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Fault } from '../drill.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

/** SIGTERM under load, with the database up and with it down. */
export const terminated: Fault = {
  name: 'SIGTERM under load',
  async run(drill) {
    const server = await drill.server();
    const stateDir = drill.folder();
    let url: string | null = null;
    const load = drill.load(() => url);
    const tookMs = { up: 0, down: 0 };
    for (let time = 0; time < drill.scaled(2, 50); time += 1) {
      const isDown = time % 2 === 1;
      const app = await drill.app({ databaseUrl: server.url, stateDir });
      url = app.url;
      await sleep(300);
      if (isDown) {
        await server.stop('immediate');
        await sleep(300);
      }
      const name = isDown ? 'down' : 'up';
      tookMs[name] = Math.max(tookMs[name], await app.end('SIGTERM'));
      url = null;
      expect(app.unhandled).toEqual([]);
      expect(app.log).not.toContain('are lost');
      if (isDown) await server.start();
    }
    await load.stop();
    const last = await drill.app({ databaseUrl: server.url, stateDir });
    const account = await expectIdentity(server.url, [load], [last]);
    await drained([last]);
    expect(tookMs.up).toBeLessThan(5_000);
    expect(tookMs.down).toBeLessThan(3_000);
    return {
      ...figuresOf(account),
      'worst ms, database up': tookMs.up.toFixed(0),
      'worst ms, database down': tookMs.down.toFixed(0),
    };
  },
};
