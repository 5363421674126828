import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { answerDropper } from '../answer-dropper.js';
import type { Drill, Fault } from '../drill.js';
import type { DrillAppOptions } from '../drill-app.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

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
    await eventually(() => proxy.dropped > before, { withinMs: 20_000, what: 'an answer to drop' });
    proxy.isDropping = false;
    await sleep(drill.scaled(400, 600));
  }
  await load.stop();
  const account = await expectIdentity(database.url, [load], [app], { withinMs: drill.patienceMs });
  await drained([app]);
  const { written } = await app.stats();
  expect(written).toBe(account.answered);
  expect(load.failed).toBe(0);
  return { ...figuresOf(account), 'answers dropped': String(proxy.dropped) };
}
