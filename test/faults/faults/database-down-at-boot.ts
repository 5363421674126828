import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Drill, Fault } from '../drill.js';
import type { DrillAppOptions } from '../drill-app.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';
import { spooled } from '../spooled-ids.js';

/** The app starts while the database is down, and is killed and started again before it is back. */
export const databaseDownAtBoot: Fault = {
  name: 'database down at boot',
  run: (drill) => bootWithoutDatabase(drill),
};

export async function bootWithoutDatabase(
  drill: Drill,
  mutant?: DrillAppOptions['mutant'],
): Promise<Record<string, string>> {
  const server = await drill.server();
  await server.stop('fast');
  const stateDir = drill.folder();
  const first = await drill.app({ databaseUrl: server.url, stateDir });
  let url: string | null = first.url;
  const load = drill.load(() => url);
  await sleep(drill.scaled(1_000, 10_000));
  url = null;
  await load.answered();
  await spooled(stateDir, load.ids);
  await first.end('SIGKILL');
  const second = await drill.app({ databaseUrl: server.url, stateDir, mutant });
  url = second.url;
  await sleep(500);
  await server.start();
  await load.stop();
  const account = await expectIdentity(server.url, [load], [second], {
    withinMs: drill.patienceMs,
  });
  await drained([second]);
  expect(load.failed).toBe(0);
  expect((await second.stats()).adopted).toBeGreaterThan(0);
  return { ...figuresOf(account), 'boot ms': first.bootMs.toFixed(0) };
}
