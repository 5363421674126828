import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Fault } from '../drill.js';
import { accountOf, drained, figuresOf } from '../identity.js';

/** The bound that the options promise. */
const BOUND_MS = 100;
/** What the answer's way to the client and the write to the spool take, in milliseconds. */
const ON_THE_WAY_MS = 100;

interface Kill {
  at: number;
  /** How long the machine had let the process wait before. */
  delayMs: number;
}

/** `kill -9` at any moment, half of them while the database is down; what is younger than the bound may be lost. */
export const killed: Fault = {
  name: 'kill -9',
  async run(drill) {
    const server = await drill.server();
    const stateDir = drill.folder();
    let url: string | null = null;
    const load = drill.load(() => url);
    const kills: Kill[] = [];
    const times = drill.scaled(4, 50);
    for (let time = 0; time < times; time += 1) {
      if (time % 2 === 1) await server.stop('immediate');
      const app = await drill.app({ databaseUrl: server.url, stateDir });
      url = app.url;
      await sleep(300 + Math.random() * 700);
      url = null;
      const at = Date.now();
      await app.end('SIGKILL');
      kills.push({ at, delayMs: app.delayBefore(at) });
      if (time % 2 === 1) await server.start();
    }
    await load.stop();
    const last = await drill.app({ databaseUrl: server.url, stateDir });
    const young = (id: string): boolean => {
      const at = load.answers.get(id)!.answeredAt;
      return kills.some(
        (kill) => at <= kill.at + 50 && at >= kill.at - BOUND_MS - ON_THE_WAY_MS - 2 * kill.delayMs,
      );
    };
    const account = await eventually(
      async () => {
        const found = await accountOf(server.url, [load]);
        return found.missing.every(young) ? found : undefined;
      },
      { withinMs: 30_000, what: 'delivery of what the killed ones had spooled' },
    );
    await drained([last]);
    const { torn } = await last.stats();
    expect(account.duplicates).toBe(0);
    const ages = account.missing.map((id) => {
      const at = load.answers.get(id)!.answeredAt;
      return Math.min(...kills.flatMap((kill) => (kill.at >= at - 50 ? kill.at - at : [])));
    });
    return {
      ...figuresOf({ ...account, counted: account.missing.length }),
      kills: String(times),
      'oldest lost, ms before the kill': Math.max(0, ...ages).toFixed(0),
      'longest that the machine let one wait, ms': String(
        Math.max(...kills.map(({ delayMs }) => delayMs)),
      ),
      torn: String(torn),
    };
  },
};
