import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { answerDropper } from '../answer-dropper.js';
import type { Drill, Fault } from '../drill.js';
import type { DrillAppOptions } from '../drill-app.js';
import { drained, expectIdentity } from '../identity.js';

/** The rows are there, and nobody was told so. */
export const commitAnswerDropped: Fault = {
  name: 'COMMIT answer dropped',
  run: (drill) => dropAnswers(drill),
};

export async function dropAnswers(
  drill: Drill,
  mutant?: DrillAppOptions['mutant'],
): Promise<Record<string, string>> {
  const database = await drill.database();
  const url = new URL(database.url);
  const proxy = await answerDropper(Number(url.port));
  drill.onEnd(() => proxy.stop());
  url.port = String(proxy.port);
  const app = await drill.app({ databaseUrl: url.href, stateDir: drill.folder(), mutant });
  const load = drill.load(() => app.url);
  await sleep(300);
  const wanted = drill.scaled(3, 200);
  while (proxy.dropped < wanted) {
    // Each goes through before the next is dropped, or pauses would grow.
    const before = proxy.dropped;
    proxy.isDropping = true;
    while (proxy.dropped === before) await sleep(5);
    proxy.isDropping = false;
    await sleep(drill.scaled(400, 600));
  }
  await load.stop();
  await drained([app]);
  const { answered } = await expectIdentity(database.url, [load]);
  const { refused, written } = await app.stats();
  expect(refused, 'records that are called refused, and are there').toBe(0);
  expect(written).toBe(answered);
  expect(load.failed).toBe(0);
  return { answered: String(answered), 'answers dropped': String(proxy.dropped) };
}
