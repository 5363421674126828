import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Drill, Fault } from '../drill.js';
import type { DrillAppOptions } from '../drill-app.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

const CLIENTS = 32;
/** More than the drill has of any fault at its small scale: what goes wrong once in ten thousand rows is among them. */
const AT_LEAST = 12_000;

/** No fault at all, as fast as the app is: what is wrong without one is wrong. */
export const nothingWrong: Fault = {
  name: 'nothing goes wrong',
  run: (drill) => rush(drill),
};

export async function rush(
  drill: Drill,
  mutant?: DrillAppOptions['mutant'],
): Promise<Record<string, string>> {
  const database = await drill.database();
  const app = await drill.app({ databaseUrl: database.url, stateDir: drill.folder(), mutant });
  const load = drill.clients(() => app.url, CLIENTS);
  await eventually(() => load.answers.size >= drill.scaled(AT_LEAST, 10 * AT_LEAST), {
    withinMs: drill.scaled(90_000, 300_000),
    what: 'that many answers',
  });
  await load.stop();
  const account = await expectIdentity(database.url, [load], [app], { withinMs: drill.patienceMs });
  await drained([app]);
  expect(load.failed).toBe(0);
  return figuresOf(account);
}
