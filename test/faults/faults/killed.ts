import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Fault } from '../drill.js';
import { accountOf, drained } from '../identity.js';

/** The bound that the options promise, and a timer's and a disk's delay on a machine that is busy. */
const BOUND_MS = 100;
const DELAY_MS = 150;

/** `kill -9` at any moment, half of them while the database is down; what is younger than the bound may be lost. */
export const killed: Fault = {
  name: 'kill -9',
  async run(drill) {
    const server = await drill.server();
    const stateDir = drill.folder();
    let url: string | null = null;
    const load = drill.load(() => url);
    const kills: number[] = [];
    const times = drill.scaled(4, 50);
    for (let time = 0; time < times; time += 1) {
      if (time % 2 === 1) await server.stop('immediate');
      const app = await drill.app({ databaseUrl: server.url, stateDir });
      url = app.url;
      await sleep(300 + Math.random() * 700);
      url = null;
      kills.push(Date.now());
      await app.end('SIGKILL');
      if (time % 2 === 1) await server.start();
    }
    await load.stop();
    const last = await drill.app({ databaseUrl: server.url, stateDir });
    const young = (id: string): boolean => {
      const at = load.answeredAt.get(id)!;
      return kills.some((kill) => at <= kill + 50 && at >= kill - BOUND_MS - DELAY_MS);
    };
    const account = await eventually(
      async () => {
        const found = await accountOf(server.url, [load]);
        return found.missing.every(young) ? found : undefined;
      },
      { withinMs: 15_000, what: 'delivery of what the killed ones had spooled' },
    );
    await drained([last]);
    const { torn } = await last.stats();
    expect(account.duplicates).toBe(0);
    const ages = account.missing.map((id) => {
      const at = load.answeredAt.get(id)!;
      return Math.min(...kills.filter((kill) => kill >= at - 50).map((kill) => kill - at));
    });
    return {
      answered: String(account.answered),
      kills: String(times),
      'lost, younger than the bound': String(account.missing.length),
      'oldest lost, ms before the kill': Math.max(0, ...ages).toFixed(0),
      torn: String(torn),
    };
  },
};
