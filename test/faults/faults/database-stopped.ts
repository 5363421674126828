import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { p99, type Drill, type Fault } from '../drill.js';
import type { DrillAppOptions } from '../drill-app.js';
import { drained, expectIdentity, UNDER_LOAD } from '../identity.js';

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
  await sleep(drill.scaled(2_000, 60_000));
  const during = await app.stats();
  if (mutant === undefined) expect(during.isFailing).toBe(true);
  await server.start();
  const backAt = performance.now();
  await drained([app], 60_000, UNDER_LOAD);
  const drainedMs = performance.now() - backAt;
  await load.stop();
  await drained([app]);
  const { answered } = await expectIdentity(server.url, [load]);
  expect(load.failed).toBe(0);
  return {
    answered: String(answered),
    'p99 ms': p99(load),
    'held at the end of the outage': String(during.queued),
    'drained after ms': drainedMs.toFixed(0),
  };
}
