import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Drill, Fault } from '../drill.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

const BOUND = 200;

/** No spool, no database: memory is all there is, and it has a bound. */
export const memoryFull: Fault = {
  name: 'memory full',
  run: (drill) => overflowMemory(drill, BOUND),
};

export async function overflowMemory(
  drill: Drill,
  maxQueued: number,
): Promise<Record<string, string>> {
  const server = await drill.server();
  const app = await drill.app({
    databaseUrl: server.url,
    stateDir: drill.folder(),
    requestLog: { spool: false, tuning: { maxQueued } },
  });
  await server.stop('fast');
  const load = drill.load(() => app.url);
  await eventually(async () => (await app.stats()).enqueued > 2 * BOUND, { withinMs: 20_000 });
  await load.stop();
  const during = await app.stats();
  expect(during.queued, 'records held in memory').toBeLessThanOrEqual(BOUND);
  await server.start();
  await drained([app]);
  const account = await expectIdentity(server.url, [load], [app]);
  expect(load.failed).toBe(0);
  return { ...figuresOf(account), 'held in memory': String(during.queued) };
}
