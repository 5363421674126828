import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { p99, type Drill, type Fault } from '../drill.js';
import type { DrillAppOptions } from '../drill-app.js';
import { drained, expectIdentity, figuresOf, UNDER_LOAD } from '../identity.js';

/** The database crashes under load and comes back. */
export const databaseStopped: Fault = {
  name: 'database stopped and started',
  run: (drill) => stopDatabase(drill),
};

export async function stopDatabase(
  drill: Drill,
  mutant?: DrillAppOptions['mutant'],
): Promise<Record<string, string>> {
  const server = await drill.server();
  const app = await drill.app({ databaseUrl: server.url, stateDir: drill.folder(), mutant });
  const load = drill.load(() => app.url);
  await sleep(500);
  await server.stop('immediate');
  if (mutant === undefined) await eventually(async () => (await app.stats()).isFailing);
  await sleep(drill.scaled(1_500, 60_000));
  const during = await app.stats();
  await server.start();
  const backAt = performance.now();
  await drained([app], 60_000, UNDER_LOAD);
  const drainedMs = performance.now() - backAt;
  await load.stop();
  const account = await expectIdentity(server.url, [load], [app], { withinMs: drill.patienceMs });
  expect(load.failed).toBe(0);
  return {
    ...figuresOf(account),
    'p99 ms': p99(load),
    'held at the end of the outage': String(during.queued),
    'drained after ms': drainedMs.toFixed(0),
  };
}
