import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Drill, Fault } from '../drill.js';
import type { DrillApp } from '../drill-app.js';
import type { Load } from '../fixed-load.js';
import { accountOf, drained, expectContent, figuresOf } from '../identity.js';

/** The bound that the options promise, in milliseconds. */
const BOUND_MS = 100;
const HANDLER_MS = 30;
const CLIENTS = 20;

interface Kill {
  at: number;
  /** How long the loop was held at one go, in the second before. */
  holdMs: number;
  /** Whether the disk was fast enough for the bound to hold. */
  isBound: boolean;
}

/**
 * Handlers hold up the event loop for 30 ms each, and there is always a next one: whatever waits for a turn of the loop
 * waits for all of them. Killed then, the process loses what is younger than the bound and one hold, and nothing else.
 */
export const saturated: Fault = {
  name: 'kill -9 of a saturated loop',
  async run(drill) {
    const server = await drill.server();
    const stateDir = drill.folder();
    let url: string | null = null;
    const load = drill.clients(() => url, CLIENTS);
    const kills: Kill[] = [];
    let pauses = 0;
    const times = drill.scaled(4, 20);
    for (let time = 0; time < times; time += 1) {
      const isDown = time % 2 === 1;
      const app = await start(drill, server.url, stateDir, time % 4 > 1);
      if (isDown) await server.stop('immediate');
      url = app.url;
      // The first seconds are those in which nothing is open yet.
      await sleep(500 + Math.random() * drill.scaled(1_500, 5_000));
      url = null;
      const at = Date.now();
      await app.end('SIGKILL');
      await load.answered();
      kills.push({ at, holdMs: longestGap(load, at), isBound: app.pauses === 0 });
      pauses += app.pauses;
      if (isDown) await server.start();
    }
    await load.stop();
    const last = await drill.app({ databaseUrl: server.url, stateDir });
    const mayBeLost = (id: string): boolean => {
      const at = load.answers.get(id)!.answeredAt;
      return kills.some(
        (kill) =>
          at <= kill.at + 50 && (!kill.isBound || at >= kill.at - BOUND_MS - 2 * kill.holdMs),
      );
    };
    const account = await eventually(
      async () => {
        const found = await accountOf(server.url, [load]);
        return found.missing.every(mayBeLost) ? found : undefined;
      },
      { withinMs: drill.patienceMs, what: 'delivery of all but the youngest' },
    );
    await drained([last]);
    await expectContent(server.url, [load]);
    expect(account.duplicates).toBe(0);
    const ages = account.missing.map((id) => {
      const at = load.answers.get(id)!.answeredAt;
      return Math.min(...kills.flatMap((kill) => (kill.at >= at - 50 ? kill.at - at : [])));
    });
    return {
      ...figuresOf({ ...account, counted: account.missing.length }),
      kills: String(times),
      'oldest lost, ms before the kill': Math.max(0, ...ages).toFixed(0),
      'longest hold, ms': Math.max(...kills.map(({ holdMs }) => holdMs)).toFixed(0),
      'times that the disk was too slow': String(pauses),
    };
  },
};

function start(
  drill: Drill,
  databaseUrl: string,
  stateDir: string,
  isExpress: boolean,
): Promise<DrillApp> {
  const adapter = isExpress ? 'express' : 'fastify';
  return drill.app({ databaseUrl, stateDir, adapter, handlerMs: HANDLER_MS });
}

/** The longest time without an answer in the second before a moment: one process answers one request after another. */
function longestGap(load: Load, atMs: number): number {
  const answers = [...load.answers.values()].map(({ answeredAt }) => answeredAt);
  const times = [...answers.filter((at) => at > atMs - 1_000 && at < atMs), atMs].sort(
    (a, b) => a - b,
  );
  return Math.max(HANDLER_MS, ...times.slice(1).map((at, index) => at - times[index]!));
}
